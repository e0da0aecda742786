"""Files and the rulebook -> what their paths and added lines say, in one look for all areas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ghapp.core.areas import Detect, Hit
from ghapp.core.detection.rulebook import NEVER_SCANNED, Rulebook
from ghapp.core.matching.diff import Change, change, lines
from ghapp.core.matching.regexes import Span
from ghapp.core.model import File

MOST_SHOWN_OF_LINE = 120


class Seen(NamedTuple):
    """One file, looked at once for all areas, which are told apart by their places.

    globs: which globs of the rulebook match its present path. claims: areas whose paths it has,
    and why. shows: areas that one of its added lines flags. scanned: whether its lines say
    anything. ignored: by the policy.
    """

    change: Change
    globs: frozenset[str]
    claims: tuple[tuple[int, Hit], ...]
    scanned: bool
    ignored: bool
    shows: tuple[tuple[int, Hit], ...] = ()

    @property
    def file(self) -> File:
        return self.change.file

    @property
    def places(self) -> frozenset[int]:
        """The areas that the file belongs to."""
        return frozenset(place for place, _ in (*self.claims, *self.shows))


def look(book: Rulebook, files: Iterable[File]) -> tuple[Seen, ...]:
    """The files as all areas see them."""
    seen = [_named(book, file) for file in files]
    shows: dict[int, dict[int, Span]] = {}
    texts = [one.change.added if one.scanned and not one.ignored else b"" for one in seen]
    wanted = [_readers(book, one.globs) for one in seen]
    for index, pattern, span in book.detect.lines(texts, wanted):
        place, found = book.detectors[pattern], shows.setdefault(index, {})
        found[place] = min(span, found.get(place, span))
    for index, spans in shows.items():
        one = seen[index]
        claimed = {place for place, _ in one.claims}
        new = ((place, _hit(one, span)) for place, span in spans.items() if place not in claimed)
        seen[index] = one._replace(shows=tuple(sorted(new, key=lambda pair: pair[0])))
    return tuple(seen)


def reads(detect: Detect, found: frozenset[str]) -> bool:
    """Whether the area looks for its regexes in a file that these globs match."""
    wanted = not detect.diff_files or not found.isdisjoint(detect.diff_files)
    return bool(detect.diff) and wanted and found.isdisjoint(detect.exclude)


def paths_of(file: File) -> tuple[str, ...]:
    """The path of a file, and the one it had before where it was moved away from there."""
    moved = file.status == "renamed" and file.previous_path
    return (file.path, file.previous_path) if moved else (file.path,)


def only_moved(file: File) -> bool:
    """Whether nothing but the file's path has changed."""
    return file.status == "renamed" and not file.additions and not file.deletions


def _named(book: Rulebook, file: File) -> Seen:
    """The file as its paths show it."""
    found = [(path, book.globs.matching(path)) for path in paths_of(file)]
    here = found[0][1]
    return Seen(
        change=change(file),
        globs=here,
        claims=tuple(_claims(book, file, found)),
        scanned=here.isdisjoint(NEVER_SCANNED),
        # A file moved out of an ignored folder counts: its new place is not ignored.
        ignored=all(not named.isdisjoint(book.ignored) for _, named in found),
    )


def _claims(
    book: Rulebook, file: File, found: list[tuple[str, frozenset[str]]]
) -> Iterator[tuple[int, Hit]]:
    hits: dict[int, list[Hit]] = {}
    for path, here in found:
        if book.by_path.keys().isdisjoint(here):
            continue
        for place in {place for glob in here for place in book.by_path.get(glob, ())}:
            detect = book.areas[place].detect
            if here.isdisjoint(detect.exclude):
                glob = next(glob for glob in detect.paths if glob in here)
                hits.setdefault(place, []).append(Hit("path", glob, path))
    for place, named in hits.items():
        # As it was and inside the area as before: nothing has changed for it.
        if not (only_moved(file) and len(named) == len(found)):
            yield place, named[0]


def _readers(book: Rulebook, found: frozenset[str]) -> frozenset[int]:
    """The patterns of the areas that read a file which these globs match."""

    def read() -> frozenset[int]:
        reading = [reads(area.detect, found) for area in book.areas]
        return frozenset(index for index, place in enumerate(book.detectors) if reading[place])

    return book.remembered(found, read)


def _hit(one: Seen, span: Span) -> Hit:
    text = one.change.added
    end = text.find(b"\n", span.line)
    line = text[span.line : end if end >= 0 else None].decode("utf-8", "replace")
    index = text.count(b"\n", 0, span.line)
    number = [row.number for row in lines(one.file.patch) if row.sign == "+"][index]
    return Hit("diff", line.strip()[:MOST_SHOWN_OF_LINE], one.file.path, number)
