"""Effects taken on GitHub: what became of each, and what is remembered of a run by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ghapp.core.decide import Decision
from ghapp.core.facts import Facts
from ghapp.core.marks import Effect, Outcome, PutCheckRun, PutComment, Written
from ghapp.core.memory import Run, Shown
from ghapp.core.model import PullKey
from ghapp.core.plan import after
from ghapp.errors import Rejected, Retry


class Applies(Protocol):
    """What takes an effect. Raises Gone, Rejected (this write for good) and Retry."""

    async def apply(self, key: PullKey, effect: Effect) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """done: with GitHub's answers. failed: may have taken effect all the same. rejected: not."""

    done: tuple[tuple[Effect, Outcome], ...] = ()
    failed: tuple[tuple[Effect, Retry], ...] = ()
    rejected: tuple[tuple[Effect, Rejected], ...] = ()

    @property
    def effects(self) -> tuple[Effect, ...]:
        return tuple(effect for effect, _ in self.done)

    def of(self, kind: type[Effect]) -> Outcome | None:
        """The answer to the effect of this kind, where there was one."""
        return next((answer for effect, answer in self.done if isinstance(effect, kind)), None)


async def take(key: PullKey, effects: Iterable[Effect], github: Applies) -> Taken:
    """Write the check run first, for it is the gate, then the courtesies together.

    A courtesy that fails holds up nothing. Raises what the gate raises, and Gone.
    """
    gate: list[Effect] = [effect for effect in effects if isinstance(effect, PutCheckRun)]
    rest: list[Effect] = [effect for effect in effects if not isinstance(effect, PutCheckRun)]
    done: list[tuple[Effect, Outcome]] = []
    failed: list[tuple[Effect, Retry]] = []
    rejected: list[tuple[Effect, Rejected]] = []
    for effect in gate:
        done.append((effect, await github.apply(key, effect)))
    answers = await asyncio.gather(
        *(github.apply(key, effect) for effect in rest), return_exceptions=True
    )
    for effect, answer in zip(rest, answers, strict=True):
        match answer:
            case Retry():
                failed.append((effect, answer))
            case Rejected():
                rejected.append((effect, answer))
            case BaseException():
                raise answer
            case _:
                done.append((effect, answer))
    return Taken(tuple(done), tuple(failed), tuple(rejected))


def remembered(decision: Decision, facts: Facts, taken: Taken, *, found: bool) -> Run:
    """What is remembered of a pass. found: reading back has found our run on this head."""
    marks = after(facts.observed, taken.effects)
    run, comment = taken.of(PutCheckRun), taken.of(PutComment)
    shown_at = run.answered_at if run else None
    if found and run is None and decision.marks.check_run == facts.observed.check_run:
        shown_at = facts.found_at
    return Run(
        marks=marks,
        written=Written(
            check_run_id=run.id if run else facts.written.check_run_id,
            comment_id=comment.id if comment else facts.written.comment_id,
            annotated=marks.check_run.annotated
            if run and marks.check_run
            else facts.written.annotated,
        ),
        verdict=decision.verdict,
        state=decision.review.state.value,
        shown=Shown(facts.pull.head_sha, shown_at, decision.fingerprints) if shown_at else None,
        unresolved=tuple(effect for effect, _ in taken.failed),
    )
