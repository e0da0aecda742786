"""Files and hazard rules -> suspicious lines, and of those the findings that stand.

There are two steps, because the rest of a file may decide: `suspected` needs only the diff,
`findings` also the whole files that the first step asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from ghapp.core.areas import Finding, Hazard
from ghapp.core.model import File
from ghapp.core.patterns.regexes import compiled
from ghapp.core.scan import new_file
from ghapp.core.scan.rulebook import Rulebook
from ghapp.core.scan.search import Overdue, Readable, reading, search
from ghapp.core.scan.suspects import ASKING, Suspect, stands
from ghapp.core.scan.triggers import Matched

# Findings of one hazard that are kept. Accepted ones are counted apart: else they could hide the
# others.
MOST_OF_HAZARD = 1_000
MOST_SOURCE = 200

# The name of a table, a model or a view that a line makes; a schema in front is left out.
NEW_TABLE = (
    r"(?i)(?:\bcreate\s+(?:(?:unlogged\s+)?table|materialized\s+view)\s+(?:if\s+not\s+exists\s+)?"
    r"(?:[\"`]?\w+[\"`]?\.)?[\"`]?|\bCreateModel\s*\(\s*(?:name\s*=\s*)?[\"']"
    r"|<createTable\b[^>]*\btableName\s*=\s*[\"']|\bcreate_table\s*\(?\s*[:\"']"
    r"|\bSchema::create\s*\(\s*[\"']|->createTable\s*\(\s*[\"']|\bcreateTable\s*\(\s*[\"'])"
    r"(?P<table>\w+)"
)
COMMENT = (b"--", b"#", b"//", b"/*", b"*")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The suspects, as far as the diff alone settles them.

    sure: suspects that stand. doubts: those that only a whole file settles, in path order.
    left: paths of files that were not searched in full, for there was too much to find or no time.
    """

    sure: tuple[Suspect, ...] = ()
    doubts: tuple[Suspect, ...] = ()
    left: frozenset[str] = frozenset()

    @property
    def wanted(self) -> tuple[File, ...]:
        """The files whose whole new version is needed, in path order."""
        found = {one.file.path: one.file for one in self.doubts}
        return tuple(found[path] for path in sorted(found))


def never() -> bool:
    return False


def suspected(book: Rulebook, files: tuple[Matched, ...], overdue: Overdue = never) -> Suspicion:
    """The suspects of the pull, by its diff alone. overdue: then the rest of the files is left."""
    read = reading(book, files)
    found, left_out = search(book, read, overdue)
    elsewhere = AddedElsewhere(book, read)
    sure, doubts = [], []
    for path, here in groupby(found, key=lambda one: one.file.path):
        if overdue():
            left_out |= {path}
            continue
        left = [one for one in here if not elsewhere.clears(one)]
        side = new_file.shown(left[0].file) if left else None
        for suspect in left:
            assert side is not None
            verdict = stands(suspect, side)
            if verdict is None:
                doubts.append(suspect)
            elif verdict:
                sure.append(suspect)
    doubts.sort(key=lambda one: one.file.path)
    return Suspicion(tuple(sure), tuple(doubts), left_out)


def findings(
    suspicion: Suspicion, contents: Mapping[str, str | None], overdue: Overdue = never
) -> tuple[Finding, ...]:
    """The findings, in the order of files and lines.

    contents: path -> the new version; None or absent if it could not be read: then its suspects
    are reported as unsure. overdue: once it is true, no further files are searched.
    """
    found = [_finding(one, unsure=False) for one in suspicion.sure]
    # One file at a time: twenty of them at once would take a gigabyte.
    for path, doubts in groupby(suspicion.doubts, key=lambda one: one.file.path):
        content = None if overdue() else contents.get(path)
        side = new_file.of_text(content) if content is not None else None
        for one in doubts:
            if side is None or one.number not in side.lines:
                found.append(_finding(one, unsure=True))
            elif stands(one, side) is not False:
                found.append(_finding(one, unsure=False))
    found.sort(key=lambda one: (one.path, one.line, one.hazard))
    once = {one.hazard.id for one in (*suspicion.sure, *suspicion.doubts) if one.hazard.once}
    kept: list[Finding] = []
    counts: Counter[tuple[str, bool]] = Counter()
    per_file: set[tuple[str, str, bool]] = set()
    for finding in found:
        accepted = bool(finding.accepted)
        place = finding.hazard, finding.path, accepted
        if finding.hazard in once and place in per_file:
            continue
        per_file.add(place)
        counts[finding.hazard, accepted] += 1
        if counts[finding.hazard, accepted] <= MOST_OF_HAZARD:
            kept.append(finding)
    return tuple(kept)


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
        ignore_rejected=ASKING in one.line and not one.accepted,
    )


class AddedElsewhere:
    """Clears suspects by what the pull adds elsewhere; reads the added lines only if asked to."""

    def __init__(self, book: Rulebook, read: tuple[Readable, ...]) -> None:
        self._book = book
        self._read = read
        self._made: dict[str, frozenset[bytes]] = {}
        self._moved: dict[str, Counter[str]] = {}

    def clears(self, suspect: Suspect) -> bool:
        """Whether the rest of the pull makes the suspect harmless.

        To be called once for each suspect: an added line clears one removed line, not two.
        """
        hazard = suspect.hazard
        if hazard.removed:
            if hazard.id not in self._moved:
                lines = self._text(hazard).decode("utf-8", "replace").split("\n")
                self._moved[hazard.id] = Counter(line.strip() for line in lines)
            line, left = suspect.line.strip(), self._moved[hazard.id]
            left[line] -= 1
            return left[line] >= 0
        # A table's schema may be written in one place and omitted in the other.
        table = suspect.table.rpartition(".")[2]
        if not (hazard.skip_new_table and table):
            return False
        if hazard.id not in self._made:
            self._made[hazard.id] = _made(self._text(hazard))
        return table.lower().encode() in self._made[hazard.id]

    def _text(self, hazard: Hazard) -> bytes:
        """All added lines that the hazard reads, without comments."""
        text, place = next(
            (text, place)
            for text, (_, owners) in self._book.hazards.items()
            for place, one in enumerate(owners)
            if one is hazard
        )
        files = [one.file for one in self._read if place in one.hazards[text]]
        lines = (line for one in files for line in one.change.added.split(b"\n"))
        return b"\n".join([line for line in lines if not line.lstrip().startswith(COMMENT)])


def _made(text: bytes) -> frozenset[bytes]:
    """The names in lower case of all tables that the text makes, found in one pass over it."""
    found, at, pattern = set(), 0, compiled(NEW_TABLE)
    while made := pattern.search(text, at):
        found.add((made.group(b"table") or b"").lower())
        at = made.end()
    return frozenset(found)
