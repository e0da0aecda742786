"""The changed files between two commits, as GitHub lists them: statuses, counts, patches.

Git's own diff is read once per pair of commits; what GitHub leaves out is left out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ghapp.emulator.git import Git
from ghapp.emulator.words import Cannot

STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied"}
SECTION = re.compile(rb"^diff --git ", re.MULTILINE)
HUNK = re.compile(rb"^@@ ", re.MULTILINE)
HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)")


@dataclass(frozen=True, slots=True)
class DiffLimits:
    """When GitHub stops showing a patch, a list or a blob.

    Source: https://docs.github.com/repositories/creating-and-managing-repositories/repository-limits
    (a single file's diff: 20,000 lines or 500 KB), the pulls API (3,000 files), the blobs API
    (100 MB) and the trees API (100,000 entries).
    cut_lines: patches end after this many lines; 0 never cuts.
    """

    file_lines: int = 20_000
    file_bytes: int = 500_000
    files: int = 3_000
    cut_lines: int = 0
    blob_bytes: int = 100 << 20
    tree_entries: int = 100_000


@dataclass(frozen=True, slots=True)
class Change:
    """One changed file. path: raw bytes. sha: the new blob's, the old one's if removed."""

    path: bytes
    previous: bytes | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str | None

    @property
    def name(self) -> str:
        return self.path.decode("utf-8", "replace")


class Diffs:
    """Diffs of one object store, kept by (base, head)."""

    def __init__(self, git: Git, limits: DiffLimits) -> None:
        self._git = git
        self.limits = limits
        self._known: dict[tuple[str, str], tuple[Change, ...]] = {}

    def between(self, base: str, head: str) -> tuple[Change, ...]:
        """Changed files in path order, with no limit on their number."""
        key = (base, head)
        if key not in self._known:
            raw = self._git.run(
                "diff-tree", "-r", "-z", "-M", "-l1000", "--full-index", "--no-ext-diff",
                "--no-textconv", "--no-color", "--raw", "--numstat", "--patch", base, head,
            )  # fmt: skip
            self._known[key] = tuple(self._limited(change) for change in _parsed(raw))
        return self._known[key]

    def _limited(self, change: Change) -> Change:
        limits, lines = self.limits, (change.patch or "").split("\n")
        if len(lines) > limits.file_lines or len(change.patch or "") > limits.file_bytes:
            return replace(change, patch=None)
        if change.patch and 0 < limits.cut_lines < len(lines):
            return replace(change, patch="\n".join(lines[: limits.cut_lines]))
        return change


def _parsed(raw: bytes) -> Iterator[Change]:
    """The changes in the output of git: a list of files, their counts, and then their patches."""
    listing, _, patches = raw.partition(b"\0\0")
    rows, counts = [], []
    fields = iter(listing.split(b"\0"))
    for record in filter(None, fields):
        if record.startswith(b":"):
            path, previous = next(fields), None
            facts = record[1:].decode().split(" ")
            if facts[4][0] in "RC":
                path, previous = next(fields), path
            rows.append((path, previous, facts))
        else:
            added, deleted, name = record.split(b"\t", 2)
            if not name:  # a rename: both names follow in fields of their own
                next(fields), next(fields)
            counts.append((0, 0) if added == b"-" else (int(added), int(deleted)))
    sections = iter(SECTION.split(patches)[1:])
    for (path, previous, (old_mode, new_mode, old, new, letters)), count in zip(
        rows, counts, strict=True
    ):
        letter = letters[0]
        # A change of type (file to link) is two sections: the old one deleted, the new one added.
        parts = [next(sections), next(sections)] if letter == "T" else [next(sections)]
        starts = [(part, start) for part in parts if (start := HUNK.search(part))]
        hunks = [part[start.start() :].removesuffix(b"\n") for part, start in starts]
        patch = b"\n".join(hunks).decode("utf-8", "replace") or None
        status = STATUS.get(letter, "changed")
        if status == "modified" and old_mode != new_mode and not any(count):
            status = "changed"
        yield Change(path, previous, status, old if letter == "D" else new, *count, patch)


def numbered(patch: str | None) -> Iterator[tuple[str, int]]:
    """Each row of a patch with its number in the new file, 0 if it is not in it."""
    number = 0
    for row in patch.split("\n") if patch else ():
        if header := HEADER.match(row):
            number = int(header[1]) - 1
        in_file = row.startswith(("+", " "))
        number += in_file
        yield row, number if in_file else 0


def hunk(changes: Iterable[Change], path: str | None, line: int | None) -> tuple[str, str]:
    """The path of a review comment, and the hunk above it; "" for a comment on the whole file.

    path: None for the first changed file. line: of the new file. Raises ValueError in GitHub's
    words (not in the diff).
    """
    for change in changes:
        if path not in (None, change.name):
            continue
        if line is None:
            return change.name, ""
        rows: list[str] = []
        for row, number in numbered(change.patch):
            if HEADER.match(row):
                rows.clear()
            rows.append(row)
            if number == line:
                return change.name, "\n".join(rows)
        raise ValueError("pull_request_review_thread.line must be part of the diff")
    raise Cannot("not_in_diff")
