"""The schema brought up to date, by whoever comes first; the others wait.

One that is newer is worked with where it says that this code can: decisions/0006.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from ghapp.errors import WrongDatabase
from ghapp.heap import without
from ghapp.store.connection import DriverError, driver_error
from ghapp.store.schema import schema
from ghapp.store.transactions import tried
from ghapp.store.unusable import standby, unusable

if TYPE_CHECKING:
    from alembic.config import Config


HEAD = "0005"  # the newest revision in migrations/versions
# Whoever waits for a lock on a table has everybody else wait behind: rather try again later.
_LOCK_SECONDS = 5
_LOCK = 6_072_846_391  # any number that nobody else takes for an advisory lock


def migrated(engine: Engine, *, change: bool) -> None:
    """The schema is at HEAD, or newer and works with us, when this returns.

    change: bring it up to date, and see that it takes writes. Raises WrongDatabase: out of reach,
    a standby, read-only, none at all, too new for us, or older and not to be changed.
    """
    try:
        tried(lambda: _once(engine, change=change))
    except DriverError as error:
        raise unusable(engine.url, error) from error


def _once(engine: Engine, *, change: bool) -> None:
    try:
        with engine.begin() as connection:
            _migrated(connection, change=change)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise driver_error(engine.dialect, cause) from error


def _migrated(connection: Connection, *, change: bool) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's transaction is the lock
        if change and connection.scalar(text("SELECT pg_is_in_recovery()")):
            raise standby(connection.engine.url)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = _revision(connection)
    if found > HEAD:
        _check_newer(connection, found)
    if found < HEAD and not change:
        told = f"the database has schema {found or 'none'}, and this ghapp needs {HEAD}"
        raise WrongDatabase(
            told, "start `ghapp serve` or run `ghapp migrate`, which bring it there"
        )
    if found < HEAD:
        _upgrade(connection)
    if change:
        _try_to_write(connection)


def _check_newer(connection: Connection, found: str) -> None:
    works_from = _works_from(connection)
    if works_from > HEAD:
        told = f"the database has schema {found}, which works from {works_from} on"
        raise WrongDatabase(f"{told}, and this ghapp knows {HEAD}", "upgrade ghapp")


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    # It takes a while to load and is seldom of use. What colours tracebacks in its templates never
    # is: 6 MB.
    with without("pygments"):
        from alembic import command  # noqa: PLC0415  # noqa: PLC0415
    command.upgrade(configured(connection), "head")


def _try_to_write(connection: Connection) -> None:
    """A change that is undone: else it would be the first delivery that finds it read-only."""
    with connection.begin_nested() as trial:
        connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        trial.rollback()


def configured(connection: Connection) -> Config:
    """Alembic's configuration for a connection with a transaction of its own."""
    from alembic.config import Config  # noqa: PLC0415 -- as above  # noqa: PLC0415 -- as above

    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str:
    """The schema's revision; "" where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found or ""


def _works_from(connection: Connection) -> str:
    """The oldest revision whose code works on a schema that is newer than we know."""
    found: str | None = connection.scalar(select(schema.c.works_from))
    return found or ""
