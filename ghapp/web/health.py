"""`/healthz`: the process is alive. `/readyz`: deliveries are stored and processed. `/metrics`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ghapp import logs
from ghapp.errors import Busy, StoreFailed
from ghapp.github.client import UNKNOWN_APP, Standing
from ghapp.store import Health, Store, stats

# If a key has been due for longer, nobody works on it.
MOST_DUE_SECONDS = 600.0
# A database that restarts is back within this time.
MOST_FAILING_SECONDS = 30.0
ANSWER_SECONDS = 8.0
AWAY, SLOW = "the database fails", f"the database takes more than {ANSWER_SECONDS:.0f} s to answer"
NO_WRITES = "the database takes no writes: is it full, read-only or locked?"

SCRAPE_SECONDS = 5.0  # Prometheus waits for 10
FRESH_SECONDS = 3.0
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
DIRECTLY = "metrics are not shown through a proxy; scrape ghapp's own HOST and PORT"

log = logs.logger()


@dataclass(frozen=True, slots=True)
class HealthPages:
    """`/healthz` and `/readyz`.

    storing, claiming: for how many seconds no delivery could be stored, and no key claimed.
    claiming: None if this process does not work on keys.
    """

    store: Store
    github: Callable[[], Standing]
    storing: Callable[[], float] = lambda: 0.0
    claiming: Callable[[], float] | None = None

    async def alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """200, or 503 with the reason; both with the figures, of which an age may be null."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                health = await self.store.records.read(stats.health)
        except (Busy, StoreFailed, TimeoutError) as error:
            reason = SLOW if isinstance(error, TimeoutError) else AWAY
            # The error may name the database's host: that is for the log only.
            log.error("not ready", reason=str(error) or reason)
            return JSONResponse({"status": "not ready", "reason": reason}, 503)
        figures = {**asdict(health), "github": self.github()}
        if reason := self._problem(health.oldest_due_seconds or 0.0):
            return JSONResponse({"status": "not ready", "reason": reason, **figures}, 503)
        return JSONResponse({"status": "ready", **figures})

    def _problem(self, oldest_due_seconds: float) -> str:
        """Why deliveries are not processed; "" if they are."""
        if self.github() is Standing.REFUSED:
            return UNKNOWN_APP
        if self.storing() > MOST_FAILING_SECONDS:
            return f"no delivery could be stored for {self.storing():.0f} s: {NO_WRITES}"
        if self.claiming and self.claiming() > MOST_FAILING_SECONDS:
            return f"no key could be claimed for {self.claiming():.0f} s: {NO_WRITES}"
        if oldest_due_seconds > MOST_DUE_SECONDS:
            due = f"a key has been due for {oldest_due_seconds:.0f} s"
            if self.claiming is None:
                return f"{due}, and this process does not work: is a worker running?"
            return f"{due}: runs hang or are too many; see the lines `run` in the log"
        return ""


class Page(Protocol):
    """The page of `/metrics`; see `metrics.Metrics`."""

    content_type: str

    def page(self, health: Health | None) -> bytes:
        """The page. health: None if the database does not answer."""
        ...


class Scrape:
    """`/metrics`. Reads the database at most once in a few seconds, however often it is scraped."""

    def __init__(self, store: Store, metrics: Page) -> None:
        self._store = store
        self._metrics = metrics
        self._health: Health | None = None
        self._read_at = -FRESH_SECONDS
        self._reading = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """The page; 403 for a request through a proxy, so that nobody publishes it by mistake."""
        if any(name in request.headers for name in FORWARDED):
            return JSONResponse({"error": DIRECTLY}, 403)
        async with self._reading:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._health = await self._read()
                self._read_at = time.monotonic()
        page = self._metrics.page(self._health)
        return Response(page, headers={"Content-Type": self._metrics.content_type})

    async def _read(self) -> Health | None:
        try:
            async with asyncio.timeout(SCRAPE_SECONDS):
                return await self._store.records.read(stats.health)
        except (Busy, StoreFailed, TimeoutError) as error:
            log.error("no metrics of the queue", reason=str(error) or "the database took too long")
            return None
