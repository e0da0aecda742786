"""Questions that were put off: those of a pull, and what the rest of its repository still owes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import bindparam, select

from ghapp.core.model import PullKey
from ghapp.core.records import FollowUp
from ghapp.store.connection import Connection
from ghapp.store.schema import Insert, follow_ups, upserting
from ghapp.store.statements import Statement

MOST_DEBTS = 200
_FOLLOW_UP = msgspec.json.Decoder(FollowUp)
_columns = follow_ups.c
_OWN = Statement(
    select(_columns.follow_up).where(_columns.key == bindparam("of")).order_by(_columns.item)
)
_DEBTS = Statement(
    select(_columns.follow_up)
    .where(_columns.repository_id == bindparam("repository"), _columns.is_open)
    .where(_columns.key != bindparam("but"))
    .order_by(_columns.due, _columns.key, _columns.item)
    .limit(MOST_DEBTS)
)


def _putting(dialect: str) -> Insert:
    insert = upserting(dialect, follow_ups)
    news = ("repository_id", "area", "due", "is_open", "follow_up")
    return insert.on_conflict_do_update(
        index_elements=[_columns.key, _columns.item],
        set_={name: insert.excluded[name] for name in news},
    )


_PUT = Statement(_putting)


def put(connection: Connection, key: PullKey, found: Iterable[FollowUp]) -> None:
    """Keep these as they are now; those of the pull that are not among them stay as they were."""
    rows = [
        {
            "key": str(key),
            "item": one.item,
            "repository_id": key.repository.id,
            "area": one.area,
            "due": one.due,
            "is_open": one.is_open,
            "follow_up": msgspec.json.encode(one).decode(),
        }
        for one in found
    ]
    connection.change_each(_PUT, rows)


def of(connection: Connection, key: PullKey) -> tuple[FollowUp, ...]:
    """Those of the pull, open or not, by item."""
    return tuple(map(_FOLLOW_UP.decode, connection.values(_OWN, {"of": str(key)})))


def debts(connection: Connection, key: PullKey) -> tuple[FollowUp, ...]:
    """The open ones of the repository's other pulls, soonest due first; MOST_DEBTS at most."""
    where = {"repository": key.repository.id, "but": str(key)}
    return tuple(map(_FOLLOW_UP.decode, connection.values(_DEBTS, where)))
