"""Connections to the database as transactions use them: statements, rows by name, our errors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Dialect, Engine
from sqlalchemy.pool import PoolProxiedConnection

from ghapp.store.statements import Parameters, Statement

NONE: Parameters = {}


class DriverError(Exception):
    """What the driver raised. lost: and the connection can no longer be used.

    passes: it is of a kind that may pass, as a server that is away; else a statement is refused.
    """

    def __init__(self, cause: Exception, *, lost: bool, passes: bool) -> None:
        super().__init__(str(cause))
        self.cause, self.lost, self.passes = cause, lost, passes


class Connection:
    """One connection, of one thread at a time. All raise DriverError.

    marks: whether this transaction marks keys, so that they are to be claimed once it is committed.
    process: names this process among all that use the database.
    """

    def __init__(self, pooled: PoolProxiedConnection, dialect: Dialect, process: str) -> None:
        self._pooled = pooled
        self._driver: Any = pooled.driver_connection
        self._driver_errors: type[Exception] = dialect.loaded_dbapi.Error
        self.dialect = dialect
        self.process = process
        self.lost = self.marks = False

    @property
    def is_postgresql(self) -> bool:
        return self.dialect.name == "postgresql"

    # --- statements ----------------------------------------------------------------------

    def rows(self, statement: Statement, parameters: Parameters = NONE) -> list[Any]:
        """Named tuples of the columns."""
        words = statement.on(self.dialect, parameters)
        return words.rows(self.run(words.sql, words.given(parameters)).fetchall())

    def row(self, statement: Statement, parameters: Parameters = NONE) -> Any | None:
        """The first row, None for none."""
        found = self.rows(statement, parameters)
        return found[0] if found else None

    def values(self, statement: Statement, parameters: Parameters = NONE) -> list[Any]:
        """The first column of each row."""
        return [one[0] for one in self.rows(statement, parameters)]

    def value(self, statement: Statement, parameters: Parameters = NONE) -> Any | None:
        """The first column of the first row, None for none."""
        found = self.row(statement, parameters)
        return found[0] if found else None

    def value_each(self, statement: Statement, rows: Sequence[Parameters]) -> list[Any | None]:
        """The first column of what each of these gives, None for nothing; one round trip."""
        if len(rows) < 2 or not self.is_postgresql:
            return [self.value(statement, one) for one in rows]
        words = statement.on(self.dialect, rows[0])
        cursor = self.run_each(words.sql, [words.given(one) for one in rows], returning=True)
        found = []
        for _ in rows:
            one = cursor.fetchone()
            found.append(one[0] if one else None)
            cursor.nextset()
        return found

    def change(self, statement: Statement, parameters: Parameters = NONE) -> int:
        """How many rows were changed."""
        words = statement.on(self.dialect, parameters)
        count: int = self.run(words.sql, words.given(parameters)).rowcount
        return count

    def change_each(self, statement: Statement, rows: Iterable[Parameters]) -> None:
        """Once with each of these; nothing for none."""
        given = list(rows)
        if not given:
            return
        words = statement.on(self.dialect, given[0])
        if len(given) == 1:  # as mostly; psycopg takes a round trip more where there are several
            self.run(words.sql, words.given(given[0]))
        else:
            self.run_each(words.sql, [words.given(one) for one in given])

    # --- transactions --------------------------------------------------------------------

    def begin(self, words: str) -> None:
        """words: how it begins on SQLite; PostgreSQL's driver begins by itself."""
        if not self.is_postgresql:
            self.run(words)

    def commit(self) -> None:
        try:
            self._driver.commit()
        except self._driver_errors as error:
            raise self._told(error) from error

    def undo(self) -> None:
        """All of the transaction; if that fails, the connection can no longer be used."""
        try:
            self._driver.rollback()
        except self._driver_errors:
            self.lost = True

    def close(self) -> None:
        """Let the server go."""
        with suppress(self._driver_errors):
            self._pooled.invalidate()

    # --- the driver ----------------------------------------------------------------------

    def run(self, sql: str, parameters: Parameters = NONE) -> Any:
        """The driver's cursor."""
        try:
            return self._driver.execute(sql, parameters)
        except self._driver_errors as error:
            raise self._told(error) from error

    def run_each(self, sql: str, rows: list[Parameters], **how: Any) -> Any:
        """Once with each of them; the driver's cursor."""
        try:
            cursor = self._driver.cursor()
            cursor.executemany(sql, rows, **how)
            return cursor
        except self._driver_errors as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> DriverError:
        told = driver_error(self.dialect, error, self._driver)
        self.lost = self.lost or told.lost
        return told


class Connections:
    """As many as are in use at once, and kept; SQLAlchemy's engine makes them.

    marked: called in any thread after a commit that marked keys. process: as of a connection.
    """

    def __init__(
        self, engine: Engine, process: str = "", marked: Callable[[], object] = lambda: None
    ) -> None:
        self._engine = engine
        self._process = process
        self.marked = marked
        self._idle: deque[Connection] = deque()

    def take(self) -> Connection:
        """One for the calling thread alone. Raises DriverError (there is none to be had)."""
        with suppress(IndexError):
            return self._idle.pop()
        dialect = self._engine.dialect
        try:
            return Connection(self._engine.raw_connection(), dialect, self._process)
        except dialect.loaded_dbapi.Error as error:
            raise driver_error(dialect, error) from error

    def give_back(self, connection: Connection) -> None:
        if not connection.lost:
            self._idle.append(connection)
            return
        connection.close()
        self._close_idle()  # mostly it is the server that is gone, and each would fail by itself

    def close(self) -> None:
        """Those that are in use stay open."""
        self._close_idle()
        self._engine.dispose()

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


def driver_error(dialect: Dialect, error: Exception, driver: Any = None) -> DriverError:
    """driver: the connection it came of, None where there was none yet."""
    kinds = dialect.loaded_dbapi
    passes = isinstance(error, kinds.OperationalError | kinds.InterfaceError)
    lost = driver is not None and dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
    return DriverError(error, lost=lost, passes=passes)
