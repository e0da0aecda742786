"""Which keys are dirty, and when they are checked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    case,
    false,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from ghapp.core.model import (
    InstallationKey,
    Key,
    PullKey,
    QueueKey,
    Repository,
    RepositoryKey,
    SweepKey,
)
from ghapp.store.connection import Connection
from ghapp.store.notify import announce
from ghapp.store.schema import Insert, Now, keys, reviews, upserting
from ghapp.store.statements import Statement

# What comes so soon after a run began waits until then, so that a burst makes one more run.
COLLAPSE_SECONDS = 1.0
# SQLite's clock has milliseconds: what comes in the one in which a run began came after that.
TICK_SECONDS = 0.001
NO_HINTS = {"fresh_at": 0.0, "opened": False, "touched": False, "changed_files": 0}
Hints = Mapping[str, float | int | bool]


# --- marking dirty -----------------------------------------------------------------------


def _marking(dialect: str, *, suspected: bool = False, delivered: bool = False) -> Insert:
    """Makes a key dirty once more; takes what `row` gives.

    A parked key gets a new chance. One that waits in the queue keeps its place.
    delivered: by a delivery, so that somebody waits for it.
    suspected: nothing is known to have come in, so that one which waits after a failure, or is
    parked, stays so; else one that fails for good would be tried at every suspicion.
    """
    came: Any = Now() if delivered else 0.0
    insert = upserting(dialect, keys).values(generation=1, due=Now(), arrived_at=came)
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
            "arrived_at": _arrived(came, delivered=delivered),
            "fresh_at": _larger(keys.c.fresh_at, new.fresh_at),
            "opened": or_(keys.c.opened, new.opened),
            "touched": or_(keys.c.touched, new.touched),
            "changed_files": case(
                (new.changed_files > 0, new.changed_files), else_=keys.c.changed_files
            ),
        },
    )


_MARK = {
    (suspected, delivered): Statement(partial(_marking, suspected=suspected, delivered=delivered))
    for suspected in (False, True)
    for delivered in (False, True)
}
MARK_SUSPECTED, MARK_DELIVERED = _MARK[True, False], _MARK[False, True]


def _arrived(came: Any, *, delivered: bool) -> ColumnElement[Any]:
    """When the oldest delivery came that no run has begun to work off, with this marking.

    The claim of a run that goes on carries what came before it. A key that is clean may have one
    of old: ghapp of schema 0003 does not take it away.
    """
    old = keys.c.arrived_at
    if not delivered:
        return case((dirty(keys), old), else_=0.0)
    begun = and_(keys.c.lease_until > Now(), old <= keys.c.started_at)
    none = or_(not_(dirty(keys)), old == 0)
    after = _larger(came, keys.c.started_at + TICK_SECONDS)
    return case((begun, after), (none, came), else_=old)


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


@dataclass(frozen=True, slots=True)
class Mark:
    """Keys to mark. touched, requested: as of `mark`."""

    keys: tuple[Key, ...]
    touched: bool = False
    requested: bool = False


def mark(
    connection: Connection, found: Iterable[Key], *, touched: bool = False, requested: bool = False
) -> None:
    """Make the keys dirty; in one order everywhere, so that two of these never wait in a circle.

    touched: on the suspicion that a mark was changed, or a message sent, and not delivered.
    requested: somebody waits for it, as for a delivery.
    """
    rows = [row(key, {**NO_HINTS, "touched": touched}) for key in sorted(found, key=str)]
    if rows:
        connection.change_each(_MARK[touched, requested], rows)
        announce(connection)


def retry_parked(connection: Connection, older_than_seconds: float = 0.0) -> int:
    """Give parked keys a new chance; how many it were."""
    count = connection.change(_REVIVE, {"age": older_than_seconds})
    if count:
        announce(connection)
    return count


_REVIVE = Statement(
    update(keys)
    .where(keys.c.parked_at > 0, keys.c.parked_at <= Now() - bindparam("age"))
    .values(parked_at=0.0, attempts=0, due=Now())
)


# --- conditions --------------------------------------------------------------------------

# In the statement itself: else a plan for any value skips our indexes.
ZERO: ColumnElement[float] = literal_column("0")


def dirty(table: FromClause) -> ColumnElement[bool]:
    return table.c.generation > table.c.done_generation


def waiting(table: FromClause) -> ColumnElement[bool]:
    """Dirty, neither parked nor held; due now or later."""
    return and_(dirty(table), table.c.parked_at == ZERO, table.c.lease_until <= Now())


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


def addressed(found: Any) -> Key:
    """The key of a row."""
    if found.kind == "installation":
        return InstallationKey(found.installation_id)
    repository = Repository(found.installation_id, found.repository_id, found.full_name)
    if found.kind == "pull":
        return PullKey(repository, found.number)
    if found.kind == "queue":
        return QueueKey.named(repository, found.key)
    return SweepKey(repository) if found.kind == "sweep" else RepositoryKey(repository)


_LEAVE = Statement(
    update(keys)
    .where(keys.c.installation_id == bindparam("by"), keys.c.repository_id == bindparam("of"))
    .values(done_generation=keys.c.generation, parked_at=0.0, attempts=0, error="")
)


def leave(connection: Connection, left: Iterable[Repository]) -> None:
    """Look at nothing of these repositories, until something new comes of them.

    What of them moved to another installation is that one's.
    """
    rows = [{"by": one.installation_id, "of": one.id} for one in left]
    connection.change_each(_LEAVE, rows)


AGAIN_SECONDS, AT_ONCE = 24 * 3600.0, 500

_PENDING = Statement(
    select(keys)
    .join(reviews, reviews.c.key == keys.c.key)
    .where(reviews.c.pending_since > 0, reviews.c.pending_since <= Now() - bindparam("age"))
    .where(not_(dirty(keys)), keys.c.started_at < Now() - AGAIN_SECONDS)
    .order_by(keys.c.key)
    .limit(AT_ONCE)
)


def mark_pending(connection: Connection, older_than_seconds: float) -> int:
    """Make the pulls dirty whose check run has been in progress for so long; how many there were.

    A check run that cannot be renewed, as when the App is no longer installed, once a day.
    """
    found = connection.rows(_PENDING, {"age": older_than_seconds})
    rows = [row(addressed(one)) for one in found]
    if rows:
        connection.change_each(_MARK[True, False], rows)
        announce(connection)
    return len(rows)
