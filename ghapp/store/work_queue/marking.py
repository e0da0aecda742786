"""Which keys are dirty, and when they are checked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    FromClause,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from ghapp.core.model import (
    ConfigurationKey,
    InstallationKey,
    Key,
    OrganisationKey,
    PolicyKey,
    ProjectKey,
    PullKey,
    QueueKey,
    Repository,
    RepositoryKey,
    SweepKey,
)
from ghapp.store.notify import announce
from ghapp.store.schema import Now, keys, now_once, reviews, upsert
from ghapp.store.sql import Connection, Statement

# A key is due again this long after its last run began, so that a burst leads to one more run.
COLLAPSE_SECONDS = 1.0
# Of so many runs in an hour each follows the last one as soon as that; then each run more has all
# that follow wait so much longer, so that nobody can have one pull reviewed all the time.
FREE_RUNS, RUN_SECONDS = 30.0, 2.0
# SQLite's clock has milliseconds: a delivery in the same one as a claim counts as after it.
TICK_SECONDS = 0.001
NO_HINTS: Mapping[str, float | int | bool | str] = {
    "fresh_at": 0.0,
    "named_head": "",
    "named_base": "",
    "opened": False,
    "touched": False,
    "changed_files": 0,
    "delivery": "",
}
Hints = Mapping[str, float | int | bool | str]


# --- conditions --------------------------------------------------------------------------

# A literal: with a parameter, PostgreSQL's generic plan does not use our partial indexes.
ZERO: ColumnElement[float] = literal_column("0")


def dirty(table: FromClause) -> ColumnElement[bool]:
    return table.c.generation > table.c.done_generation


def waiting(table: FromClause) -> ColumnElement[bool]:
    """Dirty, and neither parked nor leased; due now or later."""
    return and_(dirty(table), table.c.parked_at == ZERO, table.c.lease_until <= Now())


def claimable(table: FromClause) -> ColumnElement[bool]:
    return and_(waiting(table), table.c.due <= Now())


def _larger(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((one < other, other), else_=one)


def same_head(
    table: FromClause, repository_id: Any, head_sha: Any, key: Any
) -> ColumnElement[bool]:
    """Other keys of this repository with this head; none if the head is ""."""
    return and_(
        table.c.repository_id == repository_id,
        table.c.head_sha == head_sha,
        head_sha != "",
        table.c.key != key,
    )


# --- marking dirty -----------------------------------------------------------------------


def _marking(*, suspected: bool = False, delivered: bool = False) -> Statement:
    """A statement that makes a key dirty once more; takes the parameters that `row` makes.

    A parked key gets a new chance. A key that waits in the queue keeps its place.
    delivered: by a delivery, so somebody waits for it.
    suspected: on a mere suspicion. A key that waits after a failure, or is parked, then stays so;
    otherwise a key that always fails would be tried at every sweep.
    """
    came: Any = Now() if delivered else 0.0
    due = Now() + bindparam("later", type_=Double)
    insert = upsert(keys).values(generation=1, due=due, arrived_at=came)
    new, old = insert.excluded, keys.c
    crowd = case(
        (or_(old.kind == "pull", old.kind == "policy"), (old.runs - FREE_RUNS) * RUN_SECONDS),
        else_=0.0,
    )
    apart = _larger(literal(COLLAPSE_SECONDS), crowd)
    place = case(
        (old.started_at > Now() - apart, old.started_at + apart),
        (and_(dirty(keys), old.parked_at == 0, old.due <= Now()), old.due),
        else_=new.due,
    )
    stays = dirty(keys) if suspected else false()
    # Of two deliveries of one second, the one that came last.
    is_newest = and_(new.named_head != "", new.fresh_at >= old.fresh_at)
    # When the oldest delivery came that no run covers; earlier ones are in the claim of the run.
    arrived_at = case((dirty(keys), old.arrived_at), else_=0.0)
    if delivered:
        begun = and_(old.lease_until > Now(), old.arrived_at <= old.started_at)
        arrived_at = case(
            (begun, _larger(came, old.started_at + TICK_SECONDS)),
            (or_(not_(dirty(keys)), old.arrived_at == 0), came),
            else_=old.arrived_at,
        )
    return Statement(
        insert.on_conflict_do_update(
            index_elements=[old.key],
            set_={
                "installation_id": new.installation_id,
                "full_name": new.full_name,
                "generation": old.generation + 1,
                "due": case((stays, old.due), else_=place),
                "attempts": case((stays, old.attempts), else_=0),
                "parked_at": case((stays, old.parked_at), else_=0.0),
                "arrived_at": arrived_at,
                "fresh_at": _larger(old.fresh_at, new.fresh_at),
                "named_head": case((is_newest, new.named_head), else_=old.named_head),
                "named_base": case((is_newest, new.named_base), else_=old.named_base),
                "opened": or_(old.opened, new.opened),
                "touched": or_(old.touched, new.touched),
                "changed_files": case(
                    (new.changed_files > 0, new.changed_files), else_=old.changed_files
                ),
                "delivery": case((new.delivery != "", new.delivery), else_=old.delivery),
            },
        )
    )


def row(key: Key, hints: Hints = NO_HINTS, later: float = 0.0) -> dict[str, Any]:
    """The parameters to mark a key. hints: by the names of their columns. later: in seconds."""
    repository, number = Repository(0, 0, ""), 0
    match key:
        case PullKey(repository, number):
            kind = "pull"
        case PolicyKey(repository, number):
            kind = "policy"
        case ProjectKey(repository, number):
            kind = "project"
        case QueueKey(repository):
            kind = "queue"
        case RepositoryKey(repository):
            kind = "repository"
        case SweepKey(repository):
            kind = "sweep"
        case ConfigurationKey(repository):
            kind = "configuration"
        case InstallationKey(installation_id):
            kind, repository = "installation", Repository(installation_id, 0, "")
        case OrganisationKey(installation_id, owner):
            kind, repository = "organisation", Repository(installation_id, 0, owner)
    return {
        "key": str(key),
        "kind": kind,
        "installation_id": repository.installation_id,
        "repository_id": repository.id,
        "full_name": repository.full_name,
        "number": number,
        "later": later,
        **hints,
    }


_MARK = {
    (suspected, delivered): _marking(suspected=suspected, delivered=delivered)
    for suspected in (False, True)
    for delivered in (False, True)
}
MARK_DELIVERED = _MARK[False, True]


@dataclass(frozen=True, slots=True)
class Mark:
    """Keys to make dirty.

    touched: on the suspicion that a change of our marks, or a message, was not delivered; keys that
    wait after a failure, or are parked, then stay so. requested: somebody waits for it, as for a
    delivery. apart_seconds: how much later than the key before it each is due.
    """

    keys: Iterable[Key]
    touched: bool = False
    requested: bool = False
    apart_seconds: float = 0.0


def mark(connection: Connection, *marks: Mark) -> None:
    """Make the keys dirty, in sorted order so that transactions do not deadlock."""
    for one in marks:
        hints = {**NO_HINTS, "touched": one.touched}
        later = {key: place * one.apart_seconds for place, key in enumerate(one.keys)}
        rows = [row(key, hints, later[key]) for key in sorted(later, key=str)]
        if rows:
            connection.change_each(_MARK[one.touched, one.requested], rows)
            announce(connection)


def retry_parked(connection: Connection, older_than_seconds: float = 0.0) -> int:
    """Give parked keys a new chance; how many there were."""
    count = connection.change(_REVIVE, {"age": older_than_seconds})
    if count:
        announce(connection)
    return count


_REVIVE = Statement(
    update(keys)
    .where(keys.c.parked_at > 0, keys.c.parked_at <= Now() - bindparam("age"))
    .values(parked_at=0.0, attempts=0, due=Now())
)


def addressed(found: Any) -> Key:
    """The key of a row."""
    if found.kind == "installation":
        return InstallationKey(found.installation_id)
    if found.kind == "organisation":
        return OrganisationKey(found.installation_id, found.full_name)
    repository = Repository(found.installation_id, found.repository_id, found.full_name)
    if found.kind == "pull":
        return PullKey(repository, found.number)
    if found.kind == "project":
        return ProjectKey(repository, found.number)
    if found.kind == "policy":
        return PolicyKey(repository, found.number)
    if found.kind == "queue":
        return QueueKey.named(repository, found.key)
    if found.kind == "configuration":
        return ConfigurationKey(repository)
    return SweepKey(repository) if found.kind == "sweep" else RepositoryKey(repository)


_LEAVE = Statement(
    update(keys)
    .where(keys.c.installation_id == bindparam("by"), keys.c.repository_id == bindparam("of"))
    .values(done_generation=keys.c.generation, parked_at=0.0, attempts=0, error="")
)


_UNLIST = Statement(
    update(reviews)
    .where(reviews.c.installation_id == bindparam("by"), reviews.c.repository_id == bindparam("of"))
    .values(turn="", release_on="")
)


def leave(connection: Connection, left: Iterable[Repository]) -> None:
    """Make the keys of these repositories clean, until something new comes in; no page lists them.

    Keys that another installation has taken over stay as they are.
    """
    rows = [{"by": one.installation_id, "of": one.id} for one in left]
    connection.change_each(_LEAVE, rows)
    connection.change_each(_UNLIST, rows)


AGAIN_SECONDS, AT_ONCE = 24 * 3600.0, 500

_RECHECK = Statement(
    select(keys)
    .join(reviews, reviews.c.key == keys.c.key)
    .where(reviews.c.recheck_at > 0, reviews.c.recheck_at <= now_once())
    .where(
        not_(dirty(keys)),
        or_(
            keys.c.started_at < reviews.c.recheck_at,
            keys.c.started_at < now_once() - AGAIN_SECONDS,
        ),
    )
    .order_by(reviews.c.recheck_at)
    .limit(AT_ONCE)
)


def mark_rechecks(connection: Connection) -> int:
    """Make the pulls dirty that are to be checked again now; how many there were.

    A pull whose runs end without a record, as after the App is uninstalled, only once a day.
    """
    found = connection.rows(_RECHECK)
    rows = [row(addressed(one)) for one in found]
    if rows:
        connection.change_each(_MARK[True, False], rows)
        announce(connection)
    return len(rows)


# Of an installation's pulls, so many are checked at a time because its organisation's policy has
# changed. So they take few slots and little of the budget, and wait behind everything else.
MOST_BEHIND = 3

_is_pull = keys.c.kind == literal_column("'pull'")
_UNDER_WAY = Statement(
    select(func.count()).where(
        dirty(keys),
        keys.c.installation_id == bindparam("by"),
        _is_pull,
        *(keys.c.parked_at == ZERO, keys.c.arrived_at == ZERO, keys.c.attempts == ZERO),
    )
)
# A run that is under way may have read the policy before.
_BEHIND = Statement(
    select(keys)
    .join(reviews, reviews.c.key == keys.c.key)
    .where(reviews.c.is_open, reviews.c.installation_id == bindparam("by"))
    .where(keys.c.started_at < bindparam("since", type_=Double))
    .where(or_(not_(dirty(keys)), keys.c.lease_until > Now(), keys.c.parked_at > ZERO))
    .order_by(reviews.c.seen_at.desc(), keys.c.key)
    .limit(bindparam("most"))
)


def mark_behind(connection: Connection, key: OrganisationKey, since: float) -> bool:
    """Make some open pulls dirty that were last checked before `since`, newest change first.

    At most MOST_BEHIND of them wait at a time. False if none are left.
    """
    asked = {"by": key.installation_id}
    room = MOST_BEHIND - int(connection.values(_UNDER_WAY, asked)[0])
    if room <= 0:
        return True
    found = connection.rows(_BEHIND, {**asked, "since": since, "most": room})
    mark(connection, Mark([addressed(one) for one in found]))
    return len(found) == room
