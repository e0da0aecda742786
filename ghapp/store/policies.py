"""The policy of each repository as last read, and whether a push may have changed it since."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import and_, or_

from ghapp.core.records import PackFile, PolicySource
from ghapp.store.schema import policies, upsert
from ghapp.store.sql import Connection, Statement

_KEPT = ("text", "good", "packs", "good_packs", "etag", "read_at", "read_drops")


# Counts a push that may have changed the file.
_DROP = Statement(
    upsert(policies)
    .values(drops=1)
    .on_conflict_do_update(
        index_elements=[policies.c.repository_id], set_={"drops": policies.c.drops + 1}
    )
)
# Keeps what was read, unless the stored reading had seen more pushes, or is later.
_keep, _old = upsert(policies), policies.c
_is_later = or_(
    _old.read_drops < _keep.excluded.read_drops,
    and_(_old.read_drops == _keep.excluded.read_drops, _old.read_at < _keep.excluded.read_at),
    _old.read_at == 0,
)
_KEEP = Statement(
    _keep.on_conflict_do_update(
        index_elements=[_old.repository_id],
        set_={name: _keep.excluded[name] for name in _KEPT},
        where=_is_later,
    )
)


def drop(connection: Connection, repository_ids: Iterable[int]) -> None:
    """Count one push for each repository, in sorted order so that transactions do not deadlock."""
    rows = [{"repository_id": id} for id in sorted(repository_ids)]
    connection.change_each(_DROP, rows)


def keep(connection: Connection, repository_id: int, source: PolicySource, drops: int) -> None:
    """Store what was read, unless a later reading is stored. drops: pushes before this reading."""
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
