"""The standing review of each repository's configuration: when it is due, and what it found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from ghapp.core.areas import Text
from ghapp.core.ledger import Entry
from ghapp.core.marks import EditIssue, Issue, OpenIssue
from ghapp.core.model import ConfigurationKey, Repository
from ghapp.core.records import Claim, PolicySource
from ghapp.core.review.configuration import Tracked
from ghapp.core.scan.configuration import Spot
from ghapp.store import ledger, policies, runs
from ghapp.store.schema import (
    Now,
    configuration_blobs,
    configuration_findings,
    configuration_weeks,
    configurations,
    keys,
    now_once,
    organisations,
    upsert,
)
from ghapp.store.schema import policies as policy_texts
from ghapp.store.sql import Connection, Statement
from ghapp.store.work_queue.leases import change, finish, holding
from ghapp.store.work_queue.marking import Mark, dirty, mark

WEEK, DAY = 7 * 24 * 3600.0, 24 * 3600.0
MOST_MARKED = 50  # installations at a time
MOST_WEEKS = 104
_SPOTS = msgspec.json.Decoder(tuple[Spot, ...])
_NAMES = msgspec.json.Decoder(tuple[str, ...])
_LEGEND = msgspec.json.Decoder(dict[str, Text])
# What was found in a file of this SHA and reading; None if it could not be searched.
Found = Mapping[tuple[str, str], tuple[Spot, ...] | None]


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is recorded of one repository, without its ledger.

    wanted: whether a search is asked for that has not ended. read: how many files were read for it.
    The rest is as in `schema.configurations`; times are None where they are 0 there.
    """

    now: datetime
    wanted: bool = True
    searched_at: datetime | None = None
    before: datetime | None = None
    files: int = 0
    read: int = 0
    is_partial: bool = False
    issue: int = 0
    written: str = ""
    unread: tuple[str, ...] = ()
    findings: tuple[Tracked, ...] = ()
    legend: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Week:
    """How many findings were open, by severity, and accepted. monday: that it began with."""

    monday: str
    must: int
    should: int
    could: int
    accepted: int


# --- when it is due -------------------------------------------------------------------------------

_under_way = keys.alias("under_way")
_is_sweep = keys.c.kind == literal_column("'sweep'")
_MENTIONS: ColumnElement[str] = literal_column("'%configuration%'")
# A policy that does not mention the key leaves it off. One that was never read may say anything.
_may_be_on = or_(
    policy_texts.c.repository_id.is_(None),
    policy_texts.c.text.like(_MENTIONS),
    policy_texts.c.good.like(_MENTIONS),
    exists().where(or_(organisations.c.text.like(_MENTIONS), organisations.c.good.like(_MENTIONS))),
)


def _no_search_in(installation_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether no repository of the installation is being searched."""
    return ~exists().where(
        _under_way.c.kind == literal_column("'configuration'"),
        _under_way.c.installation_id == installation_id,
        dirty(_under_way),
        _under_way.c.parked_at == literal_column("0"),
    )


_first_due = (
    select(func.min(keys.c.repository_id).label("repository_id"))
    .select_from(
        keys.outerjoin(
            configurations, configurations.c.repository_id == keys.c.repository_id
        ).outerjoin(policy_texts, policy_texts.c.repository_id == keys.c.repository_id)
    )
    .where(_is_sweep, _may_be_on, _no_search_in(keys.c.installation_id))
    .where(or_(configurations.c.next_at.is_(None), configurations.c.next_at <= now_once()))
    .group_by(keys.c.installation_id)
    .limit(MOST_MARKED)
    .subquery()
)
_first_hastened = (
    select(func.min(configurations.c.repository_id).label("repository_id"))
    .where(configurations.c.next_at == literal_column("0"))
    .where(_no_search_in(configurations.c.installation_id))
    .group_by(configurations.c.installation_id)
    .limit(MOST_MARKED)
    .subquery()
)
_place = ("installation_id", "repository_id", "full_name")
_DUE = Statement(
    union_all(
        select(*(configurations.c[name] for name in _place)).join(
            _first_hastened, configurations.c.repository_id == _first_hastened.c.repository_id
        ),
        select(*(keys.c[name] for name in _place)).join(
            _first_due, and_(keys.c.repository_id == _first_due.c.repository_id, _is_sweep)
        ),
    )
)
_want = upsert(configurations).values(wanted_at=Now(), next_at=Now() + WEEK)
_WANT = Statement(
    _want.on_conflict_do_update(
        index_elements=[configurations.c.repository_id],
        set_={
            **{
                name: _want.excluded[name]
                for name in ("installation_id", "full_name", "wanted_at", "next_at")
            },
            "read": case(
                (configurations.c.wanted_at > configurations.c.searched_at, configurations.c.read),
                else_=0,
            ),
        },
    )
)


def mark_due(connection: Connection) -> int:
    """Ask for the searches that are due, one at a time of each installation; how many.

    Repositories are known by their sweeps. What fails or cannot be read is asked for again in a
    week, like the rest.
    """
    found: dict[int, Repository] = {}
    for row in connection.rows(_DUE):
        place = Repository(row.installation_id, row.repository_id, row.full_name)
        found.setdefault(row.installation_id, place)
    want(connection, found.values())
    return len(found)


def hasten(connection: Connection, repository: Repository) -> None:
    """Have the next search of the repository come soon, whatever its policy says as last read."""
    row = {
        "repository_id": repository.id,
        "installation_id": repository.installation_id,
        "full_name": repository.full_name,
    }
    connection.change(_HASTEN, row)
    mark_due(connection)


def want(connection: Connection, repositories: Iterable[Repository]) -> None:
    """Ask for a search of each."""
    listed = sorted(repositories, key=lambda one: one.id)
    rows = [
        {
            "repository_id": one.id,
            "installation_id": one.installation_id,
            "full_name": one.full_name,
        }
        for one in listed
    ]
    connection.change_each(_WANT, rows)
    mark(connection, Mark(tuple(map(ConfigurationKey, listed))))


_HASTEN = Statement(
    upsert(configurations)
    .values(next_at=0.0)
    .on_conflict_do_update(index_elements=[configurations.c.repository_id], set_={"next_at": 0.0})
)


# --- what is recorded -----------------------------------------------------------------------------

_of = bindparam("of", type_=BigInteger)
_ROW = Statement(
    select(Now().label("now"), configurations).select_from(
        select(_of.label("id"))
        .subquery("asked")
        .outerjoin(configurations, configurations.c.repository_id == literal_column("asked.id"))
    )
)
_FINDINGS = Statement(
    select(configuration_findings).where(configuration_findings.c.repository_id == _of)
)
_BLOBS = Statement(
    select(
        configuration_blobs.c.sha, configuration_blobs.c.reading, configuration_blobs.c.spots
    ).where(configuration_blobs.c.repository_id == _of)
)
_PATHS = Statement(
    select(configuration_findings.c.path)
    .distinct()
    .where(configuration_findings.c.repository_id == _of)
    .where(configuration_findings.c.gone_at == literal_column("0"))
)
_WEEKS = Statement(
    select(configuration_weeks)
    .where(configuration_weeks.c.repository_id == _of)
    .order_by(configuration_weeks.c.week.desc())
    .limit(MOST_WEEKS)
)


def recall(connection: Connection, repository_id: int) -> Recalled:
    """What is recorded of a repository."""
    row = connection.rows(_ROW, {"of": repository_id})[0]
    if row.repository_id is None:
        return Recalled(_time(row.now))
    return Recalled(
        _time(row.now),
        wanted=not row.searched_at or row.wanted_at > row.searched_at,
        searched_at=_maybe(row.searched_at),
        before=_maybe(row.before_at),
        files=row.files,
        read=row.read,
        is_partial=row.is_partial,
        issue=row.issue,
        written=row.written,
        unread=_NAMES.decode(row.unread),
        findings=findings(connection, repository_id),
        legend=_LEGEND.decode(row.legend),
    )


def findings(connection: Connection, repository_id: int) -> tuple[Tracked, ...]:
    """All findings, also those that are gone, in no order."""
    return tuple(
        Tracked(
            *(row.path, row.hazard, row.number, row.line, row.severity, row.area),
            first_seen=_time(row.first_seen),
            last_seen=_time(row.last_seen),
            gone_at=_maybe(row.gone_at),
            accepted=row.accepted,
        )
        for row in connection.rows(_FINDINGS, {"of": repository_id})
    )


def open_paths(connection: Connection, repository_id: int) -> frozenset[str]:
    """The files in which the last search found something."""
    return frozenset(connection.values(_PATHS, {"of": repository_id}))


def spots(connection: Connection, repository_id: int) -> Found:
    """What is known of files, by their SHA and reading."""
    return {
        (row.sha, row.reading): None if row.spots is None else _SPOTS.decode(row.spots)
        for row in connection.rows(_BLOBS, {"of": repository_id})
    }


def weeks(connection: Connection, repository_id: int) -> tuple[Week, ...]:
    """The counts of each week, oldest first."""
    rows = connection.rows(_WEEKS, {"of": repository_id})
    found = (Week(row.week, row.must, row.should, row.could, row.accepted) for row in rows)
    return tuple(found)[::-1]


# --- what a run records ---------------------------------------------------------------------------

_HOLD = holding(lease_token=keys.c.lease_token)  # nothing changes, but it must be held
_put_blob = upsert(configuration_blobs)
_PUT_BLOB = Statement(
    _put_blob.on_conflict_do_update(
        index_elements=list(configuration_blobs.primary_key),
        set_={"spots": _put_blob.excluded.spots},
    )
)
_READ = Statement(
    update(configurations)
    .where(configurations.c.repository_id == _of)
    .values(read=configurations.c.read + bindparam("more"))
)
_here = configuration_blobs.c
_DROP_BLOB = Statement(
    delete(configuration_blobs).where(
        _here.repository_id == bindparam("in"),
        _here.sha == bindparam("its_sha"),
        _here.reading == bindparam("its_reading"),
    )
)
_CLEAR = Statement(
    delete(configuration_findings).where(configuration_findings.c.repository_id == _of)
)
_ADD = Statement(insert(configuration_findings))
_put_week = upsert(configuration_weeks)
_PUT_WEEK = Statement(
    _put_week.on_conflict_do_update(
        index_elements=list(configuration_weeks.primary_key),
        set_={name: _put_week.excluded[name] for name in ("must", "should", "could", "accepted")},
    )
)
_at = bindparam("at", type_=Double)
_SEARCHED = Statement(
    update(configurations)
    .where(configurations.c.repository_id == _of)
    .values(
        before_at=configurations.c.searched_at,
        searched_at=_at,
        **{name: bindparam(f"its_{name}") for name in ("files", "is_partial", "unread", "legend")},
    )
)
_WROTE = Statement(
    update(configurations)
    .where(configurations.c.repository_id == _of)
    .values(issue=bindparam("number"), written=bindparam("digest"))
)
_LATER = Statement(
    update(configurations)
    .where(configurations.c.repository_id == _of)
    .values(wanted_at=configurations.c.searched_at, next_at=Now() + bindparam("seconds"))
)
_ensure = upsert(configurations)
_ENSURE = Statement(_ensure.on_conflict_do_nothing())


def admit(
    connection: Connection,
    claim: Claim,
    key: ConfigurationKey,
    source: PolicySource | None,
    organisation_drops: int,
    entries: Iterable[Entry],
    judged: Iterable[str],
) -> None:
    """Record what was judged, and the policy as it was read.

    source: None if it is the recalled one. judged: ids of messages. Raises LeaseLost.
    """
    held = change(connection, claim, _HOLD)
    repository = key.repository
    ledger.append(connection, str(key), [*entries], repository.id)
    ledger.judged(connection, str(key), judged)
    row = {
        "repository_id": repository.id,
        "installation_id": repository.installation_id,
        "full_name": repository.full_name,
    }
    connection.change(_ENSURE, row)
    if source:
        policies.keep(connection, repository.id, source, held.policy_drops)
        if below := source.organisation:
            policies.keep_organisation(connection, repository.owner, below, organisation_drops)


def keep_spots(connection: Connection, claim: Claim, repository_id: int, found: Found) -> None:
    """Store what was found in some files, so that they are not read again. Raises LeaseLost."""
    change(connection, claim, _HOLD)
    rows = [
        {
            "repository_id": repository_id,
            "sha": sha,
            "reading": reading,
            "spots": None if some is None else msgspec.json.encode(some).decode(),
        }
        for (sha, reading), some in sorted(found.items(), key=lambda one: one[0])
    ]
    connection.change_each(_PUT_BLOB, rows)
    shas = {sha for sha, _ in found}
    connection.change(_READ, {"of": repository_id, "more": len(shas)})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A search that has ended, at a time by the database's clock.

    findings: as `review.configuration.tracked` gives them. unused: what is known of files that are
    no longer there.
    """

    at: datetime
    findings: tuple[Tracked, ...]
    files: int
    unread: tuple[str, ...]
    is_partial: bool
    legend: Mapping[str, Text]
    unused: tuple[tuple[str, str], ...]


def searched(connection: Connection, claim: Claim, repository_id: int, outcome: Outcome) -> None:
    """Record the outcome of a search. Raises LeaseLost."""
    change(connection, claim, _HOLD)
    connection.change_each(
        _DROP_BLOB,
        [
            {"in": repository_id, "its_sha": sha, "its_reading": reading}
            for sha, reading in sorted(outcome.unused)
        ],
    )
    connection.change(_CLEAR, {"of": repository_id})
    connection.change_each(_ADD, [_row(repository_id, one) for one in outcome.findings])
    connection.change(
        _SEARCHED,
        {
            "of": repository_id,
            "at": outcome.at.timestamp(),
            "its_files": outcome.files,
            "its_is_partial": outcome.is_partial,
            "its_unread": msgspec.json.encode(outcome.unread).decode(),
            "its_legend": msgspec.json.encode(outcome.legend).decode(),
        },
    )


def count(
    connection: Connection, repository_id: int, monday: str, counts: Mapping[str, int]
) -> None:
    """Store the counts of a week."""
    connection.change(_PUT_WEEK, {"repository_id": repository_id, "week": monday, **counts})


def intend(connection: Connection, claim: Claim, number: int, issue: Issue) -> None:
    """Record that the issue is about to be written. number: 0 for a new one. Raises LeaseLost."""
    effect = EditIssue(issue, number) if number else OpenIssue(issue)
    runs.intend(connection, claim, (effect,))


def wrote(
    connection: Connection, claim: Claim, repository_id: int, number: int, digest: str
) -> None:
    """Record the issue that was written. number: 0 if there is none. Raises LeaseLost."""
    runs.answered(connection, claim)
    connection.change(_WROTE, {"of": repository_id, "number": number, "digest": digest})


def end(connection: Connection, claim: Claim) -> None:
    """Give the key back, and ask for the next search of the installation. Raises LeaseLost."""
    finish(connection, claim)
    mark_due(connection)


def skip(connection: Connection, claim: Claim, repository_id: int) -> None:
    """Give the key back without a search: the policy does not want it. Ask again in a day.

    Raises LeaseLost.
    """
    finish(connection, claim)
    connection.change(_LATER, {"of": repository_id, "seconds": DAY})
    mark_due(connection)


def monday_of(at: datetime) -> str:
    """The Monday of the week, "2026-11-30"."""
    return (at.date() - timedelta(days=at.weekday())).isoformat()


def _row(repository_id: int, one: Tracked) -> dict[str, Any]:
    return {
        "repository_id": repository_id,
        "path": one.path,
        "hazard": one.hazard,
        "number": one.number,
        "line": one.line,
        "severity": one.severity,
        "area": one.area,
        "accepted": one.accepted,
        "first_seen": one.first_seen.timestamp(),
        "last_seen": one.last_seen.timestamp(),
        "gone_at": one.gone_at.timestamp() if one.gone_at else 0.0,
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: float) -> datetime | None:
    return _time(seconds) if seconds else None
