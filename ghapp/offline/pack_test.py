"""`ghapp test`: packs -> the samples that fail, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ghapp.core.i18n import Words
from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.scan.samples import HIT, KINDS_OF_PATHS, MISS, failures, samples
from ghapp.errors import BadPack
from ghapp.offline.packs import shelf
from ghapp.terminal import counted, printed, wrong

GOOD, FAILED = 0, 1  # exit statuses
MOST_LINES = 8  # of a sample that are shown
MOST_OF_LINE = 160


def run(files: Sequence[Path]) -> int:
    """Prints which samples fail in the packs of these files and folders, or all built-in ones.

    The result is the exit status: 0 all samples hold, 1 some fail or a pack has problems, 2
    wrong use, or an output that cannot be written.
    """
    try:
        found = shelf(files)
    except BadPack as error:
        return wrong(f"ghapp test: {error}")
    words = Words("en")
    failed, untested = 0, []
    lines = [*map(str, found.problems)]
    for source in found.sources:
        tree = source.pack.tree
        for failure in failures(source.pack, source.references):
            failed += 1
            sample = failure.sample
            text = f"{sample.subject}, {sample.kind}: {failure.why}"
            lines.append(str(Problem(source.name, *tree.at(sample.loc), text)))
            shown = sample.text.rstrip("\n").split("\n")
            lines += [f"    {seen(line)[:MOST_OF_LINE]}" for line in shown[:MOST_LINES]]
            if len(shown) > MOST_LINES:
                lines.append(f"    and {counted(len(shown) - MOST_LINES, 'more line', words)}")
        for index, hazard in enumerate(source.pack.part.hazards):
            for kind, claim in ((HIT, "finds"), (MISS, "leaves alone")):
                if not getattr(hazard, kind):
                    place = tree.at(("hazards", index))
                    why = f"no sample shows that it {claim} what it should"
                    text = f"{hazard.id} has no `{kind}`: {why}"
                    untested.append(str(Problem(source.name, *place, text)))
    parts = [source.pack.part for source in found.sources]
    kinds = [sample.kind for part in parts for sample in samples(part)]
    paths = [kind for kind in kinds if kind in KINDS_OF_PATHS]
    counts = [
        counted(sum(len(part.hazards) for part in parts), "hazard", words),
        counted(len(kinds) - len(paths), "sample", words),
        counted(len(paths), "path", words),
        f"{failed} failed",
        *([counted(len(found.problems), "problem", words)] if found.problems else []),
    ]
    status = printed("\n".join([*lines, *untested, ", ".join(counts)]), "ghapp test")
    return status or (FAILED if failed or found.problems else GOOD)
