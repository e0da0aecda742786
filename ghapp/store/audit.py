"""Reads what an audit needs, a page at a time: entries of the ledger, follow-ups and reviews.

Nothing is changed. Each page is a transaction of its own, so that a long export holds up nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Select, bindparam, func, select, tuple_

from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import PullKey, Repository
from ghapp.core.records import FollowUp, PolicySource, Verdict
from ghapp.store import schema
from ghapp.store.history import recall
from ghapp.store.schema import keys, ledger
from ghapp.store.sql import Connection, Statement, one_of

PAGE = 1_000
# Of follow-ups: the ledger of each of their pull requests is read as well.
SMALL_PAGE = 100

_ENTRY, _FOLLOW_UP = msgspec.json.Decoder(Entry), msgspec.json.Decoder(FollowUp)
_VERDICT = msgspec.json.Decoder(Verdict)


@dataclass(frozen=True, slots=True)
class Of:
    """The pull request that something was recorded of."""

    repository_id: int
    number: int


@dataclass(frozen=True, slots=True)
class EntryRow:
    """row: its place in the ledger, where the next page begins."""

    row: int
    of: Of
    entry: Entry


@dataclass(frozen=True, slots=True)
class FollowUpRow:
    """deferred: the entry that set its day; None if the ledger has none."""

    key: str
    of: Of
    follow_up: FollowUp
    deferred: Entry | None


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """How a review stood at its last run. state: as in `review.PullState`."""

    key: str
    of: Of
    state: str
    verdict: Verdict
    updated_at: datetime


def repositories(connection: Connection) -> Mapping[int, str]:
    """Every repository with a recorded pull request: its id, and its name as last known."""
    return {one.repository_id: one.full_name for one in connection.rows(_NAMES)}


def ids_of(connection: Connection, full_name: str) -> tuple[int, ...]:
    """The ids of the repositories that have, or had, this name; upper and lower case are equal."""
    return tuple(connection.values(_IDS, {"name": full_name.lower()}))


def policy(connection: Connection, of: Of) -> PolicySource | None:
    """The policy of the repository as last read; None if it never was."""
    return recall(connection, PullKey(Repository(0, of.repository_id, ""), of.number)).policy


def entries(
    connection: Connection, after: int, within: Iterable[int] | None = None
) -> list[EntryRow]:
    """The next entries of the ledger, in the order in which they were judged; [] at the end.

    after: the row of the last one, 0 to begin. within: ids of repositories; None for all.
    """
    found = _page(connection, _ENTRIES, within, after=after, most=PAGE)
    return [EntryRow(one.row, _of(one.key), _ENTRY.decode(one.entry)) for one in found]


def follow_ups(
    connection: Connection, key: str, item: str, within: Iterable[int] | None = None
) -> list[FollowUpRow]:
    """The next follow-ups, open and closed. key, item: of the last one, "" to begin."""
    found = _page(connection, _FOLLOW_UPS, within, after=key, item=item, most=SMALL_PAGE)
    named = sorted({one.key for one in found})
    deferred: dict[tuple[str, str], Entry] = {}
    for one in connection.rows(_LEDGERS, {"keys": named}) if named else []:
        entry = _ENTRY.decode(one.entry)
        if entry.verb is Verb.DEFER:
            deferred[one.key, entry.subject] = entry
    return [
        FollowUpRow(
            one.key,
            _of(one.key),
            _FOLLOW_UP.decode(one.follow_up),
            deferred.get((one.key, one.item)),
        )
        for one in found
    ]


def reviews(
    connection: Connection, after: str, within: Iterable[int] | None = None
) -> list[ReviewRow]:
    """The next reviews. after: the key of the last one, "" to begin."""
    found = _page(connection, _REVIEWS, within, after=after, most=PAGE)
    return [
        ReviewRow(
            one.key,
            _of(one.key),
            one.state,
            _VERDICT.decode(one.verdict),
            datetime.fromtimestamp(one.updated_at, UTC),
        )
        for one in found
    ]


def _of(key: str) -> Of:
    _, repository_id, number = key.split(":")
    return Of(int(repository_id), int(number))


def _page(
    connection: Connection,
    statements: tuple[Statement, Statement],
    within: Iterable[int] | None,
    **parameters: Any,
) -> list[Any]:
    of_all, of_some = statements
    if within is None:
        return connection.rows(of_all, parameters)
    return connection.rows(of_some, {**parameters, "within": list(within)})


def _both(query: Select[Any], repository: Any) -> tuple[Statement, Statement]:
    """The statement for all repositories, and the one for some."""
    return Statement(query), Statement(query.where(one_of(repository, "within")))


_most: BindParameter[int] = bindparam("most")
_is_pull = keys.c.kind == "pull"
# The name that a repository had in the newest run of any of its pull requests comes last.
_NAMES = Statement(
    select(keys.c.repository_id, keys.c.full_name, func.max(keys.c.started_at).label("at"))
    .where(_is_pull)
    .group_by(keys.c.repository_id, keys.c.full_name)
    .order_by(func.max(keys.c.started_at))
)
_IDS = Statement(
    select(keys.c.repository_id)
    .distinct()
    .where(_is_pull, func.lower(keys.c.full_name) == bindparam("name"))
)
_ENTRIES = _both(
    select(ledger.c.row, ledger.c.key, ledger.c.entry)
    .select_from(ledger.outerjoin(keys, keys.c.key == ledger.c.key))
    .where(ledger.c.row > bindparam("after"))
    .order_by(ledger.c.row)
    .limit(_most),
    keys.c.repository_id,
)
_FOLLOW_UPS = _both(
    select(schema.follow_ups.c.key, schema.follow_ups.c.item, schema.follow_ups.c.follow_up)
    .where(
        tuple_(schema.follow_ups.c.key, schema.follow_ups.c.item)
        > tuple_(bindparam("after"), bindparam("item"))
    )
    .order_by(schema.follow_ups.c.key, schema.follow_ups.c.item)
    .limit(_most),
    schema.follow_ups.c.repository_id,
)
_LEDGERS = Statement(
    select(ledger.c.key, ledger.c.entry).where(one_of(ledger.c.key, "keys")).order_by(ledger.c.row)
)
_REVIEWS = _both(
    select(
        schema.reviews.c.key,
        schema.reviews.c.state,
        schema.reviews.c.verdict,
        schema.reviews.c.updated_at,
    )
    .where(schema.reviews.c.key > bindparam("after"))
    .order_by(schema.reviews.c.key)
    .limit(_most),
    schema.reviews.c.repository_id,
)
