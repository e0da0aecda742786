"""The own files of an area -> a digest that changes when, and only when, what they change does.

It knows no line numbers and no context, so a rebase or an edit elsewhere leaves it as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from operator import attrgetter

from ghapp.core.scan.patch import Change

PATH = attrgetter("file.path")


class Fingerprints:
    """Those of the areas of one pull: each of its files is read once, however many areas own it."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def of(self, changes: Iterable[Change], hazards: Iterable[str] = ()) -> str:
        """32 hex digits over the files and the ids of the hazards found in them, in any order.

        changes: of this pull, so that a path stands for one of them.
        """
        told = self._told
        parts = [
            told.get(one.file.path) or told.setdefault(one.file.path, _told(one))
            for one in sorted(changes, key=PATH)
        ]
        parts += [f"hazard {len(id)}:{id}" for id in sorted(set(hazards))]
        text = "".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:32]


def fingerprint(changes: Iterable[Change], hazards: Iterable[str] = ()) -> str:
    """That of one area alone."""
    return Fingerprints().of(changes, hazards)


def _told(one: Change) -> str:
    """What a file tells: the changed lines; the blob where they are not all there."""
    file = one.file
    shown = file.patch and not one.hidden
    kind, content = ("lines", one.shown) if shown else ("blob", file.sha)
    # Lengths before texts: no content can pass for the end of its part.
    return (
        f"file {len(file.path)}:{file.path}{len(file.previous_path)}:{file.previous_path}"
        f"{len(file.status)}:{file.status}{kind} {len(content)}:{content}"
    )
