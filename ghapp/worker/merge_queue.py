"""Answers the head of a merge queue once, from the verdicts of the pulls in it.

GitHub waits for the answer and then merges or gives up, so the check run is never left pending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from ghapp.core.marks import Outcome, PutCheckRun
from ghapp.core.model import PullKey, QueueKey
from ghapp.core.policy.policy import Policy, Rules, effective
from ghapp.core.records import Claim, PolicySource
from ghapp.core.review.merge_queue import (
    Member,
    QueueFacts,
    QueueHistory,
    believed,
    leaving,
    unknown,
)
from ghapp.core.text.merge_queue import check_run, parked_run
from ghapp.errors import Gone, Lag, LeaseLost
from ghapp.observer import Observer
from ghapp.store import Store, merge_queue, runs
from ghapp.store.history import recall_queue
from ghapp.worker.effects import counted

# A run waits 1, 2, 4, 8, 16 and 16 s for what is not there yet: the queue itself waits for us.
MOST_WAITS, MOST_WAIT_SECONDS = 6, 16.0
# How often it waits for a check run that may have been written and that reads do not show.
UNSEEN_WAITS = 3


class Answers(Protocol):
    """Writes check runs on queue heads. Raises Gone, Wait and Retry (it may be written)."""

    async def answer(self, key: QueueKey, effect: PutCheckRun) -> Outcome: ...


class Queues(Answers, Protocol):
    """Reads merge queues. Raises Gone, Wait and Retry."""

    async def queue(self, key: QueueKey) -> QueueFacts: ...
    async def merged(self, key: QueueKey) -> bool: ...


async def answer(
    claim: Claim,
    key: QueueKey,
    github: Queues,
    store: Store,
    rules: Rules,
    observer: Observer,
) -> tuple[PutCheckRun, ...]:
    """Bring our check run on the head in line with the verdicts; the effects that were applied.

    Raises Retry, Wait, Lag (something is not there yet), Gone and LeaseLost (also if no queue
    tests the head any more).
    """
    try:
        return await _answer(claim, key, github, store, rules, observer)
    except Gone as gone:
        history = await store.records.read(recall_queue, key, ())
        if gone.perhaps and history.waited < MOST_WAITS:  # too new for GitHub to see it
            raise _later(key, str(gone), history) from gone
        raise


async def _answer(
    claim: Claim, key: QueueKey, github: Queues, store: Store, rules: Rules, observer: Observer
) -> tuple[PutCheckRun, ...]:
    facts = await github.queue(key)
    inside = facts.upto(key.head_sha)
    history = await store.records.read(recall_queue, key, (one.number for one in inside))
    policy = known(history, rules)
    history = replace(history, verdicts=believed(history, key.base_ref, policy))
    silent = not policy.writes
    answered = facts.check_run and facts.check_run.conclusion and not history.touched
    if not inside and answered:
        # The queue has dropped or merged the head; the delivery that says so may never come.
        await store.records.write(merge_queue.over, claim)
        raise LeaseLost(f"{key}: its queue has the answer, and no longer holds it")
    if silent and _sure(history.policy):
        return ()
    await _wait(key, facts, inside, history, store)
    if silent:
        if history.waited < MOST_WAITS:  # a run of a pull may yet read a policy that enforces
            raise _later(key, "its policy may have changed and is not read yet", history)
        return ()
    if not inside and not facts.refused and await github.merged(key):
        return ()  # merged without us: a commit of the base branch gets no failed check run
    run = check_run(key.head_sha, inside, history.verdicts, policy, facts.refused)
    # Somebody asked for a new check run, and none may have been written yet.
    fresh = history.touched and not history.unresolved
    existing = facts.check_run
    if run == existing and run.conclusion == existing.conclusion and not fresh:
        await store.records.write(runs.answered, claim)
        return ()
    effect = PutCheckRun(run, 0 if fresh else facts.run_id)
    await _put(claim, key, effect, github, store, observer)
    return (effect,)


async def show_failure(
    claim: Claim,
    key: QueueKey,
    reason: str,
    github: Answers,
    store: Store,
    rules: Rules,
    observer: Observer,
) -> None:
    """Write on the head that it could not be answered; otherwise its queue waits for hours."""
    policy = known(await store.records.read(recall_queue, key, ()), rules)
    if policy.writes:
        run = parked_run(key.head_sha, policy, reason)
        await _put(claim, key, PutCheckRun(run, 0), github, store, observer)


def known(history: QueueHistory, rules: Rules) -> Policy:
    """The policy as last read; one that may have changed since counts as enforcing if it writes."""
    policy = effective(history.policy or PolicySource(), rules).on(history.now)
    if _sure(history.policy) or not policy.writes:
        return policy
    return replace(policy, mode="enforce")


def _sure(source: PolicySource | None) -> bool:
    """Whether both layers were read, and no push may have changed them since."""
    layers = (source, source.organisation if source else None)
    return all(one is not None and one.read_at is not None for one in layers)


async def _put(
    claim: Claim,
    key: QueueKey,
    effect: PutCheckRun,
    github: Answers,
    store: Store,
    observer: Observer,
) -> None:
    await store.records.write(runs.intend, claim, (effect,))
    await counted(effect, github.answer(key, effect), observer)
    await store.records.write(runs.answered, claim)


async def _wait(
    key: QueueKey,
    facts: QueueFacts,
    inside: tuple[Member, ...],
    history: QueueHistory,
    store: Store,
) -> None:
    """Raises Lag while something may yet come that changes the answer."""
    if history.unresolved and facts.check_run is None and history.waited < UNSEEN_WAITS:
        raise _later(key, "a check run may have been written and is not visible yet", history)
    if history.waited >= MOST_WAITS:
        return
    if not inside and not facts.refused:
        raise _later(key, "GitHub does not list it in the queue yet", history)
    missing = unknown(inside, history.verdicts)
    if missing:
        # A pull whose run is on its way is not marked: it would stay dirty for ever.
        asked = (PullKey(key.repository, one) for one in missing if one not in history.behind)
        await store.queue.mark_dirty(asked, requested=True)
        raise _later(key, f"no verdict yet on {_named(missing)}", history)
    leaves = leaving(inside, history.verdicts)
    if leaves:
        raise _later(key, f"GitHub is taking {_named(leaves)} out of the queue", history)


def _named(numbers: tuple[int, ...]) -> str:
    return ", ".join(f"#{number}" for number in numbers[:10])


def _later(key: QueueKey, why: str, history: QueueHistory) -> Lag:
    seconds = min(2.0**history.waited, MOST_WAIT_SECONDS)
    return Lag(f"{key}: {why}", after_seconds=seconds)
