"""Files and the rulebook -> the lines in them that a hazard's `match` finds."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from ghapp.core.areas import TABLE, Hazard
from ghapp.core.patterns import regexes
from ghapp.core.patterns.regexes import Span
from ghapp.core.scan.patch import LAYOUT, PatchLine, searched_lines
from ghapp.core.scan.rulebook import EVERYWHERE, TEXTS, Rulebook
from ghapp.core.scan.statements import statements
from ghapp.core.scan.suspects import Suspect
from ghapp.core.scan.triggers import Matched

MOST_SUSPECTS = 50_000  # of one pull
WITHOUT_LAYOUT = str.maketrans("", "", LAYOUT.decode())
MOST_OF_BLOCK = 200  # lines that are searched for the head of a block
MOST_NAME = 200  # characters; what is longer is not a table
# Opens a block about one table, in migrations of Laravel and Rails.
OPENS_TABLE = re.compile(
    r"""\b(?:Schema::(?:create|table)\s*\(\s*|(?:create|change)_table\s*\(?\s*:?)["']?(\w+)"""
)


class Readable(NamedTuple):
    """A file that hazards may read. hazards: places of those that do, by the text they search."""

    file: Matched
    hazards: Mapping[str, frozenset[int]]


def reading(book: Rulebook, files: Iterable[Matched]) -> tuple[Readable, ...]:
    """The files, each with the hazards that read it."""
    read: list[Readable] = []
    for one in files:
        kind = one.kind
        skipped = one.ignored or one.change.still or not kind.scanned
        key = kind.globs, kind.excluding, one.places, skipped
        known: Mapping[str, frozenset[int]] | None = book.memo.get(key)
        if known is None:
            found = [
                own
                for reach, own in book.reaches.items()
                if reach.reads(kind.globs, kind.excluding, one.places, skipped=skipped)
            ]
            none: frozenset[int] = frozenset()
            made = {text: none.union(*(own.get(text, none) for own in found)) for text in TEXTS}
            known = book.remember(key, made)
        read.append(Readable(one, known))
    return tuple(read)


def search(book: Rulebook, read: Sequence[Readable]) -> tuple[list[Suspect], frozenset[str]]:
    """The suspects in the order of files and lines, and the paths of files that have too many."""
    found: dict[tuple[int, int, str], Suspect] = {}
    crowded = set()
    for index, one in _suspects(book, read):
        # Parts of a long statement overlap by a line, so a line may be found twice.
        if len(found) < MOST_SUSPECTS:
            found.setdefault((index, one.number, one.hazard.id), one)
        else:
            crowded.add(one.file.path)
    return [found[key] for key in sorted(found)], frozenset(crowded)


def _suspects(book: Rulebook, read: Sequence[Readable]) -> Iterator[tuple[int, Suspect]]:
    """The suspects with the places of their files."""
    patches: dict[int, PatchSearch] = {}
    for sign in "+-":
        sieve, hazards = book.hazards[sign]
        texts = [one.file.change.text(sign) for one in read]
        for index, pattern, span in sieve.lines(texts, [one.hazards[sign] for one in read]):
            patch = patches.get(index) or patches.setdefault(index, PatchSearch(read[index].file))
            yield from ((index, one) for one in patch.in_line(sign, hazards[pattern], span))
    for index, one in enumerate(read):
        wanted = one.hazards["statements"]
        if wanted and one.file.change.added:
            patch = patches.get(index) or PatchSearch(one.file)
            yield from ((index, suspect) for suspect in patch.in_statements(book, wanted))


class PatchSearch:
    """The search of one file for hazards. Its patch is split into lines only when one is found."""

    def __init__(self, file: Matched) -> None:
        self.change = file.change
        self._hunks: dict[tuple[str, str], frozenset[int]] = {}

    def in_line(self, sign: str, hazard: Hazard, span: Span) -> Iterator[Suspect]:
        """The suspect in an added or removed line; in a comment only hazards for secrets count."""
        text = self.change.text(sign)
        if hazard.files != EVERYWHERE and self.change.code(sign)[span.line : span.end].isspace():
            return
        row = self._by_sign[sign][bisect_left(self._starts[sign], span.line)]
        end = len(text[span.line : span.end].decode("utf-8", "replace"))
        table = self._table(hazard, row, text, span.start)
        yield from self._unless_cleared(hazard, row, row.text, end, table)

    def in_statements(self, book: Rulebook, wanted: frozenset[int]) -> Iterator[Suspect]:
        """The suspects in statements, each on the added line on which its match begins."""
        sieve, hazards = book.hazards["statements"]
        found = tuple(statements(self._code_rows))
        # For most files one search of all statements shows that there is nothing to find.
        wanted = sieve.possible(b"\n".join([one.text for one in found]), wanted)
        for statement in found if wanted else ():
            text = statement.text.decode("utf-8", "replace")
            for index in sieve.possible(statement.text, wanted):
                for row, at in statement.matches(hazards[index].match):
                    if row.sign == "+":
                        table = self._table(hazards[index], row, statement.text, at)
                        yield from self._unless_cleared(hazards[index], row, text, 0, table)

    def _unless_cleared(
        self, hazard: Hazard, row: PatchLine, text: str, end: int, table: str
    ) -> Iterator[Suspect]:
        """The suspect, unless the other side of its hunk shows that it is not dangerous."""
        wanted, unwanted = hazard.requires_removed, hazard.unless_other_side
        if wanted and row.hunk not in self._hunks_with("-", wanted):
            return
        other = "+" if hazard.removed else "-"
        if unwanted and row.hunk in self._hunks_with(other, unwanted):
            return
        # A line that the hunk also removes, with another layout, is not a new danger. Secrets are.
        if row.sign == "+" and hazard.files != EVERYWHERE:
            without_layout = row.hunk, row.text.translate(WITHOUT_LAYOUT)
            if without_layout in self._removed_rows:
                return
        number = min(row.place, self._last[row.hunk]) if row.sign == "-" else row.place
        line = row.text
        yield Suspect(hazard, self.change.file, max(number, 1), line, text, end, table)

    def _hunks_with(self, sign: str, pattern: str) -> frozenset[int]:
        """The hunks in which an added ("+") or a removed line ("-") matches."""
        key = sign, pattern
        if key not in self._hunks:
            self._hunks[key] = frozenset(
                row.hunk for row in self._by_sign[sign] if regexes.search(pattern, row.text)
            )
        return self._hunks[key]

    def _table(self, hazard: Hazard, row: PatchLine, text: bytes, at: int) -> str:
        """The table that the match at this place is about; "" if the hazard needs no table.

        The match names it, or the head of the block in which the row is, as in a migration that
        opens a block for one table.
        """
        if not (hazard.skip_new_table or TABLE in hazard.message.en):
            return ""
        found = regexes.compiled(hazard.match).search(text, at)
        named = ((found and found.group(b"table")) or b"").decode("utf-8", "replace")
        if named:
            return named if len(named) <= MOST_NAME else ""
        depth = _depth(row)
        end = bisect_left(self._code_rows, row.place, key=attrgetter("place"))
        for one in reversed(self._code_rows[max(end - MOST_OF_BLOCK, 0) : end]):
            outside = one.hunk == row.hunk and one.sign != "-" and _depth(one) < depth
            if outside and one.text.strip():
                depth = _depth(one)
                if opened := OPENS_TABLE.search(one.text):
                    return opened[1] if len(opened[1]) <= MOST_NAME else ""
        return ""

    @cached_property
    def _rows(self) -> tuple[PatchLine, ...]:
        return searched_lines(self.change.file.patch)

    @cached_property
    def _by_sign(self) -> Mapping[str, list[PatchLine]]:
        return {sign: [row for row in self._rows if row.sign == sign] for sign in "+-"}

    @cached_property
    def _code_rows(self) -> tuple[PatchLine, ...]:
        """The lines without added ones that are comments."""
        change = self.change
        if change.added_code == change.added:
            return self._rows
        blank = iter([not line.strip() for line in change.added_code.split(b"\n")])
        return tuple(row for row in self._rows if row.sign != "+" or not next(blank))

    @cached_property
    def _starts(self) -> Mapping[str, list[int]]:
        """By sign, the places in the text at which each of the lines begins."""
        return {
            sign: list(
                accumulate(
                    (len(line) + 1 for line in self.change.text(sign).split(b"\n")), initial=0
                )
            )
            for sign in "+-"
        }

    @cached_property
    def _removed_rows(self) -> frozenset[tuple[int, str]]:
        """The removed lines without layout, each with its hunk."""
        return frozenset(
            (row.hunk, row.text.translate(WITHOUT_LAYOUT)) for row in self._by_sign["-"]
        )

    @cached_property
    def _last(self) -> Mapping[int, int]:
        """By hunk, the last line of the new file that it shows, or its place if it shows none."""
        return {row.hunk: row.number if row.sign != "-" else row.place for row in self._rows} | {
            row.hunk: row.number for row in self._rows if row.sign != "-"
        }


def _depth(row: PatchLine) -> int:
    return len(row.text) - len(row.text.lstrip())
