"""Changed files as the page shows them: patches by lines, with annotations under theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ghapp.emulator.diffs import Change
from ghapp.emulator.hunks import HEADER
from ghapp.emulator.state import Json

MOST_LINES = 400
KINDS = {"@": "hunk", "+": "added", "-": "removed"}  # by the first character, else "kept"


@dataclass(frozen=True, slots=True)
class Line:
    """number: in the new file, 0 where it is not in it. notes: the annotations that end there."""

    kind: str
    text: str
    number: int
    notes: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """lines: at most 400; none where GitHub shows no patch. notes: of lines that are not shown."""

    path: str
    change: Change
    lines: tuple[Line, ...]
    more_lines: int
    notes: tuple[Json, ...]

    @property
    def noted(self) -> bool:
        return bool(self.notes) or any(line.notes for line in self.lines)


def patch(change: Change, annotations: Iterable[Json]) -> Patch:
    """A changed file with those of the annotations that are about it."""
    path = change.path.decode("utf-8", "replace")
    notes: dict[int, list[Json]] = defaultdict(list)
    for note in annotations:
        if note["path"] == path:
            notes[note["end_line"]].append(note)
    rows = change.patch.split("\n") if change.patch else []
    lines = tuple(
        Line(KINDS.get(row[:1], "kept"), row, number, tuple(notes.pop(number, ())))
        for row, number in _numbered(rows[:MOST_LINES])
    )
    rest = tuple(note for some in notes.values() for note in some)
    return Patch(path, change, lines, max(0, len(rows) - MOST_LINES), rest)


def _numbered(rows: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each row of a patch with its number in the new file, 0 where it is not in it."""
    number = 0
    for row in rows:
        header = HEADER.match(row)
        if header:
            number = int(header[1]) - 1
        is_there = row.startswith(("+", " "))
        number += is_there
        yield row, number if is_there else 0
