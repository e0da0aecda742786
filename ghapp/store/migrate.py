"""Brings the schema up to date; if several processes start, the first does and the others wait.

A schema newer than this code is used if it says that this code works with it: decisions/0006.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from ghapp.errors import WrongDatabase
from ghapp.store.schema import schema
from ghapp.store.sql import DriverError, driver_error
from ghapp.store.transactions import passing, read_only, translated, tried

if TYPE_CHECKING:
    from alembic.config import Config


HEAD = "0001"  # the newest revision in migrations/versions
# While a migration waits for a lock on a table, everybody else waits behind it.
_LOCK_SECONDS = 5
_LOCK = 6_072_846_391  # of an advisory lock: any number that nobody else uses


def migrated(engine: Engine, *, change: bool) -> None:
    """Check the schema: when this returns, this code works with it.

    change: bring it up to date first, and check that the database takes writes. Raises
    WrongDatabase: out of reach, a standby, read-only, not a database, too new, or too old without
    `change`.
    """

    def once() -> None:
        try:
            with engine.begin() as connection:
                _migrated(connection, change=change)
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise driver_error(engine.dialect, cause) from error

    try:
        tried(once)
    except DriverError as error:
        raise unusable(engine.url, error) from error


def _migrated(connection: Connection, *, change: bool) -> None:
    on_postgresql = connection.dialect.name == "postgresql"
    if on_postgresql:  # SQLite's transaction is the lock
        if change and connection.scalar(text("SELECT pg_is_in_recovery()")):
            found = f"{_written(connection.engine.url)} is a standby, which takes no writes"
            fix = "promote it, or name the server that takes writes"
            raise WrongDatabase(found, fix, passes=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = ""
    if inspect(connection).has_table("alembic_version"):
        found = connection.scalar(text("SELECT version_num FROM alembic_version")) or ""
    if found > HEAD:
        works_from = connection.scalar(select(schema.c.works_from)) or ""
        if works_from > HEAD:
            wrong = f"the database has schema {found}, which works from {works_from} on"
            raise WrongDatabase(f"{wrong}, and this ghapp knows {HEAD}", "upgrade ghapp")
    if found < HEAD and not change:
        wrong = f"the database has schema {found or 'none'}, and this ghapp needs {HEAD}"
        raise WrongDatabase(
            wrong, "start `ghapp serve` or run `ghapp migrate`, which bring it there"
        )
    if found < HEAD:
        from alembic import command  # noqa: PLC0415 -- takes a while to load and is seldom needed

        if on_postgresql:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        command.upgrade(configured(connection), "head")
    if change:  # a write that is undone, so that a read-only database is noticed now
        with connection.begin_nested() as trial:
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
            trial.rollback()


def configured(connection: Connection) -> Config:
    """Alembic's configuration, which runs migrations on the connection, in its transaction."""
    from alembic.config import Config  # noqa: PLC0415 -- as above

    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


# --- a driver's error at the start -> what is wrong with the database, and what to do -------------

# SQLite's primary result code -> what is wrong with the file, what to do.
_FILE_ERRORS = {
    sqlite3.SQLITE_READONLY: (
        "is read-only for this user",
        "chown it to the user that runs ghapp, or chmod u+w it; so, too, the files -wal and -shm "
        "beside it, where there are any",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is no SQLite database",
        "move it away, or restore a backup in its place",
    ),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore a backup in its place"),
    sqlite3.SQLITE_FULL: ("lies on a full disk", "make room there"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened as a file",
        "let the user that runs ghapp read and write it, and the folder it lies in",
    ),
}
# psycopg has no SQLSTATE for errors while it connects. If the server's messages are not English,
# these errors count as out of reach, and that fix names user and database as well.
_NO_SUCH_DATABASE = re.compile(r'database "[^"]*" does not exist')
_NO_SUCH_USER = re.compile(
    r'authentication failed|no password supplied|no pg_hba\.conf entry|role "[^"]*" does not exist'
)


def unusable(url: URL, error: DriverError) -> WrongDatabase:
    """Why the database at `url` cannot be used. Without a password, and in one line."""
    if url.drivername == "sqlite":
        code = getattr(error.cause, "sqlite_errorcode", 0) & 0xFF  # the primary result code
        if code in _FILE_ERRORS:
            wrong, fix = _FILE_ERRORS[code]
            return WrongDatabase(f"{url.database} {wrong}", fix)
        fix = "end what else uses it, and see that its disk is local and has room"
        return WrongDatabase(f"{url.database}: {translated(error)}", fix)
    # Without libpq's own advice, which is indented.
    lines = [line for line in str(error.cause).splitlines() if not line.startswith("\t")]
    where, words = _written(url), " ".join(" ".join(lines).split())
    if _NO_SUCH_DATABASE.search(words):
        found = f"{where} cannot be opened: its server has no database {url.database}"
        return WrongDatabase(found, "make it by `createdb`, or correct the name")
    if _NO_SUCH_USER.search(words):
        fix = "correct user and password, or have the server let this user in (pg_hba.conf)"
        return WrongDatabase(f"{where} does not let its user in: {words}", fix)
    if read_only(error):
        fix = "undo its default_transaction_read_only, or name the server that takes writes"
        return WrongDatabase(f"{where} is read-only", fix)
    if passing(error):
        fix = "start it, or correct host, port, user, password and name"
        return WrongDatabase(f"{where} is out of reach: {words}", fix, passes=True)
    fix = "let its user make and change tables there; its own log says more"
    return WrongDatabase(f"{where}: {translated(error)}", fix)


def _written(url: URL) -> str:
    """A PostgreSQL URL as people write it, without its query, which may hold a password."""
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
