"""One short transaction: done, or undone and the reason told in our own errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from ghapp.errors import Busy, StoreFailed

T = TypeVar("T")

# A server that restarts is back in this time; GitHub waits ten seconds for an answer.
PATIENCE_SECONDS, PAUSE_SECONDS = 5.0, 0.1
# PostgreSQL: serialization failure, deadlock, shutdown, crash, starting up, too many connections.
PASSING = ("40001", "40P01", "57P01", "57P02", "57P03", "53300")


class Unsure(Busy):
    """The connection broke while committing: it may have happened or not."""


def persistent(transaction: Callable[[], T], *, again_if_unsure: bool = False) -> T:
    """The outcome, tried again for a while where the database was out of reach.

    Raises Busy (it still is, or Unsure where that is no reason to try again), StoreFailed, and
    what the transaction raises itself.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return transaction()
        except Unsure:
            if not again_if_unsure or time.monotonic() > deadline:
                raise
        except SQLAlchemyError as error:
            if not passing(error) or time.monotonic() > deadline:
                # Its own words, and those of the driver, hold the row: a comment, a delivery.
                raise translated(error) from None
        time.sleep(PAUSE_SECONDS)


def once(engine: Engine, function: Callable[[Connection], T]) -> T:
    """What `function` makes of one transaction, committed. Raises Unsure and all it raises."""
    with engine.connect() as connection:
        with connection.begin() as transaction:
            result = function(connection)
            try:
                transaction.commit()
            except SQLAlchemyError as error:
                if passing(error) and not _undone(error):
                    raise Unsure("the connection to the database broke while committing") from error
                raise
        return result


def passing(error: SQLAlchemyError) -> bool:
    """Whether the same would succeed in a moment, on a fresh connection."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = _state(error)  # None: psycopg lost or never had the server
    lost = error.connection_invalidated or state is None
    return lost or state in PASSING or str(state).startswith("08")


def translated(error: SQLAlchemyError) -> Busy | StoreFailed:
    """The error in our words: out of reach for now, or refused. Never with a row's content."""
    cause = getattr(error, "orig", None)
    if isinstance(error, DBAPIError) and not isinstance(error, OperationalError | InterfaceError):
        return StoreFailed(f"the database refused: {type(cause).__name__}{_named(cause)}")
    return Busy(f"the database is out of reach: {str(cause or error).strip()}")


def _named(cause: object) -> str:
    """What is wrong by its codes and names, without any value."""
    diag = getattr(cause, "diag", None)
    names = ("sqlstate", "table_name", "column_name", "constraint_name")
    told = [getattr(cause, "sqlite_errorname", None), *(getattr(diag, one, None) for one in names)]
    found = ", ".join(one for one in told if one)
    return f" ({found})" if found else ""


def _state(error: DBAPIError) -> str | None:
    """SQLSTATE; "" where the driver knows none (SQLite)."""
    state: str | None = getattr(error.orig, "sqlstate", "")
    return state


def _undone(error: SQLAlchemyError) -> bool:
    """Whether the server has told that it took the transaction back."""
    return isinstance(error, DBAPIError) and (_state(error) or "").startswith("40")
