"""A scanned diff and its findings -> the areas it touches and what is asked about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from ghapp.core.areas import Area, Finding, Hit, Item, Reason
from ghapp.core.model import MOST_FILES, File, Pull
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy.policy import Features, Policy
from ghapp.core.scan.conditions import NewLines, Scene, about, holds
from ghapp.core.scan.fingerprint import Fingerprints
from ghapp.core.scan.pull_conditions import weighed
from ghapp.core.scan.rulebook import rulebook
from ghapp.core.scan.scan import Scan, found_in, hinted

SEVERITIES = ("must", "should", "could")


@dataclass(frozen=True, slots=True)
class Flagged:
    """One area that a pull touches.

    hits: the first one is what `flagged_by` tests. files: the area's own, in path order; all files
    of the pull if a label or the size flags it. items: those that apply: first those with a
    finding, then must, should, could.
    findings: those of the area's hazards, in the order of files and lines.
    marks: item id -> digest of the part of the diff that the item is about.
    """

    area: Area
    hits: tuple[Hit, ...]
    files: tuple[File, ...]
    items: tuple[Item, ...]
    fingerprint: str
    findings: tuple[Finding, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Exempt:
    """An area that a pull touches, but that its `when` takes the pull out of; and what decides."""

    area: Area
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """What is asked about a pull.

    flagged: heaviest first, then by id; an area without an applicable item is not flagged.
    shown: ids of the items inside `max_items`; the rest is folded.
    hints: ids of areas which only the title suggests.
    complete: False above 3,000 files: an SRE must be asked.
    ignored: why nothing is asked at all: "" or the author's login.
    unread: paths, in order, of files whose changed lines are not all known, and which no flagged
    area has by its paths.
    partly: paths of other files whose added lines were not all searched.
    exempt: what would be flagged, if the policy did not take this pull out.
    fixes: hazards with paths of what the standing review had found and this pull removes.
    """

    flagged: tuple[Flagged, ...] = ()
    shown: frozenset[str] = frozenset()
    hints: tuple[str, ...] = ()
    complete: bool = True
    feature: bool = False
    ignored: str = ""
    unread: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    exempt: tuple[Exempt, ...] = ()
    fixes: tuple[tuple[str, str], ...] = ()


def checklist(scan: Scan, policy: Policy, findings: tuple[Finding, ...] = ()) -> Checklist:
    """What is asked about the pull. findings: of its hazards."""
    pull = scan.pull
    complete = pull.complete and max(scan.files_read, pull.changed_files) <= MOST_FILES
    if scan.ignored:
        return Checklist(complete=complete, ignored=scan.ignored)
    known = {area.id for area in policy.areas}
    exempt = {*scan.exempt, *(one.area for one in findings if one.area not in known)}
    findings = tuple([one for one in findings if one.area in known])
    flagged = tuple(_flagged(scan, policy, findings))
    found = {one.item for one in findings}
    shown = _shown(flagged, policy, found)
    while redundant := _redundant(flagged, shown):
        flagged = tuple(
            replace(one, items=tuple(item for item in one.items if item.id != redundant))
            for one in flagged
        )
        shown = _shown(flagged, policy, found)
    # A must that does not fit is folded as a should, so that nobody has to open the fold.
    folded = {
        item.id: replace(item, severity="should")
        for one in flagged
        for item in one.items
        if item.severity == "must" and item.id not in shown
    }
    if folded:
        flagged = tuple(
            replace(one, items=tuple(folded.get(item.id, item) for item in one.items))
            for one in flagged
        )
    ids = {one.area.id for one in flagged}
    # Whoever signs an area off has read the files that it has by their paths.
    vouching = ids & policy.kept.areas if policy.kept.areas else ids
    signed = {place for place, area in enumerate(policy.searched) if area.id in vouching}
    claimed = {
        one.change.file.path
        for one in scan.files
        if not signed.isdisjoint(claim.area for claim in one.claims)
    }
    unread = tuple(path for path in scan.unread if path not in claimed)
    return Checklist(
        flagged=flagged,
        shown=shown,
        hints=tuple(name for name in hinted(policy.areas, pull) if name not in ids),
        complete=complete,
        feature=is_feature(pull, policy.features),
        unread=unread,
        partly=tuple(path for path in scan.partly if path not in unread),
        exempt=tuple(
            Exempt(area, weighed(area.when, pull).reasons)
            for area in policy.searched
            if area.when and area.id in exempt
        ),
    )


def _flagged(scan: Scan, policy: Policy, findings: tuple[Finding, ...]) -> Iterator[Flagged]:
    touched = found_in(scan.touched, findings, scan.changes) if findings else scan.touched
    hazards = frozenset(one.hazard for one in findings)
    fingerprints = Fingerprints()
    book = rulebook(policy.searched, policy.ignore_paths, policy.dialect)
    new_lines = NewLines(one.change for one in scan.files if not one.ignored)
    for area in sorted(policy.areas, key=lambda area: (-area.weight, area.id)):
        if area.id not in touched:
            continue
        here = touched[area.id]
        scene = Scene(
            scan.pull,
            here,
            hazards,
            frozenset(touched),
            policy.large_tables,
            new_lines,
            matches=book.matches,
        )
        own = tuple(one for one in findings if one.area == area.id)
        items = _items(area, scene, own)
        # Somebody who adds the area's label wants a sign-off, whatever the lines are.
        if not (items or area.flag == "touch" or here.hits[0].kind == "label"):
            continue
        # Findings that are unsure, because a file could not be read, do not change the fingerprint.
        sure = tuple(one for one in own if not one.unsure)
        whole = fingerprints.of(here.changes, [one.hazard for one in sure])
        marks: dict[str, str] = {}
        for item in items:
            raised = tuple(one for one in sure if one.item == item.id)
            files = about(item, scene, raised)
            hazards_of_item = [one.hazard for one in raised]
            is_whole = files == here.changes
            marks[item.id] = whole if is_whole else fingerprints.of(files, hazards_of_item)
        files_of_area = tuple([one.file for one in here.changes])
        yield Flagged(area, here.hits, files_of_area, items, whole, own, marks)


def _items(area: Area, scene: Scene, findings: tuple[Finding, ...]) -> tuple[Item, ...]:
    """The items that apply, in order. A finding makes its item apply, a must finding as a must.

    If only a hazard touches the area, items without a `when` do not apply: the line is dangerous,
    but the change is about something else.
    """
    found = {one.item for one in findings}
    worst: dict[str, str] = {}  # by item, the worst severity of findings that nobody has accepted
    for one in findings:
        if not one.accepted:
            known = worst.get(one.item, one.severity)
            worst[one.item] = min(one.severity, known, key=SEVERITIES.index)
    items = []
    for item in area.items:
        asked = not scene.touch.found if item.when is None else holds(item.when, scene)
        severity = item.severity if asked else ""
        if worst.get(item.id) == "must" or (item.must_when and holds(item.must_when, scene)):
            severity = "must"
        elif item.id in found and not asked:  # a mild finding does not bring up a must
            severity = max(item.severity, worst.get(item.id, "could"), key=SEVERITIES.index)
        if severity:
            items.append(item if severity == item.severity else replace(item, severity=severity))
    return tuple(sorted(items, key=lambda item: _rank(item, found)))


def _rank(item: Item, found: AbstractSet[str], *, wide: bool = False) -> tuple[bool, bool, int]:
    return item.id not in found, wide, SEVERITIES.index(item.severity)


def _shown(flagged: tuple[Flagged, ...], policy: Policy, found: AbstractSet[str]) -> frozenset[str]:
    """Ids of the questions that are not folded, `max_items` at most.

    The first question of every area has priority, unless it is a `could`. Then they are taken in
    order over all areas. Those of areas that only the pull's size flags have no priority, and come
    last among equals. What an organisation locks comes before all others.
    """
    wide = {one.area.id for one in flagged if one.hits[0].kind == "size"}
    items = [(item, one.area.id in wide) for one in flagged for item in one.items]
    # The sort is stable, and areas come heaviest first: the tie-breaker is the area's weight.
    items.sort(key=lambda pair: _rank(pair[0], found, wide=pair[1]))
    first = [
        one.items[0].id
        for one in flagged
        if one.items and one.items[0].severity != "could" and one.area.id not in wide
    ]
    chosen = dict.fromkeys((*first, *(item.id for item, _ in items)))
    kept_first = sorted(chosen, key=lambda name: name not in policy.kept.items)
    return frozenset(kept_first[: policy.max_items])


def _redundant(flagged: tuple[Flagged, ...], shown: frozenset[str]) -> str:
    """The first shown question that another shown question makes superfluous; "" if none is."""
    homes = {item.id: one for one in flagged for item in one.items if item.id in shown}
    same = [
        (item.id, item.same_as, one)
        for one in flagged
        for item in one.items
        if item.id in shown and item.same_as and item.same_as.item in homes
    ]
    same.sort(key=lambda one: one[1].within)  # those without a condition come first
    for id, other, home in same:
        within = not other.within or set(home.files) <= set(homes[other.item].files)
        # An area keeps its last question: without one it could not be flagged. A question with a
        # finding stays, because the finding is answered there.
        raised = any(one.item == id for one in home.findings)
        if within and len(home.items) > 1 and not raised:
            return id
    return ""


def is_feature(pull: Pull, features: Features) -> bool:
    """Whether the pull is a new feature. pull: with the files that count."""
    labels = {label.casefold() for label in pull.labels}
    return (
        any(label.casefold() in labels for label in features.labels)
        or bool(regexes.first(features.titles, pull.title))
        or bool(globs.matches(features.branches, pull.head_ref))
        or 0 < features.added_lines <= sum(file.additions for file in pull.files)
    )
