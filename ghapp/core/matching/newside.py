"""The new version of a file, as far as its patch shows it or as a whole: line number -> text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ghapp.core.matching.diff import Line, cut_short, lines
from ghapp.core.matching.regexes import MAX_LINE
from ghapp.core.model import File


@dataclass(frozen=True, slots=True)
class NewSide:
    """What is known of the new version.

    lines: by number, from 1, each cut to what a regex looks at. whole: whether that is all of it.
    """

    lines: Mapping[int, str]
    whole: bool

    def around(self, number: int, before: int, after: int) -> tuple[list[str], bool]:
        """The line with its neighbours as far as known without a gap; whether that is all."""
        first, last = number, number
        while first > number - before and first - 1 in self.lines:
            first -= 1
        while last < number + after and last + 1 in self.lines:
            last += 1
        full = self.whole or (first == max(1, number - before) and last == number + after)
        return [self.lines[one] for one in range(first, last + 1) if one in self.lines], full

    def text(self) -> str:
        """All known lines."""
        return "\n".join(self.lines.values())


def of_patch(file: File, rows: tuple[Line, ...]) -> NewSide:
    """What the patch shows. rows: the lines of the patch."""
    known = {row.number: row.text[:MAX_LINE] for row in rows if row.sign != "-"}
    return NewSide(known, whole=file.status == "added" and not cut_short(file))


def of_text(text: str) -> NewSide:
    """A whole file."""
    split = text.replace("\r\n", "\n").split("\n")
    return NewSide({number: line[:MAX_LINE] for number, line in enumerate(split, 1)}, whole=True)


def shown(file: File) -> NewSide:
    """What the file's patch shows of its new version."""
    return of_patch(file, lines(file.patch))
