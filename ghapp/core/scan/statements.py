"""The new side of a patch -> its statements, as in SQL, each joined to one line."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from ghapp.core.patterns.regexes import as_bytes, compiled
from ghapp.core.scan.patch import PatchLine

COMMENT = re.compile(r"\s*(?:--(?=\s|$)|#|//)")
END = re.compile(r";\s*(?:(?:--|#|//|/\*).*)?$")
MOST_BYTES = 16 << 10  # of one statement; a longer one is searched in parts


@dataclass(frozen=True, slots=True)
class SqlStatement:
    """Lines up to a `;`, a blank line or the end of the hunk, joined by one space.

    text: UTF-8. starts: the place in it at which each line begins. lines: those lines.
    """

    text: bytes
    starts: tuple[int, ...]
    lines: tuple[PatchLine, ...]

    def matches(self, pattern: str) -> Iterator[tuple[PatchLine, int]]:
        """Each line on which a match begins, and the place of that match in the text."""
        regex, at = compiled(pattern), 0
        while at < len(self.text) and (found := regex.search(self.text, at)):
            index = bisect_right(self.starts, found.start()) - 1
            yield self.lines[index], found.start()
            at = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.text)


def statements(rows: Iterable[PatchLine]) -> Iterator[SqlStatement]:
    """The statements of the new side. rows: the lines of a patch, in their order."""
    held: list[PatchLine] = []
    for row in rows:
        if row.sign == "-":
            continue
        if held and row.hunk != held[-1].hunk:
            yield from _joined(held)
            held = []
        if COMMENT.match(row.text):
            continue
        blank = not row.text.strip()
        if not blank:
            held.append(row)
        if blank or (";" in row.text and END.search(row.text)):
            yield from _joined(held)
            held = []
    yield from _joined(held)


def _joined(held: list[PatchLine]) -> Iterator[SqlStatement]:
    """The lines as one statement; in parts if it is long, each beginning with the last line."""
    parts: list[bytes] = []
    kept: list[PatchLine] = []
    size = 0
    for row in held:
        part = as_bytes(row.text)
        size += len(part) + 1
        if kept and size > MOST_BYTES:
            yield _statement(parts, kept)
            parts, kept = parts[-1:], kept[-1:]
            size = len(parts[0]) + len(part) + 2
        parts.append(part)
        kept.append(row)
    if kept:
        yield _statement(parts, kept)


def _statement(parts: list[bytes], kept: list[PatchLine]) -> SqlStatement:
    starts = accumulate((len(part) + 1 for part in parts[:-1]), initial=0)
    return SqlStatement(b" ".join(parts), tuple(starts), tuple(kept))
