"""Finds the project of a pull, and brings the issue of a project in line with its ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from ghapp.core.decide import ProjectDecision, decide_project
from ghapp.core.ledger import Verb
from ghapp.core.marks import AddLabels, Effect, Outcome, PostReply, PutComment, Written, after, plan
from ghapp.core.model import Account, ProjectKey, PullKey, Repository
from ghapp.core.policy.policy import Rules
from ghapp.core.records import Claim, History, Judgement, KnownIssue, Membership, ProjectRun
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import judge
from ghapp.core.review.project_issue import checklist, seen
from ghapp.core.review.projects import MOST_PARENTS, Reference, references
from ghapp.core.text.labels import described
from ghapp.errors import Retry, Wait
from ghapp.observer import Observer
from ghapp.store import Store, projects
from ghapp.store.projects import Recalled
from ghapp.store.work_queue.marking import Mark
from ghapp.worker import effects
from ghapp.worker.effects import Applied
from ghapp.worker.threads import Threads

# What changes nothing that a pull has from its project.
SILENT = frozenset({Verb.REFUSED, Verb.HELP, Verb.REFRESH, Verb.EXPLAIN})


class Issues(Protocol):
    """Reads issues. All raise Retry, Wait and Gone."""

    async def issue(self, place: Repository, reference: str) -> KnownIssue | None: ...
    async def may_write(self, repository: Repository, who: Account) -> bool: ...
    async def project(
        self, key: ProjectKey, history: History, rules: Rules
    ) -> tuple[Facts, KnownIssue] | None: ...
    async def apply(self, key: PullKey | ProjectKey, effect: Effect) -> Outcome: ...


# --- the project of a pull ------------------------------------------------------------------------


@dataclass(slots=True)
class Way:
    """The way from a pull to its project. read: the issues that were read of GitHub for it."""

    place: Repository
    github: Issues
    store: Store
    read: list[tuple[str, KnownIssue]]
    through: list[str]

    async def project(self, named: Reference, label: str) -> KnownIssue | None:
        """The issue named, or the first of its parents that is a project; None if none is.

        Only a closing keyword leads to parents.
        """
        reference, steps = named.issue, MOST_PARENTS if named.how == "parent" else 0
        for _ in range(steps + 1):
            found = await self._issue(reference) if reference else None
            if found is None or found.has(label):
                return found
            reference = found.parent
        return None

    async def _issue(self, reference: str) -> KnownIssue | None:
        self.through.append(reference)
        known = await self.store.records.read(projects.known_issue, reference)
        if known is None:
            known = await self.github.issue(self.place, reference)
            if known:
                self.read.append((reference, known))
        return known


async def with_project(
    facts: Facts, history: History, github: Issues, store: Store | None
) -> tuple[Facts, tuple[tuple[str, KnownIssue], ...]]:
    """The facts with the pull's project, and the issues that were read of GitHub to find it.

    A pull that names none costs nothing. Others cost no call while their issues are known, and
    whether somebody may name one is asked once. store: None if nothing is recorded.
    """
    named = references(facts.pull, facts.policy, history.ledger)
    if not named or store is None:
        return facts, ()
    place, label = facts.pull.key.repository, facts.policy.projects.label
    way = Way(place, github, store, [], [])
    best: Membership | None = None
    for one in named:
        found = await way.project(one, label)
        standing = "no_project"
        if found:
            joins = await _may_join(one, found.key, place, history.membership, github)
            standing = "joined" if joins else "hint"
        project = found.key if found and standing == "joined" else None
        membership = Membership(one.how, one.issue, one.by.login, standing, project)
        if found and project:
            known = await store.records.read(projects.project, found, label)
            membership = replace(membership, through=tuple(way.through))
            return replace(facts, membership=membership, project=known), tuple(way.read)
        is_better = best is None or (best.standing == "no_project" and standing == "hint")
        best = membership if is_better else best
    assert best
    best = replace(best, through=tuple(way.through))
    return replace(facts, membership=best), tuple(way.read)


async def _may_join(
    named: Reference,
    project: ProjectKey,
    place: Repository,
    known: Membership | None,
    github: Issues,
) -> bool:
    """Whether whoever named the project may have the pull join it; as judged before, if it was.

    That takes write access here, and also where the project is, if that is elsewhere.
    """
    same = known and (known.how, known.reference, known.by) == (
        named.how,
        named.issue,
        named.by.login,
    )
    if known and same and known.standing == "hint":
        return False
    if known and same and known.project == project:
        return True
    is_here = project.repository.id == place.id
    if named.how == "milestone":
        return is_here
    may = named.how == "command" or await github.may_write(place, named.by)
    return may and (is_here or await github.may_write(project.repository, named.by))


def marks(before: Membership | None, now: Membership | None) -> tuple[Mark, ...]:
    """The projects whose comment shows something else of the pull than before."""
    old, new = before.project if before else None, now.project if now else None
    same = before and now and (old, before.shown) == (new, now.shown)
    found = [one for one in (old, new) if one and not same]
    return (Mark(tuple(dict.fromkeys(found))),) if found else ()


# --- a project ------------------------------------------------------------------------------------


async def answer(
    claim: Claim,
    key: ProjectKey,
    github: Issues,
    store: Store,
    rules: Rules,
    observer: Observer,
    threads: Threads,
) -> tuple[tuple[Effect, ...], Retry | Wait | None]:
    """Bring the issue in line with its ledger; what was written, and why to come again.

    Raises Retry, Wait, Gone and LeaseLost.
    """
    recalled = await store.records.read(projects.recall, key)
    history = recalled.history
    gathered = await github.project(key, history, rules)
    if gathered is None:
        await store.records.write(projects.gone, claim)
        return (), None
    facts, issue = gathered
    if issue.key != key:  # the delivery of its transfer was lost
        await store.records.write(projects.move, key, issue.key, recalled.node_id, issue.node_id)
        await store.records.write(projects.gone, claim)
        await store.queue.mark_dirty([issue.key])
        return (), None
    judgement, decision, planned = await threads.run(key.repository, _planned, facts, recalled)
    source = None if facts.source is history.policy else facts.source
    drops = history.organisation_drops
    admitted = claim, recalled.ledger, source, judgement, planned, drops
    await store.records.write(projects.admit, *admitted)
    applied = await effects.apply(key, planned, history, github, observer)
    run = _run(decision, facts, issue, applied)
    begins = decision.is_project and not recalled.is_project
    news = any(entry.verb not in SILENT for entry in judgement.entries)
    again: tuple[Mark, ...] = ()
    if news or (recalled.is_project and decision.is_open != recalled.is_open):
        again = (Mark([pull for pull, one in recalled.pulls if one.is_open], requested=True),)
    kept = run if decision.is_project or recalled.is_project else None
    later = applied.later
    recorded = claim, recalled.ledger, kept
    await store.records.write(
        projects.record, *recorded, marks=again, finished=later is None, begins=begins
    )
    return applied.effects, later


def _planned(
    facts: Facts, recalled: Recalled
) -> tuple[Judgement, ProjectDecision, tuple[Effect, ...]]:
    history, asked = recalled.history, checklist(facts.policy)
    judgement = judge(facts, seen(history, asked), asked)
    ledger = (*history.ledger, *judgement.entries)
    begins = any(one.verb is Verb.PROJECT for one in judgement.entries)
    begins |= AddLabels.__name__ in history.unresolved
    pulls = tuple(pull for _, pull in recalled.pulls)
    decision = decide_project(facts, ledger, pulls, begins=begins)
    if not facts.policy.writes:
        return judgement, decision, ()
    looks = described(facts.policy)
    return judgement, decision, plan(decision.marks, facts.observed, facts.written, looks)


def _run(
    decision: ProjectDecision, facts: Facts, issue: KnownIssue, applied: Applied
) -> ProjectRun:
    marks, comment = after(facts.observed, applied.effects), applied.outcome(PutComment)
    ids = {
        effect.reply: outcome.id
        for effect, outcome in applied.done
        if isinstance(effect, PostReply)
    }
    replies = (replace(one, comment_id=ids.get(one, one.comment_id)) for one in marks.replies)
    return ProjectRun(
        replace(issue, labels=issue.labels | marks.labels),
        decision.is_open,
        replace(marks, replies=frozenset(replies)),
        Written(comment_id=comment.id if comment else facts.written.comment_id),
        decision.touched,
        decision.consultation,
        tuple(effect for effect, _ in applied.failed),
        decision.areas,
    )
