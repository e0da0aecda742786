"""Files and hazard rules -> suspicious lines, and of those the findings that stand.

There are two steps, because the rest of a file may decide: `suspected` needs only the diff,
`findings` also the whole files that the first step asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from ghapp.core.areas import Finding, Hazard
from ghapp.core.model import File
from ghapp.core.patterns.regexes import PATTERN_BYTES, build, compiled
from ghapp.core.scan import new_file
from ghapp.core.scan.rulebook import Rulebook
from ghapp.core.scan.search import Readable, reading, search
from ghapp.core.scan.suspects import ASKING, Suspect, stands
from ghapp.core.scan.triggers import Matched

# Findings of one hazard that are kept. Accepted ones are counted apart: else they could hide the
# others.
MOST_OF_HAZARD = 1_000
MOST_SOURCE = 200

NEW_TABLE = (
    r"(?i)(?:\bcreate\s+(?:(?:unlogged\s+)?table|materialized\s+view)\s+(?:if\s+not\s+exists\s+)?"
    r"(?:[\"`]?\w+[\"`]?\.)?[\"`]?{table}\b"
    r"|\bCreateModel\s*\(\s*(?:name\s*=\s*)?[\"']{table}\b"
    r"|<createTable\b[^>]*\btableName\s*=\s*[\"']{table}\b"
    r"|\bcreate_table\s*\(?\s*[:\"']{table}\b|\bSchema::create\s*\(\s*[\"']{table}\b"
    r"|->createTable\s*\(\s*[\"']{table}\b|\bcreateTable\s*\(\s*[\"']{table}\b)"
)
# Whether any table is made: compiling the pattern above for a table takes longer than a search.
ANY_NEW_TABLE = (
    r"(?i)create\s+(?:unlogged\s+)?table\s|create\s+materialized|create_?table|Schema::create"
    r"|CreateModel"
)
COMMENT = (b"--", b"#", b"//", b"/*", b"*")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The suspects, as far as the diff alone settles them.

    sure: those that stand. doubts: those that need the whole file, in path order.
    crowded: paths of files with so many suspects that not all were checked.
    """

    sure: tuple[Suspect, ...] = ()
    doubts: tuple[Suspect, ...] = ()
    crowded: frozenset[str] = frozenset()

    @property
    def wanted(self) -> tuple[File, ...]:
        """The files whose whole new version is needed, in path order."""
        found = {one.file.path: one.file for one in self.doubts}
        return tuple(found[path] for path in sorted(found))


def suspected(book: Rulebook, files: tuple[Matched, ...]) -> Suspicion:
    """The suspects of the pull."""
    read = reading(book, files)
    found, crowded = search(book, read)
    elsewhere = AddedElsewhere(book, read)
    sure, doubts = [], []
    for _, here in groupby(found, key=lambda one: one.file.path):
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
    return Suspicion(tuple(sure), tuple(doubts), crowded)


def findings(suspicion: Suspicion, contents: Mapping[str, str | None]) -> tuple[Finding, ...]:
    """The findings, in the order of files and lines.

    contents: path -> the new version. If it is None or absent, the file could not be read, and the
    doubts about it become findings that are `unsure`.
    """
    found = [_finding(one, unsure=False) for one in suspicion.sure]
    # One file at a time: twenty of them at once would take a gigabyte.
    for path, doubts in groupby(suspicion.doubts, key=lambda one: one.file.path):
        content = contents.get(path)
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
        self._texts: dict[str, bytes] = {}
        self._made: dict[tuple[str, str], bool] = {}
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
        key = hazard.id, table
        if key not in self._made:
            text, pattern = self._text(hazard), NEW_TABLE.format(table=re.escape(table))
            self._made[key] = (
                compiled(ANY_NEW_TABLE).search(text) is not None
                and build(pattern, PATTERN_BYTES).search(text) is not None
            )
        return self._made[key]

    def _text(self, hazard: Hazard) -> bytes:
        """All added lines that the hazard reads, without comments."""
        if hazard.id not in self._texts:
            text, place = next(
                (text, place)
                for text, (_, owners) in self._book.hazards.items()
                for place, one in enumerate(owners)
                if one is hazard
            )
            files = [one.file for one in self._read if place in one.hazards[text]]
            lines = (line for one in files for line in one.change.added.split(b"\n"))
            kept = [line for line in lines if not line.lstrip().startswith(COMMENT)]
            self._texts[hazard.id] = b"\n".join(kept)
        return self._texts[hazard.id]
