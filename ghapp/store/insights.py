"""Reads the sums of `rollups`, and what is open now, for `/insights` and `ghapp report`.

As in `pages`, each read is for the repositories that its reader may see.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Integer,
    Table,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from ghapp.core.insights import LATER, REVIEWERS, WHOLE, WITHIN, Question, before
from ghapp.core.records import Overview
from ghapp.core.self_review import SelfReview
from ghapp.core.working_time import WorkingTime
from ghapp.store import schema
from ghapp.store.pages import EVERY_REPOSITORY, NO_REPOSITORY, Seen, may_see, rights
from ghapp.store.schema import Now, area_days, keys, question_days, reviews, timings
from ghapp.store.self_review import self_review
from ghapp.store.sql import Connection, Parameters, Statement
from ghapp.store.work_queue.marking import ZERO

MOST_UNSIGNED = 25
# By the age of open reviews, in working time: the hours that it does not exceed.
AGES: Mapping[str, int] = {"hours": 4, "day": 9, "days": 27}
OLDER = "older"

_OVERVIEW = msgspec.json.Decoder(Overview)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the numbers are of; "" for all. repository: its full name. weeks: with this one."""

    repository: str = ""
    area: str = ""
    weeks: int = 12


@dataclass(frozen=True, slots=True)
class Week:
    """Sums of one week; the names are those of `area_days`.

    waits: by whose turn it was, how often in how many minutes; CHECK: in milliseconds.
    """

    sums: Mapping[str, int] = field(default_factory=dict)
    waits: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A pull that was merged while areas waited or were on hold."""

    full_name: str
    number: int
    at: datetime
    overview: Overview


@dataclass(frozen=True, slots=True)
class Insights:
    """All numbers of some weeks.

    repositories, all_areas: what they can be narrowed to. weeks: by their Monday, oldest first.
    areas: by area, as Week.sums. ages: open reviews by the names of AGES, and OLDER. owed, overdue:
    follow-ups that are open now. unsigned: how many there are, and the newest. review: of all
    areas.
    """

    now: datetime
    repositories: tuple[str, ...]
    all_areas: tuple[str, ...]
    weeks: Mapping[date, Week]
    areas: Mapping[str, Mapping[str, int]]
    questions: tuple[Question, ...]
    ages: Mapping[str, int]
    owed: int
    overdue: int
    unsigned: tuple[int, tuple[Unsigned, ...]]
    review: SelfReview = SelfReview()

    @property
    def since(self) -> date | None:
        """The first week with any numbers."""
        return next((day for day, one in self.weeks.items() if one.sums or one.waits), None)


def insights(connection: Connection, seen: Seen, narrowed: Narrowed, zone: tzinfo) -> Insights:
    """The numbers of the last weeks. zone: of the team's clock."""
    now = _time(connection.rows(_NOW)[0][0])
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    first = monday - timedelta(weeks=narrowed.weeks - 1)
    period = {**rights(seen), "first": first.toordinal()}
    names = {one.repository_id: one.full_name for one in connection.rows(_REPOSITORIES, period)}
    asked = {**period, "repository": _repository_of(names, narrowed.repository)}
    asked["area"] = narrowed.area
    mondays = [first + timedelta(weeks=number) for number in range(narrowed.weeks)]
    sums: dict[date, Mapping[str, int]] = {}
    for one in connection.rows(_WEEKS, asked):
        sums[_monday(one.week)] = {name: getattr(one, name) or 0 for name in SUMS}
    waits: dict[date, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for one in connection.rows(_TIMINGS, asked):
        monday = _monday((one.day - 1) // 7)
        waits[monday][one.kind].update(map(int, one.amounts.split()))
    found = connection.rows(_AREAS, asked)
    areas = {one.area: {name: int(getattr(one, name) or 0) for name in SUMS} for one in found}
    working = WorkingTime(zone=zone)
    limits = {
        f"age_{name}": before(now, timedelta(hours=hours), working).timestamp()
        for name, hours in AGES.items()
    }
    tag = f"area:{narrowed.area}\n" if narrowed.area else ""
    ages = connection.rows(_AGES, {**asked, **limits, "area": tag})
    (debt,) = connection.rows(_OWED, {**asked, "today": today.isoformat()})
    return Insights(
        now,
        tuple(sorted(names.values())),
        tuple(sorted(areas)),
        {day: Week(sums.get(day, {}), waits.get(day, {})) for day in mondays},
        {one: areas[one] for one in areas if narrowed.area in ("", one)},
        tuple(map(_question, connection.rows(_QUESTIONS, asked))),
        {one.age: one.many for one in ages},
        *(debt.owed or 0, debt.overdue or 0),
        unsigned(connection, seen, asked, datetime(*first.timetuple()[:3], tzinfo=zone)),
        self_review(connection, seen, first, today, zone, asked["repository"]),
    )


def reviewers_waits(
    connection: Connection, seen: Seen, first: date
) -> Mapping[str, Mapping[int, int]]:
    """By area, how often it waited for its reviewers for how many minutes, since that day."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    period = {**rights(seen), "first": first.toordinal(), "repository": EVERY_REPOSITORY}
    for one in connection.rows(_AREAS_WAITS, {**period, "kind": REVIEWERS}):
        found[one.area].update(map(int, one.amounts.split()))
    return found


def unsigned(
    connection: Connection, seen: Seen, asked: Parameters, since: datetime
) -> tuple[int, tuple[Unsigned, ...]]:
    """What was merged without sign-off since then. asked: with a repository's id and an area."""
    tag = f"area:{asked['area']}\n" if asked["area"] else ""
    given = {**rights(seen), "repository": asked["repository"], "area": tag}
    rows = connection.rows(_UNSIGNED, {**given, "since": since.timestamp()})
    return (
        rows[0].total if rows else 0,
        tuple(
            Unsigned(
                one.full_name, one.number, _time(one.unsigned_at), _OVERVIEW.decode(one.overview)
            )
            for one in rows
        ),
    )


def _repository_of(names: Mapping[int, str], name: str) -> int:
    if not name:
        return EVERY_REPOSITORY
    wanted = name.casefold()
    return next((id for id, one in names.items() if one.casefold() == wanted), NO_REPOSITORY)


def _question(row: Any) -> Question:
    return Question(
        row.area,
        row.item,
        **{name: int(getattr(row, name) or 0) for name in COUNTS},
        took=tuple(int(getattr(row, name) or 0) for name in (*WITHIN.values(), LATER)),
        same=row.least is not None and row.least == row.most,
    )


def _monday(week: int) -> date:
    return date.fromordinal(week * 7 + 1)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


SUMS = tuple(one.name for one in area_days.c if not one.primary_key)
COUNTS = (
    *("asked", "answered", "not_applicable", "deferred", "in_bulk", "concerns", "findings"),
    "worded",
)
_NOW = Statement(select(Now()))
_repository = bindparam("repository", type_=BigInteger)
_area, _tag = bindparam("area", type_=Text), bindparam("area", type_=Text)


def _within(table: Table) -> tuple[ColumnElement[bool], ...]:
    """The rows of the period that the reader may see, of the repository if one is named."""
    return (
        table.c.day >= bindparam("first", type_=Integer),
        may_see(table.c.repository_id),
        _of_repository(table),
    )


def _of_repository(table: Table) -> ColumnElement[bool]:
    return or_(_repository == EVERY_REPOSITORY, table.c.repository_id == _repository)


def _summed(table: Table, names: Iterable[str]) -> list[ColumnElement[Any]]:
    return [func.sum(table.c[name]).label(name) for name in names]


def _week(table: Table) -> ColumnElement[int]:
    return (table.c.day - literal_column("1", Integer)) // literal_column("7", Integer)


_named = (
    select(area_days.c.repository_id)
    .distinct()
    .where(area_days.c.day >= bindparam("first", type_=Integer), area_days.c.area == WHOLE)
    .where(may_see(area_days.c.repository_id))
    .subquery()
)
# Sweeps know the present name of a repository; else that of one of its pulls will do.
_sweeps, _pulls = keys.alias("sweeps"), keys.alias("pulls")
_REPOSITORIES = Statement(
    select(
        _named.c.repository_id,
        func.coalesce(
            select(_sweeps.c.full_name)
            .where(_sweeps.c.key == "sweep:" + cast(_named.c.repository_id, Text))
            .scalar_subquery(),
            select(_pulls.c.full_name)
            .where(_pulls.c.repository_id == _named.c.repository_id, _pulls.c.full_name != "")
            .limit(1)
            .scalar_subquery(),
            "",
        ).label("full_name"),
    )
)
_WEEKS = Statement(
    select(_week(area_days).label("week"), *_summed(area_days, SUMS))
    .where(*_within(area_days), area_days.c.area == _area)
    .group_by(literal_column("1"))
)
_nothing: Any = literal_column("''")  # the amounts have spaces behind them
_TIMINGS = Statement(
    select(
        *(timings.c.kind, timings.c.day),
        func.aggregate_strings(timings.c.amounts, _nothing).label("amounts"),
    )
    .where(*_within(timings), timings.c.area == _area)
    .group_by(timings.c.kind, timings.c.day)
)
_AREAS_WAITS = Statement(
    select(timings.c.area, func.aggregate_strings(timings.c.amounts, _nothing).label("amounts"))
    .where(*_within(timings), timings.c.kind == bindparam("kind", type_=Text))
    .where(timings.c.area != WHOLE)
    .group_by(timings.c.area)
)
_AREAS = Statement(
    select(area_days.c.area, *_summed(area_days, SUMS))
    .where(*_within(area_days), area_days.c.area != WHOLE)
    .group_by(area_days.c.area)
)
_QUESTIONS = Statement(
    select(
        *(question_days.c.area, question_days.c.item),
        *_summed(question_days, (*COUNTS, *WITHIN.values(), LATER)),
        func.min(question_days.c.least_words).label("least"),
        func.max(question_days.c.most_words).label("most"),
    )
    .where(*_within(question_days), or_(_area == "", question_days.c.area == _area))
    .group_by(question_days.c.area, question_days.c.item)
)
# With `replace`, because LIKE differs between the databases.
_tagged = or_(_tag == "", func.replace(reviews.c.tags, _tag, "") != reviews.c.tags)
_since = reviews.c.state_since
_age = case(
    *(
        (
            _since >= bindparam(f"age_{name}", type_=Double),
            literal_column(f"'{name}'"),
        )
        for name in AGES
    ),
    else_=literal_column(f"'{OLDER}'"),
)
_AGES = Statement(
    select(_age.label("age"), func.count().label("many"))
    .where(reviews.c.turn != literal_column("''"), may_see(reviews.c.repository_id))
    .where(_of_repository(reviews), _tagged)
    .group_by(literal_column("1"))
)
_debts = schema.follow_ups
_is_overdue = _debts.c.due < bindparam("today", type_=Text)
_OWED = Statement(
    select(
        func.count().label("owed"),
        func.sum(case((_is_overdue, 1), else_=0)).label("overdue"),
    ).where(
        _debts.c.is_open,
        may_see(_debts.c.repository_id),
        _of_repository(_debts),
        or_(_area == "", _debts.c.area == _area),
    )
)
_UNSIGNED = Statement(
    select(
        *(keys.c.full_name, reviews.c.number, reviews.c.unsigned_at, reviews.c.overview),
        func.count().over().label("total"),
    )
    .join(keys, keys.c.key == reviews.c.key)
    .where(reviews.c.unsigned_at > ZERO, reviews.c.unsigned_at >= bindparam("since", type_=Double))
    .where(may_see(reviews.c.repository_id), _of_repository(reviews), _tagged)
    .order_by(reviews.c.unsigned_at.desc(), reviews.c.key)
    .limit(MOST_UNSIGNED)
)
