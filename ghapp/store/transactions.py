"""One short transaction: committed, or rolled back and the reason raised as our own error."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from ghapp.errors import Busy, StoreFailed
from ghapp.store.sql import Connection, Connections, DriverError

T = TypeVar("T")

# A server that restarts is back within 5 s; GitHub waits ten seconds for an answer.
PATIENCE_SECONDS, PAUSE_SECONDS = 5.0, 0.1
# SQLSTATE of PostgreSQL: a standby, or a server that is set to read-only.
READ_ONLY = "25006"
# Serialization failure, deadlock, shutdown, crash, starting up, too many connections.
PASSING = ("40001", "40P01", "57P01", "57P02", "57P03", "53300")


class Unsure(Busy):
    """The connection broke during the commit: the transaction may be committed or not."""


def persistent(transaction: Callable[[], T], *, again_if_unsure: bool = False) -> T:
    """As `tried`, with the driver's errors translated.

    Raises Busy (the database is still out of reach), Unsure (unless `again_if_unsure`),
    StoreFailed, and what the transaction raises itself.
    """
    try:
        return tried(transaction, again_if_unsure=again_if_unsure)
    except DriverError as error:
        # Not `from error`: its text holds the row, such as a comment or a delivery.
        raise translated(error) from None


def tried(transaction: Callable[[], T], *, again_if_unsure: bool = False) -> T:
    """What the transaction returns; tried again for a while if the database is out of reach.

    Raises DriverError, Unsure (unless `again_if_unsure`), and what the transaction raises itself.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return transaction()
        except Unsure:
            if not again_if_unsure or time.monotonic() > deadline:
                raise
        except DriverError as error:
            if not passing(error) or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def once(
    connections: Connections, function: Callable[[Connection], T], *, writes: bool = False
) -> T:
    """What `function` returns, after one transaction is committed.

    writes: on SQLite, wait for the lock at the start. A transaction that reads first would fail if
    another one has written before its own first write. Raises Unsure, DriverError, and what the
    function raises.
    """
    connection = connections.take()
    connection.marks = False
    try:
        connection.begin("BEGIN IMMEDIATE" if writes else "BEGIN")
        result = function(connection)
        try:
            connection.commit()
        except DriverError as error:
            rolled_back = (_state(error) or "").startswith("40")
            if passing(error) and not rolled_back:
                text = "the connection to the database broke while committing"
                raise Unsure(text) from error
            raise
        if connection.marks:
            connections.marked()
    except BaseException:
        connection.undo()
        raise
    finally:
        connections.give_back(connection)
    return result


def passing(error: DriverError) -> bool:
    """Whether the same may succeed in a moment, on a fresh connection."""
    if not error.passes:
        return False
    state = _state(error)  # None: psycopg lost or never had the server
    return error.lost or state is None or state in PASSING or str(state).startswith("08")


def read_only(error: DriverError) -> bool:
    """Whether the database can be read, but takes no writes."""
    code = getattr(error.cause, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_READONLY or _state(error) == READ_ONLY


def translated(error: DriverError) -> Busy | StoreFailed:
    """The error as our own: read-only, out of reach for now, or refused.

    The text has codes and names, never a row's content.
    """
    cause = error.cause
    diag = getattr(cause, "diag", None)
    names = ("sqlstate", "table_name", "column_name", "constraint_name")
    codes = [getattr(cause, "sqlite_errorname", None), *(getattr(diag, one, None) for one in names)]
    known = ", ".join(one for one in codes if one)
    known = f" ({known})" if known else ""
    if read_only(error):
        kind = Busy if error.passes else StoreFailed
        return kind(f"the database is read-only{known}")
    if not error.passes:
        return StoreFailed(f"the database refused: {type(cause).__name__}{known}")
    return Busy(f"the database is out of reach: {str(cause).strip()}")


def _state(error: DriverError) -> str | None:
    """SQLSTATE; "" if the driver knows none (SQLite)."""
    state: str | None = getattr(error.cause, "sqlstate", "")
    return state
