"""Which of the due keys a claim takes: requested ones first, then those that are due longest."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Double, and_, bindparam, case, func, not_, or_, select, tuple_, update

from ghapp.core.records import Claim, Full
from ghapp.store.schema import GIVES_WAY_SECONDS, Now, keys, policies
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.leases import BACK_SECONDS, LEASE_SECONDS, follow_clock
from ghapp.store.work_queue.marking import ZERO, addressed, claimable, same_head, waiting

HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """at: when, by the database's clock. next_due: when the next key is due; None if there is none.

    A key that was due before and was not claimed waits for something else, such as the end of
    another run on the same head.
    """

    claims: tuple[Claim, ...]
    at: float
    next_due: float | None


_due, _other, _later = keys.alias("due_key"), keys.alias("other"), keys.alias("later")
# Read once for the whole statement. Otherwise a key that becomes due meanwhile would be neither due
# nor due later.
_clock = select(Now().label("now")).cte("clock")
_now = select(_clock.c.now).scalar_subquery()
# Another pull of the same head is leased, or comes before this one.
_comes_first = tuple_(_other.c.place, _other.c.key) < tuple_(_due.c.place, _due.c.key)
_head_is_taken = (
    select(_other.c.key)
    .where(same_head(_other, _due.c.repository_id, _due.c.head_sha, _due.c.key))
    .where(or_(_other.c.lease_until > Now(), and_(claimable(_other), _comes_first)))
    .exists()
)
_chosen = (
    select(_due.c.key)
    .where(
        _due.c.generation > _due.c.done_generation,
        _due.c.parked_at == ZERO,
        _due.c.due <= _now,
        _due.c.place <= _now + GIVES_WAY_SECONDS,  # follows from `due`, and bounds the search
        _due.c.lease_until <= _now,
        not_(one_of(_due.c.installation_id, "full")),
        not_(one_of(_due.c.repository_id, "crowded")),
        not_(_head_is_taken),
    )
    .order_by(_due.c.place)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=_due)
    .cte("chosen")  # a subquery could run twice, and lock more rows than the limit
)
_ago = Now() - keys.c.started_at
_drops = select(policies.c.drops).where(policies.c.repository_id == keys.c.repository_id)
_soonest = select(func.min(_later.c.due)).where(waiting(_later))
_CLAIM = Statement(
    update(keys)
    .where(keys.c.key.in_(select(_chosen.c.key)))
    .values(
        lease_token=bindparam("nonce") + ":" + keys.c.key,
        lease_until=Now() + LEASE_SECONDS,
        started_at=Now(),
        # Earlier runs count less the longer ago the last one began, and nothing after an hour.
        runs=1 + case((_ago < HOUR_SECONDS, keys.c.runs * (1 - _ago / HOUR_SECONDS)), else_=0.0),
        # A lease that nobody gave back counts as an attempt: its worker was killed or blocked.
        attempts=keys.c.attempts + case((keys.c.lease_token != "", 1), else_=0),
        policy_drops=func.coalesce(_drops.scalar_subquery(), 0),
    )
    .returning(
        keys,
        _now.label("at"),
        _soonest.where(_later.c.due > _now).scalar_subquery().label("next_due"),
    )
)
_since = bindparam("since", type_=Double)
_NEXT_DUE = Statement(
    select(
        Now().label("at"),
        _soonest.where(_later.c.due > _since).scalar_subquery().label("next_due"),
    )
)


def claim(connection: Connection, limit: int, full: Full, since: float) -> Claimed:
    """Lease up to `limit` keys that are due; also when the next key is due.

    Keys that a delivery asks for come first, then those that are due longest. At most one key of
    each head. A claim after MAX_ATTEMPTS is only for parking the key.
    full: whose keys to leave out. since: `Claimed.at` of the last claim; if nothing is claimed,
    `next_due` includes keys that became due after that.
    On SQLite, a clock that was set back since is noticed: else its keys would wait for as long.
    """
    found = connection.rows(
        _CLAIM,
        {
            "most": limit,
            "nonce": secrets.token_hex(16),
            "full": list(full.installations),
            "crowded": list(full.repositories),
        },
    )
    clock = found[0] if found else connection.rows(_NEXT_DUE, {"since": since})[0]
    back_seconds = since - clock.at
    if back_seconds > BACK_SECONDS and not connection.is_postgresql:
        follow_clock(connection, back_seconds)
        if not found:
            return claim(connection, limit, full, clock.at)
    claims = [
        Claim(
            addressed(row),
            row.lease_token,
            row.generation,
            row.attempts,
            row.touched,
            datetime.fromtimestamp(row.arrived_at, UTC) if row.arrived_at > 0 else None,
            datetime.fromtimestamp(row.started_at, UTC),
            row.delivery.rpartition(" ")[2],
        )
        for row in sorted(found, key=lambda row: (row.due, row.key))
    ]
    return Claimed(tuple(claims), clock.at, clock.next_due)
