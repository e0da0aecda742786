"""What a run would decide about a pull request now, and write. Nothing is written anywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ghapp.core.decide import Decision
from ghapp.core.ledger import Entry
from ghapp.core.marks import Effect
from ghapp.core.model import PullKey
from ghapp.core.policy.policy import Rules
from ghapp.core.records import History, Verdict
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import judge
from ghapp.store import Store
from ghapp.store.history import recall
from ghapp.store.runs import siblings
from ghapp.worker.reconcile import GitHub, consider, plan_of
from ghapp.worker.threads import Threads


@dataclass(frozen=True, slots=True)
class DryRun:
    """The result.

    history: as it was recorded, and what was read of it. entries: what the messages that wait
    would add to the ledger. others: the verdicts of other pulls on the same head.
    """

    facts: Facts
    history: History
    entries: tuple[Entry, ...]
    others: tuple[Verdict, ...]
    decision: Decision
    effects: tuple[Effect, ...]


async def dry_run(key: PullKey, github: GitHub, store: Store | None, rules: Rules) -> DryRun:
    """As `reconcile` after a suspicion, up to the plan: policy, marks and messages are read anew.

    store: None if nothing is recorded: then GitHub is all that is known.
    Raises Retry, Wait and Gone (GitHub), Busy and StoreFailed.
    """
    history = await store.records.read(recall, key) if store else History()
    policy = replace(history.policy, read_at=None) if history.policy else None
    history = replace(history, policy=policy, touched=True, opened=False)
    threads = Threads()
    found = await consider(key, history, github, rules, threads, store)
    facts, history, judged = found.facts, found.history, found.judged
    head = facts.pull.head_sha
    if judged.found and facts.found_at:  # a run records that, and the next one judges
        shown = replace(found.planned.shown, accepted_at=facts.found_at)
        history = replace(history, shown=(*history.shown, shown))
        judgement = judge(facts, history, judged.checklist)
        judged = replace(judged, found=False, judgement=judgement)
    others = await store.records.read(siblings, key, head) if store else ()
    planned = await threads.run(key.repository, plan_of, facts, history, judged, others)
    entries = judged.judgement.entries
    return DryRun(facts, history, entries, others, planned.decision, planned.effects)
