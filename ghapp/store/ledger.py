"""What people said: messages until they are judged, then entries, in order, for good."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import bindparam, select

from ghapp.core.ledger import Entry
from ghapp.core.model import Message
from ghapp.store.connection import Connection
from ghapp.store.schema import Insert, ledger, messages, upserting
from ghapp.store.statements import Statement

_ENTRY = msgspec.json.Decoder(Entry)
_MESSAGE = msgspec.json.Decoder(Message)

_ENTRIES = Statement(
    select(ledger.c.entry).where(ledger.c.key == bindparam("of")).order_by(ledger.c.row)
)
_of = messages.c.key == bindparam("of")
_PENDING = Statement(select(messages.c.message).where(_of, ~messages.c.judged))
_JUDGED = Statement(select(messages.c.id).where(_of, messages.c.judged))


def _appending(dialect: str) -> Insert:
    return upserting(dialect, ledger).on_conflict_do_nothing()


def _judging(dialect: str) -> Insert:
    insert = upserting(dialect, messages).values(message="", judged=True)
    by = [messages.c.key, messages.c.id]
    return insert.on_conflict_do_update(index_elements=by, set_={"judged": True})


_APPEND, _JUDGE = Statement(_appending), Statement(_judging)


def append(connection: Connection, key: str, entries: Iterable[Entry]) -> None:
    """Add the entries whose id is new; the ledger is never changed otherwise."""
    rows = [
        {"key": key, "id": entry.id, "entry": msgspec.json.encode(entry).decode()}
        for entry in entries
    ]
    connection.change_each(_APPEND, rows)


def entries(connection: Connection, key: str) -> tuple[Entry, ...]:
    """The whole ledger of a pull, oldest first."""
    return tuple(map(_ENTRY.decode, connection.values(_ENTRIES, {"of": key})))


def judged(connection: Connection, key: str, ids: Iterable[str]) -> None:
    """These messages need not be judged again, and need not be heard either.

    One that was found by reading has no row yet: a delivery that comes late will find this one.
    """
    rows = [{"key": key, "id": id} for id in sorted(set(ids))]
    connection.change_each(_JUDGE, rows)


def pending(
    connection: Connection, key: str, known: frozenset[str] = frozenset()
) -> tuple[Message, ...]:
    """The messages not yet judged, oldest first. known: ids of those that are not to be."""
    said = map(_MESSAGE.decode, connection.values(_PENDING, {"of": key}))
    unheard = (one for one in said if one.id not in known)
    return tuple(sorted(unheard, key=lambda one: (one.said_at, one.id)))


def heard(connection: Connection, key: str, known: Iterable[Entry]) -> frozenset[str]:
    """Ids of all messages that were judged, whatever came of them. known: the ledger."""
    in_ledger = {entry.message_id for entry in known}
    return frozenset(in_ledger.union(connection.values(_JUDGED, {"of": key})))
