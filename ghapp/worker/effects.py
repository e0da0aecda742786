"""Effects taken on GitHub: what became of each, and what is remembered of a run by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ghapp.core.decide import Decision
from ghapp.core.marks import (
    EditIssue,
    Effect,
    Marks,
    OpenIssue,
    Outcome,
    PutCheckRun,
    PutComment,
    Written,
    after,
)
from ghapp.core.model import PullKey
from ghapp.core.records import FollowUp, Run, Shown
from ghapp.core.review.facts import Facts
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

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.done + other.done, self.failed + other.failed, self.rejected + other.rejected
        )

    @property
    def effects(self) -> tuple[Effect, ...]:
        return tuple(effect for effect, _ in self.done)

    def of(self, kind: type[Effect]) -> Outcome | None:
        """The answer to the effect of this kind, where there was one."""
        return next((answer for effect, answer in self.done if isinstance(effect, kind)), None)

    @property
    def opened(self) -> bool:
        """Whether it is settled of some issue whether there is one."""
        tried = (*self.effects, *(effect for effect, _ in self.rejected))
        return any(isinstance(effect, OpenIssue) for effect in tried)

    def later(self) -> Retry:
        """When to retry the best-effort writes that failed; the check run is as it should be."""
        errors = [error for _, error in self.failed]
        return Retry(
            "; ".join(sorted({str(error) for error in errors})),
            after_seconds=max(error.after_seconds for error in errors),
            counts=any(error.counts for error in errors),
            gate=False,
        )


def batches(effects: tuple[Effect, ...]) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """The check run, which merges wait for, and then the best-effort writes."""
    gate = tuple(effect for effect in effects if isinstance(effect, PutCheckRun))
    return gate, tuple(effect for effect in effects if effect not in gate)


async def take(key: PullKey, effects: tuple[Effect, ...], github: Applies) -> Taken:
    """Take effects side by side. A best-effort write that fails holds up nothing.

    Raises what becomes of the check run, and Gone.
    """
    answers = await asyncio.gather(
        *(github.apply(key, effect) for effect in effects), return_exceptions=True
    )
    taken = Taken()
    for effect, answer in zip(effects, answers, strict=True):
        best_effort = not isinstance(effect, PutCheckRun)
        if isinstance(answer, Retry) and best_effort:
            taken = replace(taken, failed=(*taken.failed, (effect, answer)))
        elif isinstance(answer, Rejected) and best_effort:
            taken = replace(taken, rejected=(*taken.rejected, (effect, answer)))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            taken = replace(taken, done=(*taken.done, (effect, answer)))
    return taken


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
        shown=showing(decision, facts, shown_at) if shown_at else None,
        unresolved=tuple(effect for effect, _ in taken.failed),
        seen_at=facts.pull.updated_at,
        follow_ups=tuple(_kept(decision, facts, taken)),
        pending_since=_pending_since(decision, facts, marks, run),
    )


def _pending_since(
    decision: Decision, facts: Facts, marks: Marks, run: Outcome | None
) -> datetime | None:
    """Since when the run that shows now is in progress; patched, it is as old as before."""
    if not marks.check_run or marks.check_run.conclusion or not facts.pull.is_open:
        return None
    made = run is not None and run.id != facts.written.check_run_id
    return run.answered_at if run and made else decision.pending_since


def showing(decision: Decision, facts: Facts, at: datetime) -> Shown:
    """What the decision's check run shows from `at` on."""
    return Shown(facts.pull.head_sha, at, decision.fingerprints, decision.items)


def _kept(decision: Decision, facts: Facts, taken: Taken) -> Iterator[FollowUp]:
    """The follow-ups as GitHub has them now: what of them failed, or was not tried, is not kept."""
    known = {one.item: one for one in facts.follow_ups}
    settled = dict(_settled(taken))
    for one in decision.follow_ups:
        before = known.get(one.item)
        if before:
            told = one.item in settled or (decision.writes and not before.issue)
            yield _with_issue(one, before) if told or one.due == before.due else before
        elif one.item in settled:
            number, assigned = settled[one.item]
            yield replace(one, issue=number, assigned=assigned)


def _with_issue(one: FollowUp, before: FollowUp) -> FollowUp:
    """Whether it is open the decision knows, from GitHub or, without an issue, from an answer."""
    return replace(one, issue=before.issue, assigned=before.assigned)


def _settled(taken: Taken) -> Iterator[tuple[str, tuple[int, bool]]]:
    """item -> (number of its issue, assigned); 0 for what GitHub refuses for good."""
    for effect, answer in taken.done:
        if isinstance(effect, OpenIssue | EditIssue):
            yield effect.issue.item, (answer.id, answer.assigned)
    for effect, _ in taken.rejected:
        if isinstance(effect, OpenIssue | EditIssue):
            yield effect.issue.item, (0, True)
