"""A database URL -> an engine: SQLite (WAL, fully synchronous) or PostgreSQL (psycopg 3)."""

from __future__ import annotations

import contextlib
import os
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
    # Copied into the file itself after so many pages (16 MB), not 1,000: each time is two waits for
    # the disk more, and whoever commits then waits for them.
    "PRAGMA wal_autocheckpoint = 4000",
    # Of each connection, in KiB: what is left out the kernel has. 2,000 would fill in half an hour.
    "PRAGMA cache_size = -256",
)
# A server that is cut off is noticed within 10 s, else TCP would wait for a quarter of an hour.
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
    # Claims look dear to the planner and take milliseconds; to compile one takes half a second.
    "SET jit = off",
    # All that is searched is in memory. Else the planner would sort all due keys for each claim.
    "SET random_page_cost = 1.1",
)
POSTGRES_NAMES = ("postgres", "postgresql", "postgresql+psycopg")


def connected(url: str, connections: int) -> Engine:
    """An engine of at most so many connections; nothing is connected yet. Raises WrongSetting."""
    parsed, more = _parsed(url), {"pool_size": connections, "max_overflow": 0}
    if parsed.drivername == "sqlite":
        _make_file(parsed.database)
        engine = create_engine(parsed, paramstyle="named", hide_parameters=True, **more)
        event.listen(engine, "connect", _set_up_sqlite)
        # SQLAlchemy's own transactions change the schema; ours begin by themselves.
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
    """SQLite's file; of a PostgreSQL not what may be secret: user, password, options.

    Raises WrongSetting.
    """
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        return parsed.database or ""
    port = f":{parsed.port}" if parsed.port else ""
    return f"postgresql://{parsed.host or ''}{port}/{parsed.database or ''}"


def bounds(url: URL) -> dict[str, str]:
    """How long a connection waits for its server, as far as the URL does not say so itself."""
    return {name: value for name, value in LIBPQ.items() if name not in url.query}


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise WrongSetting("GHAPP_DATABASE_URL is not a database URL") from error


def _make_file(file: str | None) -> None:
    """A new file is its owner's alone; SQLite gives the files beside it the same permissions.

    An existing file stays as it is: somebody may have reasons. Raises WrongSetting.
    """
    if not file or file == ":memory:":
        raise WrongSetting("GHAPP_DATABASE_URL: sqlite needs a file, as in sqlite:////var/ghapp.db")
    try:
        Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(f"GHAPP_DATABASE_URL: no folder for {file}: {error}") from error
    with contextlib.suppress(OSError):  # SQLite says it better
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _set_up_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # else the driver begins transactions when it sees fit
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _set_up_postgresql(connection: Any, record: object) -> None:
    connection.autocommit = True  # else the settings are undone with the first failed transaction
    for setting in SESSION:
        connection.execute(setting)
    connection.autocommit = False
