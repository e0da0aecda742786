"""A pull and what an area is spotted by -> why it is touched and by which files.

A label forces an area in, a path, an added line or the size of the pull flags it; a title alone
never does, it is a hint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ghapp.core import globs, regexes
from ghapp.core.areas import Area, Detect, Hit, Size
from ghapp.core.diff import Change, change, lines
from ghapp.core.model import File, Pull

NEVER_SCANNED = (
    "**/*.min.*",
    "**/*.map",
    "**/*.snap",
    "**/*.svg",
    "**/*.lock",
    "**/generated/**",
    "**/vendor/**",
    "**/node_modules/**",
)
MOST_PATCH = 1 << 20  # characters; a larger patch is data, not something written by hand

MOST_PATHS, MOST_LINES = 5, 3  # hits kept for showing; the files are always complete
MOST_SHOWN_OF_LINE = 120


@dataclass(frozen=True, slots=True)
class Touch:
    """Why an area is touched; the first hit decides `flagged_by`.

    changes: the area's own files, in the order of the pull; all of the pull for label and size.
    read: those of them whose lines a condition may look at.
    """

    hits: tuple[Hit, ...]
    changes: tuple[Change, ...]
    read: tuple[Change, ...]


def changes_of(pull: Pull) -> tuple[Change, ...]:
    """The files of the pull with their patches read once for all areas."""
    return tuple(
        change(file) if len(file.patch) <= MOST_PATCH else Change(file) for file in pull.files
    )


def touch(area: Area, pull: Pull, changes: tuple[Change, ...]) -> Touch | None:
    """Why and where the pull touches the area; None where it does not."""
    labels = tuple(_labels(area, pull))
    paths = [(hit, one) for one in changes for hit in _path(area.detect, one.file)]
    claimed = {one.file.path for _, one in paths}
    rest = [one for one in changes if one.file.path not in claimed]
    diffs = [(hit, one) for one in rest for hit in _diff(area.detect, one)]
    sizes = tuple(_sizes(area.detect.size, changes)) if area.detect.size else ()
    hits = (
        *labels,
        *[hit for hit, _ in paths][:MOST_PATHS],
        *[hit for hit, _ in diffs][:MOST_LINES],
        *sizes,
    )
    if not hits:
        return None
    named = claimed | {one.file.path for _, one in diffs}
    own = tuple(one for one in changes if labels or sizes or one.file.path in named)
    read = tuple(one for one in own if one.file.path in claimed or scanned(one.file))
    return Touch(hits, own, read)


def hinted(area: Area, pull: Pull) -> bool:
    """Whether the pull's title suggests the area."""
    return bool(area.detect.title) and regexes.search(area.detect.title, pull.title)


def paths_of(file: File) -> tuple[str, ...]:
    """The path of a file, and the one it had before where it was moved away from there."""
    moved = file.status == "renamed" and file.previous_path
    return (file.path, file.previous_path) if moved else (file.path,)


def scanned(file: File) -> bool:
    """Whether added lines of the file say anything: not in generated and foreign code."""
    return not globs.matches(NEVER_SCANNED, file.path)


def _labels(area: Area, pull: Pull) -> Iterator[Hit]:
    wanted = {label.casefold() for label in (*area.detect.labels, f"nfr/area: {area.id}")}
    for label in sorted(pull.labels):
        if label.casefold() in wanted:
            yield Hit("label", label)


def _path(detect: Detect, file: File) -> Iterator[Hit]:
    if _only_moved(file):
        return
    for path in paths_of(file):
        glob = globs.matches(detect.paths, path)
        if glob and not globs.matches(detect.exclude, path):
            yield Hit("path", glob, path)
            return


def _diff(detect: Detect, one: Change) -> Iterator[Hit]:
    path = one.file.path
    if not one.added or not regexes.possible(detect.diff, one.added):
        return
    if detect.diff_files and not globs.matches(detect.diff_files, path):
        return
    if globs.matches(detect.exclude, path) or not scanned(one.file):
        return
    for index, text in enumerate(one.added.split("\n")):
        if regexes.first(detect.diff, text):
            yield Hit("diff", text.strip()[:MOST_SHOWN_OF_LINE], path, _number(one.file, index))
            return


def _number(file: File, index: int) -> int:
    """The number, in the new file, of its added line at `index`."""
    added = [line.number for line in lines(file.patch) if line.sign == "+"]
    return added[index]


def _sizes(size: Size, changes: Iterable[Change]) -> Iterator[Hit]:
    counted = [
        one.file
        for one in changes
        if not _only_moved(one.file) and not globs.matches(size.not_counting, one.file.path)
    ]
    added = sum(file.additions for file in counted)
    if 0 < size.files_gte <= len(counted):
        yield Hit("size", f"{len(counted)} files")
    if 0 < size.added_gte <= added:
        yield Hit("size", f"{added} lines")


def _only_moved(file: File) -> bool:
    return file.status == "renamed" and not file.additions and not file.deletions
