"""A pull and what an area is spotted by -> why it is touched and by which files.

A label forces an area in, a path, an added line or the size of the pull flags it; a title alone
never does, it is a hint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ghapp.core.areas import Area, Hit, Size
from ghapp.core.detection.look import Seen, only_moved, reads, shown
from ghapp.core.detection.rulebook import DETECT_PATTERNS
from ghapp.core.findings import Finding
from ghapp.core.matching import regexes
from ghapp.core.matching.diff import Change
from ghapp.core.matching.sieve import sieve
from ghapp.core.model import Pull

FOLDER_FILES = 5  # that make a new folder at the top worth a question
MOST_PATHS, MOST_LINES = 5, 3  # hits kept for showing; the files are always complete


@dataclass(frozen=True, slots=True)
class Touch:
    """Why an area is touched; the first hit decides `flagged_by`.

    changes: the area's own files, in the order of the pull; all of the pull for label and size.
    read: those of them whose lines a condition may look at. found: only hazards touch it.
    """

    hits: tuple[Hit, ...]
    changes: tuple[Change, ...]
    read: tuple[Change, ...]
    found: bool = False


def touches(areas: tuple[Area, ...], pull: Pull, seen: tuple[Seen, ...]) -> Mapping[str, Touch]:
    """By area id, why and where the pull touches an area; those it does not touch are absent.

    seen: the files of the pull as the rulebook of these areas sees them.
    """
    claims: dict[int, list[tuple[int, str, str]]] = {}
    shows: dict[int, list[tuple[int, Hit]]] = {}
    for index, one in enumerate(seen):
        for place, glob, path in one.claims:
            claims.setdefault(place, []).append((index, glob, path))
        for place, hit in one.shows:
            shows.setdefault(place, []).append((index, hit))
    found = (
        (area.id, _touch(area, pull, seen, claims.get(place, []), shows.get(place, [])))
        for place, area in enumerate(areas)
    )
    return {name: touch for name, touch in found if touch}


def found_in(
    touched: Mapping[str, Touch],
    findings: tuple[Finding, ...],
    changes: Mapping[str, Change],
) -> Mapping[str, Touch]:
    """The same with the files of the findings: a hazard flags its area, and its file belongs to it.

    changes: all files of the pull by path.
    """
    found = dict(touched)
    for one in findings:
        change, here = changes[one.path], found.get(one.area)
        if here is None:
            hit = Hit("diff", shown(one.source), one.path, one.line)
            found[one.area] = Touch((hit,), (change,), (change,), found=True)
        elif change not in here.changes:
            both = (*here.changes, change), (*here.read, change)
            found[one.area] = replace(here, changes=both[0], read=both[1])
    return found


def unread(areas: tuple[Area, ...], seen: tuple[Seen, ...]) -> tuple[str, ...]:
    """Paths of files that nothing is known of: no path claims them, not all added lines are there.

    Only those in which some area looks for lines; binary files have none.
    """
    return tuple(
        one.file.path
        for one in seen
        if one.change.hidden
        and one.file.additions
        and one.named.scanned
        and not one.claims
        and any(reads(area.detect, one.named.globs) for area in areas)
    )


def partly(seen: tuple[Seen, ...]) -> tuple[str, ...]:
    """Paths of files whose changed lines were not looked at in full, though they may matter."""
    return tuple(
        [one.file.path for one in seen if one.named.scanned and (_cut(one) or _opaque(one))]
    )


def _cut(one: Seen) -> bool:
    """Whether some lines are not there, or only in part; secrets are looked for in every file."""
    change = one.change
    return change.cut or bool(change.hidden and (change.file.additions or change.file.deletions))


def _opaque(one: Seen) -> bool:
    """Whether a file of an area is for GitHub no text, as one in UTF-16 is none."""
    file = one.change.file
    if file.patch or not one.claims:
        return False
    return file.status in ("added", "modified") and not (file.additions or file.deletions)


def hinted(areas: tuple[Area, ...], pull: Pull) -> tuple[str, ...]:
    """Ids of the areas that the pull's title suggests."""
    known = {area.id: area.detect.title for area in areas if area.detect.title}
    patterns = tuple(known.values())
    # One look tells of most titles that they suggest nothing.
    possible = sieve(patterns, DETECT_PATTERNS).possible(
        regexes.as_bytes(pull.title), frozenset(range(len(patterns)))
    )
    maybe = [name for place, name in enumerate(known) if place in possible]
    return tuple([name for name in maybe if regexes.search(known[name], pull.title)])


def _touch(
    area: Area,
    pull: Pull,
    seen: tuple[Seen, ...],
    claims: list[tuple[int, str, str]],
    shows: list[tuple[int, Hit]],
) -> Touch | None:
    """Why the area is touched. claims, shows: with the places of their files in `seen`."""
    labels = tuple(_labels(area, pull)) if pull.labels else ()
    sizes = tuple(_sizes(area.detect.size, pull, seen)) if area.detect.size else ()
    hits = (
        *labels,
        *[Hit("path", glob, path) for _, glob, path in claims[:MOST_PATHS]],
        *[hit for _, hit in shows[:MOST_LINES]],
        *sizes,
    )
    if not hits:
        return None
    claimed = {index for index, _, _ in claims}
    own = range(len(seen)) if labels or sizes else sorted(claimed.union(i for i, _ in shows))
    changes = [seen[at].change for at in own]
    read = [seen[at].change for at in own if at in claimed or seen[at].named.scanned]
    return Touch(hits, tuple(changes), tuple(read))


def _labels(area: Area, pull: Pull) -> Iterator[Hit]:
    wanted = {label.casefold() for label in (*area.detect.labels, f"nfr/area: {area.id}")}
    for label in sorted(pull.labels):
        if label.casefold() in wanted:
            yield Hit("label", label)


def _sizes(size: Size, pull: Pull, seen: tuple[Seen, ...]) -> Iterator[Hit]:
    left_out = frozenset(size.not_counting)
    counted = [
        one.change.file
        for one in seen
        if left_out.isdisjoint(one.named.globs)
        and not (one.change.still or only_moved(one.change.file))
    ]
    added = sum([file.additions for file in counted])
    inside = Counter([file.path.partition("/")[0] for file in counted] if pull.new_folders else ())
    # A script or a first migration makes a folder, too, but no service.
    folders = sorted(name for name in pull.new_folders if inside[name] >= FOLDER_FILES)
    if 0 < size.folders_gte <= len(folders):
        yield from (Hit("folder", name) for name in folders[:MOST_LINES])
    if 0 < size.files_gte <= len(counted):
        yield Hit("size", f"{len(counted)} files")
    if 0 < size.added_gte <= added:
        yield Hit("size", f"{added} lines")
