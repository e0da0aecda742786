"""Writes to GitHub under way: committed before them, gone once their outcome is recorded."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, insert, select

from ghapp.core.marks import Effect
from ghapp.store.tables import Now, intents

_RESOLVE = delete(intents).where(intents.c.key == bindparam("of"))
_FIRST = select(intents.c.row).where(intents.c.key == bindparam("of")).limit(1)


def intend(connection: Connection, key: str, effects: Iterable[Effect]) -> None:
    """Note that these writes may happen from now on."""
    rows = [{"key": key, "effect": type(effect).__name__} for effect in effects]
    if rows:
        connection.execute(insert(intents).values(intended_at=Now()), rows)


def resolve(connection: Connection, key: str) -> None:
    """The outcome of all writes to this pull is recorded."""
    connection.execute(_RESOLVE, {"of": key})


def unresolved(connection: Connection, key: str) -> bool:
    """Whether a write may or may not have taken effect."""
    return connection.scalar(_FIRST, {"of": key}) is not None
