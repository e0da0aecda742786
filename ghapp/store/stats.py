"""How the keys are doing: for health and for pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, not_, select

from ghapp.store.connection import Connection
from ghapp.store.notify import announce
from ghapp.store.schema import Now, deliveries, keys, reviews
from ghapp.store.statements import Statement
from ghapp.store.work_queue.marking import MARK_SUSPECTED, addressed, claimable, dirty, row


@dataclass(frozen=True, slots=True)
class Health:
    """Ages in seconds, None where there is none. dirty: keys to be worked on, not parked."""

    newest_delivery_seconds: float | None
    oldest_due_seconds: float | None
    dirty: int
    parked: int


@dataclass(frozen=True, slots=True)
class Parked:
    """A key that failed too often; a new delivery gives it another chance. error: the last one."""

    key: str
    full_name: str
    error: str
    parked_at: datetime


def _figures() -> Select[Any]:
    newest = select(Now() - func.max(deliveries.c.received_at))
    oldest = select(Now() - func.min(keys.c.due)).where(claimable(keys))
    dirty_keys = select(func.count()).select_from(keys).where(dirty(keys), keys.c.parked_at == 0)
    parked_keys = select(func.count()).select_from(keys).where(keys.c.parked_at > 0)
    return select(*(one.scalar_subquery() for one in (newest, oldest, dirty_keys, parked_keys)))


_NOW = Statement(select(Now()))
_HEALTH = Statement(_figures())
_PARKED = Statement(
    select(keys.c.key, keys.c.full_name, keys.c.error, keys.c.parked_at)
    .where(keys.c.parked_at > 0)
    .order_by(keys.c.parked_at)
)


def health(connection: Connection) -> Health:
    """How deliveries and keys are doing now."""
    return Health(*connection.rows(_HEALTH)[0])


def parked(connection: Connection) -> tuple[Parked, ...]:
    """The parked keys, longest parked first."""
    return tuple(
        Parked(one.key, one.full_name, one.error, datetime.fromtimestamp(one.parked_at, UTC))
        for one in connection.rows(_PARKED)
    )


def now(connection: Connection) -> datetime:
    """The database's clock."""
    return datetime.fromtimestamp(connection.rows(_NOW)[0][0], UTC)


AGAIN_SECONDS, AT_ONCE = 24 * 3600.0, 500

_PENDING = Statement(
    select(keys)
    .join(reviews, reviews.c.key == keys.c.key)
    .where(reviews.c.pending_since > 0, reviews.c.pending_since <= Now() - bindparam("age"))
    .where(not_(dirty(keys)), keys.c.started_at < Now() - AGAIN_SECONDS)
    .order_by(keys.c.key)
    .limit(AT_ONCE)
)


def mark(connection: Connection, older_than_seconds: float) -> int:
    """Make the pulls dirty whose check run has been in progress for so long; how many it were.

    Those that could not be renewed, as where the App is no longer installed, once a day.
    """
    found = connection.rows(_PENDING, {"age": older_than_seconds})
    rows = [row(addressed(one)) for one in found]
    if rows:
        connection.change_each(MARK_SUSPECTED, rows)
        announce(connection)
    return len(rows)
