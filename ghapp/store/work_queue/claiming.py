"""Which of the due keys a claim takes: requested ones first, and of those the longest due."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, bindparam, case, func, not_, or_, select, tuple_, update

from ghapp.core.records import Claim, Full
from ghapp.store.schema import GIVES_WAY_SECONDS, Now, keys, now_once, policies
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.leases import LEASE_SECONDS
from ghapp.store.work_queue.marking import ZERO, addressed, claimable, same_head, waiting


@dataclass(frozen=True, slots=True)
class Claimed:
    """due_in_seconds: when the next key is due, of those that are not due yet; None: no such key.

    Keys that are due and were left out wait for something else: a run that ends, a shared head.
    """

    claims: tuple[Claim, ...]
    due_in_seconds: float | None


_free, _other, _later, _now = (
    keys.alias("waiting"),
    keys.alias("other"),
    keys.alias("later"),
    now_once(),
)
# Another pull of the same head is held, or comes before this one.
_comes_first = tuple_(_other.c.place, _other.c.key) < tuple_(_free.c.place, _free.c.key)
_head_is_taken = (
    select(_other.c.key)
    .where(same_head(_other, _free.c.repository_id, _free.c.head_sha, _free.c.key))
    .where(or_(_other.c.lease_until > Now(), and_(claimable(_other), _comes_first)))
    .exists()
)
_chosen = (
    select(_free.c.key)
    .where(
        _free.c.generation > _free.c.done_generation,
        _free.c.parked_at == ZERO,
        _free.c.due <= _now,
        _free.c.place <= _now + GIVES_WAY_SECONDS,  # follows from that, and bounds the search
        _free.c.lease_until <= _now,
        not_(one_of(_free.c.installation_id, "full")),
        not_(one_of(_free.c.repository_id, "crowded")),
        not_(_head_is_taken),
    )
    .order_by(_free.c.place)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=_free)
    .cte("chosen")  # a subquery could be run again and lock more than it may
)
_drops = select(policies.c.drops).where(policies.c.repository_id == keys.c.repository_id)
_due_in_seconds = (
    select(func.min(_later.c.due) - Now())
    .where(waiting(_later), _later.c.due > now_once())
    .scalar_subquery()
)
_CLAIM = Statement(
    update(keys)
    .where(keys.c.key.in_(select(_chosen.c.key)))
    .values(
        lease_token=bindparam("nonce") + ":" + keys.c.key,
        lease_until=Now() + LEASE_SECONDS,
        started_at=Now(),
        # A lease that nobody gave back: its run has killed or blocked its worker.
        attempts=keys.c.attempts + case((keys.c.lease_token != "", 1), else_=0),
        policy_drops=func.coalesce(_drops.scalar_subquery(), 0),
    )
    .returning(keys, _due_in_seconds.label("due_in_seconds"))
)
_DUE_IN_SECONDS = Statement(select(_due_in_seconds))


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
    claims = [
        Claim(
            addressed(row),
            row.lease_token,
            row.generation,
            row.attempts,
            row.touched,
            datetime.fromtimestamp(row.arrived_at, UTC) if row.arrived_at > 0 else None,
            datetime.fromtimestamp(row.started_at, UTC),
        )
        for row in sorted(found, key=lambda row: (row.due, row.key))
    ]
    return Claimed(tuple(claims), after)
