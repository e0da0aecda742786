"""Claimed keys: leased for a while, changed only by whoever holds the lease, and given back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Double, and_, bindparam, case, exists, func, or_, select, update

from ghapp.core.model import InstallationKey, OrganisationKey
from ghapp.core.records import Claim
from ghapp.errors import LeaseLost
from ghapp.store.schema import Now, deliveries, keys, organisations
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.marking import NO_HINTS, Mark, dirty, mark, same_head

REPOSITORY = bindparam("claimed_repository", type_=BigInteger)
LEASE_SECONDS = 30.0
MAX_ATTEMPTS = 8
# When a parked key is due: so claims need not pass all parked keys in the index.
NEVER = 1e11
# A clock that was set back by less delays nothing for long.
BACK_SECONDS = 1.0


def take_over(connection: Connection) -> int:
    """Free the keys that a process held which is known to be gone; how many there were.

    A run that ended its process still counts as an attempt, for its token stays.
    """
    now, *known = connection.rows(_TIMES)[0]
    back_seconds = max((at for at in known if at is not None), default=now) - now
    if back_seconds > BACK_SECONDS:
        follow_clock(connection, back_seconds)
    return connection.change(_TAKE_OVER)


def follow_clock(connection: Connection, back_seconds: float) -> None:
    """Let what was due by a clock that has been set back by so much be due by the new one.

    Only for SQLite: of several processes each would do so.
    """
    connection.change(_FOLLOW_CLOCK, {"back": back_seconds})
    connection.change(_FOLLOW_CLOCK_OF_LAYERS, {"back": back_seconds})


def renew(connection: Connection, claims: Iterable[Claim]) -> frozenset[str]:
    """Extend the leases by LEASE_SECONDS; the tokens of those that were still held."""
    tokens = [one.token for one in claims]
    return frozenset(connection.values(_RENEW, {"tokens": tokens}))


def finish(connection: Connection, claim: Claim, marks: Iterable[Mark] = ()) -> None:
    """Give the key back, done up to the claimed generation, and mark further keys.

    Raises LeaseLost.
    """
    key = change(connection, claim, _FINISH, done=claim.generation)
    if key.generation > key.done_generation or key.head_waits:
        connection.marks = True  # this key may be due, or another key with the same head
    mark(connection, *marks)


def defer(
    connection: Connection, claim: Claim, after_seconds: float, reason: str, *, lags: bool = False
) -> None:
    """Give the key back for later. lags: count one more Lag in a row. Raises LeaseLost."""
    change(
        connection, claim, _LAGGING if lags else _WAITING, **_later(claim, after_seconds, reason)
    )


def fail(connection: Connection, claim: Claim, after_seconds: float, reason: str) -> bool:
    """Give the key back for another attempt; True if this was the last of MAX_ATTEMPTS.

    Raises LeaseLost.
    """
    key = change(connection, claim, _FAILED, **_later(claim, after_seconds, reason))
    return bool(key.parked_at)


def _later(claim: Claim, after_seconds: float, reason: str) -> dict[str, Any]:
    arrived = claim.arrived_at.timestamp() if claim.arrived_at else 0.0
    return {"after": after_seconds, "reason": reason, "arrived": arrived}


def holding(*more: Any, **values: Any) -> Statement:
    """An update of a claimed key, for `change`. more: what to return beside its row.

    A lease that has expired is lost, even if nobody else has claimed the key yet.
    In RETURNING on SQLite, SQLAlchemy writes columns without their table, also in subqueries. So
    each subquery in `more` reads one table only, and compares it with parameters.
    """
    held = and_(
        keys.c.key == bindparam("claimed_key"),
        keys.c.lease_token == bindparam("claimed_token"),
        keys.c.lease_until > Now(),
    )
    return Statement(update(keys).where(held).values(**values).returning(keys, *more))


def change(connection: Connection, claim: Claim, statement: Statement, **parameters: Any) -> Any:
    """Run a statement of `holding`; the changed row. Raises LeaseLost."""
    key = claim.key
    held = {
        "claimed_key": str(key),
        "claimed_token": claim.token,
        "claimed_repository": (
            0 if isinstance(key, InstallationKey | OrganisationKey) else key.repository.id
        ),
    }
    found = connection.row(statement, held | parameters)
    if found is None:
        raise LeaseLost(f"{key}: the lease ran out or passed to another worker")
    return found


_TIMES = Statement(
    select(
        Now(),
        select(func.max(keys.c.started_at)).scalar_subquery(),
        select(func.max(deliveries.c.received_at)).scalar_subquery(),
    )
)
_TAKE_OVER = Statement(update(keys).where(keys.c.lease_until > Now()).values(lease_until=Now()))
_back = bindparam("back", type_=Double)


def _set_back(column: Any) -> Any:
    return case((and_(column > Now(), column < NEVER), column - _back), else_=column)


_FOLLOW_CLOCK = Statement(
    update(keys)
    .where(
        or_(
            keys.c.due > Now(),
            keys.c.lease_until > Now(),
            keys.c.started_at > Now(),
            keys.c.arrived_at > Now(),
            keys.c.parked_at > Now(),
        )
    )
    .values(
        due=_set_back(keys.c.due),
        started_at=_set_back(keys.c.started_at),
        arrived_at=_set_back(keys.c.arrived_at),
        parked_at=_set_back(keys.c.parked_at),
        # Held as long as any lease is, and renewed meanwhile.
        lease_until=case(
            (keys.c.lease_until > Now() + LEASE_SECONDS, Now() + LEASE_SECONDS),
            else_=keys.c.lease_until,
        ),
    )
)
_FOLLOW_CLOCK_OF_LAYERS = Statement(
    update(organisations)
    .where(organisations.c.changed_at > Now())
    .values(changed_at=organisations.c.changed_at - _back)
)
_RENEW = Statement(
    update(keys)
    .where(one_of(keys.c.lease_token, "tokens"), keys.c.lease_until > Now())
    .values(lease_until=Now() + LEASE_SECONDS)
    .returning(keys.c.lease_token)
)
_RELEASED = {"lease_token": "", "lease_until": 0.0}
_arrived_before = bindparam("arrived", type_=Double)
_LATER = {
    **_RELEASED,
    "due": Now() + bindparam("after"),
    "error": bindparam("reason"),
    "arrived_at": case((_arrived_before > 0, _arrived_before), else_=keys.c.arrived_at),
}
_since = keys.c.arrived_at > keys.c.started_at
_ARRIVED_SINCE = case((_since, keys.c.arrived_at), else_=0.0)
# Hints are cleared, unless a delivery has come since the claim: they may be from that one.
UNHINTED = {
    name: case((keys.c.generation == bindparam("done"), none), else_=keys.c[name])
    for name, none in NO_HINTS.items()
}
_this, _other = keys.alias("this"), keys.alias("other")
_head = select(_this.c.head_sha).where(_this.c.key == bindparam("claimed_key")).scalar_subquery()
_FINISH = holding(
    exists()
    .where(same_head(_other, REPOSITORY, _head, bindparam("claimed_key")), dirty(_other))
    .label("head_waits"),
    **_RELEASED,
    **UNHINTED,
    done_generation=bindparam("done"),
    arrived_at=_ARRIVED_SINCE,
    attempts=0,
    waited=0,
    error="",
)
_WAITING = holding(**_LATER)
_LAGGING = holding(**_LATER, waited=keys.c.waited + 1)
_parks = keys.c.attempts + 1 >= MAX_ATTEMPTS
_FAILED = holding(
    **_LATER | {"due": case((_parks, NEVER), else_=_LATER["due"])},
    attempts=keys.c.attempts + 1,
    parked_at=case((_parks, Now()), else_=0.0),
)
