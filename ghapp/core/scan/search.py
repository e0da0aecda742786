"""Files and the rulebook -> the lines in them that a hazard's `match` finds."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

MOST_SUSPECTS = 20_000  # of one pull
# Of added and removed lines that are searched before anybody asks how long it takes: that much is
# searched in a second, however hostile it is.
PORTION_BYTES = 1 << 20
WITHOUT_LAYOUT = str.maketrans("", "", LAYOUT.decode())
MOST_OF_BLOCK = 200  # lines that are searched for the head of a block
MOST_NAME = 200  # characters; what is longer is not a table
# Opens a block about one table, in migrations of Laravel and Rails.
OPENS_TABLE = re.compile(
    r"""\b(?:Schema::(?:create|table)\s*\(\s*|(?:create|change)_table\s*\(?\s*:?)["']?(\w+)"""
)


Overdue = Callable[[], bool]  # whether a search has taken so long that it is to end


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


def search(
    book: Rulebook, read: Sequence[Readable], overdue: Overdue
) -> tuple[list[Suspect], frozenset[str]]:
    """The suspects, in the order of files and lines; and the paths of files not searched in full.

    Those are the files at which there were too many suspects, or no time was left, and all after.
    """
    found: dict[tuple[int, int, str], Suspect] = {}
    portions = _portions(read)
    while portions and not overdue():
        portion = portions.pop()
        new = dict(found)
        for index, one in _suspects(book, read, portion):
            # Parts of a long statement overlap by a line, which may be found twice.
            new.setdefault((index, one.number, one.hazard.id), one)
            if len(new) > MOST_SUSPECTS:
                break
        if len(new) > MOST_SUSPECTS and len(portion) > 1:  # to know which of them is too much
            portions += [range(place, place + 1) for place in reversed(portion)]
            continue
        found = new
        if len(found) > MOST_SUSPECTS:
            portions.append(portion)
            break
    left = frozenset(read[place].file.change.file.path for one in portions for place in one)
    return [found[key] for key in sorted(found)], left


def _portions(read: Sequence[Readable]) -> list[range]:
    """The places of files that are searched together, as many as have enough text; last first."""
    portions, start, size = list[range](), 0, 0
    for place, one in enumerate(read):
        if size > PORTION_BYTES:
            portions.append(range(start, place))
            start, size = place, 0
        size += len(one.file.change.added) + len(one.file.change.removed)
    return [range(start, len(read)), *reversed(portions)]


def _suspects(
    book: Rulebook, read: Sequence[Readable], places: range
) -> Iterator[tuple[int, Suspect]]:
    """The suspects of the files at these places, with the places."""
    patches: dict[int, PatchSearch] = {}
    here = read[places.start : places.stop]
    for sign in "+-":
        sieve, hazards = book.hazards[sign]
        texts = [one.file.change.text(sign) for one in here]
        for at, pattern, span in sieve.lines(texts, [one.hazards[sign] for one in here]):
            index = places[at]
            patch = patches.get(index) or patches.setdefault(index, PatchSearch(here[at].file))
            yield from ((index, one) for one in patch.in_line(sign, hazards[pattern], span))
    for index, one in zip(places, here, strict=True):
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
        depth, end = _depth(row), bisect_left(self._code_rows, row.place, key=attrgetter("place"))
        nearest, outer, openers = self._blocks
        at = nearest[end]
        while at >= 0 and _depth(self._code_rows[at]) >= depth:
            at = outer[at]
        opener = openers[at] if at >= 0 and self._code_rows[at].hunk == row.hunk else -1
        if opener < max(end - MOST_OF_BLOCK, 0):
            return ""
        opened = OPENS_TABLE.search(self._code_rows[opener].text)
        assert opened
        return opened[1] if len(opened[1]) <= MOST_NAME else ""

    @cached_property
    def _blocks(self) -> tuple[list[int], list[int], list[int]]:
        """For each line of code, by its place: the nearest one above that may open a block; and of
        those, the one outside of its block, and the nearest opener of a table, be it itself.

        -1 stands for none. All are of one hunk, except the first.
        """
        nearest, outer, openers, latest = list[int](), list[int](), list[int](), -1
        for place, row in enumerate(self._code_rows):
            nearest.append(latest)
            at = opener = -1
            if row.sign != "-" and row.text.strip():
                at = latest if latest >= 0 and self._code_rows[latest].hunk == row.hunk else -1
                depth = _depth(row)
                while at >= 0 and _depth(self._code_rows[at]) >= depth:
                    at = outer[at]
                opener = place if OPENS_TABLE.search(row.text) else openers[at] if at >= 0 else -1
                latest = place
            outer.append(at)
            openers.append(opener)
        return [*nearest, latest], outer, openers

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
