"""Whether GitHub is there at all: one that is away is left alone, and no key is blamed for it.

One request that fails says little: the repository may be broken. So the App asks who it is, which
costs GitHub next to nothing; only if that fails, too, GitHub is away. It is asked apart from all
else: behind calls that hang a GitHub that is there would seem to be away, and to stay so.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol

from ghapp.errors import Retry
from ghapp.github.wire import Answer, Request

# From one probe to the next: doubled each time. With their jitter, keys wait for a minute at most.
FIRST_SECONDS, MOST_SECONDS, JITTER = 5.0, 48.0, 0.25
PROBE = Request("GET", "app")


class Sends(Protocol):
    async def send(self, request: Request, authorization: str) -> Answer: ...


class Way(Sends, Protocol):
    """The way to one host."""

    @property
    def graphql_url(self) -> str: ...


class Probed(Way, Protocol):
    """One with a connection for the probe alone."""

    async def send_apart(self, request: Request, authorization: str) -> Answer: ...


# Hears when GitHub goes away (False) and is back (True), the reason, and for how many seconds it
# was away.
Told = Callable[[bool, str, float], None]


def untold(is_there: bool, reason: str, seconds: float) -> None:
    """Nobody listens."""


class Outage:
    """Sends what it is given, but nothing while GitHub is away. One for each host.

    claim: how the App itself is authorised, for the probe.
    """

    def __init__(
        self,
        wire: Probed,
        claim: Callable[[], str],
        *,
        told: Told = untold,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = wire
        self._claim = claim
        self._told = told
        self._now = now
        self._window = 0.0  # from the last probe to the next where GitHub is away, else 0
        self._known_until = -1.0  # so long the last probe is believed
        self._since = 0.0
        self._probing = asyncio.Lock()

    @property
    def graphql_url(self) -> str:
        return self._wire.graphql_url

    async def send(self, request: Request, authorization: str) -> Answer:
        """The answer, from 500 on only where it is the request's own.

        Raises Retry: no answer came or, and that does not count, GitHub is away.
        """
        if self._window and not await self._is_there():
            raise self._away(f"{request} is not sent")
        try:
            answer = await self._wire.send(request, authorization)
        except Retry as retry:
            if await self._is_there():
                raise
            raise self._away(str(retry), retry.after_seconds) from retry
        if answer.status >= 500 and not await self._is_there():
            raise self._away(f"{request}: GitHub answers {answer.status}")
        return answer

    async def _is_there(self) -> bool:
        """By a probe, unless the last one still holds; one however many ask."""
        async with self._probing:
            if self._now() >= self._known_until:
                await self._probe()
            return not self._window

    async def _probe(self) -> None:
        was_away, reason = bool(self._window), ""
        try:
            answer = await self._wire.send_apart(PROBE, self._claim())
            reason = f"{PROBE}: GitHub answers {answer.status}" if answer.status >= 500 else ""
        except Retry as retry:
            reason = str(retry)
        now = self._now()
        self._window = min(2 * self._window or FIRST_SECONDS, MOST_SECONDS) if reason else 0.0
        self._known_until = now + (self._window or FIRST_SECONDS)
        if was_away is not bool(reason):
            self._since = now if reason else self._since
            self._told(not reason, reason, now - self._since)

    def _away(self, reason: str, least_seconds: float = 0.0) -> Retry:
        """least_seconds: what the failure itself asks for."""
        jitter = self._window * JITTER * random.random()  # noqa: S311  # so that not all wake at once
        wait = max(self._known_until - self._now(), least_seconds, 0.0) + jitter
        return Retry(f"GitHub is away: {reason}", after_seconds=wait, counts=False)
