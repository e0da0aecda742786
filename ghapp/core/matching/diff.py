"""Patch text as GitHub gives it for one file -> its lines with their numbers.

It judges nothing; a cut, odd or foreign text gives the lines that can be read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ghapp.core.matching.regexes import MAX_LINE, as_bytes
from ghapp.core.model import File

# A larger patch is data, not something written by hand.
MOST_PATCH = 1 << 20  # characters
MOST_LINES = 100_000

# What other programs take for the end of a line, though git does not.
ODD_ENDS = re.compile("[\r\x85\u2028\u2029]")

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Line(NamedTuple):
    """One line of a patch. A tuple rather than a dataclass: a megabyte of diff has 25,000 of them.

    sign: "+" | "-" | " ". text: without line end. number: in the old file for "-", else in the
    new one. hunk: 1-based. place: in the new file, where a removed line stood.
    """

    sign: str
    text: str
    number: int
    hunk: int
    place: int


class Change(NamedTuple):
    """A file with the text of its patch, for searching; a tuple, for a pull has 3,000 of them.

    lines: those changed, as in `changed`. added, removed: these, cut to what a regex looks at,
    joined by line breaks, in UTF-8. cut: whether one of the added lines was longer, or holds a
    break that is none for git, so that it cannot be looked at as it is meant.
    hidden: whether not all that has changed is there.
    """

    file: File
    lines: tuple[str, ...] = ()
    added: bytes = b""
    removed: bytes = b""
    cut: bool = False
    hidden: bool = True


def change(file: File) -> Change:
    """The file with its added and its removed text; one whose patch is too large has neither."""
    if len(file.patch) > MOST_PATCH or file.patch.count("\n") > MOST_LINES + 2_000:
        return Change(file)
    found = changed(file.patch)
    added = [line for line in found if line[0] == "+"]
    removed = [line for line in found if line[0] == "-"] if len(added) < len(found) else []
    text, short = _joined(added)
    return Change(
        file,
        lines=tuple(found),
        added=as_bytes(text),
        removed=as_bytes(_joined(removed)[0]),
        cut=short or _has_odd_ends(text),
        hidden=len(added) < file.additions or len(removed) < file.deletions,
    )


def _has_odd_ends(text: str) -> bool:
    # Most texts are ASCII, and one look for one character costs next to nothing.
    return "\r" in text if text.isascii() else ODD_ENDS.search(text) is not None


def _joined(signed: list[str]) -> tuple[str, bool]:
    """The lines without their signs, cut to what a regex looks at; and whether one was longer."""
    if not signed:
        return "", False
    if max(map(len, signed)) <= MAX_LINE + 1:
        # The quick way: one replacement in all of them takes the signs off.
        return "\n".join(["", *signed]).replace(f"\n{signed[0][0]}", "\n")[1:], False
    return "\n".join([line[1 : MAX_LINE + 1] for line in signed]), True


def changed(patch: str) -> list[str]:
    """The changed lines in the order of the patch, each with its sign in front."""
    return [line for line in _raw(patch) if line and line[0] in "+-"]


def lines(patch: str) -> tuple[Line, ...]:
    """All lines in the order of the patch, with their numbers."""
    found: list[Line] = []
    old = new = hunk = 0
    for raw in _raw(patch):
        sign = raw[:1]
        if sign == "+":
            found.append(Line("+", raw[1:], new, hunk, new))
            new += 1
        elif sign == "-":
            found.append(Line("-", raw[1:], old, hunk, new))
            old += 1
        elif header := HUNK.match(raw):
            old, new, hunk = int(header[1]), int(header[2]), hunk + 1
        elif sign != "\\":  # "\ No newline at end of file" is a remark, all else is context
            found.append(Line(" ", raw[1:], new, hunk, new))
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
    # A byte order mark before the first line would hide its beginning from `^`.
    text = patch[start:].replace("\n+\ufeff", "\n+", 1) if "\ufeff" in patch else patch[start:]
    return text.replace("\r\n", "\n").removesuffix("\r").split("\n")
