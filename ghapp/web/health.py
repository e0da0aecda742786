"""`/healthz`: this process is alive. `/readyz`: deliveries are stored and worked off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ghapp.errors import Busy, StoreFailed
from ghapp.store import Store

# A key that is due for longer is not being worked off.
MOST_DUE_SECONDS = 600.0
ANSWER_SECONDS = 8.0
UNKNOWN_APP = "GitHub does not know this App: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"

log = structlog.get_logger()


class Standing(StrEnum):
    """Whether GitHub has told who this App is."""

    ASKED = "asked"
    KNOWN = "known"
    UNREACHABLE = "unreachable"  # deliveries are stored and wait
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Health:
    store: Store
    github: Callable[[], Standing]

    async def alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """200, or 503 with the reason; with the figures, null where there is no such age."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                health = await self.store.health()
        except (Busy, StoreFailed, TimeoutError) as error:
            # The reason may name the database's host: that is for the log only.
            log.error("not ready", reason=str(error) or "the database took too long")
            return JSONResponse({"status": "not ready", "reason": "the database fails"}, 503)
        figures = {**asdict(health), "github": self.github()}
        if reason := self._hindrance(health.oldest_due_seconds or 0.0):
            return JSONResponse({"status": "not ready", "reason": reason, **figures}, 503)
        return JSONResponse({"status": "ready", **figures})

    def _hindrance(self, oldest_due_seconds: float) -> str:
        """Why deliveries are not worked off; "" where they are."""
        if self.github() is Standing.REFUSED:
            return UNKNOWN_APP
        if oldest_due_seconds > MOST_DUE_SECONDS:
            return f"a key is due for {oldest_due_seconds:.0f} s: is a worker running?"
        return ""
