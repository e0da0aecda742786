"""The files of an area -> a digest that changes exactly when their changes do.

It covers no line numbers and no context, so a rebase or an edit elsewhere keeps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from operator import attrgetter

from ghapp.core.scan.patch import ChangedFile, shown_lines
from ghapp.core.scan.unshown import is_submodule


class Fingerprints:
    """The fingerprints of one pull's areas. Each file is described once for all areas."""

    def __init__(self) -> None:
        self._described: dict[str, str] = {}

    def of(self, changes: Iterable[ChangedFile], hazards: Iterable[str] = ()) -> str:
        """32 hex digits over the files and the ids of the hazards found in them, in any order.

        changes: all of the same pull, so that a path identifies one of them.
        """
        parts = []
        for one in sorted(changes, key=attrgetter("file.path")):
            path, file = one.file.path, one.file
            if path not in self._described:
                # The changed lines; the blob if they are not all there.
                shown = file.patch and not one.hidden
                kind, content = ("lines", shown_lines(file)) if shown else ("blob", file.sha)
                if is_submodule(file):
                    kind = "submodule"
                # Lengths before texts: no content can pass for the end of its part.
                self._described[path] = (
                    f"file {len(path)}:{path}{len(file.previous_path)}:{file.previous_path}"
                    f"{len(file.status)}:{file.status}{file.mode}{kind} {len(content)}:{content}"
                )
            parts.append(self._described[path])
        parts += [f"hazard {len(id)}:{id}" for id in sorted(set(hazards))]
        text = "".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:32]


def fingerprint(changes: Iterable[ChangedFile], hazards: Iterable[str] = ()) -> str:
    """The fingerprint of a single area; see `Fingerprints.of`."""
    return Fingerprints().of(changes, hazards)
