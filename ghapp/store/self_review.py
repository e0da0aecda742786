"""Reads the numbers of a self-review, for `/insights` and `ghapp export --report`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Integer,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from ghapp.core.insights import WHOLE
from ghapp.core.ledger import Entry
from ghapp.core.self_review import SelfReview
from ghapp.store.pages import EVERY_REPOSITORY, Seen, may_see, rights
from ghapp.store.rollups import DAY_SECONDS, FIRST_DAY, KEPT_DAYS
from ghapp.store.schema import (
    area_days,
    follow_ups,
    incidents,
    ledger,
    now_once,
    projects,
    question_days,
)
from ghapp.store.sql import Connection, Statement

_ENTRY = msgspec.json.Decoder(Entry)


def self_review(
    connection: Connection,
    seen: Seen,
    first: date,
    last: date,
    zone: tzinfo,
    repository_id: int = EVERY_REPOSITORY,
) -> SelfReview:
    """The numbers of these days, the first and the last included, by the team's clock.

    Those of the roll-ups are None if the first day is older than the days that they keep.
    """
    begins, ends = (
        datetime.combine(day, time(), zone).timestamp() for day in (first, last + timedelta(days=1))
    )
    asked = {**rights(seen), "repository": repository_id}
    during = {**asked, "begins": begins, "ends": ends}
    days = {**asked, "first": first.toordinal(), "last": last.toordinal()}
    (today,) = connection.values(_TODAY, {})
    is_kept = first.toordinal() >= today + FIRST_DAY - KEPT_DAYS
    answers = connection.rows(_ANSWERS, days)[0]
    kept = connection.rows(_KEPT, days)[0]
    consulted = {
        (one.key, entry.subject)
        for one in connection.rows(_CONSULTED, asked)
        if begins <= (entry := _ENTRY.decode(one.entry)).said_at.timestamp() < ends
    }
    closed = connection.rows(_CLOSED, during)
    (linked,) = connection.values(_INCIDENTS, during)
    return SelfReview(
        consultations=len(consulted),
        closed=len(closed),
        in_time=sum(_day(one.closed_at, zone) <= one.due for one in closed),
        incidents=linked,
        answered=int(answers.given or 0) if is_kept else None,
        worded=int(answers.worded or 0) if is_kept else None,
        kept=int(kept.kept or 0) if is_kept else None,
        stale=int(kept.stale or 0) if is_kept else None,
    )


def _day(at: float, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date().isoformat()


_repository = bindparam("repository", type_=BigInteger)


def _seen(repository_id: ColumnElement[int]) -> Iterable[ColumnElement[bool]]:
    """Of the repository if one is named, and only if the reader may see it."""
    return (
        may_see(repository_id),
        or_(_repository == EVERY_REPOSITORY, repository_id == _repository),
    )


def _during(at: ColumnElement[float]) -> Iterable[ColumnElement[bool]]:
    return at >= bindparam("begins", type_=Double), at < bindparam("ends", type_=Double)


def _on(day: ColumnElement[int]) -> ColumnElement[bool]:
    return day.between(bindparam("first", type_=Integer), bindparam("last", type_=Integer))


_TODAY = Statement(select(cast(now_once() / DAY_SECONDS, Integer)))
_q, _a = question_days.c, area_days.c
_ANSWERS = Statement(
    select(
        func.sum(_q.answered + _q.not_applicable + _q.deferred).label("given"),
        func.sum(_q.worded).label("worded"),
    ).where(_on(_q.day), *_seen(_q.repository_id))
)
_KEPT = Statement(
    select(func.sum(_a.kept).label("kept"), func.sum(_a.stale).label("stale")).where(
        _a.area != WHOLE, _on(_a.day), *_seen(_a.repository_id)
    )
)
_CONSULTED = Statement(
    select(ledger.c.key, ledger.c.entry)
    .join(projects, projects.c.ledger == ledger.c.key)
    .where(ledger.c.verb == literal_column("'consult'"), *_seen(projects.c.repository_id))
)
_CLOSED = Statement(
    select(follow_ups.c.due, follow_ups.c.closed_at).where(
        follow_ups.c.closed_at > 0,
        *_during(follow_ups.c.closed_at),
        *_seen(follow_ups.c.repository_id),
    )
)
_INCIDENTS = Statement(
    select(func.count())
    .select_from(incidents)
    .where(*_during(incidents.c.said_at), *_seen(incidents.c.repository_id))
)
