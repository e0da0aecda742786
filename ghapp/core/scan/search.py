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
from ghapp.core.patterns.regexes import MAX_LINE, Span
from ghapp.core.scan.match import Seen
from ghapp.core.scan.news import LAYOUT
from ghapp.core.scan.patch import Change, Line, lines
from ghapp.core.scan.rulebook import EVERYWHERE, NOT_CODE, Reach, Rulebook
from ghapp.core.scan.statements import statements
from ghapp.core.scan.suspects import Suspect

NONE: frozenset[int] = frozenset()
MOST_SUSPECTS = 50_000  # of one pull
LAID_OUT = str.maketrans("", "", LAYOUT.decode())
MOST_OF_BLOCK = 200  # lines that are looked at for the head of a block
MOST_NAME = 200  # characters; what is longer is no table
# The builder of one table that migrations of Laravel and Rails open a block with.
OPENS_TABLE = re.compile(
    r"""\b(?:Schema::(?:create|table)\s*\(\s*|(?:create|change)_table\s*\(?\s*:?)["']?(\w+)"""
)


class Read(NamedTuple):
    """A file whose lines say something. hazards: that read it, by the name of their sieve."""

    seen: Seen
    hazards: Mapping[str, frozenset[int]]


def reading(book: Rulebook, seen: Iterable[Seen]) -> tuple[Read, ...]:
    """The files that hazards may read."""
    return tuple([Read(one, _reached(book, one)) for one in seen if one.named.scanned])


def readers(book: Rulebook, hazard: Hazard, read: Iterable[Read]) -> Iterator[Seen]:
    """The files that the hazard reads."""
    kinds = ((kind, place) for kind, known in book.hazards.items() for place in known)
    kind, place = next(one for one in kinds if book.hazards[one[0]][one[1]] is hazard)
    return (one.seen for one in read if place in one.hazards[kind])


def search(book: Rulebook, read: Sequence[Read]) -> tuple[list[Suspect], frozenset[str]]:
    """The suspects, in the order of files and lines; and the paths of files that have too many."""
    found: dict[tuple[int, int, str], Suspect] = {}
    crowded = set()
    for index, one in _suspects(book, read):
        # Parts of a long statement overlap by a line, which may be found twice.
        if len(found) < MOST_SUSPECTS:
            found.setdefault((index, one.number, one.hazard.id), one)
        else:
            crowded.add(one.file.path)
    return [found[key] for key in sorted(found)], frozenset(crowded)


def _suspects(book: Rulebook, read: Sequence[Read]) -> Iterator[tuple[int, Suspect]]:
    """The suspects with the places of their files."""
    patches: dict[int, _Patch] = {}
    for kind, sieve in (("added", book.added), ("removed", book.removed)):
        texts = [_text(one.seen.change, kind) for one in read]
        for index, pattern, span in sieve.lines(texts, [one.hazards[kind] for one in read]):
            patch = patches.get(index) or patches.setdefault(index, _Patch(read[index].seen))
            hazard = book.hazards[kind][pattern]
            yield from ((index, one) for one in patch.in_line(kind, hazard, span))
    for index, one in enumerate(read):
        wanted = one.hazards["statements"]
        if wanted and one.seen.change.added:
            patch = patches.get(index) or _Patch(one.seen)
            yield from ((index, suspect) for suspect in patch.in_statements(book, wanted))


def _text(change: Change, kind: str) -> bytes:
    return change.added if kind == "added" else change.removed


def _code(change: Change, kind: str) -> bytes:
    return change.code if kind == "added" else change.removed_code


def _reached(book: Rulebook, one: Seen) -> Mapping[str, frozenset[int]]:
    """The hazards that read the file, by the name of their sieve."""
    key = one.named.globs, one.places, one.ignored or one.change.still
    known: Mapping[str, frozenset[int]] | None = book.memo.get(key)
    return known or book.remember(key, _reaching(book, *key))


def _reaching(
    book: Rulebook, found: frozenset[str], places: frozenset[int], passed_over: bool
) -> Mapping[str, frozenset[int]]:
    reaches = [reach for reach in book.reaches if _reads(reach, found, places, passed_over)]
    return {
        "added": NONE.union(*(reach.added for reach in reaches)),
        "statements": NONE.union(*(reach.statements for reach in reaches)),
        "removed": NONE.union(*(reach.removed for reach in reaches)),
    }


def _reads(reach: Reach, found: frozenset[str], places: frozenset[int], passed_over: bool) -> bool:
    """passed_over: nothing but what is looked for everywhere counts in the file."""
    if passed_over and reach.files != EVERYWHERE:
        return False
    if not found.isdisjoint(reach.exclude):
        return False
    if reach.area >= 0:
        return reach.area in places
    if reach.files == EVERYWHERE:
        return True
    if reach.files and found.isdisjoint(reach.files):
        return False
    return not reach.code or found.isdisjoint(NOT_CODE)


class _Patch:
    """One file in which hazards are looked for; its lines are numbered only when one is found."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self._hunks: dict[tuple[str, str], frozenset[int]] = {}

    def in_line(self, kind: str, hazard: Hazard, span: Span) -> Iterator[Suspect]:
        """The suspect in an added or removed line of code; secrets count in comments, too."""
        text, code = _text(self.seen.change, kind), _code(self.seen.change, kind)
        if hazard.files != EVERYWHERE and code[span.line : span.end].isspace():
            return
        place = bisect_left(self._starts[kind], span.line)
        row = self._by_sign["+" if kind == "added" else "-"][place]
        line = row.text[:MAX_LINE]
        start, end = (
            len(text[span.line : at].decode("utf-8", "replace")) for at in (span.start, span.end)
        )
        table = self._table(hazard, row, text, span.start)
        yield from self._if_replaced(hazard, row, line, (start, end), table)

    def in_statements(self, book: Rulebook, wanted: frozenset[int]) -> Iterator[Suspect]:
        """The suspects in statements, each on the added line on which its match begins."""
        found = tuple(statements(self._code_rows))
        # One look at all of them tells for most files that there is nothing to look for.
        wanted = book.statements.possible(b"\n".join([one.text for one in found]), wanted)
        for statement in found if wanted else ():
            text = statement.text.decode("utf-8", "replace")
            for index in book.statements.possible(statement.text, wanted):
                hazard = book.hazards["statements"][index]
                for row, at in statement.matches(hazard.match):
                    if row.sign == "+":
                        table = self._table(hazard, row, statement.text, at)
                        yield from self._if_replaced(hazard, row, text, (0, 0), table)

    def _if_replaced(
        self, hazard: Hazard, row: Line, text: str, match: tuple[int, int], table: str
    ) -> Iterator[Suspect]:
        """The suspect, unless the other side of its hunk speaks against it."""
        wanted, unwanted = hazard.requires_removed, hazard.unless_other_side
        if wanted and row.hunk not in self._hunks_with("-", wanted):
            return
        other = "+" if hazard.removed else "-"
        if unwanted and row.hunk in self._hunks_with(other, unwanted):
            return
        # A line that was there before, laid out in another way, is no new danger. Secrets are.
        if row.sign == "+" and hazard.files != EVERYWHERE and self._was_there(row):
            return
        number = min(row.place, self._last[row.hunk]) if row.sign == "-" else row.place
        line = row.text[:MAX_LINE]
        yield Suspect(hazard, self.seen.file, max(number, 1), line, text, *match, table)

    def _table(self, hazard: Hazard, row: Line, text: bytes, at: int) -> str:
        """The table that the match at this place is about, where the rule speaks of it."""
        if not (hazard.skip_new_table or TABLE in hazard.message.en):
            return ""
        found = regexes.compiled(hazard.match).search(text, at)
        named = ((found and found.group(b"table")) or b"").decode("utf-8", "replace")
        named = named or self._table_around(row)
        return named if len(named) <= MOST_NAME else ""

    def _table_around(self, row: Line) -> str:
        """The table of the block in which the row stands, as builders of migrations have them."""
        depth = _depth(row)
        end = bisect_left(self._code_rows, row.place, key=attrgetter("place"))
        for one in reversed(self._code_rows[max(end - MOST_OF_BLOCK, 0) : end]):
            outside = one.hunk == row.hunk and one.sign != "-" and _depth(one) < depth
            if outside and one.text.strip():
                depth = _depth(one)
                if opened := OPENS_TABLE.search(one.text):
                    return opened[1]
        return ""

    def _was_there(self, row: Line) -> bool:
        """Whether the hunk of an added line removes the same line, apart from its layout."""
        return (row.hunk, row.text.translate(LAID_OUT)) in self._gone

    @cached_property
    def _gone(self) -> frozenset[tuple[int, str]]:
        return frozenset((row.hunk, row.text.translate(LAID_OUT)) for row in self._by_sign["-"])

    def _hunks_with(self, sign: str, pattern: str) -> frozenset[int]:
        """The hunks in which a removed or an added line matches."""
        key = sign, pattern
        if key not in self._hunks:
            self._hunks[key] = frozenset(
                row.hunk for row in self._by_sign[sign] if regexes.search(pattern, row.text)
            )
        return self._hunks[key]

    @cached_property
    def _rows(self) -> tuple[Line, ...]:
        return lines(self.seen.file.patch)

    @cached_property
    def _code_rows(self) -> tuple[Line, ...]:
        """The lines without added ones that are comments."""
        change = self.seen.change
        if change.code == change.added:
            return self._rows
        blank = iter([not line.strip() for line in change.code.split(b"\n")])
        return tuple(row for row in self._rows if row.sign != "+" or not next(blank))

    @cached_property
    def _by_sign(self) -> Mapping[str, list[Line]]:
        return {sign: [row for row in self._rows if row.sign == sign] for sign in "+-"}

    @cached_property
    def _starts(self) -> Mapping[str, list[int]]:
        """The places in the text of added and of removed lines at which each of them begins."""
        texts = {kind: _text(self.seen.change, kind).split(b"\n") for kind in ("added", "removed")}
        return {
            kind: list(accumulate((len(line) + 1 for line in split), initial=0))
            for kind, split in texts.items()
        }

    @cached_property
    def _last(self) -> Mapping[int, int]:
        """The last line of the new file that each hunk shows; where it shows none, the place."""
        return {row.hunk: row.number if row.sign != "-" else row.place for row in self._rows} | {
            row.hunk: row.number for row in self._rows if row.sign != "-"
        }


def _depth(row: Line) -> int:
    return len(row.text) - len(row.text.lstrip())
