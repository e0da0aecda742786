"""GitHub, as the worker uses it: look, write, list. Everything else in this package serves it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

import msgspec

from ghapp.core.marks import Effect, Outcome, PutCheckRun
from ghapp.core.model import File, PullKey, QueueKey, Repository
from ghapp.core.policy.policy import Rules
from ghapp.core.records import History
from ghapp.core.redelivery import Page
from ghapp.core.review.facts import Facts
from ghapp.core.review.merge_queue import QueueFacts
from ghapp.github import app, endpoints, merge_queue, policies, pulls, writes
from ghapp.github.api import PAGE, Installation, decoded, last_page, together
from ghapp.github.apply import apply
from ghapp.github.availability import Outage, Told, untold
from ghapp.github.endpoints import App, at
from ghapp.github.errors import refusal
from ghapp.github.gather import Whose, gather
from ghapp.github.kept import Kept
from ghapp.github.rate_limits import Budget
from ghapp.github.tokens import Tokens
from ghapp.github.wire import TOTAL_SECONDS, Answer, Observe, Request, Wire, unobserved
from ghapp.settings import Endpoint


class _Numbered(msgspec.Struct):
    number: int


class _RepositoryRow(msgspec.Struct):
    id: int
    full_name: str
    archived: bool = False


class _Repositories(msgspec.Struct):
    repositories: list[_RepositoryRow]


class _InstallationRow(msgspec.Struct):
    id: int
    suspended_at: datetime | None = None


class GitHub:
    """One GitHub host. Enter it once, before the tasks that use it start.

    limits: github | off. observe: hears of every exchange. outage: hears when GitHub goes away and
    is back. patience_seconds: for how long an answer is waited for. Raises WrongSetting (the key
    is none).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        app_id: int,
        private_key: str,
        *,
        limits: str = "github",
        observe: Observe = unobserved,
        outage: Told = untold,
        patience_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._wire = Wire(endpoint, observe=observe, patience_seconds=patience_seconds)
        self._outage = Outage(self._wire, self._claim, told=outage)
        self._tokens = Tokens(self._outage, app_id, private_key)
        self._app_id = app_id
        self._limits = limits
        self._bot_login = ""
        self._installations: dict[int, Installation] = {}
        self._kept = Kept()

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._wire.__aexit__()

    async def app(self) -> str:
        """The App's slug; "SLUG[bot]" is the login it writes under. Raises Retry and Gone."""
        request = Request("GET", "app")
        answer = await self._tokens.as_app(request)
        if answer.status >= 400:
            raise refusal(answer, str(request))
        slug = decoded(answer, App, request).slug
        self._bot_login = f"{slug}[bot]"
        return slug

    def budgets(self) -> dict[int, dict[str, int]]:
        """What each installation that was spoken for may still ask of GitHub, by window."""
        return {id: one.left() for id, one in self._installations.items()}

    async def gather(self, key: PullKey, history: History, rules: Rules) -> Facts:
        """What the pull is judged by. Raises Gone and Retry."""
        if not self._bot_login:
            await self.app()
        api = self._installation(key.repository.installation_id)
        whose = Whose(self._app_id, self._bot_login)
        return await gather(api, key, history, rules, whose, self._tokens.now())

    async def contents(self, key: PullKey, files: tuple[File, ...]) -> Mapping[str, str | None]:
        """path -> the text of these files' new versions, None where there is none to be had.

        Raises Gone and Retry.
        """
        api = self._installation(key.repository.installation_id)
        return await policies.read_contents(api, key.repository, files)

    async def apply(self, key: PullKey, effect: Effect) -> Outcome:
        """Write one effect.

        Raises Gone, Retry (it may have taken effect all the same) and, but for the check run,
        Rejected (it has not, and would be refused again).
        """
        api = self._installation(key.repository.installation_id)
        return await apply(api, key, effect)

    async def queue(self, key: QueueKey) -> QueueFacts:
        """The merge queue that tests this head, and our run on it. Raises Gone and Retry."""
        api = self._installation(key.repository.installation_id)
        return await merge_queue.read(api, key, self._app_id)

    async def merged(self, key: QueueKey) -> bool:
        """Whether the base branch holds the head by now. Raises Gone and Retry."""
        api = self._installation(key.repository.installation_id)
        return await endpoints.holds(api, key.repository, key.base_ref, key.head_sha)

    async def answer(self, key: QueueKey, effect: PutCheckRun) -> Outcome:
        """Write the run on a queue's head. Raises Gone and Retry (it may have taken effect)."""
        api = self._installation(key.repository.installation_id)
        return await writes.put(api, key, effect)

    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]:
        """All open pulls, oldest first. Raises Gone and Retry."""
        api = self._installation(repository.installation_id)
        path = at(repository, "pulls?state=open&sort=created&direction=asc")
        rows = await api.rows(path, _Numbered)
        numbers = dict.fromkeys(row.number for row in rows)  # a page may shift while we read
        return tuple(PullKey(repository, number) for number in numbers)

    async def moved_pulls(
        self, repository: Repository, seen: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]:
        """Pulls that changed after they were seen, and open ones that never were.

        seen: pull -> its `updated_at` at our last look. Raises Gone and Retry.
        """
        api = self._installation(repository.installation_id)
        return await pulls.pulls(api, repository, seen)

    async def installations(self) -> tuple[int, ...]:
        """All installations of the App that are not suspended. Raises Gone and Retry."""
        rows, answer = await self._installations_page(1)
        numbers = range(2, last_page(answer) + 1)
        more = await together(self._installations_page(number) for number in numbers)
        found = (row for page in (rows, *(page for page, _ in more)) for row in page)
        return tuple(dict.fromkeys(row.id for row in found if row.suspended_at is None))

    async def repositories(self, installation_id: int) -> tuple[Repository, ...]:
        """All repositories of an installation that are not archived. Raises Gone and Retry."""
        api = self._installation(installation_id)
        path = f"installation/repositories?per_page={PAGE}"
        first, answer = await api.get(path, _Repositories)
        numbers = range(2, last_page(answer) + 1)
        more = await together(api.get(f"{path}&page={n}", _Repositories) for n in numbers)
        pages = [first, *(page for page, _ in more)]
        return tuple(
            Repository(installation_id, row.id, row.full_name)
            for page in pages
            for row in page.repositories
            if not row.archived
        )

    async def attempts(self, cursor: str) -> Page:
        """A page of the attempts at deliveries, newest first; "" is the first one.

        Raises Gone (this GitHub does not list them) and Retry.
        """
        return await app.attempts(self._tokens, cursor)

    async def redeliver(self, attempt_id: int) -> bool:
        """Ask for another attempt; False where GitHub keeps it no more. Raises Retry."""
        return await app.redeliver(self._tokens, attempt_id)

    async def _installations_page(self, number: int) -> tuple[list[_InstallationRow], Answer]:
        request = Request("GET", f"app/installations?per_page={PAGE}&page={number}")
        answer = await self._tokens.as_app(request)
        if answer.status >= 400:
            raise refusal(answer, str(request))
        return decoded(answer, list[_InstallationRow], request), answer

    def _claim(self) -> str:
        return self._tokens.claim()

    def _installation(self, id: int) -> Installation:
        if id not in self._installations:
            budget = Budget(self._limits)
            self._installations[id] = Installation(
                self._outage, self._tokens, budget, id, self._kept
            )
        return self._installations[id]
