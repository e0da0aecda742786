"""Shows on a pull, or on the head of a merge queue, that its review failed too often."""

from __future__ import annotations

from typing import Protocol

from ghapp.core.marks import Marks, Outcome, PutCheckRun
from ghapp.core.model import PolicyKey, PullKey, QueueKey
from ghapp.core.policy.policy import Rules, effective
from ghapp.core.records import MOST_RUNS, Claim, PolicySource, Run, RunNote, Verdict
from ghapp.core.review.pushes import newest
from ghapp.core.text.render import parked_run
from ghapp.observer import Observer
from ghapp.store import Store, stats
from ghapp.store.history import recall
from ghapp.store.runs import intend, record
from ghapp.worker import merge_queue, policy_check
from ghapp.worker.effects import Applies, counted
from ghapp.worker.merge_queue import Answers
from ghapp.worker.policy_check import Policies


class Writes(Applies, Answers, Policies, Protocol):
    """Applies effects on pulls and on heads of queues."""

    async def answer(self, key: PolicyKey | QueueKey, effect: PutCheckRun) -> Outcome: ...


async def show_failure(
    claim: Claim, reason: str, github: Writes, store: Store, rules: Rules, observer: Observer
) -> None:
    """Write a check run that says so, before the key is parked; of a pull, on its newest head.

    The effect stays unresolved, so that the next run reads the check run back.
    Raises Retry, Wait, Gone and LeaseLost.
    """
    if isinstance(claim.key, QueueKey):
        await merge_queue.show_failure(claim, claim.key, reason, github, store, rules, observer)
    if not isinstance(claim.key, PullKey | PolicyKey):
        return
    pull = claim.key.pull if isinstance(claim.key, PolicyKey) else claim.key
    history = await store.records.read(recall, pull)
    head_sha, source = newest(history), history.policy or PolicySource()
    now = await store.records.read(stats.now)
    policy = effective(source, rules).on(now)
    if not head_sha or not policy.writes:
        return
    if isinstance(claim.key, PolicyKey):
        shared = github, store, observer
        await policy_check.show_failure(claim, claim.key, reason, head_sha, policy, *shared)
        return
    run = parked_run(head_sha, policy if source.read_at else None, reason, rules.details(pull))
    effect = PutCheckRun(run, 0)
    await store.records.write(intend, claim, (effect,))
    await counted(effect, github.apply(claim.key, effect), observer)
    verdict = Verdict(claim.key.number, head_sha, run.conclusion, run.title, is_open=True)
    waited = claim.waited_seconds or 0.0
    note = RunNote(now, "parked", head_sha, history.delivery, waited, error=reason)
    parked = Run(
        marks=history.marks or Marks(),
        written=history.written,
        verdict=verdict,
        state="parked",
        trial=history.trial,
        unresolved=(effect,),
        runs=(note, *history.runs)[:MOST_RUNS],
    )
    await store.records.write(record, claim, parked)
