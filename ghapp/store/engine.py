"""A database URL -> an engine: SQLite (WAL, fully synchronous) or PostgreSQL (psycopg 3)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
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
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        return _sqlite(parsed, connections)
    if parsed.drivername not in POSTGRES_NAMES:
        text = f"GHAPP_DATABASE_URL: {parsed.drivername}:// is neither sqlite:// nor postgresql://"
        raise WrongSetting(text)
    return _postgresql(parsed.set(drivername="postgresql+psycopg"), connections)


def told(url: str) -> str:
    """Where it is: SQLite's file; of a PostgreSQL not what may be secret: user, password, options.

    Raises WrongSetting.
    """
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        return parsed.database or ""
    port = f":{parsed.port}" if parsed.port else ""
    return f"postgresql://{parsed.host or ''}{port}/{parsed.database or ''}"


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise WrongSetting("GHAPP_DATABASE_URL is not a database URL") from error


def _sqlite(url: URL, connections: int) -> Engine:
    if not url.database or url.database == ":memory:":
        raise WrongSetting("GHAPP_DATABASE_URL: sqlite needs a file, as in sqlite:////var/ghapp.db")
    try:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(f"GHAPP_DATABASE_URL: no folder for {url.database}: {error}") from error
    _make_private(url.database)
    engine = create_engine(
        url, paramstyle="named", pool_size=connections, max_overflow=0, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(file: str) -> None:
    """A new file that its owner alone reads; SQLite gives those beside it the same permissions.

    One that is there stays as it is: somebody may have reasons.
    """
    with contextlib.suppress(OSError):  # SQLite says it better
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _prepare(connection: Any, record: object) -> None:
    connection.isolation_level = None  # else the driver begins transactions where it sees fit
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    """Of SQLAlchemy's own transactions, which change the schema."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: URL, connections: int) -> Engine:
    given = {"pool_size": connections, "max_overflow": 0, "connect_args": bounds(url)}
    given |= {"hide_parameters": True}
    try:
        engine = create_engine(url, **given)
    except ImportError as error:  # or what it needs is missing, as libpq
        text = f"GHAPP_DATABASE_URL: the PostgreSQL driver cannot be loaded; {GET_DRIVER}"
        raise WrongSetting(text) from error
    event.listen(engine, "connect", _settle)
    return engine


def bounds(url: URL) -> dict[str, str]:
    """How long a connection waits for its server, as far as the URL does not say so itself."""
    return {name: value for name, value in LIBPQ.items() if name not in url.query}


def _settle(connection: Any, record: object) -> None:
    connection.autocommit = True  # else they are undone with the first transaction that is
    for setting in SESSION:
        connection.execute(setting)
    connection.autocommit = False
