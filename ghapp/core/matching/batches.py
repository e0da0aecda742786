"""Many small texts -> a few large ones to search, and the way back from a place to its text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ghapp.core.matching.regexes import matching

# Longer texts are searched in pieces: what matches in one says nothing about the others, and a
# pattern that reaches over many lines would look at each of them again from each line.
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

    def any_matches(self, patterns: tuple[str, ...]) -> bool:
        """Whether some line matches some pattern."""
        return any(
            next(matching(each, batch.text), None) for batch in self._batches for each in patterns
        )

    def matching(self, patterns: tuple[str, ...]) -> frozenset[int]:
        """The places of the texts of which some line matches some pattern."""
        found: set[int] = set()
        for batch in self._batches:
            here = {owner for owner, _ in batch.owners}
            for each in patterns:
                if here <= found:  # a large text has many batches, and one line is enough
                    break
                found.update(batch.owner(span.line)[0] for span in matching(each, batch.text))
        return frozenset(found)


def batches(texts: Iterable[tuple[int, bytes]]) -> Iterator[Batch]:
    """The texts in batches. texts: each with the number to know it by; "" has no line at all."""
    held: list[bytes] = []
    starts: list[int] = []
    owners: list[tuple[int, int]] = []
    size = 0
    for owner, text in texts:
        if not text:
            continue
        for offset, piece in _pieces(text) if len(text) > BATCH_BYTES else ((0, text),):
            held.append(piece)
            starts.append(size)
            owners.append((owner, offset))
            size += len(piece) + 1
            if size >= BATCH_BYTES:
                yield Batch(b"\n".join(held), starts, owners)
                held, starts, owners, size = [], [], [], 0
    if held:
        yield Batch(b"\n".join(held), starts, owners)


def _pieces(text: bytes) -> Iterator[tuple[int, bytes]]:
    """The text in pieces of whole lines, each with its place."""
    at = 0
    while at <= len(text):  # behind the last break is a line, be it empty
        end = text.find(b"\n", at + BATCH_BYTES)
        end = len(text) if end < 0 else end
        yield at, text[at:end]
        at = end + 1
