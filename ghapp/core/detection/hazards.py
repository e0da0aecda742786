"""Files and hazard rules -> suspicious lines, and of those the findings that stand.

Two steps, for the rest of a file may decide: `suspected` needs the diff alone, `findings` what has
been read of whole files since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from ghapp.core.detection.elsewhere import Elsewhere
from ghapp.core.detection.look import Seen
from ghapp.core.detection.rulebook import Rulebook
from ghapp.core.detection.search import reading, search
from ghapp.core.detection.suspects import ASKING, Suspect, stands
from ghapp.core.findings import Finding
from ghapp.core.matching import newside
from ghapp.core.model import File

# Findings of one hazard that are kept; by then it is as plain as it can be. Accepted ones do not
# count: else they could hide the others.
MOST_OF_HAZARD = 1_000
MOST_SOURCE = 200


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the diff alone tells.

    sure: suspects that stand. doubts: those that only a whole file settles, in path order.
    crowded: paths of files with so many suspects that not all were looked at.
    """

    sure: tuple[Suspect, ...] = ()
    doubts: tuple[Suspect, ...] = ()
    crowded: frozenset[str] = frozenset()

    @property
    def wanted(self) -> tuple[File, ...]:
        """The files whose whole new version is needed, in path order."""
        found = {one.file.path: one.file for one in self.doubts}
        return tuple(found[path] for path in sorted(found))


def suspected(book: Rulebook, seen: tuple[Seen, ...]) -> Suspicion:
    """The suspects of the pull, by its diff alone."""
    read = reading(book, seen)
    found, crowded = search(book, read)
    elsewhere = Elsewhere(book, read)
    sure, doubts = [], []
    for _, here in groupby(found, key=lambda one: one.file.path):
        left = [one for one in here if not elsewhere.clears(one)]
        side = newside.shown(left[0].file) if left else None
        for suspect in left:
            assert side is not None
            verdict = stands(suspect, side)
            if verdict is None:
                doubts.append(suspect)
            elif verdict:
                sure.append(suspect)
    doubts.sort(key=lambda one: one.file.path)
    return Suspicion(tuple(sure), tuple(doubts), crowded)


def findings(suspicion: Suspicion, contents: Mapping[str, str | None]) -> tuple[Finding, ...]:
    """The findings, in the order of files and lines.

    contents: path -> the new version; None or absent where it could not be read: then what it
    would have settled stands, and says so.
    """
    found = [_finding(one, unsure=False) for one in suspicion.sure]
    # One file at a time: twenty of them at once would take a gigabyte.
    for path, here in groupby(suspicion.doubts, key=lambda one: one.file.path):
        found += _settled(here, contents.get(path))
    found.sort(key=lambda one: (one.path, one.line, one.hazard))
    once = {one.hazard.id for one in (*suspicion.sure, *suspicion.doubts) if one.hazard.once}
    return tuple(_few(found, once))


def _settled(doubts: Iterable[Suspect], content: str | None) -> Iterator[Finding]:
    side = newside.of_text(content) if content is not None else None
    for one in doubts:
        if side is None or one.number not in side.lines:
            yield _finding(one, unsure=True)
        elif stands(one, side) is not False:
            yield _finding(one, unsure=False)


def _finding(one: Suspect, *, unsure: bool) -> Finding:
    hazard = one.hazard
    return Finding(
        hazard=hazard.id,
        severity=hazard.severity,
        item=hazard.item,
        area=hazard.area,
        path=one.file.path,
        line=0 if one.file.status == "removed" else one.number,
        message=hazard.message.naming(one.table),
        fix=hazard.fix,
        source=one.line.strip()[:MOST_SOURCE],
        accepted=one.accepted,
        unsure=unsure,
        unheard=ASKING in one.line and not one.accepted,
    )


def _few(found: Iterable[Finding], once: set[str]) -> Iterator[Finding]:
    """The findings that are kept. once: hazards of which a file has one finding at most."""
    counts: Counter[tuple[str, bool]] = Counter()
    here: set[tuple[str, str, bool]] = set()
    for one in found:
        kind = one.hazard, bool(one.accepted)
        place = one.hazard, one.path, bool(one.accepted)
        if one.hazard in once and place in here:
            continue
        here.add(place)
        counts[kind] += 1
        if counts[kind] <= MOST_OF_HAZARD:
            yield one
