"""`/metrics`: this process in numbers, and the queue as the database has it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ghapp import logs
from ghapp.errors import Busy, StoreFailed
from ghapp.store import Health, Store

ANSWER_SECONDS = 5.0  # Prometheus gives up after 10
FRESH_SECONDS = 3.0
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
DIRECTLY = "metrics are not shown through a proxy; scrape ghapp's own HOST and PORT"

log = logs.logger()


class Page(Protocol):
    """Health: None where the database does not answer."""

    content_type: str

    def page(self, health: Health | None) -> bytes: ...


class Scrape:
    """The database is asked once in a few seconds, however many ask us."""

    def __init__(self, store: Store, shown: Page) -> None:
        self._store = store
        self._shown = shown
        self._health: Health | None = None
        self._asked_at = -FRESH_SECONDS
        self._asking = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """The page; 403 for what a proxy passes on, so that nobody publishes it unawares."""
        if any(name in request.headers for name in FORWARDED):
            return JSONResponse({"error": DIRECTLY}, 403)
        page = self._shown.page(await self._known())
        return Response(page, headers={"Content-Type": self._shown.content_type})

    async def _known(self) -> Health | None:
        async with self._asking:
            if time.monotonic() - self._asked_at >= FRESH_SECONDS:
                self._health = await self._ask()
                self._asked_at = time.monotonic()
            return self._health

    async def _ask(self) -> Health | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._store.health()
        except (Busy, StoreFailed, TimeoutError) as error:
            log.error("no metrics of the queue", reason=str(error) or "the database took too long")
            return None
