"""One pass over a diff -> which areas it touches and why, and the lines that hazards point at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ghapp.core.areas import Area, Finding, Hit
from ghapp.core.model import File, Pull
from ghapp.core.patterns import regexes
from ghapp.core.patterns.sets import sieve
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.hazards import Suspicion, never, suspected
from ghapp.core.scan.match import match
from ghapp.core.scan.patch import ChangedFile
from ghapp.core.scan.rulebook import DETECT_PATTERNS, Rulebook, rulebook
from ghapp.core.scan.search import Overdue
from ghapp.core.scan.triggers import AddedHit, LineFound, Matched, Matches, PathClaim, quoted


@dataclass(frozen=True, slots=True)
class Touch:
    """Why an area is touched. hits: the first one is what `flagged_by` tests.

    changes: the area's own files, in the order of the pull; all files of the pull if a label or the
    size touches it. read: those of them whose lines conditions may search.
    found: whether only hazards touch it.
    """

    hits: tuple[Hit, ...]
    changes: tuple[ChangedFile, ...]
    read: tuple[ChangedFile, ...]
    found: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of one pass over the diff.

    pull: with the files that count. touched: by area id, why and where. suspicion: lines that
    hazards point at, some to be settled by whole files. files: all, also those that do not count.
    unread: paths, in order, of files of which not all is known: some area searches such files for
    lines, and not all changed lines are there.
    partly: paths of files whose changed lines were not searched in full, though they may matter.
    ignored: the author, if the policy ignores their pulls; then nothing was searched.
    exempt: ids of areas that it would touch, if their `when` let this pull be flagged.
    """

    pull: Pull
    touched: Mapping[str, Touch] = field(default_factory=dict)
    suspicion: Suspicion = Suspicion()
    files: tuple[Matched, ...] = ()
    unread: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    ignored: str = ""
    exempt: tuple[str, ...] = ()

    @property
    def changes(self) -> Mapping[str, ChangedFile]:
        """All files of the pull by path, including ignored ones."""
        return {one.change.file.path: one.change for one in self.files}

    @property
    def files_read(self) -> int:
        """How many files the pull has, including ignored ones."""
        return max(len(self.files), len(self.pull.files))

    @property
    def wanted(self) -> tuple[File, ...]:
        """Files whose whole new version is needed to settle a suspect."""
        return self.suspicion.wanted


def scan(
    pull: Pull, policy: Policy, only_author_pushed: bool = True, overdue: Overdue = never
) -> Scan:
    """One pass over the diff.

    only_author_pushed: whether every head of the pull was pushed by its author; only then does
    an author whom the policy ignores count as ignored. overdue: then the rest of the files counts
    as unread.
    """
    authors = {name.casefold() for name in policy.ignore_authors}
    if only_author_pushed and pull.author.casefold() in authors:
        return Scan(pull, ignored=pull.author)
    book = rulebook(policy.searched, policy.ignore_paths, policy.dialect)
    files = match(book, pull.files)
    suspicion = suspected(book, files, overdue)
    counting = tuple([one for one in files if not one.ignored])
    # ghapp's own labels must not flag anything.
    shown = {name.casefold() for name in policy.labels.values()}
    pull = replace(
        pull,
        files=tuple([one.change.file for one in counting]),
        labels=frozenset(name for name in pull.labels if name.casefold() not in shown),
    )
    unread = {
        one.change.file.path
        for one in counting
        if one.change.hidden
        and one.kind.scanned
        and any(area.detect.reads(one.kind.globs, one.kind.excluding) for area in policy.areas)
    }
    touched, ids = _touched(book, pull, counting), {area.id for area in policy.areas}
    return Scan(
        pull=pull,
        touched={name: touch for name, touch in touched.items() if name in ids},
        exempt=tuple([name for name in touched if name not in ids]),
        suspicion=suspicion,
        files=files,
        unread=tuple(sorted(unread | suspicion.left)),
        partly=tuple([one.change.file.path for one in files if _is_partly_read(one)]),
    )


def _touched(book: Rulebook, pull: Pull, files: tuple[Matched, ...]) -> Mapping[str, Touch]:
    """By area id, why and where the pull touches it; areas that it does not touch are absent."""
    claims: dict[int, list[tuple[int, PathClaim]]] = {}
    lines: dict[int, list[tuple[int, LineFound]]] = {}
    for index, file in enumerate(files):
        for claim in file.claims:
            claims.setdefault(claim.area, []).append((index, claim))
        for line in file.lines:
            lines.setdefault(line.area, []).append((index, line))
    touched: dict[str, Touch] = {}
    for place, area in enumerate(book.areas):
        found = Matches(pull, files, claims.get(place, ()), lines.get(place, ()), book.matches)
        fired = [(trigger.whole, [*trigger.hits(found)]) for trigger in book.triggers[place]]
        hits = [hit for _, here in fired for hit in here]
        if not hits:
            continue
        claimed = {index for index, _ in found.claims}
        own = sorted(claimed.union([index for index, _ in found.lines]))
        if any(whole and here for whole, here in fired):
            own = list(range(len(files)))
        changes = [files[at].change for at in own]
        read = [files[at].change for at in own if at in claimed or files[at].kind.scanned]
        touched[area.id] = Touch(tuple(hits), tuple(changes), tuple(read))
    return touched


def _is_partly_read(one: Matched) -> bool:
    """Whether lines of it were not searched, or only in part."""
    return one.change.hidden and one.kind.scanned


def found_in(
    touched: Mapping[str, Touch],
    findings: tuple[Finding, ...],
    changes: Mapping[str, ChangedFile],
) -> Mapping[str, Touch]:
    """The touched areas with those of the findings: a finding touches its area with its file.

    changes: all files of the pull by path.
    """
    found = dict(touched)
    for one in findings:
        change, here = changes[one.path], found.get(one.area)
        if here is None:
            hit = AddedHit(quoted(one.source), path=one.path, line=one.line)
            found[one.area] = Touch((hit,), (change,), (change,), found=True)
        elif change not in here.changes:
            found[one.area] = replace(
                here, changes=(*here.changes, change), read=(*here.read, change)
            )
    return found


def hinted(areas: tuple[Area, ...], pull: Pull) -> tuple[str, ...]:
    """Ids of the areas that the pull's title suggests. It flags nothing, and is only a hint."""
    known = {area.id: area.detect.title for area in areas if area.detect.title}
    patterns = tuple(known.values())
    # One search for all: most titles suggest nothing.
    possible = sieve(patterns, DETECT_PATTERNS).possible(
        regexes.as_bytes(pull.title), frozenset(range(len(patterns)))
    )
    maybe = [name for place, name in enumerate(known) if place in possible]
    return tuple([name for name in maybe if regexes.search(known[name], pull.title)])
