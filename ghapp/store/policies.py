"""The policy of each repository as last read, and whether a push may have changed it since."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import and_, or_

from ghapp.core.records import PackFile, PolicySource
from ghapp.store.connection import Connection
from ghapp.store.schema import Insert, policies, upserting
from ghapp.store.statements import Statement

_KEPT = ("text", "good", "packs", "good_packs", "etag", "read_at", "read_drops")


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


def _json(packs: tuple[PackFile, ...]) -> str:
    return msgspec.json.encode(packs).decode()
