"""What one installation may still ask of GitHub: pure arithmetic, the time is passed in.

Windows are exact: in no span of 60 (or 3,600) seconds is more spent than GitHub allows, and a burst
within the limit passes at once. The number of requests in flight is limited elsewhere, by
`Installation` and the pool of connections.
Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from ghapp.errors import Wait

MINUTE, HOUR = 60.0, 3600.0
POINTS_A_MINUTE = 900
CONTENT_A_MINUTE = 80
CONTENT_AN_HOUR = 500
WINDOWS = ("points_minute", "content_minute", "content_hour")


class Importance(Enum):
    """The share of every window that a request leaves to more important ones."""

    CHECK_RUN = 0.0
    READ = 0.1  # a run that began should be able to write its check run
    BEST_EFFORT = 0.25  # comments, labels, reactions


class Window:
    """At most `most` units in any `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self._spent: deque[tuple[float, int]] = deque()
        self._total = 0

    def wait_seconds(self, units: int, kept: float, now: float) -> float:
        """How long until `units` fit with the share `kept` left over; 0 if they fit now."""
        self._forget(now)
        excess = self._total + units - int(self.most * (1 - kept))
        for at, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            if excess <= 0:
                return at + self.seconds - now
        return 0.0

    def spend(self, units: int, now: float) -> None:
        self._spent.append((now, units))
        self._total += units

    def left(self, now: float) -> int:
        """The units that fit now, with nothing kept."""
        self._forget(now)
        return self.most - self._total

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now - self.seconds:
            self._total -= self._spent.popleft()[1]


class Budget:
    """The windows of one installation. limits: github | off."""

    def __init__(self, limits: str = "github") -> None:
        self._off = limits == "off"
        self._points = Window(POINTS_A_MINUTE, MINUTE)
        self._content = (Window(CONTENT_A_MINUTE, MINUTE), Window(CONTENT_AN_HOUR, HOUR))
        self._closed_until = 0.0

    def take(self, method: str, importance: Importance, now: float) -> None:
        """Count a request that is about to be sent. Raises Wait (it would be too many)."""
        if self._off:
            return
        wanted = [(self._points, 1 if method == "GET" else 5)]
        if method == "POST":  # creates content
            wanted += [(window, 1) for window in self._content]
        waits = [window.wait_seconds(units, importance.value, now) for window, units in wanted]
        wait = max(self._closed_until - now, *waits)
        if wait > 0:
            raise Wait("the installation's budget at GitHub is used up", after_seconds=wait)
        for window, units in wanted:
            window.spend(units, now)

    def left(self, now: float) -> dict[str, int]:
        """What is left of each window; all 0 while GitHub asks us to wait; empty if off."""
        if self._off:
            return {}
        windows = (self._points, *self._content)
        closed = self._closed_until > now
        return {
            name: 0 if closed else window.left(now)
            for name, window in zip(WINDOWS, windows, strict=True)
        }

    def close(self, seconds: float, now: float) -> None:
        """Send nothing for so long: GitHub asked us to wait, and more requests would prolong it."""
        self._closed_until = max(self._closed_until, now + seconds)
