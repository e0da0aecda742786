"""Files and the rulebook -> the lines in them that a hazard's `match` finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache

from ghapp.core.areas import Hazard
from ghapp.core.detection.look import Seen
from ghapp.core.detection.rulebook import EVERYWHERE, NOT_CODE, Reach, Rulebook
from ghapp.core.detection.suspects import Suspect
from ghapp.core.matching import regexes
from ghapp.core.matching.diff import Line, lines
from ghapp.core.matching.regexes import MAX_LINE, Span
from ghapp.core.matching.statements import statements

NONE: frozenset[int] = frozenset()


def search(book: Rulebook, seen: tuple[Seen, ...]) -> list[Suspect]:
    """The suspects, in the order of the files and of their lines."""
    scanned = [one for one in seen if one.scanned]
    reached = [_reached(book, one.globs, one.places, one.ignored) for one in scanned]
    patches = [_Patch(one) for one in scanned]
    found: list[tuple[int, Suspect]] = []
    for kind, sieve, at in (("added", book.added, 0), ("removed", book.removed, 2)):
        texts = [one.text(kind) for one in patches]
        for index, pattern, span in sieve.lines(texts, [one[at] for one in reached]):
            hazard = book.hazards[kind][pattern]
            found += [(index, one) for one in patches[index].in_line(kind, hazard, span)]
    for index, patch in enumerate(patches):
        if reached[index][1] and patch.seen.change.added:
            found += [(index, one) for one in patch.in_statements(book, reached[index][1])]
    found.sort(key=lambda pair: (pair[0], pair[1].number, pair[1].hazard.id))
    return [suspect for _, suspect in found]


# Files of one folder match the same globs, so that there are few different sets of them.
@lru_cache(maxsize=4096)
def _reached(
    book: Rulebook, found: frozenset[str], places: frozenset[int], ignored: bool
) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """The hazards that read such a file: for added lines, statements and removed lines."""
    reaches = [one for one in book.reaches if _reads(one, found, places, ignored)]
    return (
        NONE.union(*(one.added for one in reaches)),
        NONE.union(*(one.statements for one in reaches)),
        NONE.union(*(one.removed for one in reaches)),
    )


def _reads(reach: Reach, found: frozenset[str], places: frozenset[int], ignored: bool) -> bool:
    if ignored and reach.files != EVERYWHERE:
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

    def text(self, kind: str) -> bytes:
        return self.seen.change.added if kind == "added" else self.seen.change.removed

    def in_line(self, kind: str, hazard: Hazard, span: Span) -> Iterator[Suspect]:
        """The suspect in an added or removed line."""
        text = self.text(kind)
        row = self._by_sign["+" if kind == "added" else "-"][text.count(b"\n", 0, span.line)]
        line = row.text[:MAX_LINE]
        start, end = (len(text[span.line : at].decode()) for at in (span.start, span.end))
        table = _table(hazard, text, span.start)
        yield from self._if_replaced(hazard, row, line, (start, end), table)

    def in_statements(self, book: Rulebook, wanted: frozenset[int]) -> Iterator[Suspect]:
        """The suspects in statements, each on the added line on which its match begins."""
        for statement in statements(self._rows):
            text = statement.text.decode()
            for index in book.statements.possible(statement.text, wanted):
                hazard = book.hazards["statements"][index]
                for row, at in statement.matches(hazard.match):
                    if row.sign == "+":
                        table = _table(hazard, statement.text, at)
                        yield from self._if_replaced(hazard, row, text, (0, 0), table)

    def _if_replaced(
        self, hazard: Hazard, row: Line, text: str, match: tuple[int, int], table: str
    ) -> Iterator[Suspect]:
        """The suspect, unless it wants a removed line that its hunk does not have."""
        if hazard.requires_removed and not any(
            regexes.search(hazard.requires_removed, one.text)
            for one in self._by_sign["-"]
            if one.hunk == row.hunk
        ):
            return
        line = row.text[:MAX_LINE]
        yield Suspect(hazard, self.seen.file, row.place, line, text, *match, table)

    @cached_property
    def _rows(self) -> tuple[Line, ...]:
        return lines(self.seen.file.patch)

    @cached_property
    def _by_sign(self) -> Mapping[str, list[Line]]:
        return {sign: [row for row in self._rows if row.sign == sign] for sign in "+-"}


def _table(hazard: Hazard, text: bytes, at: int) -> str:
    """The table that the match at this place names, where the rule asks whether it is new."""
    found = regexes.compiled(hazard.match).search(text, at) if hazard.skip_new_table else None
    return ((found and found.group(b"table")) or b"").decode()
