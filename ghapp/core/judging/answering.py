"""Answers to items: ticked, with evidence or without, not applicable, and taken back."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.commands import Command
from ghapp.core.judging.bench import Bench, Judged, Refusal, known, merged
from ghapp.core.judging.evidence import accepted
from ghapp.core.memory import Verb


def answer(bench: Bench, part: Command) -> tuple[Judged, ...]:
    """One answer to each item named, bound to what the item is about as the speaker saw it."""
    if not bench.by_author and not bench.rights.write:
        return (bench.no_right("no_write"),)
    asked, strange = known(part.subjects, bench.items, "unknown_item")
    return (*merged(_answered(bench, part, item) for item in asked), *strange)


def _answered(bench: Bench, part: Command, name: str) -> Judged:
    area, item = bench.items[name]
    right = "author" if bench.by_author else "write"
    entry = bench.done(part.verb, name, right, part.note, bench.mark(area, name))
    if part.verb is not Verb.CHECK:
        return entry
    evidence = accepted(item, part.note)
    return evidence if isinstance(evidence, Refusal) else replace(entry, note=evidence)
