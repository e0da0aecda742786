"""Files and the rulebook -> which areas claim them by path or by line, for all areas at once."""

from __future__ import annotations

from collections.abc import Iterable

from ghapp.core.model import File
from ghapp.core.patterns.regexes import Span
from ghapp.core.scan.patch import ChangedFile, changed_file
from ghapp.core.scan.rulebook import NEVER_SCANNED, Rulebook
from ghapp.core.scan.triggers import SUBMODULE, FileKind, LineFound, Matched, PathClaim
from ghapp.core.scan.unshown import is_submodule


def match(book: Rulebook, files: Iterable[File]) -> tuple[Matched, ...]:
    """The files, each matched for all areas."""
    found = [_by_path(book, changed_file(file)) for file in files]
    # Areas search no lines of files that the policy ignores, or in which no code has changed.
    searched = [one.kind.scanned and not (one.ignored or one.change.still) for one in found]
    # By the place of the file, then of the area: the first line that a pattern of the area matches.
    lines: dict[int, dict[int, tuple[str, Span]]] = {}
    for sign in "-+":  # an added line takes precedence, so it comes last
        sieve, owners = book.lines[sign]
        if not owners:
            continue
        texts = [
            one.change.code(sign) if yes else b"" for one, yes in zip(found, searched, strict=True)
        ]
        for index, pattern, span in sieve.lines(texts, [one.kind.readers[sign] for one in found]):
            area, here = owners[pattern], lines.setdefault(index, {})
            if area not in here or here[area][0] != sign or span < here[area][1]:
                here[area] = sign, span
    for index, here in lines.items():
        claimed = {claim.area for claim in found[index].claims}
        kept = [LineFound(area, *here[area]) for area in sorted(here.keys() - claimed)]
        found[index] = found[index]._replace(lines=tuple(kept))
    return tuple(found)


def _by_path(book: Rulebook, change: ChangedFile) -> Matched:
    """The file, matched by its path; a renamed one by both of its paths."""
    file, kind = change.file, _kind(book, change.file.path)
    if is_submodule(file):
        claimed = {place for place, _ in kind.claims}
        more = [at for at, area in enumerate(book.areas) if area.detect.submodules]
        claims = [PathClaim(at, SUBMODULE, file.path) for at in more if at not in claimed]
        claims += [PathClaim(*claim, file.path) for claim in kind.claims]
        return Matched(change, kind, tuple(claims), kind.ignored)
    if file.status != "renamed":
        claims = [] if change.still else [PathClaim(*claim, file.path) for claim in kind.claims]
        return Matched(change, kind, tuple(claims), kind.ignored)
    kinds = {path: _kind(book, path) for path in change.paths}
    by_area: dict[int, list[PathClaim]] = {}
    for path, one in kinds.items():
        for claim in one.claims:
            by_area.setdefault(claim[0], []).append(PathClaim(*claim, path))
    # An area that has both paths of an otherwise unchanged file does not claim it.
    same = change.still or change.only_moved
    claims = [here[0] for here in by_area.values() if not (same and len(here) == len(kinds))]
    # A file moved out of an ignored folder counts: its new place is not ignored.
    return Matched(change, kind, tuple(claims), all(one.ignored for one in kinds.values()))


def _kind(book: Rulebook, path: str) -> FileKind:
    key = globs, excluding = book.globs.matching(path), book.excluding(path)
    known: FileKind | None = book.memo.get(key)
    if known:
        return known
    claims = [(place, one.detect.claim(globs, excluding)) for place, one in enumerate(book.areas)]
    reading = [area.detect.reads(globs, excluding) for area in book.areas]
    made = FileKind(
        globs=globs,
        excluding=excluding,
        claims=tuple((place, glob) for place, glob in claims if glob),
        scanned=excluding.isdisjoint(NEVER_SCANNED),
        ignored=not globs.isdisjoint(book.ignored),
        readers={
            sign: frozenset(at for at, place in enumerate(owners) if reading[place])
            for sign, (_, owners) in book.lines.items()
        },
    )
    return book.remember(key, made)
