"""Calendar feeds: whose they are, what their owners may see, and what is in them.

A feed is read without a session. It shows repositories that its owner could see when GitHub last
said so, which is while they use the pages, and stops a week after that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import bindparam, delete, func, literal_column, select, update

from ghapp.core.records import FollowUp, Overview
from ghapp.core.releases import Release
from ghapp.store.pages import SETTLED, Due, Seen, may_see, rights
from ghapp.store.schema import Now, feeds, follow_ups, keys, reviews
from ghapp.store.sql import Connection, Statement

WORKS = timedelta(days=7)
MOST_OF_PERSON = 5
MOST_FOLLOW_UPS, MOST_PULLS = 300, 500

_FOLLOW_UP, _OVERVIEW = msgspec.json.Decoder(FollowUp), msgspec.json.Decoder(Overview)
_IDS = msgspec.json.Decoder(list[int])


@dataclass(frozen=True, slots=True)
class Feed:
    """hash: of its token, in hex. works_until: if its owner does not come back before."""

    hash: str
    made_at: datetime
    works_until: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose feed it is, and the ids of the repositories that they may see."""

    login: str
    repositories: frozenset[int]


@dataclass(frozen=True, slots=True)
class Planned:
    """A flagged pull of a release. settled: whether it is signed off or waived."""

    release: Release
    full_name: str
    number: int
    title: str
    settled: bool


_PUT = Statement(feeds.insert().values(made_at=Now(), allowed_at=Now()))
_mine = feeds.c.user_id == bindparam("user")
_COUNT = Statement(select(func.count()).where(_mine))
_LISTED = Statement(
    select(feeds.c.hash, feeds.c.made_at, feeds.c.allowed_at)
    .where(_mine)
    .order_by(feeds.c.made_at, feeds.c.hash)
)
_REVOKE = Statement(delete(feeds).where(_mine, feeds.c.hash == bindparam("of")))
_END_ALL = Statement(delete(feeds).where(_mine))
_ALLOW = Statement(
    update(feeds).where(_mine).values(repositories=bindparam("seen"), allowed_at=Now())
)
_READ = Statement(
    select(feeds.c.login, feeds.c.repositories).where(
        feeds.c.hash == bindparam("of"),
        feeds.c.allowed_at > Now() - WORKS.total_seconds(),
    )
)


def make(connection: Connection, hash: str, user_id: int, login: str, seen: frozenset[int]) -> bool:
    """Keep a new feed of somebody who may see these repositories now; False if they have enough."""
    if connection.values(_COUNT, {"user": user_id})[0] >= MOST_OF_PERSON:
        return False
    row = {"hash": hash, "user_id": user_id, "login": login, "repositories": _json(seen)}
    connection.change(_PUT, row)
    return True


def listed(connection: Connection, user_id: int) -> tuple[Feed, ...]:
    """The feeds of somebody, the oldest first."""
    return tuple(
        Feed(one.hash, _time(one.made_at), _time(one.allowed_at) + WORKS)
        for one in connection.rows(_LISTED, {"user": user_id})
    )


def revoke(connection: Connection, hash: str, user_id: int) -> None:
    """Delete the feed, if it is theirs."""
    connection.change(_REVOKE, {"of": hash, "user": user_id})


def end_all(connection: Connection, user_ids: Iterable[int]) -> None:
    """Delete all feeds of these people."""
    connection.change_each(_END_ALL, [{"user": id} for id in sorted(user_ids)])


def allow(connection: Connection, user_id: int, seen: frozenset[int]) -> None:
    """GitHub has just said that somebody may see these repositories, and no others."""
    connection.change(_ALLOW, {"user": user_id, "seen": _json(seen)})


def reader(connection: Connection, hash: str) -> Reader | None:
    """Whose feed has this hash; None if there is none, or its owner was away for too long."""
    row = connection.row(_READ, {"of": hash})
    return Reader(row.login, frozenset(_IDS.decode(row.repositories))) if row else None


def due(connection: Connection, seen: Seen) -> tuple[datetime, tuple[Due, ...]]:
    """The database's clock, and the open follow-ups that are due first."""
    rows = connection.rows(_DUE, rights(seen))
    return _now(connection), tuple(
        Due(one.full_name, _FOLLOW_UP.decode(one.follow_up)) for one in rows
    )


def planned(connection: Connection, seen: Seen, today: str) -> tuple[datetime, tuple[Planned, ...]]:
    """The database's clock, and the flagged pulls of releases from today on, by day."""
    found = []
    for one in connection.rows(_PLANNED, {**rights(seen), "today": today}):
        overview = _OVERVIEW.decode(one.overview)
        release = overview.release or Release(one.release_on)
        settled = one.state in SETTLED
        found.append(Planned(release, one.full_name, one.number, overview.title, settled))
    return _now(connection), tuple(found)


_NOW = Statement(select(Now()))
_DUE = Statement(
    select(keys.c.full_name, follow_ups.c.follow_up)
    .join(keys, keys.c.key == follow_ups.c.key)
    .where(follow_ups.c.is_open, may_see(follow_ups.c.repository_id))
    .order_by(follow_ups.c.due, follow_ups.c.key, follow_ups.c.item)
    .limit(MOST_FOLLOW_UPS)
)
_PLANNED = Statement(
    select(
        *(keys.c.full_name, reviews.c.number, reviews.c.overview),
        *(reviews.c.release_on, reviews.c.state),
    )
    .join(keys, keys.c.key == reviews.c.key)
    .where(
        reviews.c.release_on != literal_column("''"),
        reviews.c.release_on >= bindparam("today"),
        may_see(reviews.c.repository_id),
    )
    .order_by(reviews.c.release_on, keys.c.full_name, reviews.c.number)
    .limit(MOST_PULLS)
)


def _now(connection: Connection) -> datetime:
    return _time(connection.values(_NOW)[0])


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _json(seen: frozenset[int]) -> str:
    return msgspec.json.encode(sorted(seen)).decode()
