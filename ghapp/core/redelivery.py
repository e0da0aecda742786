"""GitHub's list of attempts at deliveries: which ones are settled, and how far it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# What ghapp answers to deliveries that it refuses; they would be refused again.
REFUSED = frozenset({400, 401, 413})
# Source: https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
KEPT = timedelta(days=3)
# An attempt is listed once it is answered, which may take half a minute.
OVERLAP = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a delivery; all attempts at the same one have its GUID.

    status_code: of ghapp's answer, or what GitHub lists if none came.
    redelivery: whether it is not the first attempt.
    """

    id: int
    guid: str
    delivered_at: datetime
    status_code: int
    redelivery: bool = False

    @property
    def settled(self) -> bool:
        """Whether no further attempt is needed: it was taken, or refused for good."""
        return 200 <= self.status_code < 300 or self.status_code in REFUSED


@dataclass(frozen=True, slots=True)
class Position:
    """How far the list was read. It is read from the newest attempt down, and may stop half way.

    read_until: all attempts up to then are known; None if nothing was ever read.
    cursor: where an unfinished reading goes on; "" if there is none.
    began_at: the newest attempt when that reading began; `read_until` once it is finished.
    """

    read_until: datetime | None = None
    cursor: str = ""
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list, newest first. next: the cursor of the next one, "" at the end."""

    attempts: tuple[Attempt, ...]
    next: str = ""


def moved(position: Position, page: Page) -> Position:
    """The position once the page at `position` is read: further down, or at the end."""
    began_at = position.began_at
    if not position.cursor:
        began_at = page.attempts[0].delivered_at if page.attempts else position.read_until
    if began_at is None or not page.next:
        return Position(began_at)
    # Whatever is older need not be read.
    end = position.read_until - OVERLAP if position.read_until else began_at - KEPT
    if page.attempts[-1].delivered_at < end:
        return Position(began_at)
    return Position(position.read_until, page.next, began_at)
