"""Writes to GitHub under way: committed before them, gone once their outcome is recorded."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from ghapp.core.marks import Effect, PutCheckRun, name
from ghapp.core.memory import Shown
from ghapp.store.connection import Connection
from ghapp.store.statements import Statement
from ghapp.store.tables import Now, intents

_SHOWN = msgspec.json.Decoder(Shown)

_INTEND = Statement(insert(intents).values(intended_at=Now()))
_resolving = delete(intents).where(intents.c.key == bindparam("of"))
_RESOLVE = Statement(_resolving)
_RESOLVE_ALL_BUT_SHOWN = Statement(_resolving.where(intents.c.shown == ""))
_ALL = Statement(
    select(intents.c.effect, intents.c.shown)
    .where(intents.c.key == bindparam("of"))
    .order_by(intents.c.row)
)


def intend(
    connection: Connection, key: str, effects: Iterable[Effect], shown: Shown | None = None
) -> None:
    """Note that these writes may happen from now on. shown: what their check run would show."""
    words = msgspec.json.encode(shown).decode() if shown else ""
    rows = [
        {
            "key": key,
            "effect": name(effect),
            "shown": words if isinstance(effect, PutCheckRun) else "",
        }
        for effect in effects
    ]
    connection.change_each(_INTEND, rows)


def resolve(connection: Connection, key: str, *, keep_shown: bool = False) -> None:
    """The outcome of all writes to this pull is recorded; with `keep_shown`, but for check runs."""
    connection.change(_RESOLVE_ALL_BUT_SHOWN if keep_shown else _RESOLVE, {"of": key})


def pending(connection: Connection, key: str) -> tuple[frozenset[str], tuple[Shown, ...]]:
    """The names of the effects that may or may not have been taken, and what they may show."""
    found = connection.rows(_ALL, {"of": key})
    shown = tuple(_SHOWN.decode(one.shown) for one in found if one.shown)
    return frozenset(one.effect for one in found), shown
