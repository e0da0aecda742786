"""Deliveries that failed, as GitHub lists them, until they arrive or are lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    and_,
    bindparam,
    case,
    delete,
    exists,
    or_,
    select,
    update,
)

from ghapp.core.redelivery import Attempt, Position
from ghapp.store.schema import Now, deliveries, failed_deliveries, readings, upsert
from ghapp.store.sql import Connection, Statement, one_of

MOST_REDELIVERIES = 5
# How long to wait after the first, second ... redelivery has failed: the cause may take hours to
# fix.
PAUSES = {1: 300.0, 2: 1200.0, 3: 4800.0, 4: 19_200.0}
# How long a process has to request what it took; then another may take it.
TAKEN_SECONDS = 600.0
KEPT_SECONDS = 4 * 24 * 3600.0  # one day more than GitHub keeps them
LIST = "attempts"

_ours = failed_deliveries.c
_OPEN = and_(~_ours.settled, _ours.due > 0, _ours.due <= Now())
_HERE = exists().where(deliveries.c.id == _ours.guid)  # stored, whatever answer GitHub got
_SETTLE = Statement(
    update(failed_deliveries).where(one_of(_ours.guid, "guids")).values(settled=True)
)
_SETTLE_HERE = Statement(
    update(failed_deliveries).where(~_ours.settled, _HERE).values(settled=True)
)
_LOSE = Statement(
    update(failed_deliveries)
    .where(_OPEN, _ours.redelivered >= MOST_REDELIVERIES)
    .values(settled=True)
)
_FORGET = Statement(delete(failed_deliveries).where(_ours.delivered_at < Now() - KEPT_SECONDS))
_ASKED = Statement(update(failed_deliveries).where(_ours.guid == bindparam("of")).values(due=0.0))
_POSITION = Statement(select(readings).where(readings.c.name == LIST))


_chosen = (
    select(_ours.guid)
    .where(_OPEN, _ours.redelivered < MOST_REDELIVERIES)
    .order_by(_ours.delivered_at, _ours.attempt_id)
    .limit(1)
    .with_for_update(skip_locked=True)
    .cte("chosen")
)
_TAKE = Statement(
    update(failed_deliveries)
    .where(_ours.guid.in_(select(_chosen.c.guid)))
    .values(redelivered=_ours.redelivered + 1, due=Now() + TAKEN_SECONDS)
    .returning(_ours.guid, _ours.attempt_id)
)
# Keeps the newest attempt of each delivery; of an older one, only that it succeeded counts.
_note = upsert(failed_deliveries)
_new = _note.excluded
_is_newer = or_(
    _new.delivered_at > _ours.delivered_at,
    and_(_new.delivered_at == _ours.delivered_at, _new.attempt_id > _ours.attempt_id),
)
_later = Now() + case(PAUSES, value=_ours.redelivered, else_=0.0)
_NOTE = Statement(
    _note.values(due=Now()).on_conflict_do_update(
        index_elements=[_ours.guid],
        set_={
            "attempt_id": case((_is_newer, _new.attempt_id), else_=_ours.attempt_id),
            "delivered_at": case((_is_newer, _new.delivered_at), else_=_ours.delivered_at),
            "due": case((_is_newer, _later), else_=_ours.due),
            "settled": or_(_ours.settled, _new.settled),
        },
    )
)
_place = upsert(readings).values(name=LIST)
_PLACE = Statement(
    _place.on_conflict_do_update(
        index_elements=[readings.c.name],
        set_={name: _place.excluded[name] for name in ("read_until", "cursor", "began_at")},
    )
)


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery to request again. attempt_id: of its newest attempt."""

    guid: str
    attempt_id: int


def position(connection: Connection) -> Position:
    """How far the list of attempts was read."""
    found = connection.row(_POSITION)
    if found is None:
        return Position()
    return Position(_time(found.read_until), found.cursor, _time(found.began_at))


def note(connection: Connection, attempts: Iterable[Attempt], reached: Position) -> int:
    """Record a page of the list, and the position after it; how many deliveries became lost."""
    found: dict[str, list[Attempt]] = {}
    for one in attempts:
        found.setdefault(one.guid, []).append(one)
    settled, kept = [], []
    for guid, several in sorted(found.items()):
        newest = max(several, key=lambda one: (one.delivered_at, one.id))
        is_settled = any(one.settled for one in several)
        if is_settled:
            settled.append(guid)
        # A delivery that arrived at once needs no row; one that was redelivered had failed before.
        if not is_settled or any(one.redelivery for one in several):
            kept.append(
                {
                    "guid": guid,
                    "attempt_id": newest.id,
                    "delivered_at": newest.delivered_at.timestamp(),
                    "settled": is_settled,
                }
            )
    if settled:
        connection.change(_SETTLE, {"guids": settled})
    connection.change_each(_NOTE, kept)
    row = {
        "read_until": reached.read_until.timestamp() if reached.read_until else 0.0,
        "cursor": reached.cursor,
        "began_at": reached.began_at.timestamp() if reached.began_at else 0.0,
    }
    connection.change(_PLACE, row)
    connection.change(_SETTLE_HERE)
    connection.change(_FORGET)
    return connection.change(_LOSE)


def take(connection: Connection) -> FailedDelivery | None:
    """Take the oldest that is due, and count the redelivery; nobody else gets it for a while."""
    connection.change(_SETTLE_HERE)
    found = connection.row(_TAKE)
    return FailedDelivery(found.guid, found.attempt_id) if found else None


def asked(connection: Connection, failed: FailedDelivery, *, kept: bool) -> None:
    """Record that GitHub was asked. kept: False if GitHub no longer has the delivery."""
    if kept:
        connection.change(_ASKED, {"of": failed.guid})
    else:
        connection.change(_SETTLE, {"guids": [failed.guid]})


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
