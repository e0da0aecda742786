"""The path of a run; read this first.

key -> claim -> recall -> gather -> scan -> judge -> decide -> plan -> admit -> apply -> record

`github/` reads and writes GitHub, `store/` stores, `core/` decides, and `effects.py` applies
effects and builds the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ghapp.core.decide import Decision, decide
from ghapp.core.ledger import Verb
from ghapp.core.marks import Effect, Outcome, PutCheckRun, plan
from ghapp.core.model import (
    ORGANISATION,
    Channel,
    ConfigurationKey,
    File,
    InstallationKey,
    OrganisationKey,
    PolicyKey,
    ProjectKey,
    Pull,
    PullKey,
    Push,
    QueueKey,
    Repository,
    RepositoryKey,
    SweepKey,
)
from ghapp.core.policy.policy import Policy, Rules
from ghapp.core.records import (
    MOST_RUNS,
    Claim,
    History,
    Judgement,
    KnownIssue,
    Membership,
    PolicySource,
    RunNote,
    Shown,
    Trial,
    Verdict,
)
from ghapp.core.review import preview
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import judge, settled_heads
from ghapp.core.review.pushes import counting, is_unknown, only_by, steps
from ghapp.core.review.review import review_of
from ghapp.core.review.trial import trial
from ghapp.core.scan.checklist import Checklist, checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import Scan, scan
from ghapp.core.text.labels import described
from ghapp.errors import Retry, Wait
from ghapp.github.client import measured
from ghapp.observer import Observer
from ghapp.store import Store, configurations, policies, previews, pushes
from ghapp.store.history import followed, recall, seen
from ghapp.store.projects import keep_way
from ghapp.store.runs import Pushed, admit, intend, record
from ghapp.store.work_queue.marking import Mark, mark_behind
from ghapp.worker import configuration, effects, merge_queue, policy_check, projects
from ghapp.worker.configuration import Trees
from ghapp.worker.effects import showing
from ghapp.worker.merge_queue import Queues
from ghapp.worker.policy_check import Policies
from ghapp.worker.projects import Issues
from ghapp.worker.threads import Threads, deadline


class GitHub(Queues, Policies, Issues, Trees, Protocol):
    """What a run needs of GitHub. All raise Retry, Wait and Gone."""

    async def gather(self, key: PullKey, history: History, rules: Rules) -> Facts: ...
    async def organisation(
        self, repository: Repository, known: PolicySource | None, drops: int, rules: Rules
    ) -> PolicySource: ...
    async def contents(self, key: PullKey, files: tuple[File, ...]) -> Mapping[str, str | None]: ...
    async def commits(self, pull: Pull, head_sha: str) -> tuple[str, ...]: ...
    async def pushes(self, pull: Pull) -> tuple[Push, ...]: ...
    async def apply(self, key: PullKey | ProjectKey, effect: Effect) -> Outcome: ...
    async def answer(self, key: PolicyKey | QueueKey, effect: PutCheckRun) -> Outcome: ...
    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]: ...
    async def repositories(self, installation_id: int) -> tuple[Repository, ...]: ...
    async def moved_pulls(
        self, repository: Repository, seen: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]: ...
    async def moved_follow_ups(
        self, repository: Repository, checked: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]: ...


# Between the open pulls of a repository that are all checked again, the newest first: they leave
# room for what people wait for.
APART_SECONDS = 0.2
# The longest time between two checks for the events of late labels.
MOST_LATE_SECONDS = 30.0
# Of one scan. A megabyte takes a second at most, however hostile it is, and what exceeds this is
# not tried again: it counts as unread.
SCAN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a run whose check run is as it should be.

    head_sha: of a pull or a merge queue, else "". effects: the names of those that were applied.
    rejected: why GitHub refuses others for good. later: why and when to repeat best-effort writes,
    or to judge late labels; then the key is not given back.
    """

    head_sha: str
    effects: tuple[str, ...]
    rejected: tuple[str, ...] = ()
    later: Retry | Wait | None = None


async def reconcile(  # noqa: C901 -- one branch for each kind of key
    claim: Claim,
    github: GitHub,
    store: Store,
    rules: Rules,
    observer: Observer,
    threads: Threads,
) -> Done:
    """Bring what a key addresses in line with its facts, and give the key back.

    Safe to repeat and safe to stop anywhere: the next call does what is left.
    Raises Retry, Wait, Gone and LeaseLost (another worker took the key over); then the key is not
    given back.
    """
    match claim.key:
        case PullKey() as key:
            return await _pull(claim, key, github, store, rules, observer, threads)
        case PolicyKey() as key:
            shared = github, store, rules, observer, threads
            written = await policy_check.answer(claim, key, *shared)
            return Done("", tuple(type(effect).__name__ for effect in written))
        case ProjectKey() as key:
            shared = github, store, rules, observer, threads
            applied, later = await projects.answer(claim, key, *shared)
            return Done("", tuple(type(effect).__name__ for effect in applied), later=later)
        case QueueKey() as key:
            written = await merge_queue.answer(claim, key, github, store, rules, observer)
            await store.queue.finish(claim)
            return Done(key.head_sha, tuple(type(effect).__name__ for effect in written))
        case RepositoryKey(repository):
            newest_first = (await github.open_pulls(repository))[::-1]
            marks = [Mark(newest_first, apart_seconds=APART_SECONDS)]  # parked pulls, too
            await store.records.write(configurations.hasten, repository)  # other rules may hold
            if claim.touched:  # a push to the policy may have been missed, too
                await store.records.write(policies.drop, (repository.id,))
                marks.insert(0, Mark(newest_first, touched=True, apart_seconds=APART_SECONDS))
        case SweepKey(repository):
            known = await store.records.read(seen, repository)
            marks = [Mark(await github.moved_pulls(repository, known), touched=True)]
            if checked := await store.records.read(followed, repository):
                moved = await github.moved_follow_ups(repository, checked)
                marks.append(Mark(moved, touched=True))
        case InstallationKey(installation_id):
            found = await github.repositories(installation_id)
            marks = [Mark(tuple(map(SweepKey, found)))]
            if claim.touched:
                owners = {one.owner for one in found}
                await store.records.write(policies.drop_organisations, owners)
                marks.insert(0, Mark(tuple(map(RepositoryKey, found)), touched=True))
        case ConfigurationKey() as key:
            tools = github, store, rules, threads
            return Done("", await configuration.answer(claim, key, *tools))
        case OrganisationKey() as key:
            marks = await _organisation(key, github, store, rules)
    await store.queue.finish(claim, *marks)
    return Done("", ("MarkDirty",))


async def _organisation(
    key: OrganisationKey, github: GitHub, store: Store, rules: Rules
) -> list[Mark]:
    """Check some pulls that were last checked under another policy; the key itself if more are."""
    layer = await store.records.read(policies.organisation, key.owner)
    place = Repository(key.installation_id, 0, f"{key.owner}/{ORGANISATION}")
    source = await github.organisation(place, layer.source, layer.drops, rules)
    if source is not layer.source:
        keep = policies.keep_organisation
        await store.records.write(keep, key.owner, source, layer.drops)
        layer = await store.records.read(policies.organisation, key.owner)
    more = await store.records.write(mark_behind, key, layer.changed_at)
    return [Mark((key,))] if more else []


async def _pull(
    claim: Claim,
    key: PullKey,
    github: GitHub,
    store: Store,
    rules: Rules,
    observer: Observer,
    threads: Threads,
) -> Done:
    """One pull request: its marks are what facts and ledger imply when this returns."""
    effort = measured()
    history = await store.records.read(recall, key)
    with observer.step("gather"):
        considered = await consider(key, history, github, rules, threads, store)
    facts, history, judged, planned = (
        considered.facts,
        considered.history,
        considered.judged,
        considered.planned,
    )
    pull = facts.pull
    source = None if facts.source is history.policy else facts.source
    with observer.step("admit"):
        admitted = await store.records.write(
            admit,
            claim,
            pull.head_sha,
            source,
            judged.judgement,
            facts.earlier,
            planned.effects,
            planned.shown,
            considered.pushed,
            history.organisation_drops,
        )
    siblings = admitted.siblings
    if siblings:  # they share the check run: decide again, for all of them
        planned = await threads.run(key.repository, plan_of, facts, history, judged, siblings)
        await store.records.write(intend, claim, planned.effects, planned.shown)
    with observer.step("write"):
        applied = await effects.apply(key, planned.effects, history, github, observer)
    run = effects.recorded(planned.decision, facts, applied, history.shown, found=judged.found)
    note = RunNote(
        read_at=facts.now,
        state=run.state,
        head_sha=pull.head_sha,
        delivery=history.delivery,
        waited_seconds=claim.waited_seconds or 0.0,
        seconds=effort.seconds,
        calls=effort.calls,
        writes=tuple(effect.name for effect in applied.effects),
    )
    run = replace(run, trial=planned.trial, runs=(note, *history.runs)[:MOST_RUNS])
    marks = [Mark((key,), requested=True)] if admitted.is_late else []
    if any(one.verb is Verb.PROJECT for one in judged.judgement.entries):
        marks.append(Mark((key,), requested=True))  # the next run finds the project
    marks += await _of_project(key, considered, run.membership, store)
    if judged.found and facts.messages:  # the next run judges them, and reads lost ones again
        marks.append(Mark((key,), touched=run.shown is not None, requested=True))
    if applied.opened:  # the comment names the issues
        marks.append(Mark((key,)))
    marks += _unannounced(key.repository, history.policy, facts.source)
    marks += await _policy_marks(facts, store)
    later = applied.later
    if later is None and (settles_in := planned.decision.settles_in):
        text = f"{key}: its base has just changed, or boxes are being ticked"
        later = Wait(text, after_seconds=settles_in.total_seconds())
    if later is None and facts.late_since:
        text = f"{key}: no event shows yet who changed the label {min(facts.late_labels)}"
        seconds = (facts.now - facts.late_since).total_seconds()  # twice as long each time
        later = Wait(text, after_seconds=min(max(seconds, 1.0), MOST_LATE_SECONDS))
    with observer.step("record"):
        await store.records.write(record, claim, run, finished=later is None, marks=marks)
    return Done(
        pull.head_sha,
        tuple(type(effect).__name__ for effect in applied.effects),
        tuple(str(error) for _, error in applied.rejected),
        later,
    )


async def _of_project(
    key: PullKey, considered: Considered, now: Membership | None, store: Store
) -> tuple[Mark, ...]:
    """Record how the pull came to its project; the projects whose comments show it differently."""
    before, read = considered.history.membership, considered.issues
    through = now.through if now else ()
    changed = through if through != (before.through if before else ()) else None
    again: tuple[Mark, ...] = ()
    if read or changed is not None:
        label = considered.facts.policy.projects.label
        early = await store.records.write(keep_way, key, changed, read, label)
        again = (Mark((key, *early)),) if early else ()
    return (*projects.marks(before, now), *again)


async def _policy_marks(facts: Facts, store: Store) -> tuple[Mark, ...]:
    """The key of the check run `NFR policy`, if the pull needs another one than it has."""
    pull, source = facts.pull, facts.source
    if not (facts.policy.writes and preview.proposes(pull, source)):
        return ()
    key = PolicyKey(pull.key.repository, pull.key.number)
    if any(message.channel is Channel.RERUN for message in facts.messages):
        return (Mark((key,), touched=True),)
    known = await store.records.read(previews.basis, key)
    is_known = known == preview.basis(pull.head_sha, pull.base_ref, source)
    return () if is_known else (Mark((key,)),)


@dataclass(frozen=True, slots=True)
class Considered:
    """A pull as it is judged and decided for itself alone; nothing is written yet.

    history: with what was read of it. pushed: what of that is new. issues: those read to find its
    project, by the references that led to them.
    """

    facts: Facts
    history: History
    pushed: Pushed
    judged: Judged
    planned: Planned
    issues: tuple[tuple[str, KnownIssue], ...] = ()


async def consider(
    key: PullKey,
    history: History,
    github: GitHub,
    rules: Rules,
    threads: Threads,
    store: Store | None,
) -> Considered:
    """Gather, scan, judge, decide and plan. It only reads.

    store: None if nothing is recorded. Raises Retry, Wait and Gone.
    """
    facts = await github.gather(key, history, rules)
    facts, issues = await projects.with_project(facts, history, github, store)
    history = history.knowing(facts.earlier)
    pull = facts.pull
    history, pushed = await _with_pushers(facts, history, github, store)
    # In threads, so that a large diff or comment does not block the event loop.
    by_author = only_by(pull.by, history, pull.head_sha)
    scanned = await threads.run(key.repository, _scanned, facts, by_author)
    wanted = dict.fromkeys((*scanned.shown.wanted, *scanned.whole.wanted))
    contents = await github.contents(key, tuple(wanted)) if wanted else {}
    fixes: tuple[tuple[str, str], ...] = ()
    if store:
        fixes = await configuration.fixed(pull, facts.policy, github, store, threads)
    judging = facts, history, scanned, contents, fixes
    judged, planned = await threads.run(key.repository, _judged, *judging)
    return Considered(facts, history, pushed, judged, planned, issues)


def _unannounced(
    repository: Repository, known: PolicySource | None, now: PolicySource
) -> Iterator[Mark]:
    """What has to be re-checked because a layer of the policy changed and no push announced it."""

    def changed(before: PolicySource | None, after: PolicySource | None) -> bool:
        if before is None or before.read_at is None or after is None:
            return False
        parts = [(one.text, one.packs, one.calendar) for one in (before, after)]
        return parts[0] != parts[1]

    if changed(known, now):
        yield Mark((RepositoryKey(repository),))
    if known and changed(known.organisation, now.organisation):
        yield Mark((OrganisationKey(repository.installation_id, repository.owner),))


async def _with_pushers(
    facts: Facts, history: History, github: GitHub, store: Store | None
) -> tuple[History, Pushed]:
    """The history with who pushed what is to be settled, or ignored, and what of it is new.

    GitHub is asked only if that is not known: what the heads consist of, if they are several
    commits, then who pushed to the branch.
    """
    pull, policy = facts.pull, facts.policy
    heads = settled_heads(facts, history)
    new = {one: await github.commits(pull, one) for one in heads if one not in history.commits}
    if new:
        commits = {sha for shas in new.values() for sha in shas}
        known = history.pushers
        if store:
            found = await store.records.read(pushes.pushers, pull.key.repository, commits)
            known = {**known, **found}
        history = replace(history, commits={**history.commits, **new}, pushers=known)
    ignored = pull.author.casefold() in {name.casefold() for name in policy.ignore_authors}
    asks = any(is_unknown(history, pull, head) for head in heads)
    if asks or (ignored and not all(by for _, by in steps(history, pull.head_sha, deep=True))):
        ids = {push.id for push in history.pushes}
        listed = tuple(one for one in await github.pushes(pull) if one.id not in ids)
        history = replace(history, pushes=(*history.pushes, *listed))
    else:
        listed = ()
    known_by = (push.user_id for push in history.pushes if push.head_sha == pull.head_sha)
    return history, Pushed(frozenset(known_by), listed, new)


@dataclass(frozen=True, slots=True)
class Scanned:
    """shown: for the areas that are shown. whole: also for those that are only observed.

    So what is observed does not change what is shown. Both are the same if nothing is.
    """

    shown: Scan
    whole: Scan


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of the scan and of the messages.

    whole: what would be asked if nothing were only observed.
    found: our check run on this head was found by reading back. This run only records since when it
    was shown, and the next run judges what people said about it.
    """

    checklist: Checklist
    whole: Checklist
    found: bool
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Planned:
    """shown: what the check run will show. trial: as in Run."""

    decision: Decision
    effects: tuple[Effect, ...]
    shown: Shown
    trial: Trial | None


def _scanned(facts: Facts, only_author_pushed: bool) -> Scanned:
    def of(policy: Policy) -> Scan:
        return scan(facts.pull, policy, only_author_pushed, deadline(SCAN_SECONDS))

    shown = of(facts.policy)
    return Scanned(shown, of(facts.policy.shown) if facts.policy.observed else shown)


def _judged(
    facts: Facts,
    history: History,
    scanned: Scanned,
    contents: Mapping[str, str | None],
    fixes: tuple[tuple[str, str], ...],
) -> tuple[Judged, Planned]:
    """Judged, and planned for this pull alone: few heads have several."""

    def asked_of(scanned: Scan, policy: Policy) -> Checklist:
        found = findings(scanned.suspicion, contents, deadline(SCAN_SECONDS))
        return replace(checklist(scanned, policy, found), fixes=fixes)

    asked = whole = asked_of(scanned.shown, facts.policy)
    if facts.policy.observed:
        whole = asked_of(scanned.whole, facts.policy.shown)
    read_back = facts.found_at is not None and facts.pull.head_sha not in {
        shown.head_sha for shown in history.shown
    }
    judgement = Judgement() if read_back else judge(facts, history, asked)
    judged = Judged(asked, whole, read_back, judgement)
    return judged, plan_of(facts, history, judged, ())


def plan_of(
    facts: Facts, history: History, judged: Judged, siblings: tuple[Verdict, ...]
) -> Planned:
    """What the pull should carry. siblings: the verdicts of other pulls on the head."""
    ledger = (*history.ledger, *judged.judgement.entries)
    ledger = counting(ledger, history, facts.pull, facts.policy)
    decision = decide(facts, history, judged.checklist, ledger, siblings)
    shown = showing(decision, facts, facts.now)
    review = decision.review
    if facts.policy.shown is not facts.policy:
        as_shown = replace(facts, policy=facts.policy.shown)
        review = review_of(as_shown, history, judged.whole, ledger)
    tried = trial(review, facts.policy, history.trial)
    if not decision.writes:
        return Planned(decision, (), shown, tried)
    observed = facts.observed
    if decision.renews:  # as if the old run were not there: then a new one takes its place
        observed = replace(observed, check_run=None)
    issues = {one.item: one.issue for one in facts.follow_ups}
    planned = plan(decision.marks, observed, facts.written, described(facts.policy), issues)
    return Planned(decision, planned, shown, tried)
