"""`/healthz`: this process is alive. `/readyz`: deliveries are stored and worked off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ghapp import logs
from ghapp.errors import Busy, StoreFailed
from ghapp.store import Store

# A key that is due for longer is not being worked off.
MOST_DUE_SECONDS = 600.0
# A database that restarts is back in this time.
MOST_FAILING_SECONDS = 30.0
ANSWER_SECONDS = 8.0
AWAY, SLOW = "the database fails", f"the database takes more than {ANSWER_SECONDS:.0f} s to answer"
NO_WRITES = "the database takes no writes: is it full, read-only or locked?"
UNKNOWN_APP = "GitHub does not know this App: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"

log = logs.logger()


class Standing(StrEnum):
    """Whether GitHub has told who this App is."""

    ASKED = "asked"
    KNOWN = "known"
    UNREACHABLE = "unreachable"  # deliveries are stored and wait
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Health:
    """storing, claiming: for how many seconds the database has refused deliveries, and claims.

    claiming: None where this process does not work on keys.
    """

    store: Store
    github: Callable[[], Standing]
    storing: Callable[[], float] = lambda: 0.0
    claiming: Callable[[], float] | None = None

    async def alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """200, or 503 with the reason; with the figures, null where there is no such age."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                health = await self.store.health()
        except (Busy, StoreFailed, TimeoutError) as error:
            reason = SLOW if isinstance(error, TimeoutError) else AWAY
            # The error may name the database's host: that is for the log only.
            log.error("not ready", reason=str(error) or reason)
            return JSONResponse({"status": "not ready", "reason": reason}, 503)
        figures = {**asdict(health), "github": self.github()}
        if reason := self._hindrance(health.oldest_due_seconds or 0.0):
            return JSONResponse({"status": "not ready", "reason": reason, **figures}, 503)
        return JSONResponse({"status": "ready", **figures})

    def _hindrance(self, oldest_due_seconds: float) -> str:
        """Why deliveries are not worked off; "" where they are."""
        if self.github() is Standing.REFUSED:
            return UNKNOWN_APP
        if self.storing() > MOST_FAILING_SECONDS:
            return f"no delivery could be stored for {self.storing():.0f} s: {NO_WRITES}"
        if self.claiming and self.claiming() > MOST_FAILING_SECONDS:
            return f"no key could be claimed for {self.claiming():.0f} s: {NO_WRITES}"
        if oldest_due_seconds > MOST_DUE_SECONDS:
            due = f"a key is due for {oldest_due_seconds:.0f} s"
            if self.claiming is None:
                return f"{due}, and this process does not work: is a worker running?"
            return f"{due}: runs hang or are too many; see the lines `run` in the log"
        return ""
