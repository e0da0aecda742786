"""Writes the ledger, and which messages are judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import bindparam, delete

from ghapp.core.ledger import Entry, Verb
from ghapp.store.schema import incidents, ledger, messages, upsert
from ghapp.store.sql import Connection, Statement

_APPEND = Statement(upsert(ledger).on_conflict_do_nothing())
_LINK = Statement(upsert(incidents).on_conflict_do_nothing())
_UNLINK = Statement(
    delete(incidents).where(
        incidents.c.key == bindparam("of"), incidents.c.item == bindparam("item")
    )
)
_JUDGE = Statement(
    upsert(messages)
    .values(message="", judged=True)
    .on_conflict_do_update(index_elements=[messages.c.key, messages.c.id], set_={"judged": True})
)


def append(connection: Connection, key: str, entries: Sequence[Entry], repository_id: int) -> None:
    """Add the entries whose id is new. Entries are never changed or deleted."""
    rows = [
        {
            "key": key,
            "id": entry.id,
            "entry": msgspec.json.encode(entry).decode(),
            "verb": entry.verb.value,
        }
        for entry in entries
    ]
    connection.change_each(_APPEND, rows)
    for entry in entries:
        if entry.verb is Verb.INCIDENT:
            link = {
                "key": key,
                "id": entry.id,
                "repository_id": repository_id,
                "item": entry.subject,
                "said_at": entry.said_at.timestamp(),
            }
            connection.change(_LINK, link)
        elif entry.verb is Verb.UNLINK:
            connection.change(_UNLINK, {"of": key, "item": entry.subject})


def judged(connection: Connection, key: str, ids: Iterable[str]) -> None:
    """Record that these messages are judged.

    A message that was found by reading gets a row, so that a late delivery of it is known.
    """
    rows = [{"key": key, "id": id} for id in sorted(set(ids))]
    connection.change_each(_JUDGE, rows)
