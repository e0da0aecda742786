"""The new version of a file, whole or as far as its patch shows it: line number -> text."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property

from ghapp.core.model import File
from ghapp.core.patterns.regexes import as_bytes, compiled
from ghapp.core.scan.blocks import Blocks
from ghapp.core.scan.patch import MOST_LINES, cut_short, lines

# The lines of a migration at which its rollback begins, and at which its forward part does.
MARKER = (
    r"(?i)(?:(?:public\s+|protected\s+|static\s+|async\s+)*function\s+{down}\s*\("
    r"|def\s+(?:self\.)?(?:{down}|{grade})\b|(?:async\s+)?{down}\s*\(|(?:module\.)?exports\.{down}\b"
    r"|export\s+(?:async\s+)?function\s+{down}\b|--\s*\+goose\s+{down}|--\s*migrate:{down}"
    r"|(?:export\s+(?:const|let)\s+)?{down}\s*[:=]\s*(?:async\b\s*)?(?:function\b|\(|\w+\s*=>)"
    r"|(?:protected\s+)?override\s+void\s+{down}\s*\(|--\s*\+migrate\s+{down}|{more})"
)
ROLLBACK = re.compile(
    MARKER.format(
        down="down",
        grade="downgrade",
        more=r"--\s*rollback\b|Rollback\s*:\s*func\b|<rollback\b",
    )
)
FORWARD = re.compile(
    MARKER.format(down="(?:up|change)", grade="upgrade", more=r"Migrate\s*:\s*func\b|</rollback>")
)


class NewSide:
    """What is known of the new version.

    lines: by number, from 1. whole: whether that is all of it.
    What is asked more than once is worked out once: a file may have thousands of suspects.
    """

    def __init__(self, lines: Mapping[int, str], whole: bool) -> None:
        self.lines = lines
        self.whole = whole
        self._matches: dict[str, bool] = {}

    def around(self, number: int, before: int, after: int) -> tuple[list[str], bool]:
        """The line with its known neighbours up to a gap, and whether none of them is missing."""
        first, last = number, number
        while first > number - before and first - 1 in self.lines:
            first -= 1
        while last < number + after and last + 1 in self.lines:
            last += 1
        full = self.whole or (first == max(1, number - before) and last == number + after)
        return [self.lines[one] for one in range(first, last + 1) if one in self.lines], full

    def matches(self, pattern: str) -> bool:
        """Whether the pattern matches somewhere in all known lines, also across them."""
        if pattern not in self._matches:
            self._matches[pattern] = compiled(pattern).search(self._text) is not None
        return self._matches[pattern]

    def forward(self, number: int) -> bool | None:
        """Whether the line is not in a rollback; None if too few lines above it are known."""
        place = bisect_right(self._markers, (number, True)) - 1
        run = self._runs[bisect_right(self._runs, number) - 1] if self._runs else number
        if place >= 0 and (self.whole or self._markers[place][0] >= run):
            return not self._markers[place][1]
        return True if self.whole or run == 1 else None

    @cached_property
    def blocks(self) -> Blocks:
        """Of a whole file; each line is at its number less 1."""
        return Blocks(tuple(self.lines.values()))

    @cached_property
    def _text(self) -> bytes:
        return as_bytes("\n".join(self.lines.values()))

    @cached_property
    def _markers(self) -> list[tuple[int, bool]]:
        """The lines at which a rollback (True) or a forward part (False) begins."""
        stripped = ((number, line.lstrip()) for number, line in self.lines.items())
        return [
            (number, ROLLBACK.match(line) is not None)
            for number, line in stripped
            if ROLLBACK.match(line) or FORWARD.match(line)
        ]

    @cached_property
    def _runs(self) -> list[int]:
        """The first line of each run of lines without a gap."""
        return [number for number in self.lines if number - 1 not in self.lines]


def shown(file: File) -> NewSide:
    """What the file's patch shows of its new version."""
    rows = lines(file.patch)
    known = {row.number: row.text for row in rows if row.sign != "-"}
    gapless = all(number == at for at, number in enumerate(known, 1))
    return NewSide(known, whole=file.status == "added" and gapless and not cut_short(file))


def of_text(text: str) -> NewSide | None:
    """A whole file; None if it has more lines than are searched."""
    if text.count("\n") > MOST_LINES:
        return None
    split = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return NewSide(dict(enumerate(split, 1)), whole=True)


MOST_BLOBS = 20  # in one run
MOST_BYTES = 1 << 20  # of one file


def blobs(files: Iterable[File]) -> Mapping[str, str]:
    """path -> SHA of the blob to read; "" beyond the first MOST_BLOBS. Removed files are left out.

    Cached blobs count, too: which ones are read must not depend on a cache.
    """
    whole = [file for file in files if file.status != "removed"]
    return {file.path: file.sha if at < MOST_BLOBS else "" for at, file in enumerate(whole)}


def text(body: bytes) -> str | None:
    """A blob as text, without NUL; None if it is too long (more than MOST_BYTES)."""
    if len(body) > MOST_BYTES:
        return None
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return body.decode("utf-16" if wide else "utf-8", "replace").replace("\0", "")
