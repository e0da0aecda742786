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


# Of each window, the most that is for one repository, or for one pull request. A pull request has
# the larger share only while half of every window is left: a lively conversation needs it.
REPOSITORY_SHARE, PULL_SHARE, BUSY_PULL_SHARE = 0.5, 0.25, 0.1
BUSY = 0.5
# Of an installation, for the standing review: a fifth of what GitHub allows the smallest one.
SCANS_AN_HOUR = 1_000
MOST_SHARES = 1_000  # by then those are dropped of which nothing is spent


class Importance(Enum):
    """The share of every window that a request leaves to more important ones."""

    CHECK_RUN = 0.0
    READ = 0.1  # a run that began should be able to write its check run
    BEST_EFFORT = 0.25  # comments, labels, reactions
    SCAN = 0.75  # reads of the standing review, for which nobody waits


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


def windows(share: float = 1.0) -> tuple[Window, ...]:
    """Such a share of all windows of an installation."""
    mosts = (POINTS_A_MINUTE, MINUTE), (CONTENT_A_MINUTE, MINUTE), (CONTENT_AN_HOUR, HOUR)
    return tuple(Window(int(most * share), seconds) for most, seconds in mosts)


class Budget:
    """The windows of one installation, and what of them is for each repository and pull request.

    limits: github | off. Below, repository: any name of it, "" for none; pull: its number, 0 for
    none.
    """

    def __init__(self, limits: str = "github") -> None:
        self._off = limits == "off"
        self._windows = windows()
        self._scans = Window(SCANS_AN_HOUR, HOUR)
        self._shares: dict[tuple[str, int], tuple[Window, ...]] = {}
        self._closed_until = 0.0

    def begin(self, repository: str, pull: int, now: float, *, gives_way: bool = False) -> None:
        """A run of a pull begins. Raises Wait (the earlier ones have used up its share).

        gives_way: nobody waits for the run, so it leaves half of every window to others, and half
        of what is for its repository.
        What the run then reads is not bounded by that share: it could never come to an end.
        """
        if self._off:
            return
        share = self._share(repository, pull, now)
        wait = max(window.wait_seconds(1, self._kept(now), now) for window in share)
        if wait > 0:
            text = f"{repository}#{pull} has used up its share of the budget at GitHub"
            raise Wait(text, after_seconds=wait)
        if gives_way:
            shared = (*self._windows, *self._share(repository, 0, now))
            wait = max(window.wait_seconds(1, BUSY, now) for window in shared)
            if wait > 0:
                text = f"{repository}#{pull} leaves the budget at GitHub to what people wait for"
                raise Wait(text, after_seconds=wait)

    def take(
        self,
        method: str,
        importance: Importance,
        now: float,
        repository: str = "",
        pull: int = 0,
    ) -> None:
        """Account for one request that is about to be sent. Raises Wait (it would be too much)."""
        if self._off:
            return
        units = [1 if method == "GET" else 5]
        if method == "POST":  # creates content
            units += [1, 1]
        taken = [self._windows]
        if repository:
            taken.append(self._share(repository, 0, now))
        bounds = [(share, importance.value) for share in taken]
        if importance is Importance.SCAN:
            taken.append((self._scans,))
            bounds.append((taken[-1], 0.0))
        if pull:
            taken.append(self._share(repository, pull, now))
            if importance is Importance.BEST_EFFORT:
                bounds.append((taken[-1], self._kept(now)))
        wait = max(
            window.wait_seconds(count, kept, now)
            for bound, kept in bounds
            for window, count in zip(bound, units, strict=False)
        )
        wait = max(self._closed_until - now, wait)
        if wait > 0:
            raise Wait("the installation's budget at GitHub is used up", after_seconds=wait)
        for share in taken:
            for window, count in zip(share, units, strict=False):
                window.spend(count, now)

    def _kept(self, now: float) -> float:
        """The part of its share that a pull leaves to others."""
        busy = any(window.left(now) < window.most * BUSY for window in self._windows)
        return 1 - BUSY_PULL_SHARE / PULL_SHARE if busy else 0.0

    def _share(self, repository: str, pull: int, now: float) -> tuple[Window, ...]:
        key = repository, pull
        if key not in self._shares:
            if len(self._shares) >= MOST_SHARES:
                self._shares = {
                    one: share
                    for one, share in self._shares.items()
                    if any(window.left(now) < window.most for window in share)
                }
            self._shares[key] = windows(PULL_SHARE if pull else REPOSITORY_SHARE)
        return self._shares[key]

    def left(self, now: float) -> dict[str, int]:
        """What is left of each window; all 0 while GitHub asks us to wait; empty if off."""
        if self._off:
            return {}
        closed = self._closed_until > now
        return {
            name: 0 if closed else window.left(now)
            for name, window in zip(WINDOWS, self._windows, strict=True)
        }

    def closed_seconds(self, now: float) -> float:
        """For how long GitHub has us wait; 0: it does not."""
        return max(self._closed_until - now, 0.0)

    def close(self, seconds: float, now: float) -> None:
        """Send nothing for so long: GitHub asked us to wait, and more requests would prolong it."""
        self._closed_until = max(self._closed_until, now + seconds)
