"""What people said: messages until they are judged, then entries, in order, for good."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ghapp.core.ledger import Entry
from ghapp.store.connection import Connection
from ghapp.store.schema import Insert, ledger, messages, upserting
from ghapp.store.statements import Statement


def _appending(dialect: str) -> Insert:
    return upserting(dialect, ledger).on_conflict_do_nothing()


def _judging(dialect: str) -> Insert:
    insert = upserting(dialect, messages).values(message="", judged=True)
    identity = [messages.c.key, messages.c.id]
    return insert.on_conflict_do_update(index_elements=identity, set_={"judged": True})


_APPEND, _JUDGE = Statement(_appending), Statement(_judging)


def append(connection: Connection, key: str, entries: Iterable[Entry]) -> None:
    """Add the entries whose id is new; the ledger is never changed otherwise."""
    rows = [
        {"key": key, "id": entry.id, "entry": msgspec.json.encode(entry).decode()}
        for entry in entries
    ]
    connection.change_each(_APPEND, rows)


def judged(connection: Connection, key: str, ids: Iterable[str]) -> None:
    """These messages need not be judged again, and need not be read either.

    A message that was found by reading has no row yet: a delivery that comes late will find it.
    """
    rows = [{"key": key, "id": id} for id in sorted(set(ids))]
    connection.change_each(_JUDGE, rows)
