"""Turns: of all processes one at a time does what is due now and then."""

from __future__ import annotations

from sqlalchemy import Double, bindparam, or_
from sqlalchemy.sql.dml import ReturningInsert

from ghapp.store.connection import Connection
from ghapp.store.schema import Insert, Now, turns, upserting
from ghapp.store.statements import Statement


def _taking(dialect: str) -> ReturningInsert[tuple[str]]:
    """A row where the turn is free. One that lies far ahead is of a clock that was set back."""
    insert: Insert = upserting(dialect, turns)
    every = bindparam("every", type_=Double)
    free = or_(turns.c.taken_at <= Now() - every, turns.c.taken_at > Now() + every)
    taken = insert.values(name=bindparam("of"), taken_at=Now()).on_conflict_do_update(
        index_elements=[turns.c.name], set_={"taken_at": Now()}, where=free
    )
    return taken.returning(turns.c.name)


_TAKE = Statement(_taking)


def take_turn(connection: Connection, name: str, every_seconds: float) -> bool:
    """Whether the caller has the turn: true for one in each period of `every_seconds`."""
    return connection.row(_TAKE, {"of": name, "every": every_seconds}) is not None
