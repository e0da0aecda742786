"""The changed files between two commits, as GitHub lists them: statuses, counts, patches.

Git's own diff is read once per pair of commits; what GitHub leaves out is left out here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ghapp.emulator.gitrepo import Git

STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied"}
SECTION = re.compile(rb"^diff --git ", re.MULTILINE)
HUNK = re.compile(rb"^@@ ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DiffLimits:
    """Where GitHub stops showing a patch, a list or a blob.

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
            self._known[key] = tuple(self._read(base, head))
        return self._known[key]

    def _read(self, base: str, head: str) -> list[Change]:
        raw = self._git.run(
            "diff-tree", "-r", "-z", "-M", "-l1000", "--full-index", "--no-ext-diff",
            "--no-textconv", "--no-color", "--raw", "--numstat", "--patch", base, head,
        )  # fmt: skip
        return [self._limited(change) for change in _parse(raw)]

    def _limited(self, change: Change) -> Change:
        patch = change.patch
        if patch is None:
            return change
        lines = patch.count("\n") + 1
        if lines > self.limits.file_lines or len(patch) > self.limits.file_bytes:
            patch = None
        elif 0 < self.limits.cut_lines < lines:
            patch = "\n".join(patch.split("\n")[: self.limits.cut_lines])
        return Change(
            change.path, change.previous, change.status, change.sha,
            change.additions, change.deletions, patch,
        )  # fmt: skip


@dataclass(slots=True)
class _Row:
    letter: str
    sha: str
    path: bytes
    previous: bytes | None
    modes: tuple[str, str]
    counts: tuple[int, int] = (0, 0)


def _parse(raw: bytes) -> list[Change]:
    rows, at = _rows(raw)
    at = _count(raw, at, rows)
    sections = SECTION.split(raw[at:].lstrip(b"\0"))[1:]
    changes, cursor = [], 0
    for row in rows:
        # A change of type (file to link) is two sections: the old one deleted, the new one added.
        width = 2 if row.letter == "T" else 1
        patch = _patch(sections[cursor : cursor + width])
        cursor += width
        changes.append(_change(row, patch))
    return changes


def _rows(raw: bytes) -> tuple[list[_Row], int]:
    rows, at = [], 0
    while raw[at : at + 1] == b":":
        end = raw.index(b"\0", at)
        old_mode, new_mode, old, new, letter = raw[at + 1 : end].decode().split(" ")
        path, at = _field(raw, end + 1)
        previous = None
        if letter[0] in "RC":
            previous = path
            path, at = _field(raw, at)
        sha = old if letter[0] == "D" else new
        rows.append(_Row(letter[0], sha, path, previous, (old_mode, new_mode)))
    return rows, at


def _field(raw: bytes, at: int) -> tuple[bytes, int]:
    end = raw.index(b"\0", at)
    return raw[at:end], end + 1


def _count(raw: bytes, at: int, rows: list[_Row]) -> int:
    for row in rows:
        counts, at = _field(raw, at)
        added, deleted, path = counts.split(b"\t", 2)
        if not path:  # a rename: both names follow in fields of their own
            _, at = _field(raw, at)
            _, at = _field(raw, at)
        if added != b"-":
            row.counts = (int(added), int(deleted))
    return at


def _patch(sections: list[bytes]) -> str | None:
    hunks = []
    for section in sections:
        start = HUNK.search(section)
        if start:
            hunks.append(section[start.start() :].decode("utf-8", "replace").removesuffix("\n"))
    return "\n".join(hunks) or None


def _change(row: _Row, patch: str | None) -> Change:
    status = STATUS.get(row.letter, "changed")
    if status == "modified" and row.modes[0] != row.modes[1] and not any(row.counts):
        status = "changed"
    return Change(row.path, row.previous, status, row.sha, *row.counts, patch)
