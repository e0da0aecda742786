"""YAML as strangers write it -> a tree that knows its lines, or Problems. Nothing in it is trusted.

Read is the part of YAML that people mean: maps, lists and plain scalars. The tree is built from
the event stream, within bounds: composing a deeply nested document kills the C loader's process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ghapp.core.model import Problem

MAX_BYTES = 256 << 10
MAX_NODES = 50_000
MAX_DEPTH = 64
MAX_PROBLEMS = 50

Loc = tuple[str | int, ...]
Place = tuple[int, int]

# What YAML itself does not admit; a byte order mark counts only where it is not the first.
UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffc\U00010000-\U0010ffff]"
)
LOST = "\ufffd"  # admitted by YAML, but what decoders put where a file was not UTF-8

# A plain scalar stands for one of these, else for its text. No octal, hexadecimal or base 60:
# `012` and `1:30` stay what is written, and so do dates.
SPELT: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{
        form: value
        for words, value in (("true yes on", True), ("false no off", False))
        for word in words.split()
        for form in (word, word.capitalize(), word.upper())
    },
}
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")

LINE_BREAK = re.compile("\r\n|[\n\r]")

MEANINGS = (
    ("unknown escape character", "put regular expressions in single quotes"),
    (
        "mapping values are not allowed",
        "put the text in quotes, or look at the indentation",
    ),
    (
        "cannot start any token",
        "put the text in quotes, and indent by spaces, not tabs",
    ),
    ("unexpected end of stream", "a quote is not closed"),
    ("", "look at quotes, brackets and indentation here"),
)


@dataclass(frozen=True, slots=True)
class Tree:
    """A document. value: of str, int, float, bool, None, list and dict with str keys."""

    value: object
    values: Mapping[Loc, Place] = field(repr=False)
    keys: Mapping[Loc, Place] = field(repr=False)

    def at(self, loc: Loc) -> Place:
        """Line and column, from 1, of a value; of the nearest one around it where it is missing."""
        return self.values[self.steps(loc)]

    def key_at(self, loc: Loc) -> Place:
        """Line and column, from 1, of the key of a value, else of the value."""
        known = self.steps(loc)
        return self.keys.get(known, self.values[known])

    def steps(self, loc: Loc) -> Loc:
        """The steps of `loc` that the document has; no missing key, no branch of a union."""
        known: Loc = ()
        for step in loc:
            if (*known, step) in self.values:
                known = (*known, step)
        return known


def read(text: str | bytes, path: str) -> Tree | tuple[Problem, ...]:
    """The tree of the text, or all that is wrong with it; a text without content is None.

    path: the file as its Problems shall name it.
    """
    decoded = _decoded(text, path)
    if isinstance(decoded, Problem):
        return (decoded,)
    builder = _Builder(path, last_line=_place(decoded.rstrip())[0])
    try:
        for event in yaml.parse(decoded, Loader=yaml.CSafeLoader):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        builder.note(_marked(error.problem_mark), _explained(error))
    return builder.result()


def _decoded(text: str | bytes, path: str) -> str | Problem:
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > MAX_BYTES:
            return Problem(
                path,
                0,
                0,
                f"the file has {len(raw):,} bytes, more than {MAX_BYTES:,}: split it",
            )
        decoded = raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        return Problem(path, *_place(before), "not UTF-8: save the file as UTF-8")
    except UnicodeEncodeError as error:
        before = error.object[: error.start]
        return Problem(path, *_place(before), "not UTF-8: save the file as UTF-8")
    if bad := UNPRINTABLE.search(decoded):
        name = f"the character U+{ord(bad[0]):04X}"
        what = f"{name} is not allowed in YAML: take it out"
        if bad[0] == LOST:
            what = f"{name} stands for what was not UTF-8: save the file as UTF-8"
        return Problem(path, *_place(decoded[: bad.start()]), what)
    return decoded


def _place(before: str) -> Place:
    lines = LINE_BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _marked(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _explained(error: yaml.MarkedYAMLError) -> str:
    complaint = ", ".join(part for part in (error.context, error.problem) if part)
    meaning = next((text for sign, text in MEANINGS if sign in complaint), MEANINGS[-1][1])
    return f"not YAML: {complaint}; {meaning}"


def _started(event: yaml.NodeEvent) -> object:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    return [] if isinstance(event, yaml.SequenceStartEvent) else None


def _scalar(event: yaml.ScalarEvent) -> object:
    text = str(event.value)
    if not event.implicit[0]:  # quoted
        return text
    if INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    return SPELT.get(text, text)


def _meant(key: object) -> str:
    """How YAML reads a key that is no text."""
    return str(key).lower() if isinstance(key, bool) else "nothing" if key is None else "a number"


@dataclass(slots=True)
class _Open:
    """A map or list being read. key: of the value to come; None where a key is to come."""

    loc: Loc
    value: dict[str, object] | list[object]
    key: str | None = None


class _Builder:
    """Events in, a tree or problems out; without recursion, so that depth costs nothing."""

    def __init__(self, path: str, last_line: int) -> None:
        self.path = path
        self.last_line = last_line
        self.problems: list[Problem] = []
        self.root: object = None
        self.values: dict[Loc, Place] = {}
        self.keys: dict[Loc, Place] = {}
        self.open: list[_Open] = []
        self.nodes = self.documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Whether to go on after this event."""
        place = _marked(event.start_mark)
        if isinstance(event, yaml.NodeEvent):
            self._node(event, place)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
        if self.documents > 1:
            self.note(place, "a second document starts here: keep only one")
        elif self.nodes > MAX_NODES:
            self.note(place, f"more than {MAX_NODES:,} values: split the file")
        elif len(self.open) > MAX_DEPTH:
            self.note(place, f"nested more than {MAX_DEPTH} deep: flatten it")
        else:
            return len(self.problems) < MAX_PROBLEMS
        return False

    def result(self) -> Tree | tuple[Problem, ...]:
        """The tree, or the problems in the order of their places."""
        if self.problems:
            return tuple(sorted(self.problems, key=lambda one: (one.line, one.column)))
        return Tree(self.root, {(): (1, 1), **self.values}, self.keys)

    def note(self, place: Place, text: str) -> None:
        """One more problem, in the last line where the parser names one behind it."""
        line, column = place if place[0] <= self.last_line else (self.last_line, 1)
        self.problems.append(Problem(self.path, line, column, text))

    def _node(self, event: yaml.NodeEvent, place: Place) -> None:
        self.nodes += 1
        if isinstance(event, yaml.AliasEvent):
            self.note(
                place,
                f"`*{str(event.anchor)[:40]}`: aliases are not read, repeat the text",
            )
        elif event.anchor is not None:
            self.note(
                place,
                f"`&{str(event.anchor)[:40]}`: anchors are not read, take it out",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.note(place, f"`{tag[:40]}`: tags are not read, take it out")
        holder = self.open[-1] if self.open else None
        if holder and isinstance(holder.value, dict) and holder.key is None:
            self._key(holder, holder.value, event, place)
        else:
            self._value(holder, event, place)

    def _key(
        self,
        holder: _Open,
        siblings: dict[str, object],
        event: yaml.NodeEvent,
        place: Place,
    ) -> None:
        key = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
        if not isinstance(event, yaml.ScalarEvent):
            self.note(place, "a key must be plain or quoted text")
        elif not isinstance(key, str):
            text = f"YAML reads the key `{event.value[:40]}` as {_meant(key)}: put it in quotes"
            self.note(place, text)
        elif key in siblings:
            first = self.keys[*holder.loc, key][0]
            text = f"the key `{key[:40]}` is there twice, first in line {first}: join the two"
            self.note(place, text)
        holder.key = key if isinstance(key, str) else ""
        self.keys.setdefault((*holder.loc, holder.key), place)
        if isinstance(event, yaml.CollectionStartEvent):
            self.open.append(_Open((), []))

    def _value(self, holder: _Open | None, event: yaml.NodeEvent, place: Place) -> None:
        value = _started(event)
        loc: Loc = ()
        if holder is None:
            self.root = value
        elif isinstance(holder.value, list):
            loc = (*holder.loc, len(holder.value))
            holder.value.append(value)
        else:
            key = holder.key or ""
            loc = (*holder.loc, key)
            holder.value[key], holder.key = value, None
        self.values[loc] = place
        if isinstance(value, dict | list):
            self.open.append(_Open(loc, value))
