"""Where in a diff a review comment stands: the part of the patch above it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ghapp.emulator.diffs import Change
from ghapp.emulator.words import Cannot

HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)")


@dataclass(frozen=True, slots=True)
class Hunk:
    path: str
    text: str


def hunk(changes: Iterable[Change], path: str | None, line: int | None) -> Hunk:
    """The hunk down to a line of the new file, "" for a comment on the whole file.

    path: None for the first changed file. Raises ValueError in GitHub's words (not in the diff).
    """
    for change in changes:
        name = change.path.decode("utf-8", "replace")
        if path in (None, name):
            return Hunk(name, "" if line is None else _down_to(change.patch or "", line))
    raise Cannot("not_in_diff")


def _down_to(patch: str, line: int) -> str:
    kept: list[str] = []
    number = 0
    for row in patch.split("\n"):
        header = HEADER.match(row)
        if header:
            kept, number = [row], int(header[1]) - 1
            continue
        kept.append(row)
        if row.startswith(("+", " ")):
            number += 1
            if number == line:
                return "\n".join(kept)
    raise ValueError("pull_request_review_thread.line must be part of the diff")
