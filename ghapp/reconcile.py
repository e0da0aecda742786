"""The path of a job; read this first.

dirty key -> claim -> recall -> gather -> judge -> ledger -> decide -> plan -> apply -> record
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from ghapp.core.checklist import Checklist, checklist
from ghapp.core.decide import Decision, decide
from ghapp.core.facts import Facts
from ghapp.core.labels import described
from ghapp.core.marks import Effect, Outcome, PutCheckRun, PutComment, Written
from ghapp.core.memory import Claim, Past, PolicySource, Run, Shown
from ghapp.core.model import InstallationKey, PullKey, Repository, RepositoryKey
from ghapp.core.plan import plan
from ghapp.core.policy import Rules, effective
from ghapp.core.pushes import newest, only_by
from ghapp.core.render import parked_run
from ghapp.core.signoff import judge
from ghapp.store import Store


class GitHub(Protocol):
    """What a run needs of GitHub. All raise Retry (busy, down, behind) and Gone (out of reach)."""

    async def gather(self, key: PullKey, past: Past, rules: Rules) -> Facts: ...
    async def apply(self, key: PullKey, effect: Effect) -> Outcome: ...
    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]: ...
    async def repositories(self, installation_id: int) -> tuple[Repository, ...]: ...


@dataclass(frozen=True, slots=True)
class Done:
    """What a run came to. head_sha: of a pull, else "". effects: the names of those it took."""

    head_sha: str
    effects: tuple[str, ...]


async def reconcile(claim: Claim, github: GitHub, store: Store, rules: Rules) -> Done:
    """Bring what a key addresses in line with its facts.

    Safe to repeat and safe to stop anywhere: the next call does what is left.
    Raises Retry, Gone and LeaseLost (another worker took the key over).
    """
    match claim.key:
        case PullKey() as key:
            return await _pull(claim, key, github, store, rules)
        case RepositoryKey(repository):
            await store.mark_dirty(await github.open_pulls(repository))
        case InstallationKey(installation_id):
            found = await github.repositories(installation_id)
            await store.mark_dirty([RepositoryKey(repository) for repository in found])
    return Done("", ("MarkDirty",))


async def give_up(claim: Claim, reason: str, github: GitHub, store: Store, rules: Rules) -> None:
    """Say on a pull's newest known head that its review failed, before the key is parked.

    The intent stays unresolved, so that the next run reads back what this has written.
    Raises Retry, Gone and LeaseLost.
    """
    if not isinstance(claim.key, PullKey):
        return
    past = await store.recall(claim.key)
    head_sha = newest(past)
    if head_sha:
        policy = effective(past.policy or PolicySource(), rules)
        effect = PutCheckRun(parked_run(head_sha, policy, reason), 0)
        await store.intend(claim, (effect,))
        await github.apply(claim.key, effect)


async def _pull(claim: Claim, key: PullKey, github: GitHub, store: Store, rules: Rules) -> Done:
    """One pull request: its marks are what facts and ledger imply when this returns."""
    past = await store.recall(key)
    facts = await github.gather(key, past, rules)
    asked = _checklist(facts, past)
    # A run that reading back has found was shown from then on: record that before judging what
    # people said about it.
    found = facts.found_at is not None and facts.pull.head_sha not in _heads_shown(past)
    said = () if found else facts.utterances
    entries = () if found else judge(facts, past, asked)
    ledger, siblings = await store.admit(
        claim, facts.pull.head_sha, facts.source, entries, tuple(one.id for one in said)
    )
    decision = decide(facts, past, asked, ledger, siblings)
    effects = _plan(decision, facts)
    await store.intend(claim, effects)
    outcomes = await _apply(key, effects, github)
    await store.record(claim, _run(decision, facts, outcomes, found=found))
    if found and facts.utterances:
        await store.mark_dirty([key])
    return Done(facts.pull.head_sha, tuple(type(effect).__name__ for effect in effects))


def _checklist(facts: Facts, past: Past) -> Checklist:
    pull = facts.pull
    alone = only_by(pull.author, past, pull.author, pull.head_sha)
    return checklist(pull, facts.policy, only_author_pushed=alone)


def _heads_shown(past: Past) -> frozenset[str]:
    return frozenset(shown.head_sha for shown in past.shown)


def _plan(decision: Decision, facts: Facts) -> tuple[Effect, ...]:
    if not decision.writes:
        return ()
    return plan(decision.marks, facts.observed, facts.written, described(facts.policy))


async def _apply(
    key: PullKey, effects: tuple[Effect, ...], github: GitHub
) -> dict[type[Effect], Outcome]:
    """Take the effects: the check run first, for it is the gate, then the others together."""
    gate = [effect for effect in effects if isinstance(effect, PutCheckRun)]
    rest = [effect for effect in effects if not isinstance(effect, PutCheckRun)]
    outcomes: dict[type[Effect], Outcome] = {}
    for batch in (gate, rest):
        answers = await asyncio.gather(
            *(github.apply(key, effect) for effect in batch), return_exceptions=True
        )
        for effect, answer in zip(batch, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            outcomes[type(effect)] = answer
    return outcomes


def _run(
    decision: Decision,
    facts: Facts,
    outcomes: dict[type[Effect], Outcome],
    *,
    found: bool,
) -> Run:
    """What is remembered of this pass."""
    marks = decision.marks if decision.writes else facts.observed
    run, comment = outcomes.get(PutCheckRun), outcomes.get(PutComment)
    shown_at = run.answered_at if run else None
    if found and run is None and marks.check_run == facts.observed.check_run:
        shown_at = facts.found_at
    annotated = marks.check_run.annotated if run and marks.check_run else facts.written.annotated
    return Run(
        marks=marks,
        written=Written(
            check_run_id=run.id if run else facts.written.check_run_id,
            comment_id=comment.id if comment else facts.written.comment_id,
            annotated=annotated,
        ),
        verdict=decision.verdict,
        state=decision.review.state.value,
        shown=Shown(facts.pull.head_sha, shown_at, decision.fingerprints) if shown_at else None,
    )
