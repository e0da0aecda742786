"""Attempts at deliveries, as GitHub's list of them has it: which of them are worth another one."""

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

    status_code: the answer GitHub got, or what it puts where none came.
    redelivery: not the first attempt.
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
    """How far the list was read; it is listed newest first, so a reading may stop half way.

    read_until: all attempts up to then are known; None where nothing was ever read.
    cursor: where a reading that was not finished goes on; "" where none is under way.
    began_at: the newest attempt when that reading began: `read_until` once it is finished.
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
    """The position after this page was read at it: further down, or all is read."""
    began_at = position.began_at
    if not position.cursor:
        began_at = page.attempts[0].delivered_at if page.attempts else position.read_until
    if (
        began_at is None
        or not page.next
        or page.attempts[-1].delivered_at < _end(position, began_at)
    ):
        return Position(began_at)
    return Position(position.read_until, page.next, began_at)


def _end(position: Position, began_at: datetime) -> datetime:
    """Whatever is older need not be read."""
    return position.read_until - OVERLAP if position.read_until else began_at - KEPT
