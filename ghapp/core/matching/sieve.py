"""Many patterns and many texts -> which of them match which lines, in one pass for all.

RE2 looks for all patterns of a set at once and tells which of them match somewhere in a batch of
lines; only for these the lines are searched one pattern after the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from ghapp.core.matching.regexes import (
    BATCH_BYTES,
    Broken,
    Span,
    matching,
    pieces,
    sees_whole_text,
)

# RE2 makes the states of a set as texts ask for them, and more patterns ask for more of them: the
# 111 hazards for lines in one set take 0.6 s for the first megabyte, in sets of 16 they take 0.1 s.
SET_PATTERNS = 16
# For these states; where they do not fit, RE2 throws them away again and again.
SET_BYTES = 8 << 20
# RE2 says "no match" also where its memory does not suffice. This line is behind every batch: a
# set that does not find it knows nothing.
SENTINEL = b"\n\x01\x02\x03"


class Found(NamedTuple):
    """A line that matches. text, pattern: their places; span: in that text."""

    text: int
    pattern: int
    span: Span


class Sieve:
    """Patterns of RE2 in multi-line mode; they are told apart by their places in the list."""

    def __init__(self, patterns: tuple[str, ...], memory: int = SET_BYTES) -> None:
        self.patterns = patterns
        self._sets = [
            (frozenset(range(at, at + len(group))), at, _set(group, memory))
            for at in range(0, len(patterns), SET_PATTERNS)
            if (group := patterns[at : at + SET_PATTERNS])
        ]

    def possible(self, text: bytes, wanted: AbstractSet[int]) -> frozenset[int]:
        """Of the patterns wanted those that may match some line of the text; no others do."""
        found: set[int] = set()
        ended = text + SENTINEL
        for own, first, group in self._sets:
            if not own.isdisjoint(wanted):
                found |= own & {first + place for place in group.possible(ended)}
        return frozenset(found & wanted)

    def lines(self, texts: Sequence[bytes], wanted: Sequence[frozenset[int]]) -> Iterator[Found]:
        """Each line of each text that one of the patterns wanted for that text matches.

        texts: of lines joined by line breaks; "" has no line at all. wanted: as many. In no order.
        """
        for batch in _batches(texts, wanted):
            text = b"\n".join(batch.pieces)
            for pattern in self.possible(text, batch.wanted):
                for span in matching(self.patterns[pattern], text):
                    owner, shift = batch.owner(span.line)
                    if pattern in wanted[owner]:
                        yield Found(owner, pattern, Span(*(place + shift for place in span)))


class _Set:
    """A few patterns looked for at once."""

    def __init__(self, patterns: tuple[str, ...], memory: int) -> None:
        self._size = len(patterns)
        # What tells one line from many cannot be asked of a batch.
        self._always = {i for i, one in enumerate(patterns) if sees_whole_text(one)}
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
        found = set(self._set.Match(ended) or ()) if self._set else set()
        return found | self._always if self._size in found else set(range(self._size))


@lru_cache(maxsize=48)
def _set(patterns: tuple[str, ...], memory: int) -> _Set:
    """The set of these patterns, which sieves share that have them in the same order."""
    return _Set(patterns, memory)


@lru_cache(maxsize=16)
def sieve(patterns: tuple[str, ...]) -> Sieve:
    """The sieve of these patterns, which rulebooks of different policies share."""
    return Sieve(patterns)


@dataclass(slots=True)
class _Batch:
    """Pieces of texts to be searched together. owners: for each piece its text and place in it."""

    pieces: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    owners: list[tuple[int, int]] = field(default_factory=list)
    wanted: set[int] = field(default_factory=set)
    size: int = 0

    def add(self, owner: int, offset: int, piece: bytes, wanted: frozenset[int]) -> None:
        self.pieces.append(piece)
        self.starts.append(self.size)
        self.owners.append((owner, offset))
        self.wanted |= wanted
        self.size += len(piece) + 1

    def owner(self, place: int) -> tuple[int, int]:
        """The text that is at this place of the batch, and how far its places are from here."""
        piece = bisect_right(self.starts, place) - 1
        owner, offset = self.owners[piece]
        return owner, offset - self.starts[piece]


def _batches(texts: Sequence[bytes], wanted: Sequence[frozenset[int]]) -> Iterator[_Batch]:
    batch = _Batch()
    for owner, text in enumerate(texts):
        if not text or not wanted[owner]:
            continue
        for offset, piece in pieces(text):
            batch.add(owner, offset, piece, wanted[owner])
            if batch.size >= BATCH_BYTES:
                yield batch
                batch = _Batch()
    if batch.pieces:
        yield batch
