"""The policy of each repository as last read, and whether a push may have changed it since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from sqlalchemy import and_, bindparam, or_, select

from ghapp.core.records import PackFile, PolicySource
from ghapp.store.connection import Connection
from ghapp.store.schema import Insert, policies, upserting
from ghapp.store.statements import Statement

_PACKS = msgspec.json.Decoder(tuple[PackFile, ...])
_KEPT = ("text", "good", "packs", "good_packs", "etag", "read_at", "read_drops")
_READ = Statement(
    select(policies).where(policies.c.repository_id == bindparam("id"), policies.c.read_at > 0)
)


def _dropping(dialect: str) -> Insert:
    """Notes a push that may have changed the file of `repository_id`."""
    return (
        upserting(dialect, policies)
        .values(drops=1)
        .on_conflict_do_update(
            index_elements=[policies.c.repository_id], set_={"drops": policies.c.drops + 1}
        )
    )


_DROP = Statement(_dropping)


def drop(connection: Connection, repository_ids: Iterable[int]) -> None:
    """Note one push each, in one order everywhere."""
    rows = [{"repository_id": id} for id in sorted(repository_ids)]
    connection.change_each(_DROP, rows)


def _keeping(dialect: str) -> Insert:
    """Takes a whole row; of two readings the one stays that saw more pushes, or is later."""
    insert = upserting(dialect, policies)
    new, old = insert.excluded, policies.c
    later = and_(old.read_drops == new.read_drops, old.read_at < new.read_at)
    return insert.on_conflict_do_update(
        index_elements=[old.repository_id],
        set_={name: new[name] for name in _KEPT},
        where=or_(old.read_drops < new.read_drops, later, old.read_at == 0),
    )


_KEEP = Statement(_keeping)


def keep(connection: Connection, repository_id: int, source: PolicySource, drops: int) -> None:
    """Keep what was read, unless what we have was read later. drops: seen before the reading."""
    if source.read_at is None:
        return
    row = {
        "repository_id": repository_id,
        "text": source.text,
        "good": source.good,
        "packs": _json(source.packs),
        "good_packs": None if source.good_packs == source.packs else _json(source.good_packs),
        "etag": source.etag,
        "read_at": source.read_at.timestamp(),
        "read_drops": drops,
        "drops": drops,
    }
    connection.change(_KEEP, row)


def known(connection: Connection, repository_id: int) -> PolicySource | None:
    """As last read, without `read_at` where a push may have changed it; None if never read."""
    found = connection.row(_READ, {"id": repository_id})
    if found is None:
        return None
    read_at = datetime.fromtimestamp(found.read_at, UTC)
    packs = _PACKS.decode(found.packs)
    good_packs = packs if found.good_packs is None else _PACKS.decode(found.good_packs)
    source = PolicySource(found.text, found.etag, read_at, found.good, packs, good_packs)
    return source if found.drops == found.read_drops else replace(source, read_at=None)


def _json(packs: tuple[PackFile, ...]) -> str:
    return msgspec.json.encode(packs).decode()
