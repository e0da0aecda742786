"""The text of a GraphQL request -> its operations and fragments, or where it is no GraphQL.

Fields with aliases, arguments and variables, fragments inline and named: what clients of GitHub
write. Directives and block strings are refused rather than passed over.
Source: https://spec.graphql.org/October2021/#sec-Language
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(
    r"""(?P<skip>[\s,\ufeff]+|\#[^\n]*)
    |(?P<name>[_A-Za-z]\w*)
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<string>"(?!"")(?:[^"\\\n]|\\.)*")
    |(?P<mark>\.\.\.|[!$():=@\[\]{}|&])""",
    re.VERBOSE,
)
CLOSING = {"{": "}", "(": ")", "[": "]"}


class Unreadable(Exception):
    """line, column: where, from 1."""

    def __init__(self, message: str, at: tuple[int, int]) -> None:
        super().__init__(message)
        self.line, self.column = at


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: tuple[int, int]


class Enum(str):
    """A name written as a value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    alias: str
    arguments: Mapping[str, Any]
    selections: tuple[Selection, ...]
    at: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fragment:
    """on: "" where an inline one names no type."""

    on: str
    selections: tuple[Selection, ...]
    at: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spread:
    name: str
    at: tuple[int, int]


Selection = Field | Fragment | Spread


@dataclass(frozen=True, slots=True)
class Operation:
    """kind: query or mutation. variables: name to type and default, None where there is none."""

    kind: str
    name: str
    variables: Mapping[str, tuple[str, Any]]
    selections: tuple[Selection, ...]
    at: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Document:
    operations: tuple[Operation, ...]
    fragments: Mapping[str, Fragment]


def read(text: str) -> Document:
    """Raises Unreadable."""
    return _Reader(_tokens(text)).document()


def _tokens(text: str) -> list[Token]:
    found, place = [], 0
    while place < len(text):
        at = (text.count("\n", 0, place) + 1, place - (text.rfind("\n", 0, place) + 1) + 1)
        match = TOKEN.match(text, place)
        if match is None:
            raise Unreadable(f"Parse error on {json.dumps(text[place])} (error) at {list(at)}", at)
        if match.lastgroup != "skip":
            found.append(Token(str(match.lastgroup), match[0], at))
        place = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def document(self) -> Document:
        operations: list[Operation] = []
        fragments: dict[str, Fragment] = {}
        while self._place < len(self._tokens):
            if self._sees("fragment"):
                self._next()
                name = self._name()
                fragments[name] = self._fragment()
            else:
                operations.append(self._operation())
        if not operations:
            raise self._stuck()
        return Document(tuple(operations), fragments)

    def _operation(self) -> Operation:
        at = self._peek().at
        if self._sees("{"):
            return Operation("query", "", {}, self._selections(), at)
        kind = self._name()
        if kind not in ("query", "mutation"):
            self._place -= 1
            raise self._stuck()
        name = "" if self._sees("(") or self._sees("{") else self._name()
        variables = dict(self._within("(", self._variable)) if self._sees("(") else {}
        return Operation(kind, name, variables, self._selections(), at)

    def _variable(self) -> tuple[str, tuple[str, Any]]:
        self._take("$")
        name = self._name()
        self._take(":")
        kind = self._type()
        default = None
        if self._sees("="):
            self._next()
            default = self._value()
        return name, (kind, default)

    def _type(self) -> str:
        if self._sees("["):
            self._next()
            inner = self._type()
            self._take("]")
            kind = f"[{inner}]"
        else:
            kind = self._name()
        if self._sees("!"):
            self._next()
            kind += "!"
        return kind

    def _selections(self) -> tuple[Selection, ...]:
        return tuple(self._within("{", self._selection))

    def _selection(self) -> Selection:
        at = self._peek().at
        if self._sees("..."):
            self._next()
            if self._sees("on"):
                return self._fragment()
            return Fragment("", self._selections(), at) if self._sees("{") else self._spread(at)
        name = alias = self._name()
        if self._sees(":"):
            self._next()
            name = self._name()
        arguments = dict(self._within("(", self._argument)) if self._sees("(") else {}
        inner = self._selections() if self._sees("{") else ()
        return Field(name, alias, arguments, inner, at)

    def _spread(self, at: tuple[int, int]) -> Spread:
        return Spread(self._name(), at)

    def _fragment(self) -> Fragment:
        at = self._take("on").at
        return Fragment(self._name(), self._selections(), at)

    def _argument(self) -> tuple[str, Any]:
        name = self._name()
        self._take(":")
        return name, self._value()

    def _value(self) -> Any:
        token = self._next()
        if token.text in ("[", "{"):
            self._place -= 1
            listed = token.text == "["
            return self._all("[", self._value) if listed else dict(self._all("{", self._argument))
        if token.text == "$":
            return Variable(self._name())
        if token.kind in ("number", "string"):
            return json.loads(token.text)
        if token.kind == "name":
            known = {"true": True, "false": False, "null": None}
            return known[token.text] if token.text in known else Enum(token.text)
        self._place -= 1
        raise self._stuck()

    def _within(self, opening: str, row: Any) -> list[Any]:
        """At least one row between two marks."""
        rows = self._all(opening, row)
        if not rows:
            self._place -= 1
            raise self._stuck()
        return rows

    def _all(self, opening: str, row: Any) -> list[Any]:
        self._take(opening)
        rows = []
        while not self._sees(CLOSING[opening]):
            rows.append(row())
        self._next()
        return rows

    def _sees(self, text: str) -> bool:
        tokens = self._tokens[self._place : self._place + 1]
        return bool(tokens) and tokens[0].text == text

    def _peek(self) -> Token:
        if self._place >= len(self._tokens):
            raise self._stuck()
        return self._tokens[self._place]

    def _next(self) -> Token:
        token = self._peek()
        self._place += 1
        return token

    def _take(self, text: str) -> Token:
        if not self._sees(text):
            raise self._stuck()
        return self._next()

    def _name(self) -> str:
        if self._peek().kind != "name":
            raise self._stuck()
        return self._next().text

    def _stuck(self) -> Unreadable:
        if self._place >= len(self._tokens):
            at = self._tokens[-1].at if self._tokens else (1, 1)
            return Unreadable("Unexpected end of document", at)
        token = self._tokens[self._place]
        kind = token.kind.upper() if token.kind != "mark" else token.text
        shown = json.dumps(token.text)
        return Unreadable(f"Parse error on {shown} ({kind}) at {list(token.at)}", token.at)
