"""Writes to GitHub under way: committed before them, gone once their outcome is recorded."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, insert, select

from ghapp.core.marks import Effect, name
from ghapp.store.tables import Now, intents

_RESOLVE = delete(intents).where(intents.c.key == bindparam("of"))
_NAMES = select(intents.c.effect).where(intents.c.key == bindparam("of")).distinct()


def intend(connection: Connection, key: str, effects: Iterable[Effect]) -> None:
    """Note that these writes may happen from now on."""
    rows = [{"key": key, "effect": name(effect)} for effect in effects]
    if rows:
        connection.execute(insert(intents).values(intended_at=Now()), rows)


def resolve(connection: Connection, key: str) -> None:
    """The outcome of all writes to this pull is recorded."""
    connection.execute(_RESOLVE, {"of": key})


def unresolved(connection: Connection, key: str) -> frozenset[str]:
    """The names of the effects that may or may not have been taken."""
    return frozenset(connection.scalars(_NAMES, {"of": key}))
