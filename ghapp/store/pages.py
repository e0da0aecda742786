"""Reads what the pages show: reviews by whose turn it is, one pull with its ledger, follow-ups.

Nothing is changed. However many rows there are, a page reads few of them whole. Each read is for
the repositories that its reader may see; nothing of another one is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from ghapp.core.areas import Text as TextOfBoth
from ghapp.core.ledger import Entry
from ghapp.core.model import ConfigurationKey, PullKey, Repository
from ghapp.core.records import (
    Consultation,
    FollowUp,
    Hours,
    Overview,
    ProjectArea,
    RunNote,
    Shown,
    Verdict,
)
from ghapp.core.releases import Release
from ghapp.core.review.configuration import Standing, acceptances, rank
from ghapp.store import configurations, projects, schema
from ghapp.store.configurations import Week
from ghapp.store.runs import TURNS
from ghapp.store.schema import IS_PARKED, IS_PULL, Now, keys, ledger, reviews, shown
from ghapp.store.sql import Connection, Parameters, Statement, one_of
from ghapp.store.work_queue.marking import Mark, mark

# Of each part of a page: more at once is nothing that a team can talk about.
MOST_ROWS = 25
MOST_ENTRIES = 200
MOST_CONFIGURATIONS = 500
MOST_PROJECTS = 200
MOST_MISSING = 5  # pulls of a release that are named
MOST_WAITS = 100  # repositories of which the longest wait is read
CLOSED_DAYS, MOST_CLOSED = 30, 2_000
MOST_WAIVERS = 500
OVERDUE, TODAY, SOON, LATER = "overdue", "today", "soon", "later"
EVERY_REPOSITORY, NO_REPOSITORY = 0, -1  # in the place of an id
PARTS = (OVERDUE, TODAY, SOON, LATER)
SETTLED = ("signed_off", "waived", "frozen")  # as in `review.PullState`

# The ids of the repositories that a reader may see; None for all of them.
Seen = frozenset[int] | None

_PLACE = ("installation_id", "repository_id", "full_name")
_ENTRY, _FOLLOW_UP = msgspec.json.Decoder(Entry), msgspec.json.Decoder(FollowUp)
_RUNS = msgspec.json.Decoder(tuple[RunNote, ...])
_SHOWN = msgspec.json.Decoder(Shown)
_PROJECT_AREAS = msgspec.json.Decoder(tuple[ProjectArea, ...])
_OVERVIEW, _VERDICT = msgspec.json.Decoder(Overview), msgspec.json.Decoder(Verdict)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the queue is narrowed to; "" for all. repository: its full name. release: a day."""

    repository: str = ""
    area: str = ""
    team: str = ""
    release: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A review that somebody has to act on. title: of its check run. since: in this state.

    flagged_since: when it was first flagged and ready. state: as in `review.PullState`.
    """

    full_name: str
    number: int
    title: str
    since: datetime
    overview: Overview
    flagged_since: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A key that failed too often. number: of the pull; 0 if it is of something else."""

    full_name: str
    number: int
    error: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """An open follow-up."""

    full_name: str
    follow_up: FollowUp


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver in the ledger. key: of its pull."""

    key: str
    full_name: str
    number: int
    entry: Entry


# By part, how many follow-ups there are, and those that are due first.
Parts = Mapping[str, tuple[int, tuple[Due, ...]]]


@dataclass(frozen=True, slots=True)
class Closed:
    """A follow-up that was closed. on: the day, by the clock of the team."""

    full_name: str
    follow_up: FollowUp
    on: date


@dataclass(frozen=True, slots=True)
class FollowUps:
    """The follow-ups of all repositories that are open, or were closed in the last CLOSED_DAYS.

    closed: how many, how many of them in time, and the newest. owners, areas: of all of them.
    """

    now: datetime
    parts: Parts
    closed: tuple[int, int, tuple[Closed, ...]]
    owners: tuple[str, ...]
    areas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the queue can be narrowed to: names of repositories by id, areas, teams and days."""

    repositories: Mapping[int, str]
    areas: tuple[str, ...]
    teams: tuple[str, ...]
    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """The next release, with how many pulls are flagged for it, and how many are not signed off.

    missing: the first of these, as the name of the repository and a number.
    """

    release: Release
    flagged: int
    unsigned: int
    missing: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """By turn, how many reviews wait, and the most urgent ones; the same of parked keys.

    In a freeze first, then those of the next release, then those that have waited longest.
    repository: as for `asking`.
    follow_ups: by part, those that are overdue or due today.
    consultations: what projects wait for the reviewers to answer, and how many do.
    waits: of each repository, since when the review waits for reviewers that has waited longest,
    and the hours in which the team works.
    """

    now: datetime
    choices: Choices
    repository: int
    turns: Mapping[str, tuple[int, tuple[Waiting, ...]]]
    parked: tuple[int, tuple[Parked, ...]]
    follow_ups: Parts
    planned: Planned | None = None
    consultations: tuple[int, tuple[Consultation, ...]] = (0, ())
    waits: tuple[tuple[datetime, Hours | None], ...] = ()


@dataclass(frozen=True, slots=True)
class _Working:
    """The one part of an `Overview` that is needed to measure a wait."""

    hours: Hours | None = None


_WORKING = msgspec.json.Decoder(_Working)


@dataclass(frozen=True, slots=True)
class PullPage:
    """One pull as its last run left it.

    state: as in `review.PullState`, or "parked". error: why its key is parked; "" if it is not.
    entries: the newest of its ledger, newest first; `judged` counts all of them. attempts: how many
    failed in a row. runs: the last ones. shown: when GitHub accepted which check run, by head.
    """

    now: datetime
    full_name: str
    number: int
    state: str
    since: datetime
    verdict: Verdict
    overview: Overview | None
    error: str
    checked_at: datetime
    entries: tuple[Entry, ...]
    judged: int
    follow_ups: tuple[FollowUp, ...]
    attempts: int
    runs: tuple[RunNote, ...]
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class ConfigurationPage:
    """The standing review of one repository. issue: 0 if there is none.

    weeks: oldest first. legend: the messages of the hazards that were found, by id.
    """

    full_name: str
    issue: int
    standing: Standing
    weeks: tuple[Week, ...]
    legend: Mapping[str, TextOfBoth]


@dataclass(frozen=True, slots=True)
class ProjectMember:
    """A pull of a project. overview: None if no run has read it."""

    full_name: str
    number: int
    state: str
    is_open: bool
    overview: Overview | None


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """One project as its last run left it, with those of its pulls that may be seen.

    ledger: oldest first. pulls: open ones first, then the newest. follow_ups: the open ones of
    these pulls, soonest due first.
    """

    now: datetime
    full_name: str
    number: int
    title: str
    is_open: bool
    checked_at: datetime
    areas: tuple[ProjectArea, ...]
    ledger: tuple[Entry, ...]
    pulls: tuple[ProjectMember, ...]
    follow_ups: tuple[Due, ...]


@dataclass(frozen=True, slots=True)
class ListedProject:
    """A project in numbers. questions: of its areas, how many have no answer.

    waits: whether the reviewers are asked about something. open_pulls, pulls: those that may be
    seen. active_at: when somebody last said something there, or a pull came into its state.
    """

    full_name: str
    number: int
    title: str
    is_open: bool
    questions: int
    waits: bool
    open_pulls: int
    pulls: int
    active_at: datetime


@dataclass(frozen=True, slots=True)
class ProjectsPage:
    """Open projects first, then those with the latest activity. total: how many there are."""

    now: datetime
    total: int
    projects: tuple[ListedProject, ...]


@dataclass(frozen=True, slots=True)
class Configured:
    """The standing review of one repository in numbers, as the last week has them."""

    full_name: str
    issue: int
    searched_at: datetime
    week: Week


def rights(seen: Seen) -> Parameters:
    """The parameters of a statement that is narrowed with `may_see`."""
    return {"sees_all": seen is None, "seen": sorted(seen or ())}


def may_see(repository_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the reader may see the repository; see `rights`."""
    return or_(bindparam("sees_all", type_=Boolean), one_of(repository_id, "seen"))


def choices(connection: Connection, seen: Seen) -> Choices:
    """What waits can be narrowed to."""
    asked = rights(seen)
    tags = {tag for one in connection.values(_TAGS, asked) for tag in one.split("\n")}
    consulted = projects.consultations(connection, seen)
    tags |= {f"area:{area}" for one in consulted for area in one.areas}
    tags |= {f"team:{who[5:]}" for one in consulted for who in one.reviewers if who[:5] == "team "}
    names = {
        one.repository_id: one.full_name
        for statement in (_CONSULTED, _REPOSITORIES)
        for one in connection.rows(statement, asked)
    }
    return Choices(
        dict(sorted(names.items(), key=lambda one: one[1])),
        *(
            tuple(sorted(tag.removeprefix(kind) for tag in tags if tag.startswith(kind)))
            for kind in ("area:", "team:", "release:")
        ),
    )


def queue(connection: Connection, seen: Seen, narrowed: Narrowed, zone: tzinfo) -> Queue:
    """What waits. zone: of the clock by which follow-ups are due."""
    now, options = _time(connection.rows(_NOW)[0][0]), choices(connection, seen)
    ids = {name.lower(): id for id, name in options.repositories.items()}
    name = narrowed.repository.lower()
    repository = ids.get(name, NO_REPOSITORY) if name else EVERY_REPOSITORY
    asked = asking(seen, repository, narrowed)
    turns: dict[str, tuple[int, tuple[Waiting, ...]]] = {
        one.turn: (one.total, ()) for one in connection.rows(_TURNS, asked)
    }
    for one in connection.rows(_WAITING, asked):
        total, before = turns[one.turn]
        turns[one.turn] = total, (*before, waiting(one))
    parked = connection.rows(_PARKED, {**rights(seen), "repository": repository})
    today = now.astimezone(zone).date()
    return Queue(
        now,
        options,
        repository,
        turns,
        (
            parked[0].total if parked else 0,
            tuple(Parked(one.full_name, one.number, one.error, _time(one.at)) for one in parked),
        ),
        _due(connection, seen, repository, narrowed.area, today, today, last=today),
        _planned(connection, seen, today),
        _consultations(connection, seen, repository, narrowed),
        tuple(
            (_time(one.state_since), _WORKING.decode(one.overview).hours)
            for one in connection.rows(_WAITS, asked)
        ),
    )


def _consultations(
    connection: Connection, seen: Seen, repository: int, narrowed: Narrowed
) -> tuple[int, tuple[Consultation, ...]]:
    """How many there are, and those that were asked first; none of them is for a release."""
    wanted = seen
    if repository != EVERY_REPOSITORY:
        wanted = frozenset({repository} if seen is None else seen & {repository})
    found = [
        one
        for one in (() if narrowed.release else projects.consultations(connection, wanted))
        if not narrowed.area or narrowed.area in one.areas
        if not narrowed.team or f"team {narrowed.team}" in one.reviewers
    ]
    return len(found), tuple(found[:MOST_ROWS])


def asking(seen: Seen, repository: int, narrowed: Narrowed) -> Parameters:
    """The parameters of `IN_VIEW`. repository: its id, else EVERY_REPOSITORY or NO_REPOSITORY."""
    return {
        **rights(seen),
        "repository": repository,
        "area": f"area:{narrowed.area}\n" if narrowed.area else "",
        "team": f"team:{narrowed.team}\n" if narrowed.team else "",
        "release": f"release:{narrowed.release}\n" if narrowed.release else "",
    }


def waiting(row: Any) -> Waiting:
    """A row with the columns of `WAITING`."""
    return Waiting(
        row.full_name,
        row.number,
        _VERDICT.decode(row.verdict).title,
        _time(row.state_since),
        _OVERVIEW.decode(row.overview),
        _time(row.flagged_since),
        row.state,
    )


def _planned(connection: Connection, seen: Seen, today: date) -> Planned | None:
    """The next release that flagged pulls are for, from today on; None if there is none."""
    asked = rights(seen)
    (day,) = connection.values(_NEXT_DAY, {**asked, "today": today.isoformat()})
    if day is None:
        return None
    row = connection.rows(_OF_RELEASE, {**asked, "day": day})[0]
    (overview,) = connection.values(_OVERVIEW_OF, {"of": row.key})
    release = _OVERVIEW.decode(overview).release or Release(day)
    missing = [
        (one.full_name, one.number) for one in connection.rows(_MISSING, {**asked, "day": day})
    ]
    return Planned(release, row.flagged, row.unsigned, tuple(missing))


def follow_ups(
    connection: Connection,
    seen: Seen,
    zone: tzinfo,
    soon_days: int,
    owner: str = "",
    area: str = "",
) -> FollowUps:
    """Follow-ups. soon_days: for so many days from today they are in the part SOON.

    owner, area: only theirs; "" for all.
    """
    now = _time(connection.rows(_NOW)[0][0])
    today = now.astimezone(zone).date()
    soon = today + timedelta(days=soon_days)
    since = {**rights(seen), "since": (now - timedelta(days=CLOSED_DAYS)).timestamp()}
    named = connection.rows(_NAMED, since)
    closed = [
        Closed(
            one.full_name,
            _FOLLOW_UP.decode(one.follow_up),
            _time(one.closed_at).astimezone(zone).date(),
        )
        for one in connection.rows(_CLOSED, {**since, "area": area, "owner": owner.lower()})
    ]
    return FollowUps(
        now,
        _due(*(connection, seen, EVERY_REPOSITORY, area, today, soon), last=date.max, owner=owner),
        (
            len(closed),
            sum(one.on.isoformat() <= one.follow_up.last_day for one in closed),
            tuple(closed[:MOST_ROWS]),
        ),
        tuple(sorted({one.owner for one in named if one.owner})),
        tuple(sorted({one.area for one in named if one.area})),
    )


def _due(
    connection: Connection,
    seen: Seen,
    repository: int,
    area: str,
    today: date,
    soon: date,
    last: date,
    owner: str = "",
) -> Parts:
    """soon: the last day of the part SOON. last: what is due later is left out."""
    asked = {
        **rights(seen),
        "repository": repository,
        "area": area,
        "owner": owner.lower(),
        "today": today.isoformat(),
        "soon": soon.isoformat(),
        "last": last.isoformat(),
    }
    found: dict[str, tuple[int, tuple[Due, ...]]] = {
        one.part: (one.total, ()) for one in connection.rows(_PARTS, asked)
    }
    for one in connection.rows(_DUE, asked):
        row = Due(one.full_name, _FOLLOW_UP.decode(one.follow_up))
        total, before = found[one.part]
        found[one.part] = total, (*before, row)
    return found


def pull(connection: Connection, seen: Seen, full_name: str, number: int) -> PullPage | None:
    """The pull, by the name that its repository has now; None if there is none to be seen."""
    asked = {**rights(seen), "name": full_name.lower(), "number": number}
    row = connection.row(_PULL, asked)
    if row is None:
        return None
    entries = connection.rows(_ENTRIES, {"of": row.key})
    overview = _OVERVIEW.decode(row.overview) if row.overview else None
    of = overview.project if overview else None
    if overview and of and seen is not None and of.key.repository.id not in seen:
        overview = replace(overview, project=None)
    return PullPage(
        _time(row.now),
        row.full_name,
        row.number,
        "parked" if row.parked_at else row.state,
        _time(row.parked_at or row.state_since or row.updated_at),
        _VERDICT.decode(row.verdict),
        overview,
        row.error if row.parked_at or row.attempts else "",
        _time(row.updated_at),
        tuple(_ENTRY.decode(one.entry) for one in entries),
        entries[0].total if entries else 0,
        tuple(map(_FOLLOW_UP.decode, connection.values(_FOLLOW_UPS, {"of": row.key}))),
        row.attempts,
        _RUNS.decode(row.runs),
        tuple(map(_SHOWN.decode, connection.values(_SHOWN_BEFORE, {"of": row.key}))),
    )


def project(connection: Connection, seen: Seen, full_name: str, number: int) -> ProjectPage | None:
    """The project, by the name that its repository has now; None if there is none to be seen."""
    asked = {**rights(seen), "name": full_name.lower(), "number": number}
    row = connection.row(_PROJECT, asked)
    if row is None:
        return None
    of = {**rights(seen), "of": row.key}
    return ProjectPage(
        _time(row.now),
        row.full_name,
        row.number,
        row.title,
        bool(row.is_open),
        _time(row.updated_at),
        _PROJECT_AREAS.decode(row.areas),
        tuple(map(_ENTRY.decode, connection.values(_WHOLE_LEDGER, {"of": row.ledger}))),
        tuple(
            ProjectMember(
                *(one.full_name, one.number, one.state, bool(one.is_open)),
                _OVERVIEW.decode(one.overview) if one.overview else None,
            )
            for one in connection.rows(_MEMBERS, of)
        ),
        tuple(
            Due(one.full_name, _FOLLOW_UP.decode(one.follow_up))
            for one in connection.rows(_OWED_BY_MEMBERS, of)
        ),
    )


def all_projects(connection: Connection, seen: Seen) -> ProjectsPage:
    """All projects; of more than MOST_PROJECTS, open ones and those that were checked last."""
    now = _time(connection.rows(_NOW)[0][0])
    rows = connection.rows(_PROJECTS, rights(seen))
    of = {**rights(seen), "projects": [one.key for one in rows]}
    members = {one.project: one for one in connection.rows(_MEMBERS_OF_EACH, of)}
    said = {
        one.key: _ENTRY.decode(one.entry).said_at
        for one in connection.rows(_NEWEST_SAID, {"ledgers": [one.ledger for one in rows]})
    }
    found = []
    for one in rows:
        has = members.get(one.key)
        times = [_time(has.state_since)] if has else []
        times += [said[one.ledger]] if one.ledger in said else []
        areas = _PROJECT_AREAS.decode(one.areas)
        questions = sum(not item.answer for area in areas for item in area.items)
        found.append(
            ListedProject(
                *(one.full_name, one.number, one.title, bool(one.is_open), questions),
                bool(one.is_open and one.asked_at),
                *((int(has.open), int(has.total)) if has else (0, 0)),
                max(times, default=_time(one.updated_at)),
            )
        )
    found.sort(key=lambda one: (one.full_name, one.number))
    found.sort(key=lambda one: (one.is_open, one.active_at), reverse=True)
    return ProjectsPage(now, rows[0].total if rows else 0, tuple(found))


def check_again(connection: Connection, seen: Seen, full_name: str, number: int) -> bool:
    """Have the pull checked again, as if nothing were known of our marks; False if it is not seen.

    A pull that is parked gets a new chance.
    """
    asked = {**rights(seen), "name": full_name.lower(), "number": number}
    row = connection.row(_PULL, asked)
    if row is None:
        return False
    key = PullKey(Repository(row.installation_id, row.repository_id, row.full_name), row.number)
    mark(connection, Mark((key,), touched=True), Mark((key,), requested=True))
    return True


def waivers(connection: Connection, seen: Seen, since: datetime) -> tuple[Waiver, ...]:
    """Waivers since then, the newest MOST_WAIVERS at most, newest first."""
    found = [
        Waiver(one.key, one.full_name, one.number, _ENTRY.decode(one.entry))
        for one in connection.rows(_WAIVERS, rights(seen))
    ]
    return tuple(one for one in found if one.entry.said_at >= since)


def configuration(
    connection: Connection, seen: Seen, full_name: str, zone: tzinfo
) -> ConfigurationPage | None:
    """The standing review of a repository; None if none is recorded, or it is not to be seen.

    zone: of the clock by which acceptances end.
    """
    row = connection.row(_CONFIGURATION, {**rights(seen), "name": full_name.lower()})
    if row is None:
        return None
    known = configurations.recall(connection, row.repository_id)
    key = ConfigurationKey(Repository(row.installation_id, row.repository_id, row.full_name))
    entries = tuple(map(_ENTRY.decode, connection.values(_WHOLE_LEDGER, {"of": str(key)})))
    standing = Standing(
        findings=tuple(sorted(known.findings, key=rank)),
        accepted=acceptances(entries, known.now.astimezone(zone).date()),
        searched_at=known.searched_at,
        before=known.before,
        files=known.files,
        unread=known.unread,
        complete=not known.is_partial,
    )
    weeks = configurations.weeks(connection, row.repository_id)
    return ConfigurationPage(row.full_name, known.issue, standing, weeks, known.legend)


def all_configurations(connection: Connection, seen: Seen) -> tuple[Configured, ...]:
    """Of each repository that has one, those with the heaviest findings first."""
    return tuple(
        Configured(
            *(one.full_name, one.issue, _time(one.searched_at)),
            Week(*(one.week, one.must, one.should, one.could, one.accepted)),
        )
        for one in connection.rows(_CONFIGURATIONS, rights(seen))
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


_table = schema.follow_ups
_NOW = Statement(select(Now()))
_waits = reviews.c.turn != literal_column("''")
_repository = bindparam("repository", type_=BigInteger)
_in_repository = or_(_repository == 0, reviews.c.repository_id == _repository)
# With `replace`, because LIKE differs between the databases.
_tagged = [
    or_(
        bindparam(kind, type_=Text) == "",
        func.replace(reviews.c.tags, bindparam(kind, type_=Text), "") != reviews.c.tags,
    )
    for kind in ("area", "team", "release")
]
_TAGS = Statement(select(reviews.c.tags).distinct().where(_waits, may_see(reviews.c.repository_id)))
_one_of_each = (
    select(reviews.c.repository_id, func.min(reviews.c.key).label("key"))
    .where(_waits, may_see(reviews.c.repository_id))
    .group_by(reviews.c.repository_id)
    .subquery()
)
_REPOSITORIES = Statement(
    select(_one_of_each.c.repository_id, keys.c.full_name)
    .join(keys, keys.c.key == _one_of_each.c.key)
    .order_by(keys.c.full_name)
)
_CONSULTED = Statement(
    select(schema.projects.c.repository_id, schema.projects.c.full_name)
    .where(schema.projects.c.asked_at > 0, schema.projects.c.is_open)
    .where(may_see(schema.projects.c.repository_id))
    .distinct()
)
_by_urgency = (reviews.c.urgency, reviews.c.state_since, reviews.c.key)
_has_release = reviews.c.release_on != literal_column("''")
_NEXT_DAY = Statement(
    select(func.min(reviews.c.release_on)).where(
        _has_release,
        reviews.c.release_on >= bindparam("today", type_=Text),
        may_see(reviews.c.repository_id),
    )
)
_is_settled = reviews.c.state.in_([literal_column(f"'{one}'") for one in SETTLED])
_OF_RELEASE = Statement(
    select(
        func.count().label("flagged"),
        func.sum(case((_is_settled, 0), else_=1)).label("unsigned"),
        func.min(reviews.c.key).label("key"),
    ).where(
        _has_release,
        reviews.c.release_on == bindparam("day", type_=Text),
        may_see(reviews.c.repository_id),
    )
)
_MISSING = Statement(
    select(keys.c.full_name, reviews.c.number)
    .join(keys, keys.c.key == reviews.c.key)
    .where(
        _has_release,
        reviews.c.release_on == bindparam("day", type_=Text),
        ~_is_settled,
        may_see(reviews.c.repository_id),
    )
    .order_by(reviews.c.number, keys.c.full_name)
    .limit(MOST_MISSING)
)
_OVERVIEW_OF = Statement(select(reviews.c.overview).where(reviews.c.key == bindparam("of")))
# What the queue is narrowed to, and its reader may see; see `asking`.
IN_VIEW = and_(_in_repository, may_see(reviews.c.repository_id), *_tagged)
WAITING = (
    *(keys.c.full_name, reviews.c.number, reviews.c.verdict, reviews.c.state_since),
    *(reviews.c.overview, reviews.c.flagged_since, reviews.c.state),
)
# Counted in an index; only the rows that are shown are read whole.
_listed = (_waits, IN_VIEW)
_TURNS = Statement(
    select(reviews.c.turn, func.count().label("total")).where(*_listed).group_by(reviews.c.turn)
)


def _longest(turn: str) -> Select[Any]:
    """Those of a turn that are most urgent, and then have waited longest."""
    return select(
        select(reviews.c.key, reviews.c.turn)
        .where(reviews.c.turn == literal_column(f"'{turn}'"), *_listed)
        .order_by(*_by_urgency)
        .limit(MOST_ROWS)
        .subquery()
    )


_longest_waiting = union_all(*map(_longest, dict.fromkeys(TURNS.values()))).subquery()
_WAITING = Statement(
    select(
        *WAITING,
        _longest_waiting.c.turn,
    )
    .join(reviews, reviews.c.key == _longest_waiting.c.key)
    .join(keys, keys.c.key == _longest_waiting.c.key)
    .order_by(_longest_waiting.c.turn, *_by_urgency)
)
_waits_for_reviewers = reviews.c.turn == literal_column(f"'{TURNS['waiting_reviewers']}'")
_longest_first = (
    select(
        *(reviews.c.key, reviews.c.state_since),
        func.row_number()
        .over(partition_by=reviews.c.repository_id, order_by=reviews.c.state_since)
        .label("place"),
    )
    .where(_waits_for_reviewers, *_listed)
    .subquery()
)
_longest_of_each = (
    select(_longest_first.c.key)
    .where(_longest_first.c.place == literal_column("1"))
    .order_by(_longest_first.c.state_since)
    .limit(MOST_WAITS)
    .subquery()
)
_WAITS = Statement(
    select(reviews.c.state_since, reviews.c.overview).join(
        _longest_of_each, _longest_of_each.c.key == reviews.c.key
    )
)
_PARKED = Statement(
    select(
        *(keys.c.full_name, keys.c.number, keys.c.error, keys.c.parked_at.label("at")),
        func.count().over().label("total"),
    )
    .where(IS_PARKED, may_see(keys.c.repository_id))
    .where(or_(_repository == 0, keys.c.repository_id == _repository))
    .order_by(keys.c.parked_at, keys.c.key)
    .limit(MOST_ROWS)
)
_day, _today, _soon = (
    _table.c.due,
    bindparam("today", type_=Text),
    bindparam("soon", type_=Text),
)
_parts = {
    OVERDUE: _day < _today,
    TODAY: _day == _today,
    SOON: and_(_day > _today, _day <= _soon),
    LATER: and_(_day > _today, _day > _soon),
}
_part = case(
    *((condition, literal_column(f"'{part}'")) for part, condition in _parts.items()),
)
_area, _owner = bindparam("area", type_=Text), bindparam("owner", type_=Text)
_is_named = and_(
    or_(_area == "", _table.c.area == _area),
    or_(_owner == "", func.lower(_table.c.owner) == _owner),
)
_owed = (
    _table.c.is_open,
    _day <= bindparam("last", type_=Text),
    may_see(_table.c.repository_id),
    or_(_repository == 0, _table.c.repository_id == _repository),
    _is_named,
)
_PARTS = Statement(
    select(_part.label("part"), func.count().label("total")).where(*_owed).group_by(_part)
)


def _soonest(part: str) -> Select[Any]:
    """Those of a part that are due first."""
    return select(
        select(_table.c.key, _table.c.item, literal_column(f"'{part}'").label("part"))
        .where(_parts[part], *_owed)
        .order_by(_day, _table.c.key, _table.c.item)
        .limit(MOST_ROWS)
        .subquery()
    )


_soonest_due = union_all(*map(_soonest, PARTS)).subquery()
_DUE = Statement(
    select(keys.c.full_name, _table.c.follow_up, _soonest_due.c.part)
    .join(keys, keys.c.key == _soonest_due.c.key)
    .join(
        _table,
        and_(_table.c.key == _soonest_due.c.key, _table.c.item == _soonest_due.c.item),
    )
    .order_by(_table.c.due, _table.c.key, _table.c.item)
)
_closed_since = _table.c.closed_at > bindparam("since", type_=Double)
_CLOSED = Statement(
    select(keys.c.full_name, _table.c.follow_up, _table.c.closed_at)
    .join(keys, keys.c.key == _table.c.key)
    .where(_closed_since, may_see(_table.c.repository_id), _is_named)
    .order_by(_table.c.closed_at.desc(), _table.c.key, _table.c.item)
    .limit(MOST_CLOSED)
)
_NAMED = Statement(
    select(_table.c.owner, _table.c.area)
    .where(or_(_table.c.is_open, _closed_since), may_see(_table.c.repository_id))
    .distinct()
)
_PULL = Statement(
    select(
        *(Now().label("now"), keys.c.key, keys.c.full_name, keys.c.number, keys.c.error),
        *(keys.c.parked_at, reviews.c.state, reviews.c.state_since, reviews.c.verdict),
        *(reviews.c.overview, reviews.c.updated_at, reviews.c.runs, keys.c.attempts),
        *(keys.c.installation_id, keys.c.repository_id),
    )
    .join(reviews, reviews.c.key == keys.c.key)
    .where(IS_PULL, keys.c.number == bindparam("number"), may_see(keys.c.repository_id))
    .where(func.lower(keys.c.full_name) == bindparam("name"))
    .order_by(keys.c.started_at.desc())
    .limit(1)
)
_PROJECT = Statement(
    select(
        *(schema.projects.c[name] for name in ("key", "ledger", "full_name", "number", "title")),
        *(schema.projects.c[name] for name in ("is_open", "areas", "updated_at")),
        Now().label("now"),
    )
    .where(func.lower(schema.projects.c.full_name) == bindparam("name"))
    .where(schema.projects.c.number == bindparam("number"))
    .where(may_see(schema.projects.c.repository_id))
    .order_by(schema.projects.c.updated_at.desc())
    .limit(1)
)
_is_member = (reviews.c.project == bindparam("of"), may_see(reviews.c.repository_id))
_MEMBERS = Statement(
    select(keys.c.full_name, reviews.c.number, reviews.c.state, reviews.c.is_open)
    .add_columns(reviews.c.overview)
    .join(keys, keys.c.key == reviews.c.key)
    .where(*_is_member)
    .order_by(reviews.c.is_open.desc(), reviews.c.number.desc(), keys.c.full_name)
    .limit(projects.MOST_PULLS)
)
_OWED_BY_MEMBERS = Statement(
    select(keys.c.full_name, _table.c.follow_up)
    .join(reviews, reviews.c.key == _table.c.key)
    .join(keys, keys.c.key == _table.c.key)
    .where(_table.c.is_open, *_is_member)
    .order_by(_table.c.due, _table.c.key, _table.c.item)
    .limit(MOST_CLOSED)
)
_PROJECTS = Statement(
    select(
        *(schema.projects.c[name] for name in ("key", "ledger", "full_name", "number", "title")),
        *(schema.projects.c[name] for name in ("is_open", "areas", "asked_at", "updated_at")),
        func.count().over().label("total"),
    )
    .where(may_see(schema.projects.c.repository_id))
    .order_by(schema.projects.c.is_open.desc(), schema.projects.c.updated_at.desc())
    .order_by(schema.projects.c.key)
    .limit(MOST_PROJECTS)
)
_MEMBERS_OF_EACH = Statement(
    select(
        reviews.c.project,
        func.count().label("total"),
        func.sum(case((reviews.c.is_open, 1), else_=0)).label("open"),
        func.max(reviews.c.state_since).label("state_since"),
    )
    .where(reviews.c.project != literal_column("''"), one_of(reviews.c.project, "projects"))
    .where(may_see(reviews.c.repository_id))
    .group_by(reviews.c.project)
)
_newest_of_each = (
    select(func.max(ledger.c.row).label("row"))
    .where(one_of(ledger.c.key, "ledgers"))
    .group_by(ledger.c.key)
    .subquery()
)
_NEWEST_SAID = Statement(
    select(ledger.c.key, ledger.c.entry).join(
        _newest_of_each, _newest_of_each.c.row == ledger.c.row
    )
)
_CONFIGURATION = Statement(
    select(*(schema.configurations.c[name] for name in _PLACE))
    .where(func.lower(schema.configurations.c.full_name) == bindparam("name"))
    .where(may_see(schema.configurations.c.repository_id), schema.configurations.c.searched_at > 0)
    .order_by(schema.configurations.c.searched_at.desc())
    .limit(1)
)
_weeks, _configurations = schema.configuration_weeks, schema.configurations
_last_week = (
    select(_weeks.c.repository_id, func.max(_weeks.c.week).label("week"))
    .group_by(_weeks.c.repository_id)
    .subquery()
)
_CONFIGURATIONS = Statement(
    select(
        *(_configurations.c[name] for name in ("full_name", "issue", "searched_at")),
        *(_weeks.c[name] for name in ("week", "must", "should", "could", "accepted")),
    )
    .join(_last_week, _last_week.c.repository_id == _configurations.c.repository_id)
    .join(
        _weeks,
        and_(
            _weeks.c.repository_id == _last_week.c.repository_id,
            _weeks.c.week == _last_week.c.week,
        ),
    )
    .where(_configurations.c.searched_at > 0, may_see(_configurations.c.repository_id))
    .order_by(_weeks.c.must.desc(), _weeks.c.should.desc(), _weeks.c.could.desc())
    .order_by(_configurations.c.full_name)
    .limit(MOST_CONFIGURATIONS)
)
_WHOLE_LEDGER = Statement(
    select(ledger.c.entry).where(ledger.c.key == bindparam("of")).order_by(ledger.c.row)
)
_ENTRIES = Statement(
    select(ledger.c.entry, func.count().over().label("total"))
    .where(ledger.c.key == bindparam("of"))
    .order_by(ledger.c.row.desc())
    .limit(MOST_ENTRIES)
)
_SHOWN_BEFORE = Statement(
    select(shown.c.shown)
    .where(shown.c.key == bindparam("of"))
    .order_by(shown.c.row.desc())
    .limit(MOST_ENTRIES)
)
_WAIVERS = Statement(
    select(keys.c.key, keys.c.full_name, keys.c.number, ledger.c.entry)
    .join(ledger, ledger.c.key == keys.c.key)
    .where(schema.IS_WAIVER, may_see(keys.c.repository_id))
    .order_by(ledger.c.row.desc())
    .limit(MOST_WAIVERS)
)
_FOLLOW_UPS = Statement(
    select(_table.c.follow_up)
    .where(_table.c.key == bindparam("of"))
    .order_by(_table.c.due, _table.c.item)
)
