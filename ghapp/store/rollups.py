"""Counts what runs recorded into sums by day, beside the runs and a few pulls at a time.

Runs only note that a pull has to be counted, so no delivery waits for this. A pull's row says what
it counts for already; both change in one transaction, so that nothing is counted twice or lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any

import msgspec
from sqlalchemy import Double, Table, bindparam, case, func, select, update

from ghapp.core.insights import (
    AREAS,
    QUESTIONS,
    TIMINGS,
    WORDS,
    Cell,
    Counted,
    Seen,
    counted,
    difference,
    steps,
)
from ghapp.core.records import FollowUp, Overview
from ghapp.store import schema
from ghapp.store.records import Records
from ghapp.store.schema import Now, area_days, follow_ups, question_days, reviews, timings, upsert
from ghapp.store.sql import Connection, Statement, one_of

KEPT_DAYS = 400
AT_ONCE = 50  # pulls
DAY_SECONDS, FIRST_DAY = 86_400.0, date(1970, 1, 1).toordinal()
LEAST, MOST = "least_words", "most_words"

_COUNTED, _OVERVIEW = msgspec.json.Decoder(Counted), msgspec.json.Decoder(Overview)
_FOLLOW_UP = msgspec.json.Decoder(FollowUp)


@dataclass(frozen=True, slots=True)
class Change:
    """What one pull adds to the roll-ups, unless a run or another process comes first.

    updated_at: of its review. read: how much of its steps is counted. counted: what it counts for
    then; "" if there is nothing to count.
    """

    key: str
    repository_id: int
    updated_at: float
    read: int
    counted: str = ""
    cells: Mapping[Cell, int] = field(default_factory=dict)


async def roll_up(records: Records, zone: tzinfo) -> int:
    """Count all pulls that runs have changed; how many. zone: of the team's clock."""
    total = 0
    while changes := await records.read(_changes, zone):
        await records.write(_apply, changes)
        total += len(changes)
    return total


def _changes(connection: Connection, zone: tzinfo) -> list[Change]:
    """What the next few pulls add."""
    rows = connection.rows(_CHANGED)
    asked = {"keys": [one.key for one in rows]}
    owed = defaultdict[str, list[FollowUp]](list)
    for one in connection.rows(_FOLLOW_UPS, asked) if rows else ():
        owed[one.key].append(_FOLLOW_UP.decode(one.follow_up))
    found = []
    for one in rows:
        change = Change(one.key, one.repository_id, one.updated_at, len(one.steps))
        overview = _OVERVIEW.decode(one.overview) if one.overview else None
        if overview and overview.at:
            before = _COUNTED.decode(one.counted) if one.counted else None
            seen = Seen(
                *(overview.at, overview, one.state, bool(one.is_open)),
                steps=steps(one.steps),
                follow_ups=tuple(owed[one.key]),
            )
            now = counted(before, seen, zone)
            text = msgspec.json.encode(now).decode()
            values = change.key, change.repository_id, change.updated_at, change.read
            change = Change(*values, text, difference(before, now))
        found.append(change)
    return found


def _apply(connection: Connection, changes: Iterable[Change]) -> None:
    """Add what each pull adds, if its review is as it was read."""
    today = int(connection.rows(_NOW)[0].now // DAY_SECONDS) + FIRST_DAY
    rows: dict[str, dict[Place, dict[str, Any]]] = {one: {} for one in _ADD}
    for change in changes:
        asked = {"of": change.key, "at": change.updated_at, "read": change.read}
        if not connection.change(_TAKE, asked) or not change.counted:
            continue
        kept = {"key": change.key, "repository_id": change.repository_id}
        connection.change(_KEEP, {**kept, "counted": change.counted})
        for cell, count in change.cells.items():
            if cell.day >= today - KEPT_DAYS:
                place = cell.area, cell.name, cell.day, change.repository_id
                _join(rows[cell.of].setdefault(place, {}), cell, count)
    for of, found in rows.items():
        table, statement = _ADD[of]
        names = [column.name for column in table.primary_key]
        none = {one.name: one.type.python_type() for one in table.c if not one.nullable}
        empty = dict.fromkeys(table.c.keys()) | none
        connection.change_each(
            statement,
            [
                empty | dict(zip(names, _named(of, place), strict=True)) | found[place]
                for place in sorted(found)
            ],
        )


Place = tuple[str, str, int, int]  # area, name, day, repository


def _named(of: str, place: Place) -> tuple[str | int, ...]:
    """The values of the primary key; areas have no name beside their own."""
    area, name, day, repository_id = place
    return (area, day, repository_id) if of == AREAS else (area, name, day, repository_id)


def _join(row: dict[str, Any], cell: Cell, count: int) -> None:
    """Add a cell to the row that it belongs to."""
    if cell.of == TIMINGS:
        row["amounts"] = row.get("amounts", "") + f"{cell.what} " * count
    elif cell.what == WORDS:
        row[LEAST], row[MOST] = min(row.get(LEAST, count), count), max(row.get(MOST, count), count)
    else:
        row[cell.what] = row.get(cell.what, 0) + count


def _adding(table: Table) -> Statement:
    """Adds a row to the one of the same place."""
    put = upsert(table)
    added = put.excluded
    values: dict[str, Any] = {}
    for column in table.c:
        old, new = table.c[column.name], added[column.name]
        if column.name in (LEAST, MOST):
            keeps = old <= new if column.name == LEAST else old >= new
            values[column.name] = case((new.is_(None), old), (keeps, old), else_=new)
        elif not column.primary_key:
            values[column.name] = old + new
    return Statement(put.on_conflict_do_update(index_elements=list(table.primary_key), set_=values))


_ADD: Mapping[str, tuple[Table, Statement]] = {
    AREAS: (area_days, _adding(area_days)),
    QUESTIONS: (question_days, _adding(question_days)),
    TIMINGS: (timings, _adding(timings)),
}
_NOW = Statement(select(Now().label("now")))
_CHANGED = Statement(
    select(
        *(reviews.c.key, reviews.c.repository_id, reviews.c.updated_at, reviews.c.state),
        *(reviews.c.is_open, reviews.c.overview, reviews.c.steps, schema.counted.c.counted),
    )
    .select_from(reviews.outerjoin(schema.counted, schema.counted.c.key == reviews.c.key))
    .where(reviews.c.to_count)
    .order_by(reviews.c.key)
    .limit(AT_ONCE)
)
_FOLLOW_UPS = Statement(
    select(follow_ups.c.key, follow_ups.c.follow_up)
    .where(one_of(follow_ups.c.key, "keys"))
    .order_by(follow_ups.c.key, follow_ups.c.item)
)
_TAKE = Statement(
    update(reviews)
    .where(
        reviews.c.key == bindparam("of"),
        reviews.c.updated_at == bindparam("at", type_=Double),
        reviews.c.to_count,
    )
    .values(to_count=False, steps=func.substr(reviews.c.steps, bindparam("read") + 1))
)
_keep = upsert(schema.counted).values(counted_at=Now())
_KEEP = Statement(
    _keep.on_conflict_do_update(
        index_elements=[schema.counted.c.key],
        set_={name: _keep.excluded[name] for name in ("counted_at", "counted")},
    )
)
