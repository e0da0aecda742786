"""What the driver says of a database that cannot be used -> what is wrong, and what to do."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy import URL

from ghapp.errors import WrongDatabase
from ghapp.store.connection import DriverError
from ghapp.store.transactions import passing, read_only, translated

# SQLite's primary result code -> what is wrong with the file, what to do.
_OF_FILES = {
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
_BY_DEFAULT = "end what else uses it, and see that its disk is local and has room"
# psycopg knows no SQLSTATE for what fails while it connects; where a server speaks another
# language, these pass for one that is out of reach, whose remedy names user and database, too.
_NO_SUCH_DATABASE = re.compile(r'database "[^"]*" does not exist')
_NO_SUCH_USER = re.compile(
    r'authentication failed|no password supplied|no pg_hba\.conf entry|role "[^"]*" does not exist'
)


def unusable(url: URL, error: DriverError) -> WrongDatabase:
    """Why the database at `url` cannot be used. Without a password, and in one line."""
    return _file(url, error) if url.drivername == "sqlite" else _server(url, error)


def standby(url: URL) -> WrongDatabase:
    """Of a server in recovery, which takes writes once it is promoted."""
    found = f"{_written(url)} is a standby, which takes no writes"
    return WrongDatabase(found, "promote it, or name the server that takes writes", passes=True)


def _file(url: URL, error: DriverError) -> WrongDatabase:
    code = getattr(error.cause, "sqlite_errorcode", 0) & 0xFF  # above it: what kind of it
    if code in _OF_FILES:
        wrong, fix = _OF_FILES[code]
        return WrongDatabase(f"{url.database} {wrong}", fix)
    return WrongDatabase(f"{url.database}: {translated(error)}", _BY_DEFAULT)


def _server(url: URL, error: DriverError) -> WrongDatabase:
    where, words = _written(url), _one_line(error.cause)
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
    """As people write it. Behind the "?" may stand a password, too."""
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def _one_line(cause: Exception) -> str:
    """Without libpq's own advice, which is indented."""
    lines = [line for line in str(cause).splitlines() if not line.startswith("\t")]
    return " ".join(" ".join(lines).split())
