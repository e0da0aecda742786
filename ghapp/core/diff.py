"""Patch text as GitHub gives it for one file -> its added and removed lines with numbers.

It judges nothing; a cut, odd or foreign text gives the lines that can be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ghapp.core.model import File
from ghapp.core.regexes import MAX_LINE

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Line(NamedTuple):
    """One changed line. A tuple rather than a dataclass: a megabyte of diff has 25,000 of them.

    sign: "+" | "-". text: without line end. number: in the new file for "+", in the old for "-".
    hunk: 1-based.
    """

    sign: str
    text: str
    number: int
    hunk: int


@dataclass(frozen=True, slots=True)
class Change:
    """A file with the text of its patch, for searching.

    added, removed: the lines, cut to what a regex looks at, joined by line breaks.
    """

    file: File
    added: str = ""
    removed: str = ""


def change(file: File) -> Change:
    """The file with its added and its removed text."""
    found = changed(file.patch)
    added = "\n".join([line[1 : MAX_LINE + 1] for line in found if line[0] == "+"])
    removed = "\n".join([line[1 : MAX_LINE + 1] for line in found if line[0] == "-"])
    return Change(file, added, removed)


def changed(patch: str) -> list[str]:
    """The changed lines in the order of the patch, each with its sign in front."""
    return [line for line in _raw(patch) if line[:1] in ("+", "-")]


def lines(patch: str) -> tuple[Line, ...]:
    """The changed lines in the order of the patch, with their numbers."""
    found: list[Line] = []
    old = new = hunk = 0
    for raw in _raw(patch):
        sign = raw[:1]
        if sign == "+":
            found.append(Line("+", raw[1:], new, hunk))
            new += 1
        elif sign == "-":
            found.append(Line("-", raw[1:], old, hunk))
            old += 1
        elif header := HUNK.match(raw):
            old, new, hunk = int(header[1]), int(header[2]), hunk + 1
        elif sign != "\\":  # "\ No newline at end of file" is a remark, all else is context
            old += 1
            new += 1
    return tuple(found)


def cut_short(file: File) -> bool:
    """Whether the patch shows fewer changed lines than GitHub counted in the file."""
    start = max(file.patch.find("@@ -"), 0)
    added, removed = file.patch.count("\n+", start), file.patch.count("\n-", start)
    return added < file.additions or removed < file.deletions


def _raw(patch: str) -> list[str]:
    """All lines from the first hunk on: headers of a file, as git prints them, are no content."""
    start = 0 if patch.startswith("@@ -") else patch.find("\n@@ -") + 1
    if not patch.startswith("@@ -", start):
        return []
    # Not splitlines(): form feeds and U+2028 are characters of a line, not ends of it.
    return patch[start:].replace("\r\n", "\n").removesuffix("\r").split("\n")
