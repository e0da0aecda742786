"""The files of a whole tree that hold configuration -> the findings in each, as if all were new.

The areas whose pack says `configuration: true` take part. What a file holds is found by the same
search as in a diff, in which all of its lines are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ghapp.core.areas import Area, Finding, Hazard
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy
from ghapp.core.scan import new_file, unshown
from ghapp.core.scan.hazards import findings, never, suspected
from ghapp.core.scan.match import match
from ghapp.core.scan.patch import lines as patch_lines
from ghapp.core.scan.rulebook import Rulebook, rulebook
from ghapp.core.scan.search import Overdue
from ghapp.core.scan.triggers import Matched

# To be raised when the search itself finds something else in the same file by the same rules.
ENGINE = 1
ADDED_TEXTS = ("+", "statements")  # what hazards search in a file of which all lines are new
MOST_BYTES = new_file.MOST_BYTES


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a tree: no link and no submodule. size: in bytes."""

    path: str
    sha: str
    size: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that some hazard reads.

    reading: digest of what decides, beside the content, what is found in it: the rules, and what
    kind of file it is by its path. Files of the same SHA and reading have the same findings.
    """

    file: TreeFile
    reading: str

    @property
    def key(self) -> tuple[str, str]:
        """By what its findings are known."""
        return self.file.sha, self.reading


@dataclass(frozen=True, slots=True)
class Spot:
    """A finding without the place of its file and without its line's text.

    accepted, ignore_rejected: as in Finding.
    """

    hazard: str
    line: int
    accepted: str = ""
    ignore_rejected: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What configuration is searched for, under one policy. digest: of all that decides."""

    book: Rulebook
    hazards: Mapping[str, Hazard]
    digest: str

    def finding(self, path: str, spot: Spot) -> Finding | None:
        """The finding of a spot in this file; None if the policy has no such hazard."""
        hazard = self.hazards.get(spot.hazard)
        if hazard is None:
            return None
        return Finding(
            hazard=hazard.id,
            severity=hazard.severity,
            item=hazard.item,
            area=hazard.area,
            path=path,
            line=spot.line,
            message=hazard.message.naming(""),
            fix=hazard.fix,
            accepted=spot.accepted,
            ignore_rejected=spot.ignore_rejected,
        )


def rules_of(policy: Policy) -> Rules:
    """The rules of a policy, as it holds at a moment: what is only observed is not searched for."""
    areas = tuple(
        replace(area, hazards=tuple(one for one in area.hazards if not one.of_change))
        for area in policy.areas
        if area.configuration and area.hazards
    )
    return _rules(areas, policy.ignore_paths, policy.dialect)


@lru_cache(maxsize=8)
def _rules(areas: tuple[Area, ...], ignored: tuple[str, ...], dialect: str) -> Rules:
    book = rulebook(areas, ignored, dialect)
    known = {one.id: one for _, owners in book.hazards.values() for one in owners}
    decisive = [(area.id, area.detect, area.hazards) for area in areas]
    return Rules(book, known, _digest(repr((ENGINE, decisive, ignored, dialect))))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def wanted(rules: Rules, files: Iterable[TreeFile]) -> Iterator[Wanted]:
    """The files that some hazard reads, in the order given."""
    listed = {one.path: one for one in files}
    book, digests = rules.book, dict[object, str]()
    by_line = [bool(area.detect.diff_files) for area in book.areas]
    empty = (File(path, "added") for path in listed)
    for one in match(book, empty):
        path, kind = one.change.file.path, one.kind
        if one.ignored or not kind.scanned or not _is_read(book, one, by_line):
            continue
        name = path.rpartition("/")[2]
        key = name, kind.globs, kind.excluding
        if key not in digests:
            parts = (rules.digest, name, *sorted(kind.globs), "", *sorted(kind.excluding))
            digests[key] = _digest("\0".join(parts))
        yield Wanted(listed[path], digests[key])


def _is_read(book: Rulebook, one: Matched, by_line: list[bool]) -> bool:
    """Whether a hazard may read the file, by its path or by what its lines may turn out to be.

    by_line: of each area, whether it says in which files its lines are looked for. Without that it
    looks in all source code, which is not read only for this.
    """
    kind = one.kind
    key = kind.globs, kind.excluding, one.places, "configuration"
    known: bool | None = book.memo.get(key)
    if known is not None:
        return known
    places = one.places | {
        place
        for place, area in enumerate(book.areas)
        if by_line[place] and area.detect.reads(kind.globs, kind.excluding)
    }
    found = any(
        reach.reads(kind.globs, kind.excluding, places, skipped=False)
        for reach, own in book.reaches.items()
        if any(own.get(text) for text in ADDED_TEXTS)
    )
    return book.remember(key, found)


def spots(rules: Rules, path: str, text: str, overdue: Overdue = never) -> tuple[Spot, ...] | None:
    """What is found in a file with this text, in the order of lines; None if not all was searched.

    path: as `Wanted` has it, or that of any other file with the same reading.
    """
    (file,) = unshown.read([File(path, "added")], {path: text})
    matched = match(rules.book, [file])
    suspicion = suspected(rules.book, matched, overdue)
    if matched[0].change.hidden or suspicion.left:
        return None
    found = findings(suspicion, {}, overdue)
    return tuple(Spot(one.hazard, one.line, one.accepted, one.ignore_rejected) for one in found)


def before(patch: str, text: str) -> str | None:
    """The old version of a file, from its new one and the patch; None if the two do not fit."""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    old, at = list[str](), 0
    for row in patch_lines(patch):
        if row.sign == "-":
            old += lines[at : max(row.place - 1, at)]
            at = max(row.place - 1, at)
            old.append(row.text)
            continue
        old += lines[at : row.number - 1]
        at = row.number
        if at > len(lines) or lines[at - 1].rstrip("\r") != row.text.rstrip("\r"):
            return None
        if row.sign == " ":
            old.append(row.text)
    return "\n".join([*old, *lines[at:]])


def fixed(old: Iterable[Spot], new: Iterable[Spot]) -> tuple[Spot, ...]:
    """The findings of an old version that a new one lacks, by hazard, without accepted ones."""
    left: dict[str, int] = {}
    for one in new:
        left[one.hazard] = left.get(one.hazard, 0) + 1
    gone = []
    for one in old:
        if left.get(one.hazard, 0) > 0:
            left[one.hazard] -= 1
        elif not one.accepted:
            gone.append(one)
    return tuple(gone)
