"""Turns: of all processes, only one at a time does a periodic job."""

from __future__ import annotations

from sqlalchemy import Double, bindparam, or_

from ghapp.store.schema import Now, turns, upsert
from ghapp.store.sql import Connection, Statement

_every = bindparam("every", type_=Double)
# A turn far in the future was taken before the clock was set back.
_is_free = or_(turns.c.taken_at <= Now() - _every, turns.c.taken_at > Now() + _every)
_TAKE = Statement(
    upsert(turns)
    .values(name=bindparam("of"), taken_at=Now())
    .on_conflict_do_update(index_elements=[turns.c.name], set_={"taken_at": Now()}, where=_is_free)
    .returning(turns.c.name)
)


def take_turn(connection: Connection, name: str, every_seconds: float) -> bool:
    """Take the turn; True for one caller in each period of `every_seconds`."""
    return connection.row(_TAKE, {"of": name, "every": every_seconds}) is not None
