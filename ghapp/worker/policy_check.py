"""Writes the check run `NFR policy` on a pull request that edits a policy, a pack or a calendar.

A run of the pull marks the key, and never waits for it. What the pull proposes is only compared
with the policy in force, and replayed over other pull requests.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import msgspec

from ghapp.core.marks import CheckRun, Outcome, PutCheckRun
from ghapp.core.model import File, PolicyKey, Pull, PullKey, Repository
from ghapp.core.policy.policy import Policy, Rules, effective
from ghapp.core.records import Claim, History, PolicySource
from ghapp.core.review import preview
from ghapp.core.review.preview import Preview, Proposed, Replay, Replayed
from ghapp.core.text.preview import check_run, parked_run
from ghapp.errors import Gone, Lag, Rejected, Retry, Wait
from ghapp.github.api import together
from ghapp.observer import Observer
from ghapp.store import Store, previews, runs
from ghapp.store.history import recall
from ghapp.worker.effects import counted
from ghapp.worker.threads import Threads, deadline

# A run waits 1, 2, 4 and 8 s for what is not there yet.
MOST_WAITS = 4
# How often it waits for a check run that may have been written and that reads do not show.
UNSEEN_WAITS = 3
# Of one replay: how many reads go out together, how long it reads, and how much it computes.
AT_ONCE, READING_SECONDS, SCANNING_SECONDS = 5, 60.0, 20.0
# Of one pull under both policies. What exceeds this is not searched.
PULL_SECONDS = 2.0


class Policies(Protocol):
    """Reads what pulls propose, and samples of pulls. All raise Gone, Retry and Wait."""

    async def proposed(
        self, key: PolicyKey, history: History, source: PolicySource
    ) -> Proposed | None: ...
    async def policy_run(self, key: PolicyKey, head_sha: str) -> tuple[CheckRun | None, int]: ...
    async def sample(
        self, repository: Repository, state: str, most: int, but: int = 0
    ) -> tuple[Pull, ...]: ...
    async def first_files(self, pull: Pull) -> tuple[File, ...]: ...
    async def newest_repositories(
        self, repository: Repository, most: int
    ) -> tuple[tuple[Repository, ...], bool]: ...
    async def answer(self, key: PolicyKey, effect: PutCheckRun) -> Outcome: ...


async def answer(
    claim: Claim,
    key: PolicyKey,
    github: Policies,
    store: Store,
    rules: Rules,
    observer: Observer,
    threads: Threads,
) -> tuple[PutCheckRun, ...]:
    """Bring the check run in line, and give the key back; the effects that were applied.

    Raises Retry, Wait, Lag (something is not there yet), Gone and LeaseLost.
    """
    known = await store.records.read(previews.recall, key)
    history = replace(await store.records.read(recall, key.pull), waited=known.waited)
    source = history.policy or PolicySource()
    read_at = preview.layer(source, key.repository).read_at
    if read_at is None and known.waited < MOST_WAITS:  # a run of the pull reads it
        raise _later(key, "the policy may have changed and is not read yet", known.waited)
    policy = await threads.run(key.repository, effective, source, rules)
    proposed = await github.proposed(key, history, source) if policy.writes else None
    if proposed is None:
        await store.queue.finish(claim)
        return ()
    head_sha = proposed.pull.head_sha
    existing, run_id = await github.policy_run(key, head_sha)
    if known.unresolved and existing is None and known.waited < UNSEEN_WAITS:
        text = "a check run may have been written and is not visible yet"
        raise _later(key, text, known.waited)
    seen = await threads.run(key.repository, preview.preview, proposed, source, rules)
    content = preview.digest(
        preview.content(source), preview.content(proposed.source or PolicySource())
    )
    replay, kept = Replay(), ""
    # A fresh run is asked for by somebody who wants to see it over the pulls as they are now.
    fresh = known.touched and not known.unresolved
    if known.content == content and known.replay and not known.touched:
        replay, kept = msgspec.json.decode(known.replay, type=Replay), known.replay
    elif policy.preview and seen.changes:
        replay = await _Replaying(github, store, rules, threads, seen).run(source, proposed)
        kept = "" if replay.missing else msgspec.json.encode(replay).decode()
    run = await threads.run(key.repository, check_run, seen, replay)
    effects: tuple[PutCheckRun, ...] = ()
    if run != existing or run.conclusion != existing.conclusion or fresh:
        # Annotations cannot be removed, so only a run without any is patched.
        patched = existing and existing.conclusion == run.conclusion == "success" and not fresh
        effects = (PutCheckRun(run, run_id if patched else 0),)
        await _put(claim, key, effects[0], github, store, observer)
    basis = preview.basis(head_sha, proposed.pull.base_ref, source)
    await store.records.write(previews.keep, claim, basis, content, kept)
    return effects


async def show_failure(
    claim: Claim,
    key: PolicyKey,
    reason: str,
    head_sha: str,
    policy: Policy,
    github: Policies,
    store: Store,
    observer: Observer,
) -> None:
    """Write on the head that the policy could not be checked."""
    run = parked_run(head_sha, policy.language, reason)
    await _put(claim, key, PutCheckRun(run, 0), github, store, observer)


async def _put(
    claim: Claim,
    key: PolicyKey,
    effect: PutCheckRun,
    github: Policies,
    store: Store,
    observer: Observer,
) -> None:
    """Write the check run; it is an intent until `previews.keep` records the outcome."""
    await store.records.write(runs.intend, claim, (effect,))
    await counted(effect, github.answer(key, effect), observer)


def _later(key: PolicyKey, why: str, waited: int) -> Lag:
    return Lag(f"{key}: {why}", after_seconds=2.0**waited)


@dataclass(slots=True)
class _Replaying:
    """A change of the policy over the pulls of a repository, or of several of an organisation.

    It ends early, with what it has, if GitHub does not answer or it takes too long.
    """

    github: Policies
    store: Store
    rules: Rules
    threads: Threads
    seen: Preview
    scanned_seconds: float = 0.0
    until: float = field(default_factory=lambda: time.monotonic() + READING_SECONDS)
    pulls: list[Replayed] = field(default_factory=list)
    matched: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    cut: int = 0

    async def run(self, source: PolicySource, proposed: Proposed) -> Replay:
        """The replay. source: the policy in force."""
        repository, number = self.seen.pull.key.repository, self.seen.pull.key.number
        rules = preview.added_rules(self.seen.before, self.seen.after)
        others: tuple[Repository, ...] = ()
        hides_private, missing = False, ""
        try:
            if repository.is_organisations:
                most = preview.MOST_REPOSITORIES
                others, hides_private = await self.github.newest_repositories(repository, most)
                for other in others:
                    missing = missing or await self._several(other, source, proposed, rules)
            else:
                sample = partial(self.github.sample, repository, but=number)
                pulls = await sample("open", preview.MOST_OPEN)
                pulls += await sample("closed", preview.MOST_MERGED)
                missing = await self._replay(pulls, self.seen.before, self.seen.after, rules)
        except Wait:
            missing = "limited"
        except (Retry, Gone, Rejected):
            missing = "unanswered"
        return Replay(
            tuple(self.pulls),
            preview.counted(rules, self.matched),
            self.cut,
            missing,
            len(others),
            hides_private,
        )

    async def _several(
        self,
        repository: Repository,
        source: PolicySource,
        proposed: Proposed,
        rules: Sequence[tuple[str, str, str]],
    ) -> str:
        """Replay some pulls of one repository under its own file over both organisation's files."""
        own = (await self.store.records.read(recall, PullKey(repository, 0))).policy
        own = own or PolicySource()
        new = proposed.source.organisation if proposed.source else None
        before, after = [
            await self.threads.run(
                self.seen.pull.key.repository, effective, replace(own, organisation=one), self.rules
            )
            for one in (source.organisation, new)
        ]
        half = preview.MOST_OF_REPOSITORY // 2
        pulls = await self.github.sample(repository, "open", half)
        pulls += await self.github.sample(
            repository, "closed", preview.MOST_OF_REPOSITORY - len(pulls)
        )
        return await self._replay(pulls, before, after, rules, shown_in=repository.full_name)

    async def _replay(
        self,
        pulls: Sequence[Pull],
        before: Policy,
        after: Policy,
        rules: Sequence[tuple[str, str, str]],
        shown_in: str = "",
    ) -> str:
        """Replay the pulls; why some are missing, "" if none are."""
        for start in range(0, len(pulls), AT_ONCE):
            if time.monotonic() > self.until:
                return "late"
            some = pulls[start : start + AT_ONCE]
            files = await together(map(self.github.first_files, some))
            for pull, changed in zip(some, files, strict=True):
                if self.scanned_seconds > SCANNING_SECONDS:
                    return "slow"
                self.cut += len(changed) >= preview.MOST_FILES
                # One pull at a time, so that reviews of the repository have their turn in between.
                one, found, seconds = await self.threads.run(
                    self.seen.pull.key.repository,
                    _replayed,
                    replace(pull, files=changed, changed_files=len(changed)),
                    before,
                    after,
                    rules,
                    shown_in,
                )
                self.scanned_seconds += seconds
                self.pulls.append(one)
                self.matched.update(found)
        return ""


def _replayed(
    pull: Pull,
    before: Policy,
    after: Policy,
    rules: Sequence[tuple[str, str, str]],
    shown_in: str,
) -> tuple[Replayed, tuple[tuple[str, str, str], ...], float]:
    """The pull under both policies, the rules that match it, and how long that took."""
    began = time.thread_time()
    one = preview.replayed(pull, before, after, deadline(PULL_SECONDS), shown_in)
    found = tuple(preview.matching(pull, rules))
    return one, found, time.thread_time() - began
