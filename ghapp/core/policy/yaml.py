"""YAML as strangers write it -> a tree that knows its lines, or Problems. Nothing in it is trusted.

It reads the part of YAML that people use: maps, lists and scalars. The tree is built from the
event stream, within limits, because the C loader crashes on a deeply nested document.
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

# What YAML itself does not allow. A leading byte order mark is removed before.
UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffc\U00010000-\U0010ffff]"
)
LOST = "\ufffd"  # allowed by YAML, but decoders put it where a file was not UTF-8

# A plain scalar stands for one of these values or a number, else for its text. There is no octal,
# hexadecimal or base 60: `012`, `1:30` and dates stay text.
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
        "put the text in quotes, or check the indentation",
    ),
    (
        "cannot start any token",
        "put the text in quotes, and indent by spaces, not tabs",
    ),
    ("unexpected end of stream", "a quote is not closed"),
    ("", "check quotes, brackets and indentation here"),
)


@dataclass(frozen=True, slots=True)
class Tree:
    """A document. value: of str, int, float, bool, None, list and dict with str keys."""

    value: object
    values: Mapping[Loc, Place] = field(repr=False)
    keys: Mapping[Loc, Place] = field(repr=False)

    def at(self, loc: Loc) -> Place:
        """Line and column, from 1, of a value; if it is missing, of the nearest one around it."""
        return self.values[self.steps(loc)]

    def key_at(self, loc: Loc) -> Place:
        """Line and column, from 1, of the key of a value, else of the value."""
        known = self.steps(loc)
        return self.keys.get(known, self.values[known])

    def steps(self, loc: Loc) -> Loc:
        """`loc` without the steps that the document lacks: missing keys, names of union types."""
        known: Loc = ()
        for step in loc:
            if (*known, step) in self.values:
                known = (*known, step)
        return known


def read(text: str | bytes, path: str) -> Tree | tuple[Problem, ...]:
    """The tree of the text, or all that is wrong with it. The value of an empty text is None.

    path: how the problems name the file.
    """
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > MAX_BYTES:
            what = f"the file has {len(raw):,} bytes, more than {MAX_BYTES:,}: split it"
            return (Problem(path, 0, 0, what),)
        decoded = raw.decode().removeprefix("\ufeff")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        before = error.object[: error.start]
        readable = before.decode() if isinstance(before, bytes) else before
        return (Problem(path, *_end(readable), "not UTF-8: save the file as UTF-8"),)
    if bad := UNPRINTABLE.search(decoded):
        name = f"the character U+{ord(bad[0]):04X}"
        what = f"{name} is not allowed in YAML: take it out"
        if bad[0] == LOST:
            what = f"{name} stands for what was not UTF-8: save the file as UTF-8"
        return (Problem(path, *_end(decoded[: bad.start()]), what),)
    builder = TreeBuilder(path, last_line=_end(decoded.rstrip())[0])
    try:
        for event in yaml.parse(decoded, Loader=yaml.CSafeLoader):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        complaint = ", ".join(part for part in (error.context, error.problem) if part)
        meaning = next(text for sign, text in MEANINGS if sign in complaint)
        builder.note(_start(error.problem_mark), f"not YAML: {complaint}; {meaning}")
    return builder.result()


def _end(before: str) -> Place:
    """Line and column, from 1, of what follows this text."""
    lines = LINE_BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _start(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _value(event: yaml.NodeEvent) -> object:
    """What a node stands for. A map or list is still empty."""
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    if not isinstance(event, yaml.ScalarEvent):  # an alias
        return None
    text = str(event.value)
    if not event.implicit[0]:  # quoted
        return text
    if INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    return SPELT.get(text, text)


@dataclass(slots=True)
class Unfinished:
    """A map or list being read. key: of the next value in a map; None if a key comes next."""

    loc: Loc
    value: dict[str, object] | list[object]
    key: str | None = None


class TreeBuilder:
    """Events in, a tree or problems out; without recursion, so that depth costs nothing."""

    def __init__(self, path: str, last_line: int) -> None:
        self.path = path
        self.last_line = last_line
        self.problems: list[Problem] = []
        self.root: object = None
        self.values: dict[Loc, Place] = {}
        self.keys: dict[Loc, Place] = {}
        self.open: list[Unfinished] = []
        self.nodes = self.documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Add the event to the tree. The result is whether to go on."""
        place = _start(event.start_mark)
        if isinstance(event, yaml.NodeEvent):
            self.nodes += 1
            # Anchors and aliases make one place of the file depend on another; tags add types.
            if event.anchor is not None:
                is_alias = isinstance(event, yaml.AliasEvent)
                remedy = "aliases are not read, repeat the text"
                remedy = remedy if is_alias else "anchors are not read, take it out"
                self.note(place, f"`{'*' if is_alias else '&'}{str(event.anchor)[:40]}`: {remedy}")
            if (tag := getattr(event, "tag", None)) is not None:
                self.note(place, f"`{tag[:40]}`: tags are not read, take it out")
            inner = self.open[-1] if self.open else None
            if inner and isinstance(inner.value, dict) and inner.key is None:
                self._take_key(inner, inner.value, event, place)
            else:
                self._take_value(inner, event, place)
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
        """Add a problem; in the last line if the parser names a place behind the text."""
        line, column = place if place[0] <= self.last_line else (self.last_line, 1)
        self.problems.append(Problem(self.path, line, column, text))

    def _take_key(
        self, inner: Unfinished, siblings: dict[str, object], event: yaml.NodeEvent, place: Place
    ) -> None:
        """Read a key of the innermost map."""
        key = _value(event) if isinstance(event, yaml.ScalarEvent) else None
        if not isinstance(event, yaml.ScalarEvent):
            self.note(place, "a key must be plain or quoted text")
        elif not isinstance(key, str):
            meaning = {bool: str(key).lower(), type(None): "nothing"}.get(type(key), "a number")
            text = f"YAML reads the key `{event.value[:40]}` as {meaning}: put it in quotes"
            self.note(place, text)
        elif key in siblings:
            first = self.keys[*inner.loc, key][0]
            text = f"the key `{key[:40]}` is there twice, first in line {first}: join the two"
            self.note(place, text)
        inner.key = key if isinstance(key, str) else ""
        self.keys.setdefault((*inner.loc, inner.key), place)
        if isinstance(event, yaml.CollectionStartEvent):  # read it to its end, outside of the tree
            self.open.append(Unfinished((), []))

    def _take_value(self, inner: Unfinished | None, event: yaml.NodeEvent, place: Place) -> None:
        """Read the whole document, an entry of a list, or the value of a key."""
        value = _value(event)
        loc: Loc = ()
        if inner is None:
            self.root = value
        elif isinstance(inner.value, list):
            loc = (*inner.loc, len(inner.value))
            inner.value.append(value)
        else:
            key = inner.key or ""
            loc = (*inner.loc, key)
            inner.value[key], inner.key = value, None
        self.values[loc] = place
        if isinstance(value, dict | list):
            self.open.append(Unfinished(loc, value))
