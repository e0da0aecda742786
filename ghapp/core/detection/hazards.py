"""Files and hazard rules -> suspicious lines, and of those the findings that stand.

Two steps, for the rest of a file may decide: `suspected` needs the diff alone, `findings` what has
been read of whole files since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ghapp.core.detection.elsewhere import Elsewhere
from ghapp.core.detection.look import Seen
from ghapp.core.detection.rulebook import Rulebook
from ghapp.core.detection.search import search
from ghapp.core.detection.suspects import Suspect, stands
from ghapp.core.findings import Finding
from ghapp.core.matching import newside
from ghapp.core.matching.newside import NewSide
from ghapp.core.model import File

MOST_OF_HAZARD = 100  # findings of one hazard that are looked at in one pull
MOST_SOURCE = 200


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the diff alone tells. sure: findings that stand. doubts: the others, in their order."""

    sure: tuple[Suspect, ...] = ()
    doubts: tuple[Suspect, ...] = ()

    @property
    def wanted(self) -> tuple[File, ...]:
        """The files whose whole new version is needed, in path order."""
        found = {one.file.path: one.file for one in self.doubts}
        return tuple(found[path] for path in sorted(found))


def suspected(book: Rulebook, seen: tuple[Seen, ...]) -> Suspicion:
    """The suspects of the pull, by its diff alone."""
    found = search(book, seen)
    elsewhere = Elsewhere(seen)
    sides: dict[str, NewSide] = {}
    sure, doubts = [], []
    for suspect in _few(one for one in found if not elsewhere.clears(one)):
        path = suspect.file.path
        if path not in sides:
            sides[path] = newside.shown(suspect.file)
        verdict = stands(suspect, sides[path])
        if verdict is None:
            doubts.append(suspect)
        elif verdict:
            sure.append(suspect)
    return Suspicion(tuple(sure), tuple(doubts))


def findings(suspicion: Suspicion, contents: Mapping[str, str | None]) -> tuple[Finding, ...]:
    """The findings, in the order of files and lines.

    contents: path -> the new version; None or absent where it could not be read: then what it
    would have settled stands, and says so.
    """
    sides = {path: newside.of_text(text) for path, text in contents.items() if text is not None}
    found = [_finding(one, unsure=False) for one in suspicion.sure]
    for one in suspicion.doubts:
        side = sides.get(one.file.path)
        if side is None or one.number not in side.lines:
            found.append(_finding(one, unsure=True))
        elif stands(one, side) is not False:
            found.append(_finding(one, unsure=False))
    return tuple(sorted(found, key=lambda one: (one.path, one.line, one.hazard)))


def _finding(one: Suspect, *, unsure: bool) -> Finding:
    hazard = one.hazard
    return Finding(
        hazard=hazard.id,
        severity=hazard.severity,
        item=hazard.item,
        area=hazard.area,
        path=one.file.path,
        line=0 if one.file.status == "removed" else one.number,
        message=hazard.message,
        source=one.line.strip()[:MOST_SOURCE],
        accepted=one.accepted,
        unsure=unsure,
    )


def _few(found: Iterable[Suspect]) -> Iterator[Suspect]:
    counts: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for one in found:
        place = one.hazard.id, one.file.path
        if one.hazard.once and place in seen:
            continue
        seen.add(place)
        counts[one.hazard.id] += 1
        if counts[one.hazard.id] <= MOST_OF_HAZARD:
            yield one
