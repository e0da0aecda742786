"""`ghapp test`: packs -> which of their samples do not hold, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.scan.samples import HIT, KINDS_OF_PATHS, MISS, Failure, failures, samples
from ghapp.errors import BadPack
from ghapp.offline.packs import Shelf, Source, counted, shelf
from ghapp.offline.terminal import printed, wrong

GOOD, FAILED = 0, 1
MOST_LINES = 8  # of a sample that are shown
MOST_OF_LINE = 160


def run(paths: Sequence[Path]) -> int:
    """Prints what does not hold in the packs of these files and folders, or all built-in ones.

    The result is the exit status: 0 all samples hold, 1 some do not or a pack has problems, 2
    wrong use, or an output that takes nothing.
    """
    try:
        found = shelf(paths)
    except BadPack as error:
        return wrong(f"ghapp test: {error}")
    failed = [(source, failures(source.pack, source.references)) for source in found.sources]
    lines = [
        *map(str, found.problems),
        *(line for source, some in failed for one in some for line in _told(source, one)),
        *(str(note) for source in found.sources for note in _untested(source)),
    ]
    count = sum(len(some) for _, some in failed)
    status = printed("\n".join([*lines, _summary(found, count)]), "ghapp test")
    return status or (FAILED if count or found.problems else GOOD)


def _told(source: Source, failure: Failure) -> Iterator[str]:
    """Where the sample stands and why it fails, then the sample."""
    sample = failure.sample
    place = source.pack.tree.at(sample.loc)
    text = f"{sample.subject}, {sample.kind}: {failure.why}"
    yield str(Problem(source.name, *place, seen(text)))
    lines = sample.text.rstrip("\n").split("\n")
    yield from (f"    {seen(line)[:MOST_OF_LINE]}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"    and {counted(len(lines) - MOST_LINES, 'more line', 'en')}"


def _untested(source: Source) -> Iterator[Problem]:
    """Hazards of which nothing shows that they find, or leave alone, what they should."""
    for index, hazard in enumerate(source.pack.part.hazards):
        for kind, claim in ((HIT, "finds"), (MISS, "leaves alone")):
            if not getattr(hazard, kind):
                place = source.pack.tree.at(("hazards", index))
                why = f"no sample shows that it {claim} what it should"
                yield Problem(source.name, *place, f"{hazard.id} has no `{kind}`: {why}")


def _summary(found: Shelf, failed: int) -> str:
    parts = [source.pack.part for source in found.sources]
    kinds = [sample.kind for part in parts for sample in samples(part)]
    paths = sum(kind in KINDS_OF_PATHS for kind in kinds)
    counts = [
        counted(sum(len(part.hazards) for part in parts), "hazard", "en"),
        counted(len(kinds) - paths, "sample", "en"),
        counted(paths, "path", "en"),
        f"{failed} failed",
        *([counted(len(found.problems), "problem", "en")] if found.problems else []),
    ]
    return ", ".join(counts)
