"""The policy of each repository and organisation as last read, and whether it may have changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Table, and_, bindparam, case, func, or_, select

from ghapp.core.model import Repository
from ghapp.core.records import PackFile, PolicySource
from ghapp.store.schema import IS_PULL, Now, keys, organisations, policies, upsert
from ghapp.store.sql import Connection, Statement

COLUMNS = (
    *("text", "good", "packs", "good_packs", "calendar", "etag", "read_at"),
    *("drops", "read_drops"),
)
_KEPT = tuple(name for name in COLUMNS if name != "drops")
_PACKS = msgspec.json.Decoder(tuple[PackFile, ...])
_CALENDAR = msgspec.json.Decoder(PackFile)


def _dropping(table: Table) -> Statement:
    """Counts a push that may have changed the file."""
    key = list(table.primary_key)
    insert = upsert(table).values(drops=1)
    return Statement(
        insert.on_conflict_do_update(index_elements=key, set_={"drops": table.c.drops + 1})
    )


def _keeping(table: Table) -> Statement:
    """Keeps what was read, unless the stored reading had seen more pushes, or is later."""
    insert, old = upsert(table), table.c
    new = insert.excluded
    is_later = or_(
        old.read_drops < new.read_drops,
        and_(old.read_drops == new.read_drops, old.read_at < new.read_at),
        old.read_at == 0,
    )
    kept: dict[str, Any] = {name: new[name] for name in (*_KEPT, "is_broken")}
    if table is organisations:
        is_other = or_(
            old.text.is_distinct_from(new.text),
            old.packs != new.packs,
            old.calendar != new.calendar,
        )
        kept["changed_at"] = case((is_other, Now()), else_=old.changed_at)
    return Statement(
        insert.on_conflict_do_update(
            index_elements=list(table.primary_key), set_=kept, where=is_later
        )
    )


_DROP, _KEEP = _dropping(policies), _keeping(policies)
_DROP_LAYER, _KEEP_LAYER = _dropping(organisations), _keeping(organisations)
_LAYER = Statement(
    select(organisations.c.changed_at, *(organisations.c[name] for name in COLUMNS)).where(
        organisations.c.owner == bindparam("of")
    )
)

_place = (keys.c.repository_id, keys.c.installation_id, keys.c.full_name)
_places = (
    select(*_place, func.max(keys.c.started_at).label("at")).where(IS_PULL).group_by(*_place)
).subquery()
_OF_ALL = Statement(
    select(
        *(_places.c.repository_id, _places.c.installation_id, _places.c.full_name),
        *(policies.c[name] for name in COLUMNS),
    )
    .outerjoin_from(_places, policies, policies.c.repository_id == _places.c.repository_id)
    .order_by(_places.c.at)
)


@dataclass(frozen=True, slots=True)
class Layer:
    """The policy of an organisation. source: None if it was never read.

    drops: how many pushes may have changed it. changed_at: when another content was first stored,
    in seconds by the database's clock; 0 if that never was.
    """

    source: PolicySource | None = None
    drops: int = 0
    changed_at: float = 0.0


def drop(connection: Connection, repository_ids: Iterable[int]) -> None:
    """Count one push for each repository, in sorted order so that transactions do not deadlock."""
    rows = [{"repository_id": id} for id in sorted(repository_ids)]
    connection.change_each(_DROP, rows)


def drop_organisations(connection: Connection, owners: Iterable[str]) -> None:
    """As `drop`, for the policies of these owners."""
    connection.change_each(_DROP_LAYER, [{"owner": one} for one in sorted(owners)])


def keep(connection: Connection, repository_id: int, source: PolicySource, drops: int) -> None:
    """Store what was read, unless a later reading is stored. drops: pushes before this reading."""
    if source.read_at is not None:
        connection.change(_KEEP, {"repository_id": repository_id, **_row(source, drops)})


def keep_organisation(connection: Connection, owner: str, source: PolicySource, drops: int) -> None:
    """As `keep`, for the policy of an organisation."""
    if source.read_at is not None:
        is_gone = source.text is None and source.good is not None
        row = _row(source, drops)
        connection.change(
            _KEEP_LAYER, {"owner": owner, **row, "is_broken": is_gone or row["is_broken"]}
        )


def organisation(connection: Connection, owner: str) -> Layer:
    """What is stored of the policy of an organisation."""
    row = connection.row(_LAYER, {"of": owner})
    if row is None:
        return Layer()
    return Layer(read(*(getattr(row, name) for name in COLUMNS)), row.drops, row.changed_at)


def of_all(connection: Connection) -> Mapping[Repository, PolicySource]:
    """The policy of every repository with a recorded pull, over that of its organisation."""
    places: dict[int, tuple[Repository, PolicySource]] = {}
    for one in connection.rows(_OF_ALL):  # under its newest name last
        place = Repository(one.installation_id, one.repository_id, one.full_name)
        values = [getattr(one, name) for name in COLUMNS]
        source = read(*values) if one.read_at else None
        places[place.id] = place, source or PolicySource()
    owners = {place.owner for place, _ in places.values()}
    below = {owner: organisation(connection, owner).source for owner in owners}
    return {
        place: replace(source, organisation=below[place.owner]) for place, source in places.values()
    }


def read(
    text: str | None,
    good: str | None,
    packs: str,
    good_packs: str | None,
    calendar: str,
    etag: str,
    read_at: float,
    drops: int,
    read_drops: int,
) -> PolicySource | None:
    """What a row holds, without `read_at` if a push may have changed it; None if never read."""
    if not read_at:
        return None
    named = _PACKS.decode(packs)
    good_named = named if good_packs is None else _PACKS.decode(good_packs)
    at = datetime.fromtimestamp(read_at, UTC) if drops == read_drops else None
    planned = _CALENDAR.decode(calendar) if calendar else None
    return PolicySource(text, etag, at, good, named, good_named, calendar=planned)


def _row(source: PolicySource, drops: int) -> dict[str, Any]:
    assert source.read_at
    return {
        "text": source.text,
        "good": source.good,
        "packs": _json(source.packs),
        "good_packs": None if source.good_packs == source.packs else _json(source.good_packs),
        "calendar": _json(source.calendar) if source.calendar else "",
        "etag": source.etag,
        "read_at": source.read_at.timestamp(),
        "read_drops": drops,
        "drops": drops,
        "is_broken": source.is_broken,
    }


def _json(files: tuple[PackFile, ...] | PackFile) -> str:
    return msgspec.json.encode(files).decode()
