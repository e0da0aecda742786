"""Answers of GitHub that need not be asked for again, within bounded memory.

Those about a git object hold for ever; a list is kept with the ETag by which GitHub tells whether
it still holds.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

TEXT_BYTES, FOLDER_BYTES, PULLS_BYTES = 16 << 20, 1 << 20, 4 << 20
ENTRY_BYTES = 300  # of a key and its place: empty and binary blobs take room, too


@dataclass(frozen=True, slots=True)
class Moved:
    """A pull of a list that had moved since we last looked at it."""

    number: int
    updated_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list of pulls held that still matters. newest: `updated_at` of its first row."""

    etag: str
    newest: datetime
    moved: tuple[Moved, ...] = ()


V = TypeVar("V", str | None, frozenset[str], Listing)
Key = tuple[int, str]  # the repository's id, the object's SHA: what one may see another need not


class Lasting(Generic[V]):
    """Values by key; the one used longest ago goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._values: OrderedDict[Key, V] = OrderedDict()
        self._bytes = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def __getitem__(self, key: Key) -> V:
        self._values.move_to_end(key)
        return self._values[key]

    def get(self, key: Key) -> V | None:
        if key not in self:
            return None
        return self[key]

    def keep(self, key: Key, value: V) -> None:
        if key in self._values:  # a list has changed, or another run was asking at the same time
            self._bytes -= _size(self._values.pop(key))
        self._values[key] = value
        self._bytes += _size(value)
        while self._bytes > self._most_bytes:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= _size(oldest)


@dataclass(frozen=True, slots=True)
class Kept:
    """One for all installations of a host.

    texts: of blobs, None where one holds no text. folders: at the top of a commit.
    pulls: the first page of a repository's, newest change first.
    """

    texts: Lasting[str | None] = field(default_factory=lambda: Lasting(TEXT_BYTES))
    folders: Lasting[frozenset[str]] = field(default_factory=lambda: Lasting(FOLDER_BYTES))
    pulls: Lasting[Listing] = field(default_factory=lambda: Lasting(PULLS_BYTES))


def _size(value: str | frozenset[str] | Listing | None) -> int:
    if isinstance(value, Listing):
        return ENTRY_BYTES * (2 + len(value.moved))
    inside = sum(map(sys.getsizeof, value)) if isinstance(value, frozenset) else 0
    return sys.getsizeof(value) + inside + ENTRY_BYTES
