"""Which of the due keys a claim takes: requested ones first, and of those the longest due."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, func, not_, or_, select, tuple_, update
from sqlalchemy.sql.dml import ReturningUpdate

from ghapp.core.records import Claim, Full
from ghapp.store.connection import Connection
from ghapp.store.schema import GIVES_WAY_SECONDS, Now, keys, now_once, policies
from ghapp.store.statements import Statement, one_of
from ghapp.store.work_queue.leases import LEASE_SECONDS
from ghapp.store.work_queue.marking import ZERO, addressed, claimable, same_head, waiting


@dataclass(frozen=True, slots=True)
class Claimed:
    """due_in_seconds: when the next key is due, of those that are not due yet; None: no such key.

    Keys that are due and were left out wait for something else: a run that ends, a shared head.
    """

    claims: tuple[Claim, ...]
    due_in_seconds: float | None


def claim(connection: Connection, limit: int, full: Full) -> Claimed:
    """Lease up to `limit` keys that are due, and say when more will be.

    Keys that a delivery asks for come first, then those that have been due longest. At most one
    key of each head. A claim after MAX_ATTEMPTS is for parking the key only.
    full: whose keys are left alone.
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
    after = found[0].due_in_seconds if found else connection.value(_DUE_IN_SECONDS)
    in_order = sorted(found, key=lambda row: (row.due, row.key))
    return Claimed(tuple(map(_claimed, in_order)), after)


def _claiming(dialect: str) -> ReturningUpdate[Any]:
    free, now = keys.alias("waiting"), now_once()
    chosen = (
        select(free.c.key)
        .where(
            free.c.generation > free.c.done_generation,
            free.c.parked_at == ZERO,
            free.c.due <= now,
            free.c.place
            <= now + GIVES_WAY_SECONDS,  # follows from the above, and bounds the search
            free.c.lease_until <= now,
            not_(one_of(free.c.installation_id, "full")),
            not_(one_of(free.c.repository_id, "crowded")),
            not_(_head_is_taken(free)),
        )
        .order_by(free.c.place)
        .limit(bindparam("most"))
    )
    if dialect == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True, of=free)
    best = chosen.cte("chosen")  # a subquery could be run again and lock more than it may
    drops = select(policies.c.drops).where(policies.c.repository_id == keys.c.repository_id)
    return (
        update(keys)
        .where(keys.c.key.in_(select(best.c.key)))
        .values(
            lease_token=bindparam("nonce") + ":" + keys.c.key,
            lease_until=Now() + LEASE_SECONDS,
            started_at=Now(),
            # A lease that nobody gave back: its run has killed or blocked its worker.
            attempts=keys.c.attempts + case((keys.c.lease_token != "", 1), else_=0),
            policy_drops=func.coalesce(drops.scalar_subquery(), 0),
        )
        .returning(keys, _due_in_seconds.label("due_in_seconds"))
    )


def _head_is_taken(one: Any) -> Any:
    """Another pull of the same head is held, or comes before this one."""
    other = keys.alias("other")
    first = tuple_(other.c.place, other.c.key) < tuple_(one.c.place, one.c.key)
    return (
        select(other.c.key)
        .where(same_head(other, one.c.repository_id, one.c.head_sha, one.c.key))
        .where(or_(other.c.lease_until > Now(), and_(claimable(other), first)))
        .exists()
    )


_later = keys.alias("later")
_due_in_seconds = (
    select(func.min(_later.c.due) - Now())
    .where(waiting(_later), _later.c.due > now_once())
    .scalar_subquery()
)
_CLAIM = Statement(_claiming)
_DUE_IN_SECONDS = Statement(select(_due_in_seconds))


def _claimed(row: Any) -> Claim:
    return Claim(
        addressed(row),
        row.lease_token,
        row.generation,
        row.attempts,
        row.touched,
        datetime.fromtimestamp(row.arrived_at, UTC) if row.arrived_at > 0 else None,
        datetime.fromtimestamp(row.started_at, UTC),
    )
