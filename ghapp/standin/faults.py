"""What can go wrong between GitHub and a client, as scenarios: which route, how often, what."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(slots=True)
class Fault:
    """One scenario. Several may apply to one call; the first that fires is the one.

    route: a pattern over "METHOD /route/{template}", as "POST */comments".
    times: how many more calls it strikes; None for ever. rate: the share of calls, 0 to 1.
    status: the answer instead of GitHub's own; 0 leaves the answer as it is.
    after: the write has taken effect before the answer is lost or the delay begins.
    cut: the connection ends in the middle of the answer.
    stale: a read answers the state this many changes ago.
    """

    route: str
    times: int | None = 1
    rate: float = 1.0
    status: int = 0
    message: str = ""
    after: bool = False
    cut: bool = False
    delay_seconds: float = 0.0
    retry_after: int | None = None
    stale: int = 0
    exhausted: bool = False


def broken(route: str, status: int = 502, *, after: bool = False, times: int | None = 1) -> Fault:
    """A 5xx, before or after the write took effect."""
    return Fault(route, times, status=status, message="Server Error", after=after)


def secondary_limit(
    route: str,
    *,
    retry_after: int | None = 60,
    status: int = 403,
    times: int | None = 1,
) -> Fault:
    """The secondary rate limit, as 403 or 429, with or without Retry-After."""
    words = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    return Fault(route, times, status=status, message=words, retry_after=retry_after)


def primary_limit(route: str, *, times: int | None = 1) -> Fault:
    """The hourly budget is used up: 403, nothing remaining until the reset."""
    words = "API rate limit exceeded for installation."
    return Fault(route, times, status=403, message=words, exhausted=True)


def cut(route: str, *, after: bool = False, times: int | None = 1) -> Fault:
    """The connection breaks in the middle of the answer."""
    return Fault(route, times, after=after, cut=True)


def slow(route: str, seconds: float, *, times: int | None = 1) -> Fault:
    return Fault(route, times, delay_seconds=seconds)


def stale(route: str, *, back: int = 1, times: int | None = 1) -> Fault:
    """Reads that lag behind: the state `back` changes ago."""
    return Fault(route, times, stale=back)


class Faults:
    """The scenarios in force. The same seed strikes the same calls."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        self._faults += faults

    def clear(self) -> None:
        self._faults.clear()

    def strike(self, route: str) -> Fault | None:
        """The fault that this call meets, counted off; None for most calls."""
        for fault in self._faults:
            if fault.times == 0 or not fnmatchcase(route, fault.route):
                continue
            if fault.rate < 1.0 and self._random.random() >= fault.rate:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
