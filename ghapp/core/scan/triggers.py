"""A pull and what an area is spotted by -> why it is touched and by which files.

A label forces an area in, a path, an added line or the size of the pull flags it; a title alone
never does, it is a hint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ghapp.core.areas import Area, Finding, Hit, Size
from ghapp.core.model import File, Pull
from ghapp.core.patterns import regexes
from ghapp.core.patterns.sets import sieve
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.hazards import Suspicion, suspected
from ghapp.core.scan.match import Seen, look, only_moved, reads, shown
from ghapp.core.scan.patch import Change
from ghapp.core.scan.rulebook import DETECT_PATTERNS, rulebook

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


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look at the diff tells.

    pull: with the files that count. touched: by area id, why and where. suspicion: lines that
    hazards point at, some to be settled by whole files. unread, partly: as in Checklist.
    ignored: the author whom the policy leaves out; then nothing was looked at.
    """

    pull: Pull
    touched: Mapping[str, Touch] = field(default_factory=dict)
    suspicion: Suspicion = Suspicion()
    seen: tuple[Seen, ...] = ()
    unread: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    ignored: str = ""

    @property
    def changes(self) -> Mapping[str, Change]:
        """All files of the pull by their path, also those that do not count."""
        return {one.change.file.path: one.change for one in self.seen}

    @property
    def files(self) -> int:
        """How many files the pull was read with, also those that do not count."""
        return max(len(self.seen), len(self.pull.files))

    @property
    def wanted(self) -> tuple[File, ...]:
        """Files whose whole new version decides about a suspect, and is not in the diff."""
        return self.suspicion.wanted


def _unmarked(pull: Pull, policy: Policy) -> Pull:
    """The pull without labels of ours: what we show must not decide what we show."""
    ours = {name.casefold() for name in policy.labels.values()}
    return replace(
        pull, labels=frozenset(name for name in pull.labels if name.casefold() not in ours)
    )


def scan(pull: Pull, policy: Policy, only_author_pushed: bool = True) -> Scan:
    """One pass over the diff.

    only_author_pushed: whether every head of the pull was pushed by its author; only then does
    an author whom the policy ignores count as ignored.
    """
    authors = {name.casefold() for name in policy.ignore_authors}
    if only_author_pushed and pull.author.casefold() in authors:
        return Scan(pull, ignored=pull.author)
    pull = _unmarked(pull, policy)
    book = rulebook(policy.areas, policy.ignore_paths, policy.dialect)
    everything = look(book, pull.files)
    seen = tuple([one for one in everything if not one.ignored])
    suspicion = suspected(book, everything)
    counting = replace(pull, files=tuple([one.change.file for one in seen]))
    return Scan(
        pull=counting,
        touched=touches(policy.areas, counting, seen),
        suspicion=suspicion,
        seen=everything,
        unread=tuple(sorted({*unread(policy.areas, seen), *suspicion.crowded})),
        partly=partly(everything),
    )
