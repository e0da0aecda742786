"""Statements as SQLAlchemy makes them, put into each driver's own words once and for all.

To run one then costs a fifth of what it costs SQLAlchemy, which looks for its words each time:
docs/decisions/0008-statements-made-once.md.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Dialect, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, FunctionElement

Parameters = Mapping[str, Any]
# One for both servers, or one that is made for "sqlite" or "postgresql".
Made = ClauseElement | Callable[[str], ClauseElement]


class Statement:
    """One that runs again and again with other parameters; their names are the same each time.

    A list among them is for `one_of`.
    """

    def __init__(self, made: Made) -> None:
        self._made = made
        self._words: dict[str, Words] = {}

    def on(self, dialect: Dialect, parameters: Iterable[str]) -> Words:
        """Its words for that server. parameters: the names of those that it is given."""
        found = self._words.get(dialect.name)
        if found is None:
            made = self._made if isinstance(self._made, ClauseElement) else self._made(dialect.name)
            found = self._words[dialect.name] = Words(made, dialect, tuple(parameters))
        return found


class Words:
    """sql: as the driver takes it."""

    def __init__(self, made: ClauseElement, dialect: Dialect, names: Sequence[str]) -> None:
        compiled = made.compile(dialect=dialect, column_keys=list(names))
        assert isinstance(compiled, SQLCompiler)
        self.sql = str(compiled)
        self._always = {name: value for name, value in compiled.params.items() if name not in names}
        self._is_sqlite = dialect.name == "sqlite"
        columns = getattr(made, "exported_columns", ())
        self._row = _naming([one.key or "_" for one in columns])
        booleans = [place for place, one in enumerate(columns) if isinstance(one.type, Boolean)]
        self._flags = booleans if self._is_sqlite else []  # SQLite knows none

    def given(self, parameters: Parameters) -> dict[str, Any]:
        """All that the driver has to be given."""
        told = {**self._always, **parameters}
        if self._is_sqlite:
            for name, value in parameters.items():
                if isinstance(value, list):
                    told[name] = json.dumps(value)
        return told

    def rows(self, found: Iterable[Sequence[Any]]) -> list[Any]:
        """Rows whose columns have names."""
        return [self._row(self._values(one)) for one in found]

    def _values(self, found: Sequence[Any]) -> Sequence[Any]:
        """With booleans where the server has none."""
        if not self._flags:
            return found
        values = list(found)
        for place in self._flags:
            values[place] = bool(values[place])
        return values


def _naming(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    """A row's values -> a named tuple of them, a plain one where they have no names."""
    if not names:
        return tuple
    row = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024
    return row._make


class _OneOf(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> _OneOf:  # noqa: ARG002
        """As it is: SQLAlchemy would ask SQLite for `= 1`, and no index would serve."""
        return self


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether it is among the items of the list that is given as `name`, however many there are."""
    return _OneOf(column, bindparam(name))


@compiles(_OneOf, "sqlite")
def _one_of_on_sqlite(element: _OneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({items}))"  # compiled parts  # noqa: S608


@compiles(_OneOf, "postgresql")
def _one_of_on_postgresql(element: _OneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} = ANY({items})"
