"""Applies effects on GitHub, and builds the record of the run from their outcomes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ghapp.core.decide import RENEWED_AFTER, Decision
from ghapp.core.marks import (
    CloseIssue,
    EditIssue,
    Effect,
    OpenIssue,
    Outcome,
    PostReply,
    PutCheckRun,
    PutComment,
    Written,
    after,
)
from ghapp.core.model import ProjectKey, PullKey
from ghapp.core.records import FollowUp, History, Membership, Run, Shown
from ghapp.core.review.facts import Facts
from ghapp.core.text.overview import overview
from ghapp.errors import Gone, Rejected, Retry, Wait
from ghapp.observer import Observer


class Applies(Protocol):
    """Applies an effect. Raises Gone, Rejected (this write for good), Retry and Wait."""

    async def apply(self, key: PullKey | ProjectKey, effect: Effect) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of each effect.

    done: with GitHub's answers. failed: they may have taken effect anyway. rejected: they have not.
    """

    done: tuple[tuple[Effect, Outcome], ...] = ()
    failed: tuple[tuple[Effect, Retry | Wait], ...] = ()
    rejected: tuple[tuple[Effect, Rejected], ...] = ()

    @property
    def effects(self) -> tuple[Effect, ...]:
        return tuple(effect for effect, _ in self.done)

    def outcome(self, kind: type[Effect]) -> Outcome | None:
        """The outcome of the effect of this kind, if one was done."""
        return next((outcome for effect, outcome in self.done if isinstance(effect, kind)), None)

    @property
    def opened(self) -> bool:
        """Whether an issue was opened, or GitHub refused to."""
        tried = (*self.effects, *(effect for effect, _ in self.rejected))
        return any(isinstance(effect, OpenIssue) for effect in tried)

    @property
    def later(self) -> Retry | Wait | None:
        """When to repeat the best-effort writes that failed; None if none did."""
        errors = [error for _, error in self.failed]
        if not errors:
            return None
        kind = Retry if any(isinstance(error, Retry) for error in errors) else Wait
        seconds = max(error.after_seconds for error in errors)
        return kind("; ".join(sorted({str(error) for error in errors})), after_seconds=seconds)


async def apply(
    key: PullKey | ProjectKey,
    effects: tuple[Effect, ...],
    history: History,
    github: Applies,
    observer: Observer,
) -> Applied:
    """Apply the check run first, then the best-effort writes side by side.

    Raises Retry and Wait (the check run failed; a best-effort write that fails is only noted), and
    Gone.
    """
    best_effort = [effect for effect in effects if effect.best_effort]
    check_run = [effect for effect in effects if not effect.best_effort]
    done = [
        (effect, await counted(effect, github.apply(key, effect), observer)) for effect in check_run
    ]
    failed: list[tuple[Effect, Retry | Wait]] = []
    rejected: list[tuple[Effect, Rejected]] = []
    answers = await asyncio.gather(
        *(counted(effect, github.apply(key, effect), observer) for effect in best_effort),
        return_exceptions=True,
    )
    for effect, answer in zip(best_effort, answers, strict=True):
        if isinstance(answer, Retry | Wait):
            failed.append((effect, answer))
        elif isinstance(answer, Rejected):
            rejected.append((effect, answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            done.append((effect, answer))
    if quiet(history):
        for effect, _ in done:
            known = history.marks is not None
            observer.repaired(key, type(effect).__name__, known=known)
    return Applied(tuple(done), tuple(failed), tuple(rejected))


def quiet(history: History) -> bool:
    """Whether no delivery says that the pull has changed: the run only checks a suspicion."""
    delivered = history.opened or history.fresh_at is not None or bool(history.messages)
    return history.touched and not delivered


async def counted(effect: Effect, applying: Awaitable[Outcome], observer: Observer) -> Outcome:
    """The outcome of applying the effect; the observer counts it, and whatever is raised."""
    name = type(effect).__name__
    try:
        outcome = await applying
    except (Retry, Wait):
        observer.applied(name, "failed")
        raise
    except Rejected:
        observer.applied(name, "rejected")
        raise
    except Gone:
        observer.applied(name, "gone")
        raise
    observer.applied(name, "taken")
    return outcome


def recorded(
    decision: Decision,
    facts: Facts,
    applied: Applied,
    known: tuple[Shown, ...] = (),
    *,
    found: bool,
) -> Run:
    """What is recorded of a run.

    known: what is recorded as shown, oldest first; what shows the same as the last of them adds
    nothing. found: our run on this head was found by reading back.
    """
    marks = after(facts.observed, applied.effects)
    written_replies = {
        effect.reply: replace(effect.reply, comment_id=outcome.id)
        for effect, outcome in applied.done
        if isinstance(effect, PostReply)
    }
    replies = frozenset(written_replies.get(one, one) for one in marks.replies)
    marks = replace(marks, replies=replies)
    run, comment = applied.outcome(PutCheckRun), applied.outcome(PutComment)
    shown_at = run.answered_at if run else None
    if found and run is None and decision.marks.check_run == facts.observed.check_run:
        shown_at = facts.found_at
    shows = showing(decision, facts, shown_at) if shown_at else None
    if shows and known and replace(known[-1], accepted_at=shows.accepted_at) == shows:
        shows = None
    annotated = facts.written.annotated
    if run and marks.check_run:
        annotated = marks.check_run.annotated
    pending_since = None
    if marks.check_run and not marks.check_run.conclusion and facts.pull.is_open:
        is_new = run is not None and run.id != facts.written.check_run_id
        # A check run that is patched is as old as before.
        pending_since = run.answered_at if run and is_new else decision.pending_since
    renewed_at = pending_since + RENEWED_AFTER if pending_since else None
    rechecks = [at for at in (renewed_at, decision.recheck_at) if at]
    return Run(
        marks=marks,
        written=Written(
            check_run_id=run.id if run else facts.written.check_run_id,
            comment_id=comment.id if comment else facts.written.comment_id,
            annotated=annotated,
        ),
        verdict=decision.verdict,
        state=decision.review.state.value,
        shown=shows,
        shown_before=sum(one.head_sha == facts.pull.head_sha for one in known),
        unresolved=tuple(effect for effect, _ in applied.failed),
        seen_at=facts.pull.updated_at,
        follow_ups=tuple(_follow_ups(decision, facts, applied)),
        state_since=decision.state_since,
        pending_since=pending_since,
        base_since=decision.review.base_since,
        late_since=facts.late_since,
        recheck_at=min(rechecks, default=None),
        overview=overview(decision.review),
        membership=_membership(decision, facts),
        milestone=facts.pull.milestone.number if facts.pull.milestone else 0,
    )


def _membership(decision: Decision, facts: Facts) -> Membership | None:
    """How the pull came to its project, with a digest of what the project's comment shows of it."""
    found, review = facts.membership, decision.review
    if found is None:
        return None
    areas = (one.id for one in review.areas)
    parts = (review.state.value, str(facts.pull.is_open), facts.pull.title, *areas)
    words = "\n".join(parts).encode("utf-8", "surrogatepass")
    return replace(found, shown=hashlib.sha256(words).hexdigest()[:16])


def showing(decision: Decision, facts: Facts, at: datetime) -> Shown:
    """What the decision's check run shows, from `at` on."""
    return Shown(facts.pull.head_sha, at, decision.fingerprints, decision.items)


def _follow_ups(decision: Decision, facts: Facts, applied: Applied) -> Iterator[FollowUp]:
    """The follow-ups as GitHub has them after the effects that were done or rejected."""
    settled: dict[str, tuple[int, bool]] = {}  # item -> number of its issue, whether it is assigned
    for effect, _ in applied.rejected:
        if isinstance(effect, OpenIssue | EditIssue):
            settled[effect.issue.item] = 0, True
    for effect, outcome in applied.done:
        if isinstance(effect, OpenIssue | EditIssue):
            settled[effect.issue.item] = outcome.id, outcome.assigned
    closed = {one.issue.item for one in applied.effects if isinstance(one, CloseIssue)}
    known = {one.item: one for one in facts.follow_ups}
    for one in decision.follow_ups:
        before = known.get(one.item)
        if before is None:
            if one.item in settled:
                number, assigned = settled[one.item]
                yield replace(one, issue=number, assigned=assigned)
            continue
        shown = one.item in settled or (decision.writes and not before.issue)
        if shown or one.due == before.due:
            # `is_open` is the decision's: from GitHub or, if there is no issue, from an answer.
            now = replace(one, issue=before.issue, assigned=before.assigned)
        else:
            now = replace(before, done=one.done, is_open=one.is_open)
        if one.done == before.done or one.item in closed:
            yield now
        else:
            yield replace(now, done=before.done, is_open=before.is_open)
