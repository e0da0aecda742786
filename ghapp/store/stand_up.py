"""Reads what is new for a stand-up, beside the queue itself, and what needs the admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)

from ghapp.core.records import FlaggedArea
from ghapp.store.pages import (
    EVERY_REPOSITORY,
    IN_VIEW,
    MOST_ROWS,
    WAITING,
    Narrowed,
    Queue,
    Seen,
    Waiting,
    asking,
    may_see,
    queue,
    rights,
    waiting,
)
from ghapp.store.schema import IS_WAIVED, keys, organisations, policies, reviews
from ghapp.store.sql import Connection, Statement
from ghapp.store.work_queue.marking import dirty

# Of a team: the newest reviews to which something has happened.
MOST_CHANGED = 2_000
# A key that fails once or twice passes by itself, as a rule.
FAILS_AFTER = 3


@dataclass(frozen=True, slots=True)
class Broken:
    """A policy whose newest version is not in force. name: of its repository."""

    name: str
    has_good: bool
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Failing:
    """A key that fails again and again, and is not parked yet. number: of the pull, else 0."""

    full_name: str
    number: int
    error: str
    attempts: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Happened:
    """How many reviews came into these states and are still in them.

    new: flagged and still open, whether or not they are signed off by now. The others also count
    once they are closed.
    """

    new: int
    signed_off: int
    waived: int


@dataclass(frozen=True, slots=True)
class _WithAreas:
    """The one part of an `Overview` that says whom a review concerns."""

    areas: tuple[FlaggedArea, ...] = ()


_AREAS = msgspec.json.Decoder(_WithAreas)
Reviews = tuple[int, tuple[Waiting, ...]]


@dataclass(frozen=True, slots=True)
class StandUp:
    """The queue, and what has changed since the last stand-up; each with how many there are in all.

    new: what waits and was not flagged then. waived: since then. Both newest first.
    """

    queue: Queue
    since: datetime
    new: Reviews
    waived: Reviews
    broken: tuple[int, tuple[Broken, ...]]
    failing: tuple[int, tuple[Failing, ...]]


def stand_up(
    connection: Connection, seen: Seen, narrowed: Narrowed, zone: tzinfo, since: datetime
) -> StandUp:
    """All of it. zone: of the clock by which follow-ups are due. since: the last stand-up."""
    found = queue(connection, seen, narrowed, zone)
    asked = asking(seen, found.repository, narrowed)
    place = {**rights(seen), "place": found.repository}
    broken = [
        one
        for statement in (_BROKEN, _BROKEN_LAYERS)
        for one in connection.rows(statement, place)
        if one.name
    ]
    failing = connection.rows(_FAILING, place)
    return StandUp(
        found,
        since,
        _reviews(connection.rows(_NEW, {**asked, "since": since.timestamp()})),
        _reviews(connection.rows(_WAIVED, {**asked, "since": since.timestamp()})),
        (
            len(broken),
            tuple(Broken(one.name, bool(one.has_good), _time(one.read_at)) for one in broken),
        ),
        (
            failing[0].total if failing else 0,
            tuple(
                Failing(
                    *(one.full_name, one.number, one.error, one.attempts), _time(one.started_at)
                )
                for one in failing
            ),
        ),
    )


def happened(connection: Connection, seen: Seen, since: datetime, team: str = "") -> Happened:
    """What happened since then in the repositories that may be seen.

    team: only to reviews with an area that this team signs off, settled or not; the newest
    MOST_CHANGED are counted. "" for all.
    """
    asked = {**rights(seen), "since": since.timestamp()}
    if not team:
        row = connection.rows(_HAPPENED, asked)[0]
        return Happened(row.new or 0, row.signed_off or 0, row.waived or 0)
    named = f"team {team}"
    rows = [
        row
        for row in connection.rows(
            _HAPPENED_TO, {**asked, "named": msgspec.json.encode(named).decode()}
        )
        if any(named in area.reviewers for area in _AREAS.decode(row.overview).areas)
    ]
    return Happened(*(sum(row[place] for row in rows) for place in range(1, 4)))


def _reviews(rows: list[Any]) -> Reviews:
    return (rows[0].total if rows else 0), tuple(map(waiting, rows))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _changed(of: ColumnElement[bool], at: ColumnElement[float]) -> Statement:
    """The reviews of a kind that came into it since then, newest first."""
    counted = (
        select(reviews.c.key, func.count().over().label("total"))
        .where(of, IN_VIEW, at > bindparam("since", type_=Double))
        .order_by(at.desc(), reviews.c.key)
        .limit(MOST_ROWS)
        .subquery()
    )
    return Statement(
        select(*WAITING, counted.c.total)
        .join(reviews, reviews.c.key == counted.c.key)
        .join(keys, keys.c.key == counted.c.key)
        .order_by(at.desc(), reviews.c.key)
    )


_NEW = _changed(reviews.c.turn != literal_column("''"), reviews.c.flagged_since)
_WAIVED = _changed(
    and_(IS_WAIVED, reviews.c.overview != literal_column("''")), reviews.c.state_since
)
_since = bindparam("since", type_=Double)
_settled_since = {
    state: and_(
        reviews.c.state == literal_column(f"'{state}'"),
        reviews.c.overview != literal_column("''"),
        reviews.c.state_since > _since,
    )
    for state in ("signed_off", "waived")
}
_is_new = reviews.c.flagged_since > _since
_HAPPENED = Statement(
    select(
        func.sum(case((_is_new, 1), else_=0)).label("new"),
        *(func.sum(case((one, 1), else_=0)).label(state) for state, one in _settled_since.items()),
    ).where(may_see(reviews.c.repository_id), or_(_is_new, reviews.c.state_since > _since))
)
# An overview is JSON; what names the team elsewhere in it is left out once it is read.
_HAPPENED_TO = Statement(
    select(
        reviews.c.overview,
        case((_is_new, 1), else_=0).label("new"),
        *(case((one, 1), else_=0).label(state) for state, one in _settled_since.items()),
    )
    .where(may_see(reviews.c.repository_id), or_(_is_new, reviews.c.state_since > _since))
    .where(
        func.replace(reviews.c.overview, bindparam("named", type_=Text), "") != reviews.c.overview
    )
    .order_by(reviews.c.state_since.desc(), reviews.c.key)
    .limit(MOST_CHANGED)
)
_place: ColumnElement[int] = bindparam("place", type_=BigInteger)
_FAILING = Statement(
    select(
        *(keys.c.full_name, keys.c.number, keys.c.error, keys.c.attempts, keys.c.started_at),
        func.count().over().label("total"),
    )
    .where(dirty(keys), keys.c.parked_at == literal_column("0"), keys.c.attempts >= FAILS_AFTER)
    .where(may_see(keys.c.repository_id))
    .where(or_(_place == EVERY_REPOSITORY, keys.c.repository_id == _place))
    .order_by(keys.c.started_at, keys.c.key)
    .limit(MOST_ROWS)
)


def _broken(table: Table, name: Any, seen: ColumnElement[bool]) -> Statement:
    of = table.c
    return Statement(
        select(name.label("name"), of.good.is_not(None).label("has_good"), of.read_at)
        .where(of.is_broken, seen)
        .order_by(of.read_at)
        .limit(MOST_ROWS)
    )


_named = (
    select(func.min(keys.c.full_name))
    .where(keys.c.repository_id == policies.c.repository_id)
    .scalar_subquery()
)
_BROKEN = _broken(
    policies,
    _named,
    and_(
        may_see(policies.c.repository_id),
        or_(_place == EVERY_REPOSITORY, policies.c.repository_id == _place),
    ),
)
# Whoever may see a repository of the owner reads on its check runs what is wrong with the file.
_prefix = organisations.c.owner + literal_column("'/'")
_BROKEN_LAYERS = _broken(
    organisations,
    organisations.c.owner + literal_column("'/.github'"),
    select(keys.c.key)
    .where(may_see(keys.c.repository_id))
    .where(or_(_place == EVERY_REPOSITORY, keys.c.repository_id == _place))
    .where(func.substr(func.lower(keys.c.full_name), 1, func.length(_prefix)) == _prefix)
    .exists(),
)
