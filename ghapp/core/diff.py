"""Patch text as GitHub gives it for one file -> its added and removed lines with numbers.

It judges nothing; a cut, odd or foreign text gives the lines that can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    """A file with its patch read once.

    added_text, removed_text: the lines cut to what a regex looks at, for `regexes.possible`.
    """

    file: File
    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()
    added_text: str = ""
    removed_text: str = ""


def change(file: File) -> Change:
    """The file with its changed lines."""
    found = lines(file.patch)
    added = tuple([line for line in found if line.sign == "+"])
    removed = tuple([line for line in found if line.sign == "-"])
    return Change(file, added, removed, _text(added), _text(removed))


def lines(patch: str) -> tuple[Line, ...]:
    """The changed lines in the order of the patch; what stands before its first hunk is no part."""
    found: list[Line] = []
    old = new = hunk = 0
    # Not splitlines(): form feeds and U+2028 are characters of a line, not ends of it.
    for raw in patch.split("\n"):
        sign = raw[:1]
        if sign == "@":
            header = HUNK.match(raw)
            if header is None:  # cut inside the header
                break
            old, new, hunk = int(header[1]), int(header[2]), hunk + 1
        elif not hunk:
            continue
        elif sign == "+":
            found.append(Line("+", raw[1:].removesuffix("\r"), new, hunk))
            new += 1
        elif sign == "-":
            found.append(Line("-", raw[1:].removesuffix("\r"), old, hunk))
            old += 1
        elif sign != "\\":  # "\ No newline at end of file" is a remark, all else is context
            old += 1
            new += 1
    return tuple(found)


def cut_short(file: File) -> bool:
    """Whether the patch shows fewer changed lines than GitHub counted in the file."""
    start = max(file.patch.find("@@ "), 0)
    added, removed = file.patch.count("\n+", start), file.patch.count("\n-", start)
    return added < file.additions or removed < file.deletions


def _text(found: Iterable[Line]) -> str:
    return "\n".join([line.text[:MAX_LINE] for line in found])
