"""Many patterns and many texts -> which of them match which lines, in one pass for all.

RE2 searches for all patterns of a set at once and reports which of them match somewhere in a batch
of lines; only for these the lines are searched one pattern after the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from ghapp.core.patterns.regexes import Broken, Span, matching, sees_whole_text

# RE2 makes the states of a set as texts ask for them, and more patterns ask for more of them: the
# 111 hazards for lines in one set take 0.6 s for the first megabyte, in sets of 16 they take 0.1 s.
SET_PATTERNS = 16
# For these states; if they do not fit, RE2 throws them away again and again.
SET_BYTES = 16 << 20
# RE2 reports "no match" also if its memory does not suffice. This line is behind every batch: a set
# that does not find it knows nothing.
SENTINEL = b"\n\x01\x02\x03"


class LineMatch(NamedTuple):
    """A line that matches. text, pattern: their places; span: in that text."""

    text: int
    pattern: int
    span: Span


class Sieve:
    """Patterns of RE2 in multi-line mode; they are told apart by their places in the list.

    size: how many are in a set. memory: for the states of each.
    """

    def __init__(
        self, patterns: tuple[str, ...], size: int = SET_PATTERNS, memory: int = SET_BYTES
    ) -> None:
        self.patterns = patterns
        self._sets = [
            (frozenset(range(at, at + len(group))), at, _set(group, memory))
            for at in range(0, len(patterns), size)
            if (group := patterns[at : at + size])
        ]

    def possible(self, text: bytes, wanted: AbstractSet[int]) -> frozenset[int]:
        """Of the patterns wanted those that may match some line of the text; no others do."""
        found: set[int] = set()
        ended = text + SENTINEL
        for own, first, group in self._sets:
            if not own.isdisjoint(wanted) and (places := group.possible(ended)):
                found |= own & {first + place for place in places}
        return frozenset(found & wanted)

    def lines(
        self, texts: Sequence[bytes], wanted: Sequence[frozenset[int]]
    ) -> Iterator[LineMatch]:
        """Each line of each text that one of the patterns wanted for that text matches.

        texts: of lines joined by line breaks; "" has no line at all. wanted: as many. In no order.
        """
        alike: dict[frozenset[int], list[int]] = {}
        for owner, text in enumerate(texts):
            if text and wanted[owner]:
                alike.setdefault(wanted[owner], []).append(owner)
        # Texts for which the same is wanted go together: most sets are for a few kinds of files.
        for here, owners in alike.items():
            for batch in batches((owner, texts[owner]) for owner in owners):
                for pattern in self.possible(batch.text, here):
                    for span in matching(self.patterns[pattern], batch.text):
                        owner, shift = batch.owner(span.line)
                        yield LineMatch(owner, pattern, Span(*(place + shift for place in span)))


class PatternSet:
    """A few patterns that RE2 searches for at once."""

    def __init__(self, patterns: tuple[str, ...], memory: int) -> None:
        self._size = len(patterns)
        # What tells one line from many cannot be asked of a batch.
        self._always = frozenset(i for i, one in enumerate(patterns) if sees_whole_text(one))
        options = re2.Options()
        options.log_errors = False
        options.max_mem = memory
        self._set: Any = re2.Set.SearchSet(options)
        try:
            for pattern in (*patterns, r"^\x01\x02\x03$"):
                self._set.Add(f"(?m){pattern}")
            self._set.Compile()
        except Broken:  # the memory is too small for them
            self._set = None

    def possible(self, ended: bytes) -> AbstractSet[int]:
        """The places of the patterns that may match. ended: a text with the sentinel behind it."""
        found = self._set.Match(ended) if self._set else None
        if found == [self._size]:  # the sentinel alone, as mostly
            return self._always
        if not found or self._size not in found:
            return frozenset(range(self._size))
        return self._always.union(found)


# Sieves share the sets of patterns that they have in the same order, and rulebooks of different
# policies share whole sieves.
_set = lru_cache(maxsize=48)(PatternSet)
sieve = lru_cache(maxsize=20)(Sieve)

# Longer texts are searched in pieces: what matches in one says nothing about the others, and a
# pattern that reaches over many lines would read each of them again from each line.
BATCH_BYTES = 4 << 10


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces of whole lines, joined by line breaks.

    starts: the places in the text at which the pieces begin. owners: for each piece the text that
    it is of and its place in it.
    """

    text: bytes
    starts: list[int]
    owners: list[tuple[int, int]]

    def owner(self, place: int) -> tuple[int, int]:
        """The text that is at this place of the batch, and how far its places are from here."""
        piece = bisect_right(self.starts, place) - 1
        owner, offset = self.owners[piece]
        return owner, offset - self.starts[piece]


class Texts:
    """Texts to be asked about many times. Each has its lines joined by line breaks, "" has none."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self._batches = tuple(batches(enumerate(texts)))

    def matching(self, patterns: tuple[str, ...]) -> Iterator[int]:
        """The places of the texts of which some line matches some pattern, each once."""
        found: set[int] = set()
        for batch in self._batches:
            here = {owner for owner, _ in batch.owners}
            for each in patterns:
                if here <= found:  # a large text has many batches, and one line is enough
                    break
                for span in matching(each, batch.text):
                    owner, _ = batch.owner(span.line)
                    if owner not in found:
                        found.add(owner)
                        yield owner


def batches(texts: Iterable[tuple[int, bytes]]) -> Iterator[Batch]:
    """The texts in batches. texts: each with the number to know it by; "" has no line at all."""
    held: list[bytes] = []
    starts: list[int] = []
    owners: list[tuple[int, int]] = []
    size = 0
    for owner, text in texts:
        offset = 0
        while text and offset <= len(text):  # after the last break there is a line, be it empty
            end = text.find(b"\n", offset + BATCH_BYTES)
            end = len(text) if end < 0 else end
            held.append(text[offset:end])
            starts.append(size)
            owners.append((owner, offset))
            size += end - offset + 1
            offset = end + 1
            if size >= BATCH_BYTES:
                yield Batch(b"\n".join(held), starts, owners)
                held, starts, owners, size = [], [], [], 0
    if held:
        yield Batch(b"\n".join(held), starts, owners)
