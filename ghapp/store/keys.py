"""Which keys are dirty, who holds them, and when they are looked at again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    bindparam,
    case,
    false,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningUpdate

from ghapp.core.memory import Claim
from ghapp.core.model import (
    InstallationKey,
    Key,
    PullKey,
    QueueKey,
    Repository,
    RepositoryKey,
    SweepKey,
)
from ghapp.errors import LeaseLost
from ghapp.store.listener import announce
from ghapp.store.tables import Now, keys, policies, upserting

LEASE_SECONDS = 30.0
MAX_ATTEMPTS = 8
# What comes so soon after a run began waits until then, so that a burst makes one more run.
COLLAPSE_SECONDS = 1.0
NO_HINTS = {"fresh_at": 0.0, "opened": False, "touched": False, "changed_files": 0}
Hints = Mapping[str, float | int | bool]


# --- marking dirty -----------------------------------------------------------------------


@cache
def marking(dialect: str, *, suspected: bool = False) -> sqlite.Insert | postgresql.Insert:
    """Makes a key dirty once more; takes what `row` gives.

    A parked key gets a new chance. One that waits in the queue keeps its place.
    suspected: nothing is known to have come in, so that one which waits after a failure, or is
    parked, stays so; else one that fails for good would be tried at every suspicion.
    """
    insert = upserting(dialect, keys).values(generation=1, due=Now())
    new = insert.excluded
    place = case(
        (keys.c.started_at > Now() - COLLAPSE_SECONDS, keys.c.started_at + COLLAPSE_SECONDS),
        (and_(dirty(keys), keys.c.parked_at == 0, keys.c.due < Now()), keys.c.due),
        else_=Now(),
    )
    stays = dirty(keys) if suspected else false()
    return insert.on_conflict_do_update(
        index_elements=[keys.c.key],
        set_={
            "installation_id": new.installation_id,
            "full_name": new.full_name,
            "generation": keys.c.generation + 1,
            "due": case((stays, keys.c.due), else_=place),
            "attempts": case((stays, keys.c.attempts), else_=0),
            "parked_at": case((stays, keys.c.parked_at), else_=0.0),
            "fresh_at": _larger(keys.c.fresh_at, new.fresh_at),
            "opened": or_(keys.c.opened, new.opened),
            "touched": or_(keys.c.touched, new.touched),
            "changed_files": case(
                (new.changed_files > 0, new.changed_files), else_=keys.c.changed_files
            ),
        },
    )


def row(key: Key, hints: Hints = NO_HINTS) -> dict[str, Any]:
    """What `marking` takes. hints: as the columns of that name."""
    repository, number = Repository(0, 0, ""), 0
    match key:
        case PullKey(repository, number):
            kind = "pull"
        case QueueKey(repository):
            kind = "queue"
        case RepositoryKey(repository):
            kind = "repository"
        case SweepKey(repository):
            kind = "sweep"
        case InstallationKey(installation_id):
            kind, repository = "installation", Repository(installation_id, 0, "")
    return {
        "key": str(key),
        "kind": kind,
        "installation_id": repository.installation_id,
        "repository_id": repository.id,
        "full_name": repository.full_name,
        "number": number,
        **hints,
    }


def mark(connection: Connection, found: Iterable[Key], *, touched: bool = False) -> None:
    """Make the keys dirty; in one order everywhere, so that two of these never wait in a circle.

    touched: on the suspicion that something of ours was changed, or said, and not delivered.
    """
    rows = [row(key, {**NO_HINTS, "touched": touched}) for key in sorted(found, key=str)]
    if rows:
        connection.execute(marking(connection.dialect.name, suspected=touched), rows)
        announce(connection)


def retry_parked(connection: Connection, older_than_seconds: float) -> int:
    """Give parked keys a new chance; how many it were."""
    count = connection.execute(_REVIVE, {"age": older_than_seconds}).rowcount
    if count:
        announce(connection)
    return count


# --- leases ------------------------------------------------------------------------------


def claim(connection: Connection, limit: int) -> tuple[Claim, ...]:
    """Lease up to `limit` keys that are due, longest due first; at most one of each head.

    A claim after MAX_ATTEMPTS is for parking the key only.
    """
    found = connection.execute(_CLAIM, {"most": limit, "nonce": secrets.token_hex(16)})
    return tuple(
        Claim(addressed(one), one.lease_token, one.generation, one.attempts, one.touched)
        for one in sorted(found, key=lambda one: (one.due, one.key))
    )


def renew(connection: Connection, claims: Iterable[Claim]) -> frozenset[str]:
    """The tokens that still hold their key, for another LEASE_SECONDS."""
    tokens = [one.token for one in claims]
    held = keys.c.lease_token.in_(tokens) & (keys.c.lease_until > Now())
    renewing = update(keys).where(held).values(lease_until=Now() + LEASE_SECONDS)
    return frozenset(connection.scalars(renewing.returning(keys.c.lease_token)))


def finish(connection: Connection, claim: Claim) -> None:
    """Give the key back, worked off up to the claimed generation. Raises LeaseLost."""
    change(connection, claim, _FINISH, done=claim.generation)


def put_off(
    connection: Connection,
    claim: Claim,
    after_seconds: float,
    error: str,
    *,
    counts: bool,
    lags: bool = False,
) -> bool:
    """Give the key back for later; True where it is parked. Raises LeaseLost.

    counts: a failed attempt, the last of MAX_ATTEMPTS parks; else it only waits. lags: for reads
    that are behind, once more in a row.
    """
    change_ = _FAILED if counts else _LAGGING if lags else _WAITING
    return bool(change(connection, claim, change_, after=after_seconds, reason=error).parked_at)


def holding(**values: Any) -> ReturningUpdate[Any]:
    """A change of a claimed key, for `change`.

    A lease that ran out is lost, whether or not somebody else has the key by now.
    """
    held = and_(
        keys.c.key == bindparam("claimed_key"),
        keys.c.lease_token == bindparam("claimed_token"),
        keys.c.lease_until > Now(),
    )
    return update(keys).where(held).values(**values).returning(keys)


def change(
    connection: Connection, claim: Claim, statement: ReturningUpdate[Any], **parameters: Any
) -> Row[Any]:
    """Change the claimed key; what it then is. Raises LeaseLost."""
    held = {"claimed_key": str(claim.key), "claimed_token": claim.token}
    found = connection.execute(statement, held | parameters).one_or_none()
    if found is None:
        raise LeaseLost(f"{claim.key}: the lease ran out or passed to another worker")
    return found


_RELEASED = {"lease_token": "", "lease_until": 0.0}
_LATER = {**_RELEASED, "due": Now() + bindparam("after"), "error": bindparam("reason")}
# Hints stay where a delivery has come since the claim: they speak of what it brought.
UNHINTED = {
    name: case((keys.c.generation == bindparam("done"), none), else_=keys.c[name])
    for name, none in NO_HINTS.items()
}
_FINISH = holding(
    **_RELEASED, **UNHINTED, done_generation=bindparam("done"), attempts=0, waited=0, error=""
)
_WAITING = holding(**_LATER)
_LAGGING = holding(**_LATER, waited=keys.c.waited + 1)
_FAILED = holding(
    **_LATER,
    attempts=keys.c.attempts + 1,
    parked_at=case((keys.c.attempts + 1 >= MAX_ATTEMPTS, Now()), else_=0.0),
)
_REVIVE = (
    update(keys)
    .where(keys.c.parked_at > 0, keys.c.parked_at <= Now() - bindparam("age"))
    .values(parked_at=0.0, attempts=0, due=Now())
)


# --- conditions --------------------------------------------------------------------------


def dirty(table: FromClause) -> ColumnElement[bool]:
    return table.c.generation > table.c.done_generation


def waiting(table: FromClause) -> ColumnElement[bool]:
    """Dirty, neither parked nor held; due now or later."""
    return and_(dirty(table), table.c.parked_at == 0, table.c.lease_until <= Now())


def claimable(table: FromClause) -> ColumnElement[bool]:
    return and_(waiting(table), table.c.due <= Now())


def _larger(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((one < other, other), else_=one)


def same_head(
    table: FromClause, repository_id: Any, head_sha: Any, key: Any
) -> ColumnElement[bool]:
    """Other keys of this repository on this head; false for the head ""."""
    return and_(
        table.c.repository_id == repository_id,
        table.c.head_sha == head_sha,
        head_sha != "",
        table.c.key != key,
    )


def _head_is_taken(waiting: FromClause) -> ColumnElement[bool]:
    """Another pull of the same head is held, or will be by this very claim."""
    other = keys.alias("other")
    before = and_(claimable(other), other.c.key < waiting.c.key)
    return (
        select(other.c.key)
        .where(same_head(other, waiting.c.repository_id, waiting.c.head_sha, waiting.c.key))
        .where(or_(other.c.lease_until > Now(), before))
        .exists()
    )


def _claiming() -> ReturningUpdate[Any]:
    waiting = keys.alias("waiting")
    chosen = (
        select(waiting.c.key)
        .where(claimable(waiting), not_(_head_is_taken(waiting)))
        .order_by(waiting.c.due)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, of=waiting)
        .cte("chosen")  # a subquery could be run again and lock more than it may
    )
    drops = select(policies.c.drops).where(policies.c.repository_id == keys.c.repository_id)
    return (
        update(keys)
        .where(keys.c.key.in_(select(chosen.c.key)))
        .values(
            lease_token=bindparam("nonce") + ":" + keys.c.key,
            lease_until=Now() + LEASE_SECONDS,
            started_at=Now(),
            # A lease that nobody gave back: its run has killed or blocked its worker.
            attempts=keys.c.attempts + case((keys.c.lease_token != "", 1), else_=0),
            policy_drops=func.coalesce(drops.scalar_subquery(), 0),
        )
        .returning(keys)
    )


_CLAIM = _claiming()


def addressed(found: Row[Any]) -> Key:
    """The key of a row."""
    if found.kind == "installation":
        return InstallationKey(found.installation_id)
    repository = Repository(found.installation_id, found.repository_id, found.full_name)
    if found.kind == "pull":
        return PullKey(repository, found.number)
    if found.kind == "queue":
        return QueueKey.named(repository, found.key)
    return SweepKey(repository) if found.kind == "sweep" else RepositoryKey(repository)
