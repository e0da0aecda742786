"""`ghapp test` on packs: the samples that fail, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ghapp.core.i18n import Words
from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.scan.samples import HIT, KINDS_OF_PATHS, MISS, failures, samples
from ghapp.offline.packs import shelf
from ghapp.terminal import counted

MOST_LINES = 8  # of a sample that are shown
MOST_OF_LINE = 160


@dataclass(frozen=True, slots=True)
class Tested:
    """lines: for people. failures: samples that fail, and problems of packs."""

    lines: tuple[str, ...]
    failures: tuple[Problem, ...]

    @property
    def failed(self) -> bool:
        return bool(self.failures)


def tested(files: Sequence[Path]) -> Tested:
    """Which samples fail in the packs of these files and folders, or in all built-in ones.

    Raises BadPack (there is none, or it cannot be read).
    """
    found = shelf(files)
    words = Words("en")
    failed, untested = list[Problem](), list[str]()
    lines = [*map(str, found.problems)]
    for source in found.sources:
        tree = source.pack.tree
        for failure in failures(source.pack, source.references):
            sample = failure.sample
            text = f"{sample.subject}, {sample.kind}: {failure.why}"
            failed.append(Problem(source.name, *tree.at(sample.loc), text))
            lines.append(str(failed[-1]))
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
        f"{len(failed)} failed",
        *([counted(len(found.problems), "problem", words)] if found.problems else []),
    ]
    return Tested((*lines, *untested, ", ".join(counts)), (*found.problems, *failed))
