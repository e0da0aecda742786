"""Files and the rulebook -> what their paths and added lines say, in one look for all areas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from ghapp.core.areas import Detect, Hit
from ghapp.core.model import File
from ghapp.core.patterns.regexes import Span
from ghapp.core.patterns.sets import Sieve
from ghapp.core.scan.patch import Change, change, lines
from ghapp.core.scan.rulebook import NEVER_SCANNED, Rulebook

MOST_SHOWN_OF_LINE = 120
# What is quoted on a pull goes out by mail: no passwords in addresses, no tokens.
_CREDENTIAL = re.compile(
    r"(?<=://)[^\s/@'\"]{1,200}(?=@)"
    r"|\b(?:gh[a-z]_|github_pat_|AKIA|xox[a-z]-|sk_live_|eyJ)[A-Za-z0-9_.+/=-]{8,}"
)
NOWHERE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """What the globs that match a path say of it; thousands of paths share a few dozen of these.

    globs: of the rulebook. claims: areas whose path it is, each with the first such glob.
    scanned: whether the lines say anything. ignored: by the policy. reading: patterns of the
    areas that look for lines in it; losing: those for removed ones.
    """

    globs: frozenset[str]
    claims: tuple[tuple[int, str], ...]
    scanned: bool
    ignored: bool
    reading: frozenset[int]
    losing: frozenset[int]


class Seen(NamedTuple):
    """One file, looked at once for all areas, which are told apart by their places.

    A file in which only comments or layout have changed belongs to no area.

    named: what its present path says. claims: areas whose paths it has, each with the glob and the
    path that it matches. shows: areas that one of its added lines flags. ignored: by the policy.
    """

    change: Change
    named: Named
    claims: tuple[tuple[int, str, str], ...]
    ignored: bool
    shows: tuple[tuple[int, Hit], ...] = ()

    @property
    def file(self) -> File:
        return self.change.file

    @property
    def places(self) -> frozenset[int]:
        """The areas that the file belongs to."""
        both = self.claims + self.shows
        return frozenset([one[0] for one in both]) if both else NOWHERE


def look(book: Rulebook, files: Iterable[File]) -> tuple[Seen, ...]:
    """The files as all areas see them."""
    seen = [_seen(book, file) for file in files]
    added = [one.change.code if _is_read(one) else b"" for one in seen]
    removed = [one.change.removed_code if _is_read(one) else b"" for one in seen]
    gained = _first(book.detect, book.detectors, added, [one.named.reading for one in seen])
    lost = _first(book.lost, book.losers, removed, [one.named.losing for one in seen])
    for index in gained.keys() | lost.keys():
        one = seen[index]
        new = {place: _hit(one, span, "-") for place, span in lost.get(index, {}).items()}
        new |= {place: _hit(one, span, "+") for place, span in gained.get(index, {}).items()}
        claimed = {place for place, _, _ in one.claims}
        kept = sorted((pair for pair in new.items() if pair[0] not in claimed), key=itemgetter(0))
        seen[index] = one._replace(shows=tuple(kept))
    return tuple(seen)


def _first(
    sieve: Sieve, owners: tuple[int, ...], texts: list[bytes], wanted: list[frozenset[int]]
) -> Mapping[int, Mapping[int, Span]]:
    """By the place of the text and of the area, the first line that a pattern of the area matches.

    owners: the place of the area that each pattern of the sieve is of.
    """
    found: dict[int, dict[int, Span]] = {}
    for index, pattern, span in sieve.lines(texts, wanted) if owners else ():
        place, here = owners[pattern], found.setdefault(index, {})
        here[place] = min(span, here.get(place, span))
    return found


def _is_read(one: Seen) -> bool:
    """Whether areas look for their regexes in its lines."""
    return one.named.scanned and not (one.ignored or one.change.still)


def reads(detect: Detect, found: frozenset[str]) -> bool:
    """Whether the area looks for its regexes in a file that these globs match."""
    wanted = not detect.diff_files or not found.isdisjoint(detect.diff_files)
    return bool(detect.diff or detect.removed) and wanted and found.isdisjoint(detect.exclude)


def paths_of(file: File) -> tuple[str, ...]:
    """The path of a file, and the one it had before where it was moved away from there."""
    moved = file.status == "renamed" and file.previous_path
    return (file.path, file.previous_path) if moved else (file.path,)


def only_moved(file: File) -> bool:
    """Whether nothing but the file's path has changed."""
    return file.status == "renamed" and not file.additions and not file.deletions


def _seen(book: Rulebook, file: File) -> Seen:
    """The file as its paths show it."""
    named, made = _named(book, file.path), change(file)
    if file.status != "renamed":
        asked = named.claims and not made.still
        claims = [(place, glob, file.path) for place, glob in named.claims] if asked else ()
        return Seen(made, named, tuple(claims), named.ignored)
    found = [(path, _named(book, path)) for path in paths_of(file)]
    # A file moved out of an ignored folder counts: its new place is not ignored.
    ignored = all(one.ignored for _, one in found)
    return Seen(made, named, tuple(_moved(file, found, still=made.still)), ignored)


def _moved(
    file: File, found: list[tuple[str, Named]], *, still: bool
) -> Iterator[tuple[int, str, str]]:
    """The areas that claim a renamed file by one of its paths, and how."""
    claims: dict[int, list[tuple[int, str, str]]] = {}
    for path, named in found:
        for place, glob in named.claims:
            claims.setdefault(place, []).append((place, glob, path))
    for here in claims.values():
        # As it was and inside the area as before: nothing has changed for it.
        if not ((still or only_moved(file)) and len(here) == len(found)):
            yield here[0]


def _named(book: Rulebook, path: str) -> Named:
    found = book.globs.matching(path)
    known: Named | None = book.memo.get(found)
    return known or book.remember(found, _told(book, found))


def _told(book: Rulebook, found: frozenset[str]) -> Named:
    """What globs say of the paths that they, and no others, match."""
    reading = [reads(area.detect, found) for area in book.areas]
    return Named(
        globs=found,
        claims=tuple(_claims(book, found)),
        scanned=found.isdisjoint(NEVER_SCANNED),
        ignored=not found.isdisjoint(book.ignored),
        reading=frozenset(at for at, place in enumerate(book.detectors) if reading[place]),
        losing=frozenset(at for at, place in enumerate(book.losers) if reading[place]),
    )


def _claims(book: Rulebook, found: frozenset[str]) -> Iterator[tuple[int, str]]:
    for place in {place for glob in found for place in book.by_path.get(glob, ())}:
        detect = book.areas[place].detect
        if found.isdisjoint(detect.exclude):
            yield place, next(glob for glob in detect.paths if glob in found)


def shown(line: str) -> str:
    """So much of a line as is quoted, without credentials as far as they look like some."""
    return _CREDENTIAL.sub("***", line.strip()[: 4 * MOST_SHOWN_OF_LINE])[:MOST_SHOWN_OF_LINE]


def _hit(one: Seen, span: Span, sign: str) -> Hit:
    text = one.change.added if sign == "+" else one.change.removed
    end = text.find(b"\n", span.line)
    line = text[span.line : end if end >= 0 else None].decode("utf-8", "replace")
    index = text.count(b"\n", 0, span.line)
    if sign == "-":  # its number is one of the old file
        return Hit("removed", shown(line), one.file.path)
    number = [row.number for row in lines(one.file.patch) if row.sign == "+"][index]
    return Hit("diff", shown(line), one.file.path, number)
