"""Many patterns and many texts -> which of them match which lines, in one pass for all.

RE2 looks for all patterns of a set at once and tells which of them match somewhere in a batch of
lines; only for these the lines are searched one pattern after the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from ghapp.core.matching.regexes import Broken, Span, matching, sees_whole_text

# Texts are joined to batches of this size, and larger ones cut: what matches in one batch says
# nothing about the others.
BATCH_BYTES = 4 << 10
# For the states of a set, made as texts ask for them. With 8 MB the 122 hazards that are shipped
# take fifty times as long, for RE2 throws its states away again and again.
SET_BYTES = 32 << 20
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
        self._all = frozenset(range(len(patterns)))
        # What tells one line from many cannot be asked of a batch.
        self._always = frozenset(i for i in self._all if sees_whole_text(patterns[i]))
        self._set = _set(patterns, memory)

    def possible(self, text: bytes) -> frozenset[int]:
        """The patterns that may match some line of the text; no others do."""
        if not self.patterns:
            return frozenset()
        found = frozenset(self._set.Match(text + SENTINEL) or ()) if self._set else frozenset()
        return (found & self._all) | self._always if len(self.patterns) in found else self._all

    def lines(self, texts: Sequence[bytes], wanted: Sequence[frozenset[int]]) -> Iterator[Found]:
        """Each line of each text that one of the patterns wanted for that text matches.

        texts: of lines joined by line breaks; "" has no line at all. wanted: as many. In no order.
        """
        for batch in _batches(texts, wanted):
            text = b"\n".join(batch.pieces)
            for pattern in self.possible(text) & batch.wanted:
                for span in matching(self.patterns[pattern], text):
                    owner, shift = batch.owner(span.line)
                    if pattern in wanted[owner]:
                        yield Found(owner, pattern, Span(*(place + shift for place in span)))


def _set(patterns: tuple[str, ...], memory: int) -> Any:
    """A set of RE2 with the sentinel behind the patterns; None where the memory is too small."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    made = re2.Set.SearchSet(options)
    try:
        for pattern in (*patterns, r"^\x01\x02\x03$"):
            made.Add(f"(?m){pattern}")
        made.Compile()
    except Broken:
        return None
    return made


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
        for offset, piece in _pieces(text):
            batch.add(owner, offset, piece, wanted[owner])
            if batch.size >= BATCH_BYTES:
                yield batch
                batch = _Batch()
    if batch.pieces:
        yield batch


def _pieces(text: bytes) -> Iterator[tuple[int, bytes]]:
    """The text in pieces of whole lines, with their places."""
    at = 0
    while at <= len(text):
        end = text.find(b"\n", at + BATCH_BYTES)
        end = len(text) if end < 0 else end
        yield at, text[at:end]
        at = end + 1
