"""How the keys are doing: for health, for pages, and for knowing when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from ghapp.store.keys import claimable, dirty, waiting
from ghapp.store.tables import Now, deliveries, keys


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


def health(connection: Connection) -> Health:
    """How deliveries and keys are doing now."""
    newest = select(Now() - func.max(deliveries.c.received_at))
    oldest = select(Now() - func.min(keys.c.due)).where(claimable(keys))
    dirty_keys = select(func.count()).select_from(keys).where(dirty(keys), keys.c.parked_at == 0)
    parked_keys = select(func.count()).select_from(keys).where(keys.c.parked_at > 0)
    figures = select(*(one.scalar_subquery() for one in (newest, oldest, dirty_keys, parked_keys)))
    return Health(*connection.execute(figures).one())


def parked(connection: Connection) -> tuple[Parked, ...]:
    """The parked keys, longest parked first."""
    found = connection.execute(
        select(keys.c.key, keys.c.full_name, keys.c.error, keys.c.parked_at)
        .where(keys.c.parked_at > 0)
        .order_by(keys.c.parked_at)
    )
    return tuple(
        Parked(one.key, one.full_name, one.error, datetime.fromtimestamp(one.parked_at, UTC))
        for one in found
    )


def now(connection: Connection) -> datetime:
    """The database's clock."""
    found: float = connection.execute(select(Now())).scalar_one()
    return datetime.fromtimestamp(found, UTC)


def next_due(connection: Connection, after: float) -> tuple[float, float | None]:
    """(the database's clock, when the next key is due that was not yet due at `after`)."""
    soonest = select(func.min(keys.c.due)).where(waiting(keys), keys.c.due > after)
    now, due = connection.execute(select(Now(), soonest.scalar_subquery())).one()
    return now, due
