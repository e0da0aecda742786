"""GitHub as a run needs it, and an observer that is notified which effects were taken."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Protocol

from ghapp.core.marks import Effect, Outcome, PutCheckRun
from ghapp.core.model import File, PullKey, QueueKey, Repository
from ghapp.core.policy.policy import Rules
from ghapp.core.records import History
from ghapp.core.review.facts import Facts
from ghapp.core.review.merge_queue import QueueFacts
from ghapp.errors import Gone, Rejected, Retry
from ghapp.worker.reconcile import GitHub

MOST_QUIET = 1_000  # far more than run side by side
RESULTS = {Retry: "failed", Rejected: "rejected", Gone: "gone"}


class Hears(Protocol):
    def applied(self, effect: str, result: str) -> None: ...
    def repaired(self, key: PullKey, effect: str, *, known: bool) -> None: ...


class Watched:
    """Passes all on, and raises what it raises."""

    def __init__(self, github: GitHub, hears: Hears) -> None:
        self._github = github
        self._hears = hears
        # pull without a new delivery -> whether it is known
        self._quiet: dict[str, bool] = {}

    async def gather(self, key: PullKey, history: History, rules: Rules) -> Facts:
        self._quiet.pop(str(key), None)
        if len(self._quiet) >= MOST_QUIET:
            self._quiet.clear()
        facts = await self._github.gather(key, history, rules)
        if quiet(history):
            self._quiet[str(key)] = history.marks is not None
        return facts

    async def apply(self, key: PullKey, effect: Effect) -> Outcome:
        name = type(effect).__name__
        outcome = await self._heard(name, self._github.apply(key, effect))
        known = self._quiet.get(str(key))
        if known is not None:
            self._hears.repaired(key, name, known=known)
        return outcome

    async def answer(self, key: QueueKey, effect: PutCheckRun) -> Outcome:
        return await self._heard(type(effect).__name__, self._github.answer(key, effect))

    async def _heard(self, name: str, taking: Awaitable[Outcome]) -> Outcome:
        try:
            outcome = await taking
        except (Retry, Rejected, Gone) as error:
            self._hears.applied(name, RESULTS[type(error)])
            raise
        self._hears.applied(name, "taken")
        return outcome

    async def queue(self, key: QueueKey) -> QueueFacts:
        return await self._github.queue(key)

    async def merged(self, key: QueueKey) -> bool:
        return await self._github.merged(key)

    async def contents(self, key: PullKey, files: tuple[File, ...]) -> Mapping[str, str | None]:
        return await self._github.contents(key, files)

    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]:
        return await self._github.open_pulls(repository)

    async def repositories(self, installation_id: int) -> tuple[Repository, ...]:
        return await self._github.repositories(installation_id)

    async def moved_pulls(
        self, repository: Repository, seen: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]:
        return await self._github.moved_pulls(repository, seen)


def quiet(history: History) -> bool:
    """Whether a run looks on suspicion only: its pull's deliveries name when it changed."""
    told = history.opened or history.fresh_at is not None or bool(history.messages)
    return history.touched and not told
