"""A pull and what an area is spotted by -> why it is touched and by which files.

A label forces an area in, a path, an added line or the size of the pull flags it; a title alone
never does, it is a hint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ghapp.core import globs, regexes
from ghapp.core.areas import Area, Detect, Hit, Size
from ghapp.core.diff import Change, change, cut_short, lines
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


@dataclass(frozen=True, slots=True)
class Seen:
    """One file, looked at once for all areas.

    globs: for each of its paths, which globs of any area match it. spotted: whether any does.
    scanned: whether its lines say anything. promising: whether
    a regex of any area may match one of them.
    """

    change: Change
    globs: tuple[tuple[str, frozenset[str]], ...]
    spotted: bool
    scanned: bool
    promising: bool

    @property
    def file(self) -> File:
        return self.change.file


def touches(areas: tuple[Area, ...], pull: Pull) -> Mapping[str, Touch]:
    """By area id, why and where the pull touches an area; those it does not touch are absent."""
    seen = tuple(_seen(areas, pull.files))
    return {area.id: one for area in areas if (one := _touch(area, pull, seen))}


def unread(areas: tuple[Area, ...], pull: Pull) -> tuple[str, ...]:
    """Paths of files that nothing is known of: no path claims them, not all added lines are there.

    Only those in which some area looks for lines; binary files have none.
    """
    short = (file for file in pull.files if file.additions and _cut(file))
    detects = [area.detect for area in areas]
    return tuple(
        one.file.path
        for one in _seen(areas, tuple(short))
        if any(_reads(detect, one) for detect in detects)
        and not any(hit for detect in detects for hit in _path(detect, one))
    )


def hinted(area: Area, pull: Pull) -> bool:
    """Whether the pull's title suggests the area."""
    return bool(area.detect.title) and regexes.search(area.detect.title, pull.title)


def paths_of(file: File) -> tuple[str, ...]:
    """The path of a file, and the one it had before where it was moved away from there."""
    moved = file.status == "renamed" and file.previous_path
    return (file.path, file.previous_path) if moved else (file.path,)


def _seen(areas: tuple[Area, ...], files: tuple[File, ...]) -> Iterator[Seen]:
    # One question for all areas and then set look-ups: 20 areas would ask 60,000 times.
    wanted = dict.fromkeys(NEVER_SCANNED)
    for detect in (area.detect for area in areas):
        wanted |= dict.fromkeys((*detect.paths, *detect.exclude, *detect.diff_files))
    every = tuple(wanted)
    either = tuple(regex for area in areas for regex in area.detect.diff)
    for file in files:
        one = change(file) if len(file.patch) <= MOST_PATCH else Change(file)
        found = tuple((path, frozenset(globs.every(every, path))) for path in paths_of(file))
        spotted = any(match for _, match in found)
        scanned = found[0][1].isdisjoint(NEVER_SCANNED)
        promising = scanned and one.added != "" and regexes.possible(either, one.added)
        yield Seen(one, found, spotted, scanned, promising)


def _touch(area: Area, pull: Pull, seen: tuple[Seen, ...]) -> Touch | None:
    labels = tuple(_labels(area, pull))
    paths = [(hit, one) for one in seen if one.spotted for hit in _path(area.detect, one)]
    claimed = {one.file.path for _, one in paths}
    diffs = [
        (hit, one)
        for one in seen
        if one.promising and one.file.path not in claimed
        for hit in _diff(area.detect, one)
    ]
    sizes = tuple(_sizes(area.detect.size, seen)) if area.detect.size else ()
    hits = (
        *labels,
        *[hit for hit, _ in paths][:MOST_PATHS],
        *[hit for hit, _ in diffs][:MOST_LINES],
        *sizes,
    )
    if not hits:
        return None
    named = claimed | {one.file.path for _, one in diffs}
    own = [one for one in seen if labels or sizes or one.file.path in named]
    read = [one.change for one in own if one.scanned or one.file.path in claimed]
    return Touch(hits, tuple(one.change for one in own), tuple(read))


def _labels(area: Area, pull: Pull) -> Iterator[Hit]:
    wanted = {label.casefold() for label in (*area.detect.labels, f"nfr/area: {area.id}")}
    for label in sorted(pull.labels):
        if label.casefold() in wanted:
            yield Hit("label", label)


def _path(detect: Detect, one: Seen) -> Iterator[Hit]:
    found = [
        Hit("path", next(glob for glob in detect.paths if glob in globs), path)
        for path, globs in one.globs
        if globs.isdisjoint(detect.exclude) and not globs.isdisjoint(detect.paths)
    ]
    # As it was and inside the area as before: nothing has changed for it.
    if not (_only_moved(one.file) and len(found) == len(one.globs)):
        yield from found[:1]


def _reads(detect: Detect, one: Seen) -> bool:
    """Whether the area looks for its regexes in the added lines of the file."""
    _, found = one.globs[0]
    wanted = not detect.diff_files or not found.isdisjoint(detect.diff_files)
    return bool(detect.diff) and one.scanned and wanted and found.isdisjoint(detect.exclude)


def _diff(detect: Detect, one: Seen) -> Iterator[Hit]:
    text, path = one.change.added, one.file.path
    if not _reads(detect, one) or not regexes.possible(detect.diff, text):
        return
    for index, line in enumerate(text.split("\n")):
        if regexes.first(detect.diff, line):
            yield Hit("diff", line.strip()[:MOST_SHOWN_OF_LINE], path, _number(one.file, index))
            return


def _number(file: File, index: int) -> int:
    """The number, in the new file, of its added line at `index`."""
    added = [line.number for line in lines(file.patch) if line.sign == "+"]
    return added[index]


def _sizes(size: Size, seen: Iterable[Seen]) -> Iterator[Hit]:
    counted = [
        one.file
        for one in seen
        if not _only_moved(one.file) and not globs.matches(size.not_counting, one.file.path)
    ]
    added = sum(file.additions for file in counted)
    if 0 < size.files_gte <= len(counted):
        yield Hit("size", f"{len(counted)} files")
    if 0 < size.added_gte <= added:
        yield Hit("size", f"{added} lines")


def _cut(file: File) -> bool:
    return len(file.patch) > MOST_PATCH or cut_short(file)


def _only_moved(file: File) -> bool:
    return file.status == "renamed" and not file.additions and not file.deletions
