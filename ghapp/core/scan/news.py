"""The changed lines of a pull -> those that are more than moved or laid out anew.

A line that is taken out at one place and put in at another says nothing new: it asks no question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

from ghapp.core.scan.patch import Change

LAYOUT = b" \t\"'`,;"
LEAST = 4  # characters besides layout; shorter lines are found everywhere and match nothing


class News:
    """Added and removed lines of code, with spaces in the place of lines that were only moved.

    A line is moved as often as it is both added and removed in the pull, whatever its indentation,
    quotes and commas. changes: of one pull, each path once.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        self._changes = tuple(changes)

    def added(self, change: Change) -> bytes:
        """The added lines of the file."""
        return self._added.get(change.file.path, change.code)

    def removed(self, change: Change) -> bytes:
        """The removed lines of the file."""
        return self._removed.get(change.file.path, change.removed_code)

    @cached_property
    def _moved(self) -> Counter[bytes]:
        """How often each line was moved, by its text without layout."""
        if not any(one.removed_code for one in self._changes):
            return Counter()
        removed = Counter(key for one in self._changes for key in _keys(one.removed_code))
        added = Counter(key for one in self._changes for key in _keys(one.code) if key in removed)
        moved = added & removed
        return Counter({key: count for key, count in moved.items() if len(key) >= LEAST})

    @cached_property
    def _added(self) -> Mapping[str, bytes]:
        return self._without({one.file.path: one.code for one in self._changes})

    @cached_property
    def _removed(self) -> Mapping[str, bytes]:
        return self._without({one.file.path: one.removed_code for one in self._changes})

    def _without(self, texts: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """The texts in which a line was moved, without such lines."""
        left = self._moved.copy()
        made: dict[str, bytes] = {}
        for path, text in texts.items() if left else ():
            lines = text.split(b"\n")
            moved = [place for place, key in enumerate(_keys(text)) if _took(left, key)]
            for place in moved:
                lines[place] = b" " * len(lines[place])
            if moved:
                made[path] = b"\n".join(lines)
        return made


def _keys(text: bytes) -> list[bytes]:
    return text.translate(None, LAYOUT).split(b"\n") if text else []


def _took(left: Counter[bytes], key: bytes) -> bool:
    """Whether one more of these lines was moved."""
    if not left.get(key):
        return False
    left[key] -= 1
    return True
