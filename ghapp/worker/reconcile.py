"""The path of a job; read this first.

key -> claim -> recall -> gather -> scan -> judge -> decide -> plan -> ledger -> apply -> record

What a run does of this order only: reading and writing GitHub is `github/`, keeping is `store/`,
what becomes of effects is `outcomes.py`, and everything that is decided is `core/`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ghapp.core.decide import Decision, decide
from ghapp.core.marks import Effect, Outcome, plan
from ghapp.core.model import (
    File,
    InstallationKey,
    PullKey,
    QueueKey,
    Repository,
    RepositoryKey,
    SweepKey,
)
from ghapp.core.policy.policy import Rules
from ghapp.core.records import Claim, History, Judgement, Shown, Verdict
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import judge
from ghapp.core.review.permissions import only_by
from ghapp.core.scan.checklist import Checklist, checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import Scan, scan
from ghapp.core.text.labels import described
from ghapp.store import Store, runs
from ghapp.store.history import recall, seen
from ghapp.store.work_queue.marking import Mark
from ghapp.worker import merge_queue
from ghapp.worker.effects import Taken, batches, remembered, showing, take
from ghapp.worker.merge_queue import Queues


class GitHub(Queues, Protocol):
    """What a run needs of GitHub. All raise Retry (busy, down, behind) and Gone (out of reach)."""

    async def gather(self, key: PullKey, history: History, rules: Rules) -> Facts: ...
    async def contents(self, key: PullKey, files: tuple[File, ...]) -> Mapping[str, str | None]: ...
    async def apply(self, key: PullKey, effect: Effect) -> Outcome: ...
    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]: ...
    async def repositories(self, installation_id: int) -> tuple[Repository, ...]: ...
    async def moved_pulls(
        self, repository: Repository, seen: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]: ...


@dataclass(frozen=True, slots=True)
class Done:
    """What a run came to.

    head_sha: of a pull or a merge queue, else "". effects: the names of those it took. rejected:
    why GitHub will not have others.
    """

    head_sha: str
    effects: tuple[str, ...]
    rejected: tuple[str, ...] = ()


async def reconcile(claim: Claim, github: GitHub, store: Store, rules: Rules) -> Done:
    """Bring what a key addresses in line with its facts, and give the key back.

    Safe to repeat and safe to stop anywhere: the next call does what is left.
    Raises Retry, Gone and LeaseLost (another worker took the key over); then the key is not given
    back.
    """
    match claim.key:
        case PullKey() as key:
            return await _pull(claim, key, github, store, rules)
        case QueueKey() as key:
            effects = await merge_queue.answer(claim, key, github, store, rules)
            await store.queue.finish(claim)
            return Done(key.head_sha, tuple(type(effect).__name__ for effect in effects))
        case RepositoryKey(repository):
            pulls = await github.open_pulls(repository)
            marks = [Mark(pulls)]  # what is parked, too
            if claim.touched:
                marks.insert(0, Mark(pulls, touched=True))
        case SweepKey(repository):
            known = await store.records.read(seen, repository)
            marks = [Mark(await github.moved_pulls(repository, known), touched=True)]
        case InstallationKey(installation_id):
            found = await github.repositories(installation_id)
            marks = [Mark(tuple(map(SweepKey, found)))]
            if claim.touched:
                marks.append(Mark(tuple(map(RepositoryKey, found)), touched=True))
    await store.queue.finish(claim, *marks)
    return Done("", ("MarkDirty",))


async def _pull(claim: Claim, key: PullKey, github: GitHub, store: Store, rules: Rules) -> Done:
    """One pull request: its marks are what facts and ledger imply when this returns."""
    history = await store.records.read(recall, key)
    facts = await github.gather(key, history, rules)
    history = history.knowing(facts.earlier)
    # Off the event loop: however large the diff or a comment is, others are not kept waiting.
    scanned, considered = await asyncio.to_thread(_looked_at, facts, history)
    if considered is None:
        contents = await github.contents(key, scanned.wanted)
        considered = await asyncio.to_thread(_considered, facts, history, scanned, contents)
    view, course = considered
    source = None if facts.source is history.policy else facts.source
    # Committed before the writes, resolved with the record.
    siblings = await store.records.write(
        runs.admit,
        *(claim, facts.pull.head_sha, source, view.judgement, facts.earlier),
        *(course.effects, course.shown),
    )
    if siblings:  # other pulls ask something of the head
        course = await asyncio.to_thread(_course, facts, history, view, siblings)
        await store.records.write(runs.intend, claim, course.effects, course.shown)
    taken = Taken()
    for batch in batches(course.effects):
        taken += await take(key, batch, github)
    run = remembered(course.decision, facts, taken, found=view.found)
    marks = []
    if view.found and facts.messages:  # to be judged; those that were read have to be read again
        marks.append(Mark((key,), touched=run.shown is not None, requested=True))
    if taken.opened:  # the comment names the issues
        marks.append(Mark((key,)))
    await store.records.write(runs.record, claim, run, finished=not taken.failed, marks=marks)
    if taken.failed:
        raise taken.later()
    return Done(
        facts.pull.head_sha,
        tuple(type(effect).__name__ for effect in taken.effects),
        tuple(str(error) for _, error in taken.rejected),
    )


@dataclass(frozen=True, slots=True)
class _View:
    """The facts considered.

    found: reading back has found our run on this head. It was shown from then on: that is
    recorded first, and what people said about it is judged by the next run.
    """

    checklist: Checklist
    found: bool
    judgement: Judgement = Judgement()


@dataclass(frozen=True, slots=True)
class _Course:
    """What is to be done. shown: what the check run will show."""

    decision: Decision
    effects: tuple[Effect, ...]
    shown: Shown


_Considered = tuple[_View, _Course]


def _looked_at(facts: Facts, history: History) -> tuple[Scan, _Considered | None]:
    """With what is made of it, unless whole files have to be read first."""
    pull = facts.pull
    alone = only_by(pull.author, history, pull.author, pull.head_sha)
    scanned = scan(pull, facts.policy, only_author_pushed=alone)
    return scanned, None if scanned.wanted else _considered(facts, history, scanned, {})


def _considered(
    facts: Facts, history: History, scanned: Scan, contents: Mapping[str, str | None]
) -> _Considered:
    """Decided as though no other pull had this head, as is so of most."""
    view = _viewed(facts, history, scanned, contents)
    return view, _course(facts, history, view, ())


def _viewed(
    facts: Facts, history: History, scanned: Scan, contents: Mapping[str, str | None]
) -> _View:
    pull = facts.pull
    found = findings(scanned.suspicion, contents)
    asked = checklist(scanned, facts.policy, found)
    shown = {shown.head_sha for shown in history.shown}
    if facts.found_at is not None and pull.head_sha not in shown:
        return _View(asked, found=True)
    return _View(asked, False, judge(facts, history, asked))


def _course(
    facts: Facts,
    history: History,
    view: _View,
    siblings: tuple[Verdict, ...],
) -> _Course:
    ledger = (*history.ledger, *view.judgement.entries)
    decision = decide(facts, history, view.checklist, ledger, siblings)
    shown = showing(decision, facts, facts.now)
    return _Course(decision, _plan(decision, facts), shown)


def _plan(decision: Decision, facts: Facts) -> tuple[Effect, ...]:
    if not decision.writes:
        return ()
    issues = {one.item: one.issue for one in facts.follow_ups}
    # As if the old run were not there: then a new one takes its place.
    there = replace(facts.observed, check_run=None) if decision.renews else facts.observed
    return plan(decision.marks, there, facts.written, described(facts.policy), issues)
