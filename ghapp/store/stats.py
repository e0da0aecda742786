"""Figures of the queue, for health, metrics and the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from ghapp.store.schema import Now, deliveries, keys
from ghapp.store.sql import Connection, Statement
from ghapp.store.work_queue.marking import claimable, dirty


@dataclass(frozen=True, slots=True)
class Health:
    """Ages in seconds, None if there is none. dirty: keys to work on, without parked ones."""

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


_NOW = Statement(select(Now()))
_HEALTH = Statement(
    select(
        select(Now() - func.max(deliveries.c.received_at)).scalar_subquery(),
        select(Now() - func.min(keys.c.due)).where(claimable(keys)).scalar_subquery(),
        select(func.count()).where(dirty(keys), keys.c.parked_at == 0).scalar_subquery(),
        select(func.count()).where(keys.c.parked_at > 0).scalar_subquery(),
    )
)
_PARKED = Statement(
    select(keys.c.key, keys.c.full_name, keys.c.error, keys.c.parked_at)
    .where(keys.c.parked_at > 0)
    .order_by(keys.c.parked_at)
)


def health(connection: Connection) -> Health:
    """The figures as of now."""
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
