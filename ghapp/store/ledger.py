"""What people said: utterances until they are judged, then entries, in order, for good."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import msgspec
from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ghapp.core.memory import Entry
from ghapp.core.model import Door, Utterance
from ghapp.store.tables import ledger, upserting, utterances

_ENTRY = msgspec.json.Decoder(Entry)
_UTTERANCE = msgspec.json.Decoder(Utterance)

_ENTRIES = select(ledger.c.entry).where(ledger.c.key == bindparam("of")).order_by(ledger.c.row)
_PENDING = select(utterances.c.said).where(
    utterances.c.key == bindparam("of"), ~utterances.c.judged
)


@cache
def _appending(dialect: str) -> sqlite.Insert | postgresql.Insert:
    return upserting(dialect, ledger).on_conflict_do_nothing()


def append(connection: Connection, key: str, entries: Iterable[Entry]) -> None:
    """Add the entries whose id is new; the ledger is never changed otherwise."""
    rows = [
        {"key": key, "id": entry.id, "entry": msgspec.json.encode(entry).decode()}
        for entry in entries
    ]
    if rows:
        connection.execute(_appending(connection.dialect.name), rows)


def entries(connection: Connection, key: str) -> tuple[Entry, ...]:
    """The whole ledger of a pull, oldest first."""
    return tuple(map(_ENTRY.decode, connection.scalars(_ENTRIES, {"of": key})))


def judged(connection: Connection, key: str, ids: tuple[str, ...]) -> None:
    """These utterances need not be judged again."""
    if ids:
        said = (utterances.c.key == key) & utterances.c.id.in_(ids)
        connection.execute(update(utterances).where(said).values(judged=True))


def pending(connection: Connection, key: str) -> tuple[Utterance, ...]:
    """The utterances not yet judged, oldest first."""
    said = map(_UTTERANCE.decode, connection.scalars(_PENDING, {"of": key}))
    return tuple(sorted(said, key=lambda one: (one.said_at, one.id)))


def heard(known: Iterable[Entry]) -> frozenset[str]:
    """Ids of the label utterances among those judged."""
    return frozenset(entry.id.partition("#")[0] for entry in known if entry.door is Door.LABEL)
