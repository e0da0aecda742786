"""What people said: messages until they are judged, then entries, in order, for good."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ghapp.core.ledger import Entry
from ghapp.store.schema import ledger, messages, upsert
from ghapp.store.sql import Connection, Statement

_APPEND = Statement(upsert(ledger).on_conflict_do_nothing())
_JUDGE = Statement(
    upsert(messages)
    .values(message="", judged=True)
    .on_conflict_do_update(index_elements=[messages.c.key, messages.c.id], set_={"judged": True})
)


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
