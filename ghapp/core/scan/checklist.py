"""What a diff tells and its findings -> the areas it touches and what is asked about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ghapp.core.areas import Area, Finding, Hit, Item
from ghapp.core.model import File, Pull
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy.policy import Features, Policy
from ghapp.core.scan.conditions import Scene, about, holds
from ghapp.core.scan.fingerprint import Fingerprints
from ghapp.core.scan.news import News
from ghapp.core.scan.triggers import Scan, found_in, hinted

# GitHub lists no more files of a pull.
# Source: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
MOST_FILES = 3_000

SEVERITIES = ("must", "should", "could")


@dataclass(frozen=True, slots=True)
class Flagged:
    """One area that a pull touches.

    hits: the first one decided `flagged_by`. files: the area's own, in path order (all of the
    pull for label and size). items: those that apply: with a finding, then must, should, could.
    findings: those of the area's hazards, in the order of files and lines.
    marks: item id -> digest of that part of the diff which the item is about.
    """

    area: Area
    hits: tuple[Hit, ...]
    files: tuple[File, ...]
    items: tuple[Item, ...]
    fingerprint: str
    findings: tuple[Finding, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Checklist:
    """What is asked about a pull.

    flagged: heaviest first, then by id; an area without an applicable item is not flagged.
    shown: ids of the items inside `max_items`; the rest is folded.
    hints: ids of areas which only the title suggests.
    complete: False above 3,000 files: an SRE must be asked.
    ignored: why nothing is asked at all: "" or the author's login.
    unread: paths, in order, of files whose added lines GitHub does not show and no area claims.
    partly: paths of other files whose added lines were not all looked at.
    """

    flagged: tuple[Flagged, ...] = ()
    shown: frozenset[str] = frozenset()
    hints: tuple[str, ...] = ()
    complete: bool = True
    feature: bool = False
    ignored: str = ""
    unread: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two items with the same answer: where both are shown, `second` is left out.

    within: only where all files of the second's area are also files of the first's.
    """

    first: str
    second: str
    within: bool = False


OVERLAPS = (
    Overlap("pay-exactly-once", "api-idempotency"),
    Overlap("pay-exactly-once", "job-idempotent"),
    Overlap("pay-page-scripts", "fe-third-party"),
    Overlap("new-launch-plan", "ff-rollout-plan"),
    Overlap("iac-encryption-secrets", "cfg-no-secrets", within=True),
    Overlap("k8s-job-policy", "job-schedule-spread", within=True),
    Overlap("file-access-control", "api-authz-object", within=True),
)


def checklist(scan: Scan, policy: Policy, findings: tuple[Finding, ...] = ()) -> Checklist:
    """What is asked about the pull. findings: what its hazards have come to."""
    pull = scan.pull
    complete = pull.complete and max(scan.files, pull.changed_files) <= MOST_FILES
    if scan.ignored:
        return Checklist(complete=complete, ignored=scan.ignored)
    flagged = tuple(_flagged(scan, policy, findings))
    flagged, shown = _fitted(flagged, policy.max_items, frozenset(one.item for one in findings))
    ids = {one.area.id for one in flagged}
    return Checklist(
        flagged=flagged,
        shown=shown,
        hints=tuple(name for name in hinted(policy.areas, pull) if name not in ids),
        complete=complete,
        feature=is_feature(pull, policy.features),
        unread=scan.unread,
        partly=tuple(path for path in scan.partly if path not in scan.unread),
    )


def _flagged(scan: Scan, policy: Policy, findings: tuple[Finding, ...]) -> Iterable[Flagged]:
    touched = found_in(scan.touched, findings, scan.changes) if findings else scan.touched
    hazards = frozenset(one.hazard for one in findings)
    fingerprints = Fingerprints()
    news = News(one.change for one in scan.seen if not one.ignored)
    for area in sorted(policy.areas, key=lambda area: (-area.weight, area.id)):
        if area.id not in touched:
            continue
        here = touched[area.id]
        scene = Scene(scan.pull, here, hazards, frozenset(touched), policy.large_tables, news)
        own = tuple(one for one in findings if one.area == area.id)
        items = _items(area, scene, own)
        files = tuple([one.file for one in here.changes])
        # Who puts the area's label on wants it signed off, whatever the lines say.
        if items or area.flag == "touch" or here.hits[0].kind == "label":
            whole, marks = _digests(items, scene, own, fingerprints)
            yield Flagged(area, here.hits, files, items, whole, own, marks)


def _digests(
    items: tuple[Item, ...], scene: Scene, findings: tuple[Finding, ...], prints: Fingerprints
) -> tuple[str, Mapping[str, str]]:
    """That of the area, and by item that of what an answer to it is about."""
    # What is unsure only for want of a file to read is no part of what is signed.
    sure = tuple(one for one in findings if not one.unsure)
    every = scene.touch.changes
    whole = prints.of(every, [one.hazard for one in sure])
    marks: dict[str, str] = {}
    for item in items:
        own = tuple(one for one in sure if one.item == item.id)
        files = about(item, scene, own)
        same = files == every
        marks[item.id] = whole if same else prints.of(files, [one.hazard for one in own])
    return whole, marks


def _items(area: Area, scene: Scene, findings: tuple[Finding, ...]) -> tuple[Item, ...]:
    """Those that apply, in order; a finding makes its item apply and a must finding a must.

    Where nothing but a hazard touches the area, what is asked of every change to it is not asked:
    the line is dangerous, but the change is about something else.
    """
    found = {one.item for one in findings}
    worst = _worst(findings)
    items = []
    for item in area.items:
        asked = not scene.touch.found if item.when is None else holds(item.when, scene)
        severity = item.severity if asked else ""
        if worst.get(item.id) == "must" or (item.must_when and holds(item.must_when, scene)):
            severity = "must"
        elif item.id in found and not asked:  # a mild finding asks no grave question
            severity = max(item.severity, worst.get(item.id, "could"), key=SEVERITIES.index)
        if severity:
            items.append(item if severity == item.severity else replace(item, severity=severity))
    return tuple(sorted(items, key=lambda item: _rank(item, found)))


def _worst(findings: Iterable[Finding]) -> Mapping[str, str]:
    """By item the severity of the gravest finding that nobody has accepted."""
    worst: dict[str, str] = {}
    for one in findings:
        if not one.accepted:
            known = worst.get(one.item, one.severity)
            worst[one.item] = min(one.severity, known, key=SEVERITIES.index)
    return worst


def _rank(item: Item, found: Iterable[str], *, wide: bool = False) -> tuple[bool, bool, int]:
    return item.id not in found, wide, SEVERITIES.index(item.severity)


def _is_wide(one: Flagged) -> bool:
    """Whether nothing but the size of the pull flags the area: its questions come last."""
    return bool(one.hits) and one.hits[0].kind == "size"


def _fitted(
    flagged: tuple[Flagged, ...], most: int, found: frozenset[str]
) -> tuple[tuple[Flagged, ...], frozenset[str]]:
    """The areas without doubled questions, and the ids of the `most` items shown over all.

    A must that does not fit is folded as a should: nobody has to open the fold.
    """
    while True:
        shown = _shown(flagged, most, found)
        doubled = next((one for one in OVERLAPS if _doubled(one, flagged, shown)), None)
        if doubled is None:
            return tuple(_folding(one, shown) for one in flagged), shown
        flagged = tuple(_without(one, doubled.second) for one in flagged)


def _folding(one: Flagged, shown: frozenset[str]) -> Flagged:
    """The area with no must among the items that are folded."""
    if all(item.severity != "must" or item.id in shown for item in one.items):
        return one
    items = (
        item if item.severity != "must" or item.id in shown else replace(item, severity="should")
        for item in one.items
    )
    return replace(one, items=tuple(items))


def _shown(flagged: tuple[Flagged, ...], most: int, found: frozenset[str]) -> frozenset[str]:
    """The first question of every area, unless it is mere advice; then the first ones over all."""
    items = [(item, _is_wide(one)) for one in flagged for item in one.items]
    # The sort is stable, and areas come heaviest first: the tie-breaker is the area's weight.
    items.sort(key=lambda pair: _rank(pair[0], found, wide=pair[1]))
    first = [
        one.items[0].id
        for one in flagged
        if one.items and one.items[0].severity != "could" and not _is_wide(one)
    ]
    chosen = dict.fromkeys((*first, *(item.id for item, _ in items)))
    return frozenset(list(chosen)[:most])


def _doubled(overlap: Overlap, flagged: tuple[Flagged, ...], shown: frozenset[str]) -> bool:
    if not {overlap.first, overlap.second} <= shown:
        return False
    first = next(one for one in flagged if _asks(one, overlap.first))
    second = next(one for one in flagged if _asks(one, overlap.second))
    # An area keeps its last question: without one it could not be flagged. A question with a
    # finding stays, for that is where the finding is answered.
    within = not overlap.within or set(second.files) <= set(first.files)
    found = any(one.item == overlap.second for one in second.findings)
    return within and len(second.items) > 1 and not found


def _asks(one: Flagged, item_id: str) -> bool:
    return any(item.id == item_id for item in one.items)


def _without(one: Flagged, item_id: str) -> Flagged:
    return replace(one, items=tuple(item for item in one.items if item.id != item_id))


def is_feature(pull: Pull, features: Features) -> bool:
    """Whether any rule of `features` holds for the pull, whose files are those that count."""
    labels = {label.casefold() for label in pull.labels}
    return (
        any(label.casefold() in labels for label in features.labels)
        or bool(regexes.first(features.titles, pull.title))
        or bool(globs.matches(features.branches, pull.head_ref))
        or 0 < features.added_lines <= sum(file.additions for file in pull.files)
    )
