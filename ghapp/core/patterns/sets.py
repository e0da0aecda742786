"""Many patterns and many texts -> which of them match which lines, in one pass for all.

RE2 searches a batch of lines for all patterns of a set at once, and reports which ones match
somewhere in it. Only these are then searched for one by one, to find their lines.
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

# RE2 builds the states of a set while it searches, and more patterns need more states: the 111
# hazards for lines take 0.6 s for the first megabyte in one set, and 0.1 s in sets of 16.
SET_PATTERNS = 16
# Memory for these states. If they do not fit, RE2 discards and rebuilds them again and again.
SET_BYTES = 16 << 20
# RE2 also reports "no match" if its memory does not suffice. Every batch ends with this line: a set
# that does not find it has given no answer.
SENTINEL = b"\n\x01\x02\x03"


class LineMatch(NamedTuple):
    """A line that matches. text, pattern: their places in their lists; span: in that text."""

    text: int
    pattern: int
    span: Span


class Sieve:
    """Patterns of RE2 in multi-line mode, identified by their places in the list.

    size: how many patterns are in one set. memory: of each set, in bytes.
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
        """Which of the patterns wanted may match a line of the text; the others surely do not."""
        found: set[int] = set()
        ended = text + SENTINEL
        for own, first, group in self._sets:
            if not own.isdisjoint(wanted) and (places := group.possible(ended)):
                found |= own & {first + place for place in places}
        return frozenset(found & wanted)

    def lines(
        self, texts: Sequence[bytes], wanted: Sequence[frozenset[int]]
    ) -> Iterator[LineMatch]:
        """The lines that match, in no order. Each text is searched for its own patterns.

        texts: of lines joined by line breaks; "" has no line at all. wanted: by text, the patterns.
        """
        alike: dict[frozenset[int], list[int]] = {}
        for owner, text in enumerate(texts):
            if text and wanted[owner]:
                alike.setdefault(wanted[owner], []).append(owner)
        # Texts that want the same patterns share batches: most sets are for a few kinds of files.
        for patterns, owners in alike.items():
            for batch in batches((owner, texts[owner]) for owner in owners):
                for pattern in self.possible(batch.text, patterns):
                    for span in matching(self.patterns[pattern], batch.text):
                        owner, shift = batch.owner(span.line)
                        yield LineMatch(owner, pattern, Span(*(place + shift for place in span)))


class PatternSet:
    """A few patterns that RE2 searches for at once."""

    def __init__(self, patterns: tuple[str, ...], memory: int) -> None:
        self._size = len(patterns)
        # A search of a whole batch says nothing about these, so they are always possible.
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
        if found == [self._size]:  # the sentinel alone, as in most batches
            return self._always
        if not found or self._size not in found:
            return frozenset(range(self._size))
        return self._always.union(found)


# Sieves share the sets of patterns that they have in the same order, and rulebooks of different
# policies share whole sieves.
_set = lru_cache(maxsize=48)(PatternSet)
sieve = lru_cache(maxsize=20)(Sieve)

# Longer texts are searched in pieces: a pattern that matches in one piece need not be searched for
# in the others, and one that reaches over many lines would read all of them again from each line.
BATCH_BYTES = 4 << 10


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces of whole lines, joined by line breaks.

    starts: the places in `text` at which the pieces begin. owners: for each piece the number of the
    text that it comes from, and its place in that text.
    """

    text: bytes
    starts: list[int]
    owners: list[tuple[int, int]]

    def owner(self, place: int) -> tuple[int, int]:
        """The text that owns this place of the batch, and the shift from here to its own places."""
        piece = bisect_right(self.starts, place) - 1
        owner, offset = self.owners[piece]
        return owner, offset - self.starts[piece]


class Texts:
    """Texts that are searched many times. Each has lines joined by line breaks; "" has none."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self._batches = tuple(batches(enumerate(texts)))

    def matching(self, patterns: tuple[str, ...]) -> Iterator[int]:
        """The places of the texts in which a line matches one of the patterns, each once."""
        found: set[int] = set()
        for batch in self._batches:
            here = {owner for owner, _ in batch.owners}
            for each in patterns:
                if here <= found:  # one line of a text is enough, and a large one has many batches
                    break
                for span in matching(each, batch.text):
                    owner, _ = batch.owner(span.line)
                    if owner not in found:
                        found.add(owner)
                        yield owner


def batches(texts: Iterable[tuple[int, bytes]]) -> Iterator[Batch]:
    """The texts in batches. texts: each with its number; "" has no line at all."""
    held: list[bytes] = []
    starts: list[int] = []
    owners: list[tuple[int, int]] = []
    size = 0
    for owner, text in texts:
        offset = 0
        while text and offset <= len(text):  # the last break is followed by a line, perhaps empty
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
