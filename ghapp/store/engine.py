"""A database URL -> an engine: SQLite (WAL, fully synchronous) or PostgreSQL (psycopg 3)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from ghapp.errors import GET_DRIVER, WrongSetting

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 10000",
    # A checkpoint after this many pages (16 MB) instead of 1,000: each one waits twice for the
    # disk, and so does whoever commits then.
    "PRAGMA wal_autocheckpoint = 4000",
    # KiB for each connection. The default, 2,000, fills in half an hour; the kernel caches anyway.
    "PRAGMA cache_size = -256",
)
# A server that is cut off is noticed within 10 s; TCP alone would take a quarter of an hour.
# Source: https://www.postgresql.org/docs/current/libpq-connect.html
LIBPQ = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
SESSION = (
    # A worker that is cut off or frozen half way through a transaction holds locks on its rows.
    "SET idle_in_transaction_session_timeout = 10000",
    # The planner overestimates claims, which take milliseconds; compiling one takes half a second.
    "SET jit = off",
    # What is searched is in memory. With the default, claims would sort all due keys.
    "SET random_page_cost = 1.1",
)
JULIAN_DAY_OF_1970 = 2_440_587.5
POSTGRES_NAMES = ("postgres", "postgresql", "postgresql+psycopg")


def connected(url: str, connections: int, clock: Callable[[], float] | None = None) -> Engine:
    """An engine with at most this many connections, none open yet. Raises WrongSetting.

    clock: gives the time in seconds since 1970 in place of SQLite's own clock. A database with such
    a clock does not wait for the disk.
    """
    parsed, more = _parsed(url), {"pool_size": connections, "max_overflow": 0}
    if parsed.drivername == "sqlite":
        _make_file(parsed.database)
        engine = create_engine(parsed, paramstyle="named", hide_parameters=True, **more)
        event.listen(engine, "connect", _set_up_sqlite)
        if clock:
            event.listen(engine, "connect", lambda one, _: _set_clock(one, clock))
        # Only migrations use SQLAlchemy's transactions, and those write.
        event.listen(engine, "begin", lambda one: one.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    if parsed.drivername not in POSTGRES_NAMES:
        text = f"GHAPP_DATABASE_URL: {parsed.drivername}:// is neither sqlite:// nor postgresql://"
        raise WrongSetting(text)
    parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(parsed, connect_args=bounds(parsed), hide_parameters=True, **more)
    except ImportError as error:  # or what it needs is missing, as libpq
        text = f"GHAPP_DATABASE_URL: the PostgreSQL driver cannot be loaded; {GET_DRIVER}"
        raise WrongSetting(text) from error
    event.listen(engine, "connect", _set_up_postgresql)
    return engine


def location(url: str) -> str:
    """The database for logs: SQLite's file, or PostgreSQL's URL without user, password and options.

    Raises WrongSetting.
    """
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        return parsed.database or ""
    port = f":{parsed.port}" if parsed.port else ""
    return f"postgresql://{parsed.host or ''}{port}/{parsed.database or ''}"


def bounds(url: URL) -> dict[str, str]:
    """Parameters that bound how long a connection waits, except those that the URL sets itself."""
    return {name: value for name, value in LIBPQ.items() if name not in url.query}


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise WrongSetting("GHAPP_DATABASE_URL is not a database URL") from error


def _make_file(file: str | None) -> None:
    """Create the file for its owner only; SQLite gives the files beside it the same permissions.

    The mode of an existing file stays as it is. Raises WrongSetting.
    """
    if not file or file == ":memory:":
        raise WrongSetting("GHAPP_DATABASE_URL: sqlite needs a file, as in sqlite:////var/ghapp.db")
    try:
        Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(f"GHAPP_DATABASE_URL: no folder for {file}: {error}") from error
    with contextlib.suppress(OSError):  # SQLite will report it
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _set_up_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions by itself
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _set_clock(connection: Any, clock: Callable[[], float]) -> None:
    """Replace the function that `schema.Now` reads the time with."""
    connection.execute("PRAGMA synchronous = OFF")
    connection.create_function("julianday", 1, lambda _: clock() / 86_400 + JULIAN_DAY_OF_1970)


def _set_up_postgresql(connection: Any, record: object) -> None:
    connection.autocommit = True  # a failed transaction would undo the settings
    for setting in SESSION:
        connection.execute(setting)
    connection.autocommit = False
