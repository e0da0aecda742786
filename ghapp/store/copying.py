"""Copies what one database records into another one, as of the history that the demo plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, bindparam, select

from ghapp.store import schema
from ghapp.store.schema import metadata, upsert
from ghapp.store.sql import Connection, Statement

# By table, its rows in their order.
Rows = Mapping[str, Sequence[Mapping[str, Any]]]

# What is about a server and its GitHub, and not about reviews.
LEFT = {schema.credentials, schema.failed_deliveries, schema.readings, schema.schema, schema.turns}
COPIED = tuple(table for table in metadata.sorted_tables if table not in LEFT)


def _columns(table: Table) -> list[Column[Any]]:
    """Those that are written; rows are numbered anew."""
    return [one for one in table.columns if one.computed is None and one.name != "row"]


def _in_order(table: Table) -> Statement:
    return Statement(select(*_columns(table)).order_by(*table.primary_key.columns))


def _put(table: Table) -> Statement:
    values = {one.name: bindparam(one.name, type_=one.type) for one in _columns(table)}
    return Statement(upsert(table).values(values).on_conflict_do_nothing())


_READ = {table.name: _in_order(table) for table in COPIED}
_PUT = {table.name: _put(table) for table in COPIED}


def rows(connection: Connection) -> Rows:
    """Everything that is recorded."""
    return {
        name: [one._asdict() for one in connection.rows(statement)]
        for name, statement in _READ.items()
    }


def put(connection: Connection, found: Rows) -> None:
    """Add the rows; what is known already stays as it is."""
    for name, some in found.items():
        connection.change_each(_PUT[name], some)
