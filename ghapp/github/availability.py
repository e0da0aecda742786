"""Whether GitHub answers at all. While it is away, nothing is sent, and keys wait without failing.

One failed request proves little: only that repository may be broken. So ghapp then probes: it asks
GitHub who the App is. GitHub counts as away only if that fails, too. The probe has a connection of
its own, so that it does not wait behind calls that hang.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from ghapp.errors import Retry, Wait
from ghapp.github.errors import Answer
from ghapp.github.host import GitHubKit, Host, Request

# The time between probes doubles, from first to most. With the jitter, keys wait a minute at most.
FIRST_SECONDS, MOST_SECONDS, JITTER = 5.0, 48.0, 0.25
PROBE = Request("GET", "app")

# Called when GitHub goes away (False) and is back (True), with the reason, and for how many seconds
# it was away.
Report = Callable[[bool, str, float], None]


class Outage:
    """Sends requests to a host, but nothing while GitHub is away."""

    def __init__(
        self,
        host: Host,
        *,
        report: Report = lambda *_: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._report = report
        self._now = now
        self._window = 0.0  # the time between probes while GitHub is away, else 0
        self._known_until = -1.0  # how long the last probe counts
        self._since = 0.0  # when GitHub went away
        self._probing = asyncio.Lock()

    async def send(self, request: Request, github: GitHubKit) -> Answer:
        """The answer, which may be a failure (500 and above) if only this request failed.

        Raises Retry (no answer came, but GitHub is there) and Wait (GitHub is away).
        """
        if self._window and not await self._is_there():
            raise self._away(f"{request} is not sent")
        try:
            answer = await self._host.send(request, github)
        except Retry as retry:
            if await self._is_there():
                raise
            raise self._away(str(retry), retry.after_seconds) from retry
        if answer.status >= 500 and not await self._is_there():
            raise self._away(f"{request}: GitHub answers {answer.status}")
        return answer

    async def _is_there(self) -> bool:
        """Whether GitHub answers; probes unless the last probe still counts, once for all."""
        async with self._probing:
            if self._now() >= self._known_until:
                await self._probe()
            return not self._window

    async def _probe(self) -> None:
        was_away, reason = bool(self._window), ""
        try:
            answer = await self._host.probe(PROBE)
            reason = f"{PROBE}: GitHub answers {answer.status}" if answer.status >= 500 else ""
        except Retry as retry:
            reason = str(retry)
        now = self._now()
        self._window = min(2 * self._window or FIRST_SECONDS, MOST_SECONDS) if reason else 0.0
        self._known_until = now + (self._window or FIRST_SECONDS)
        if was_away is not bool(reason):
            self._since = now if reason else self._since
            self._report(not reason, reason, now - self._since)

    def _away(self, reason: str, least_seconds: float = 0.0) -> Wait:
        """The exception for a request while GitHub is away. least_seconds: how long at least."""
        jitter = self._window * JITTER * random.random()  # noqa: S311  # so that not all wake at once
        wait = max(self._known_until - self._now(), least_seconds, 0.0) + jitter
        return Wait(f"GitHub is away: {reason}", after_seconds=wait)
