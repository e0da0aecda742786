"""Answers of GitHub that hold for ever, as those about a git object, within bounded memory."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

TEXT_BYTES, FOLDER_BYTES = 16 << 20, 1 << 20
ENTRY_BYTES = 300  # of a key and its place: empty and binary blobs take room, too

V = TypeVar("V", str | None, frozenset[str])
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

    def keep(self, key: Key, value: V) -> None:
        if key in self._values:  # another run was asking at the same time
            return
        self._values[key] = value
        self._bytes += _size(value)
        while self._bytes > self._most_bytes:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= _size(oldest)


@dataclass(frozen=True, slots=True)
class Kept:
    """One for all installations of a host.

    texts: of blobs, None where one holds no text. folders: at the top of a commit.
    """

    texts: Lasting[str | None] = field(default_factory=lambda: Lasting(TEXT_BYTES))
    folders: Lasting[frozenset[str]] = field(default_factory=lambda: Lasting(FOLDER_BYTES))


def _size(value: str | frozenset[str] | None) -> int:
    inside = sum(map(sys.getsizeof, value)) if isinstance(value, frozenset) else 0
    return sys.getsizeof(value) + inside + ENTRY_BYTES
