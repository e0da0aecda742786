"""Holds and concerns: what a reviewer puts in the way. Neither needs a head to have been shown."""

from __future__ import annotations

from ghapp.core.commands import Command
from ghapp.core.judging.bench import Bench, Judged, known, merged
from ghapp.core.memory import Verb


def hold(bench: Bench, part: Command) -> tuple[Judged, ...]:
    """The areas named, or the whole pull; it is bound to no diff, and so outlives every push."""
    if not part.subjects:
        return (_held(bench, "", part.note),)
    areas = dict.fromkeys([*bench.flagged, *bench.seen])
    meant, strange = known(part.subjects, areas, "unknown_area")
    return (*merged(_held(bench, area, part.note) for area in meant), *strange)


def concern(bench: Bench, part: Command) -> tuple[Judged, ...]:
    """One more area of this pull alone; its number is never given again, withdrawn or not."""
    right = bench.right_to_pull()
    if not right:
        return (bench.no_right("concern_not_reviewer"),)
    number = 1 + sum(one.verb is Verb.CONCERN for one in bench.ledger)
    return (bench.done(Verb.CONCERN, f"concern-{number}", right, part.note),)


def _held(bench: Bench, area: str, reason: str) -> Judged:
    right = bench.right(area) if area else bench.right_to_pull()
    if not right:
        return bench.no_right("hold_not_reviewer", area)
    return bench.done(Verb.HOLD, area, right, reason)
