"""Statements of SQLAlchemy, compiled once for each kind of database and run by the driver itself.

If SQLAlchemy ran them, an event would cost a seventh more: docs/decisions/0010-few-statements.md.
"""

from __future__ import annotations

import json
from collections import deque, namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Dialect, Engine, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, FunctionElement

Parameters = Mapping[str, Any]
NONE: Parameters = {}

# --- statements -----------------------------------------------------------------------------------


class Statement:
    """A statement that runs many times, always with parameters of the same names.

    A parameter that is a list is for `one_of`.
    """

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: dict[str, Compiled] = {}

    def on(self, dialect: Dialect, parameters: Iterable[str]) -> Compiled:
        """The statement for that kind of database. parameters: their names."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = Compiled(self._clause, dialect, tuple(parameters))
            self._compiled[dialect.name] = found
        return found


class Compiled:
    """A statement for one kind of database. sql: what its driver runs."""

    def __init__(self, clause: ClauseElement, dialect: Dialect, names: Sequence[str]) -> None:
        compiled = clause.compile(dialect=dialect, column_keys=list(names))
        assert isinstance(compiled, SQLCompiler)
        self.sql = str(compiled)
        self._constants = {name: one for name, one in compiled.params.items() if name not in names}
        self._is_sqlite = dialect.name == "sqlite"
        columns = getattr(clause, "exported_columns", ())
        self._row: Callable[[Sequence[Any]], Any] = tuple
        if columns:
            keys = [column.key or "_" for column in columns]
            row = namedtuple("Row", keys, rename=True)  # type: ignore[misc]  # noqa: PYI024
            self._row = row._make
        flags = [place for place, one in enumerate(columns) if isinstance(one.type, Boolean)]
        self._flags = flags if self._is_sqlite else []  # SQLite has no booleans

    def given(self, parameters: Parameters) -> dict[str, Any]:
        """All values for the driver: the parameters, and the constants of the statement."""
        values = {**self._constants, **parameters}
        if self._is_sqlite:
            for name, value in parameters.items():
                if isinstance(value, list):
                    values[name] = json.dumps(value)
        return values

    def rows(self, found: Iterable[Sequence[Any]]) -> list[Any]:
        """The driver's rows as named tuples."""
        if not self._flags:
            return [self._row(values) for values in found]
        rows = []
        for one in found:
            values = list(one)
            for place in self._flags:
                values[place] = bool(values[place])
            rows.append(self._row(values))
        return rows


class _OneOf(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> _OneOf:  # noqa: ARG002
        """Unchanged: for SQLite, SQLAlchemy would add `= 1`, and no index would be used."""
        return self


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether the column is in the list given as parameter `name`, which may be of any length."""
    return _OneOf(column, bindparam(name))


@compiles(_OneOf, "sqlite")
def _one_of_on_sqlite(element: _OneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({items}))"  # compiled parts  # noqa: S608


@compiles(_OneOf, "postgresql")
def _one_of_on_postgresql(element: _OneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} = ANY({items})"


# --- connections ----------------------------------------------------------------------------------


class DriverError(Exception):
    """What the driver raised.

    lost: the connection can no longer be used. passes: the error is of a kind that may pass, as if
    the server is away; otherwise a statement was refused.
    """

    def __init__(self, cause: Exception, *, lost: bool, passes: bool) -> None:
        super().__init__(str(cause))
        self.cause, self.lost, self.passes = cause, lost, passes


def driver_error(dialect: Dialect, error: Exception, driver: Any = None) -> DriverError:
    """The error as our own. driver: the connection that raised it, None if there was none yet."""
    kinds = dialect.loaded_dbapi
    passes = isinstance(error, kinds.OperationalError | kinds.InterfaceError)
    lost = driver is not None and dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
    return DriverError(error, lost=lost, passes=passes)


class Connection:
    """One connection, used by one thread at a time. All methods raise DriverError.

    marks: this transaction has made keys due, which is announced after the commit.
    process: names this process among all that use the database.
    """

    def __init__(self, pooled: PoolProxiedConnection, dialect: Dialect, process: str) -> None:
        self._pooled = pooled
        self._driver: Any = pooled.driver_connection
        self._driver_errors: type[Exception] = dialect.loaded_dbapi.Error
        self.dialect = dialect
        self.is_postgresql = dialect.name == "postgresql"
        self.process = process
        self.lost = self.marks = False

    def rows(self, statement: Statement, parameters: Parameters = NONE) -> list[Any]:
        """The rows as named tuples."""
        compiled = statement.on(self.dialect, parameters)
        return compiled.rows(self.run(compiled.sql, compiled.given(parameters)).fetchall())

    def row(self, statement: Statement, parameters: Parameters = NONE) -> Any | None:
        """The first row, None if there is none."""
        found = self.rows(statement, parameters)
        return found[0] if found else None

    def values(self, statement: Statement, parameters: Parameters = NONE) -> list[Any]:
        """The first column of each row."""
        return [one[0] for one in self.rows(statement, parameters)]

    def value(self, statement: Statement, parameters: Parameters = NONE) -> Any | None:
        """The first column of the first row, None if there is none."""
        found = self.row(statement, parameters)
        return found[0] if found else None

    def value_each(self, statement: Statement, rows: Sequence[Parameters]) -> list[Any | None]:
        """Run the statement for each of these; the value of each, None for none. One round trip."""
        if len(rows) < 2 or not self.is_postgresql:
            return [self.value(statement, one) for one in rows]
        compiled = statement.on(self.dialect, rows[0])
        given = [compiled.given(one) for one in rows]
        cursor = self.run_each(compiled.sql, given, returning=True)
        found = []
        for _ in rows:
            one = cursor.fetchone()
            found.append(one[0] if one else None)
            cursor.nextset()
        return found

    def change(self, statement: Statement, parameters: Parameters = NONE) -> int:
        """How many rows were changed."""
        compiled = statement.on(self.dialect, parameters)
        count: int = self.run(compiled.sql, compiled.given(parameters)).rowcount
        return count

    def change_each(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        """Run the statement for each of these."""
        if not rows:
            return
        compiled = statement.on(self.dialect, rows[0])
        if len(rows) == 1:  # the usual case, in which `executemany` costs one more round trip
            self.run(compiled.sql, compiled.given(rows[0]))
        else:
            self.run_each(compiled.sql, [compiled.given(one) for one in rows])

    def run(self, sql: str, parameters: Parameters = NONE) -> Any:
        """Run SQL; the driver's cursor."""
        try:
            return self._driver.execute(sql, parameters)
        except self._driver_errors as error:
            raise self._noted(error) from error

    def run_each(self, sql: str, rows: Sequence[Parameters], **how: Any) -> Any:
        """Run SQL for each of these; the driver's cursor."""
        try:
            cursor = self._driver.cursor()
            cursor.executemany(sql, rows, **how)
            return cursor
        except self._driver_errors as error:
            raise self._noted(error) from error

    def begin(self, words: str) -> None:
        """Begin a transaction. words: how, on SQLite; PostgreSQL's driver begins by itself."""
        if not self.is_postgresql:
            self.run(words)

    def commit(self) -> None:
        try:
            self._driver.commit()
        except self._driver_errors as error:
            raise self._noted(error) from error

    def undo(self) -> None:
        """Roll back; if that fails, the connection can no longer be used."""
        try:
            self._driver.rollback()
        except self._driver_errors:
            self.lost = True

    def close(self) -> None:
        """Disconnect from the server."""
        with suppress(self._driver_errors):
            self._pooled.invalidate()

    def _noted(self, error: Exception) -> DriverError:
        noted = driver_error(self.dialect, error, self._driver)
        self.lost = self.lost or noted.lost
        return noted


class Connections:
    """The connections of this process: opened when needed, and kept.

    marked: is called in any thread after a commit that made keys due. process: as in Connection.
    """

    def __init__(
        self, engine: Engine, process: str = "", marked: Callable[[], object] = lambda: None
    ) -> None:
        self._engine = engine
        self._process = process
        self.marked = marked
        self._idle: deque[Connection] = deque()

    def take(self) -> Connection:
        """A connection for the calling thread alone. Raises DriverError (none can be opened)."""
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
        self._close_idle()  # mostly the server is gone, and each of them would fail as well

    def close(self) -> None:
        """Close all that are not in use."""
        self._close_idle()
        self._engine.dispose()

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()
