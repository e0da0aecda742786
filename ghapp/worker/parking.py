"""What is said on GitHub of a review, or of a queue's head, that failed too often."""

from __future__ import annotations

from typing import Protocol

from ghapp.core.decide import writes
from ghapp.core.marks import CheckRun, Marks, PutCheckRun
from ghapp.core.model import PullKey, QueueKey
from ghapp.core.policy.policy import Rules, effective
from ghapp.core.records import Claim, History, PolicySource, Run, Verdict
from ghapp.core.review.permissions import newest
from ghapp.core.text.render import parked_run
from ghapp.store import Store, runs
from ghapp.store.history import recall
from ghapp.worker import merge_queue
from ghapp.worker.effects import Applies
from ghapp.worker.merge_queue import Answers


class Tells(Applies, Answers, Protocol):
    """What takes effects on pulls and on heads of queues."""


async def give_up(claim: Claim, reason: str, github: Tells, store: Store, rules: Rules) -> None:
    """Say on a pull's newest known head, or a queue's, that it failed, before the key is parked.

    The effect stays unresolved, so that the next run reads back what this has written.
    Raises Retry, Gone and LeaseLost.
    """
    if isinstance(claim.key, QueueKey):
        await merge_queue.give_up(claim, claim.key, reason, github, store, rules)
    if not isinstance(claim.key, PullKey):
        return
    history = await store.records.read(recall, claim.key)
    head_sha, source = newest(history), history.policy or PolicySource()
    policy = effective(source, rules)
    if head_sha and writes(policy):
        run = parked_run(head_sha, policy if source.read_at else None, reason)
        await store.records.write(runs.intend, claim, (PutCheckRun(run, 0),))
        await github.apply(claim.key, PutCheckRun(run, 0))
        await store.records.write(runs.record, claim, _parked(claim.key, history, run))


def _parked(key: PullKey, history: History, run: CheckRun) -> Run:
    """What parking a key records: a verdict on the head, and that nothing else is sure."""
    return Run(
        marks=history.marks or Marks(),
        written=history.written,
        verdict=Verdict(key.number, run.head_sha, run.conclusion, run.title, is_open=True),
        state="parked",
        unresolved=(PutCheckRun(run, 0),),
    )
