"""GitHub as the worker uses it. Everything else in this package serves this class."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from urllib.parse import quote

import msgspec

from ghapp import logs
from ghapp.core.marks import POLICY, CheckRun, Effect, Issue, Outcome, PutCheckRun, Reply
from ghapp.core.model import (
    Account,
    File,
    PolicyKey,
    ProjectKey,
    Pull,
    PullKey,
    Push,
    QueueKey,
    Repository,
    Rights,
    Via,
)
from ghapp.core.policy.policy import Rules
from ghapp.core.records import History, KnownIssue, PolicySource
from ghapp.core.redelivery import Page
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import Ask
from ghapp.core.review.merge_queue import QueueFacts
from ghapp.core.review.preview import Proposed, proposes
from ghapp.core.scan import new_file
from ghapp.core.scan.configuration import TreeFile
from ghapp.errors import Gone, Retry, Wait
from ghapp.github import (
    app,
    endpoints,
    follow_ups,
    issues,
    merge_queue,
    people,
    policies,
    projects,
    pulls,
    writes,
)
from ghapp.github.api import MOST_PAGES, PAGE, Cache, Installation, whole
from ghapp.github.app import Installed
from ghapp.github.apply import apply
from ghapp.github.availability import Outage
from ghapp.github.endpoints import App, at
from ghapp.github.errors import Answer, decoded, result
from ghapp.github.gather import (
    gather,
    is_young,
    policy_source,
    read_organisation,
    read_pull,
)
from ghapp.github.host import WRONG_KEY_SECONDS, Host, Request, Tokens
from ghapp.github.payloads import Identity
from ghapp.github.rate_limits import Budget, Importance
from ghapp.github.transport import TOTAL_SECONDS
from ghapp.observer import Observer
from ghapp.settings import Endpoint

LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 5.0, 300.0
REACHED_BY = "check GHAPP_GITHUB_API_URL and HTTPS_PROXY; deliveries are stored meanwhile"
UNKNOWN_APP = "GitHub does not know this App: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"

# Of an installation, for the sample of a preview.
MOST_REPOSITORY_PAGES = 5

log = logs.logger()


@dataclass(slots=True)
class Effort:
    """What a run has taken so far. calls: requests to GitHub."""

    began: float = field(default_factory=time.perf_counter)
    calls: int = 0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began


_effort: ContextVar[Effort | None] = ContextVar("effort", default=None)


def measured() -> Effort:
    """What this task takes from now on, with the tasks that it starts."""
    effort = Effort()
    _effort.set(effort)
    return effort


class _Numbered(msgspec.Struct):
    number: int


class _RepositoryRow(msgspec.Struct):
    id: int
    full_name: str
    archived: bool = False
    private: bool = True
    pushed_at: str | None = None


class _Repositories(msgspec.Struct):
    repositories: list[_RepositoryRow]


class GitHub:
    """One GitHub host. Enter it once.

    limits: github | off. observer: is notified of every request, and when GitHub goes away and
    comes back. patience_seconds: how long to wait for an answer. Raises WrongSetting (the key
    cannot be read).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        app_id: int,
        private_key: str,
        *,
        limits: str = "github",
        observer: Observer | None = None,
        patience_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._observer = observer or Observer()
        self._host = Host(
            endpoint,
            app_id,
            private_key,
            observe=self._called,
            patience_seconds=patience_seconds,
        )
        self._outage = Outage(self._host, report=self._reached)
        self._tokens = Tokens(self._host, self._outage)
        self._app_id = app_id
        self._limits = limits
        self._bot_login = ""
        self._installations: dict[int, Installation] = {}
        self._cache = Cache()

    def _called(self, method: str, path: str, answer: Answer | None, seconds: float) -> None:
        if effort := _effort.get():
            effort.calls += 1
        status = answer.status if answer else 0
        self._observer.called(method, path, status, result(answer), seconds)

    def _reached(self, is_there: bool, reason: str, seconds: float) -> None:
        if is_there:
            log.info("GitHub is back", seconds=round(seconds, 1))
        else:
            log.error("GitHub is away", reason=reason)
        self._observer.reached(is_there=is_there)

    async def __aenter__(self) -> Self:
        await self._host.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._host.__aexit__()

    async def app(self) -> str:
        """The App's slug; "SLUG[bot]" is the login it writes under. Raises Retry, Wait and Gone."""
        request = Request("GET", "app")
        slug = decoded(await self._tokens.as_app(request), App, request).slug
        self._bot_login = f"{slug}[bot]"
        return slug

    def budgets(self) -> dict[int, dict[str, int]]:
        """What each installation used so far may still ask of GitHub, by window."""
        return {id: one.left() for id, one in self._installations.items()}

    async def gather(self, key: PullKey, history: History, rules: Rules) -> Facts:
        """What the pull is judged by. Raises Gone, Retry and Wait."""
        if not self._bot_login:
            await self.app()
        us, now = Identity(self._app_id, self._bot_login), self._tokens.now()
        api = self._installation(key.repository).charged(key)
        api.begin(gives_way=not history.requested)
        return await gather(api, key, history, rules, us, now)

    async def organisation(
        self, repository: Repository, known: PolicySource | None, drops: int, rules: Rules
    ) -> PolicySource:
        """The policy of a repository's organisation; what is known if that is recent.

        drops: as in History. Raises Gone, Retry and Wait.
        """
        api, now = self._installation(repository), self._tokens.now()
        if known and is_young(known, now):
            return known
        return await read_organisation(api, repository, known, drops, rules, now)

    async def policy(self, repository: Repository, rules: Rules) -> PolicySource:
        """The policy of a repository as it is now, over that of its organisation.

        Raises Gone, Retry and Wait.
        """
        api, now = self._installation(repository), self._tokens.now()
        return await policy_source(api, repository, History(), rules, now)

    async def contents(self, key: PullKey, files: tuple[File, ...]) -> Mapping[str, str | None]:
        """path -> the text of these files' new versions, None if it cannot be read.

        Raises Gone, Retry and Wait.
        """
        api = self._installation(key.repository).charged(key)
        return await policies.read_contents(api, key.repository, files)

    async def issue(self, place: Repository, reference: str) -> KnownIssue | None:
        """An issue that a pull of `place` names; None if it is out of reach.

        Raises Gone, Retry and Wait.
        """
        return await projects.issue(self._installation(place), place, reference)

    async def may_write(self, repository: Repository, who: Account) -> bool:
        """Whether somebody may write in a repository. Raises Gone, Retry and Wait."""
        return await projects.may_write(self._installation(repository), repository, who)

    async def project(
        self, key: ProjectKey, history: History, rules: Rules
    ) -> tuple[Facts, KnownIssue] | None:
        """What a project is judged by; None if its issue is out of reach.

        Raises Gone, Retry and Wait.
        """
        if not self._bot_login:
            await self.app()
        us, now = Identity(self._app_id, self._bot_login), self._tokens.now()
        return await projects.gather(
            self._installation(key.repository), key, history, rules, us, now
        )

    async def apply(self, key: PullKey | ProjectKey, effect: Effect) -> Outcome:
        """Write one effect.

        Raises Gone, Wait, Retry (it may have taken effect all the same) and, except for the check
        run, Rejected (it has not, and would be refused again).
        """
        us, now = Identity(self._app_id, self._bot_login), self._tokens.now()
        return await apply(self._installation(key.repository).charged(key), key, effect, us, now)

    async def queue(self, key: QueueKey) -> QueueFacts:
        """The queue that tests this head, with our check run on it. Raises Gone, Retry, Wait."""
        return await merge_queue.read(self._installation(key.repository), key, self._app_id)

    async def merged(self, key: QueueKey) -> bool:
        """Whether the base branch contains the head. Raises Gone, Retry and Wait."""
        api = self._installation(key.repository)
        return await endpoints.holds(api, key.repository, key.base_ref, key.head_sha)

    async def commits(self, pull: Pull, head_sha: str) -> tuple[str, ...]:
        """What a head of the pull consists of, oldest first; () if GitHub does not list all of it.

        Raises Gone, Retry and Wait.
        """
        if head_sha == pull.head_sha and pull.commits == 1:
            return (head_sha,)
        repository = pull.key.repository
        api = self._installation(repository)
        return await endpoints.commits(api, repository, pull.base_sha, head_sha)

    async def pushes(self, pull: Pull) -> tuple[Push, ...]:
        """Who pushed to the pull's branch, as far as GitHub lists it. Raises Gone, Retry, Wait."""
        if not pull.head_repository:
            return ()
        api = self._installation(pull.key.repository)
        rows = await endpoints.activity(api, pull.head_repository, pull.head_ref)
        return tuple(
            Push(
                row.after,
                row.actor.login,
                row.timestamp,
                row.actor.id,
                Via.ACTIVITY,
                before=row.before,
                branch=pull.head_ref,
                id=f"activity:{row.id}",
            )
            for row in rows
            if row.actor and row.after.strip("0")
        )

    async def proposed(
        self, key: PolicyKey, history: History, source: PolicySource
    ) -> Proposed | None:
        """What the pull would put in force; None if it is closed or edits no policy.

        history: of the pull. source: the policy in force. Raises Gone, Retry and Wait.
        """
        api = self._installation(key.repository).charged(key.pull)
        api.begin()
        pull = (await read_pull(api, key.pull, history)).pull
        return await policies.read_proposed(api, pull, source) if proposes(pull, source) else None

    async def rewrite_issue(
        self, repository: Repository, number: int, body: str, *, in_private: bool
    ) -> None:
        """Change the text of an open issue; as `writes.rewrite_issue`, which it raises as."""
        api = self._installation(repository)
        await writes.rewrite_issue(api, repository, number, body, in_private=in_private)

    async def policy_run(self, key: PolicyKey, head_sha: str) -> tuple[CheckRun | None, int]:
        """Our newest check run `NFR policy` on a head, and its id. Raises Gone, Retry and Wait."""
        api = self._installation(key.repository)
        row = await endpoints.newest_run(api, key.repository, head_sha, self._app_id, POLICY)
        return (endpoints.check_run(row, key.number, POLICY), row.id) if row else (None, 0)

    async def sample(
        self, repository: Repository, state: str, most: int, but: int = 0
    ) -> tuple[Pull, ...]:
        """Open pulls, or merged ones, without files: as `pulls.listed`, which it raises as."""
        return await pulls.listed(self._installation(repository), repository, state, most, but)

    async def first_files(self, pull: Pull) -> tuple[File, ...]:
        """What the pull changes, as far as one page has it: as `pulls.first_files`."""
        return await pulls.first_files(self._installation(pull.key.repository), pull)

    async def newest_repositories(
        self, repository: Repository, most: int
    ) -> tuple[tuple[Repository, ...], bool]:
        """The others of the same owner that were pushed to last; whether private ones are left out.

        They are if the repository itself is public, so that it does not show what they contain.
        At most five calls. Raises Gone, Retry and Wait.
        """
        id = repository.installation_id
        rows = [row for row in await self._rows(id, MOST_REPOSITORY_PAGES) if not row.archived]
        is_public = any(row.id == repository.id and not row.private for row in rows)
        others = [row for row in rows if row.id != repository.id]
        shown = [row for row in others if not (is_public and row.private)]
        shown.sort(key=lambda row: (row.pushed_at or "", row.id), reverse=True)
        found = (Repository(id, row.id, row.full_name) for row in shown[:most])
        return tuple(found), len(shown) < len(others)

    async def answer(self, key: PolicyKey | QueueKey, effect: PutCheckRun) -> Outcome:
        """Write a check run that no run of a pull writes.

        Raises Gone, Wait, Retry (it may be written).
        """
        return await writes.put(self._installation(key.repository), key, effect)

    async def configured(
        self, repository: Repository, history: History, rules: Rules
    ) -> PolicySource:
        """The policy of a repository, as recorded if that is recent. Raises Gone, Retry, Wait."""
        if not self._bot_login:
            await self.app()
        api, now = self._installation(repository), self._tokens.now()
        return await policy_source(api, repository, history, rules, now)

    async def all_files(
        self, repository: Repository, *, gives_way: bool = True
    ) -> tuple[tuple[TreeFile, ...], bool]:
        """The files of the default branch, and whether GitHub lists all.

        gives_way: nobody waits for it. Raises Gone (GitHub refuses, or it is empty), Retry, Wait.
        """
        importance = Importance.SCAN if gives_way else Importance.READ
        found = await endpoints.all_files(self._installation(repository), repository, importance)
        if found is None:
            raise Gone(f"{repository.full_name}: GitHub does not list the tree")
        return found

    async def text(self, repository: Repository, sha: str, *, gives_way: bool = True) -> str | None:
        """The text of a file; None if it cannot be read. gives_way: as above. Raises as above."""
        importance = Importance.SCAN if gives_way else Importance.READ
        api, fine = self._installation(repository), policies.REFUSED
        found = await endpoints.blob(api, repository, sha, fine=fine, importance=importance)
        return None if found is None else new_file.text(found)

    async def rights(self, repository: Repository, asks: Mapping[str, Ask]) -> Mapping[str, Rights]:
        """The rights of these speakers. Raises Gone, Retry and Wait."""
        return await people.rights(self._installation(repository), repository, asks)

    async def own_issue(self, repository: Repository, label: str) -> int:
        """Our newest issue about configuration; 0 if there is none. Raises Gone, Retry, Wait."""
        us = Identity(self._app_id, self._bot_login)
        return await issues.own(self._installation(repository), repository, label, us)

    async def put_issue(
        self, repository: Repository, number: int, issue: Issue, newest: timedelta | None
    ) -> int | None:
        """Write an issue; its number, 0 if issues are switched off or it is gone.

        number: 0 for a new one. None if somebody has closed it, and nothing was found since then.
        newest: how long ago the newest finding was. Raises Gone, Retry, Wait and Rejected.
        """
        api = self._installation(repository)
        return await issues.put(api, repository, number, issue, newest)

    async def acknowledge(self, repository: Repository, comment_id: int, content: str) -> None:
        """React to a comment, unless it is gone. Raises Gone, Retry, Wait and Rejected."""
        api = self._installation(repository)
        await issues.acknowledge(api, repository, comment_id, content)

    async def answer_on_issue(self, repository: Repository, reply: Reply) -> None:
        """Write a reply on an issue, once. Raises Gone, Retry, Wait and Rejected."""
        us, now = Identity(self._app_id, self._bot_login), self._tokens.now()
        await issues.answer(self._installation(repository), repository, reply, us, now)

    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]:
        """All open pulls, oldest first. Raises Gone, Retry and Wait."""
        path = at(repository, "pulls?state=open&sort=created&direction=asc")
        rows = await self._installation(repository).rows(path, _Numbered)
        numbers = dict.fromkeys(row.number for row in rows)  # a page may shift while we read
        return tuple(PullKey(repository, number) for number in numbers)

    async def moved_pulls(
        self, repository: Repository, seen: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]:
        """Pulls that changed after a run read them, and open ones that were never read.

        seen: pull -> its `updated_at` when a run last read it. Raises Gone, Retry and Wait.
        """
        return await pulls.pulls(self._installation(repository), repository, seen)

    async def moved_follow_ups(
        self, repository: Repository, checked: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]:
        """Pulls whose follow-ups' issues changed after a run. Raises Gone, Retry and Wait.

        checked: pull -> when a run last read it.
        """
        us = Identity(self._app_id, self._bot_login)
        return await follow_ups.moved(self._installation(repository), repository, checked, us)

    async def installations(self) -> tuple[int, ...]:
        """All installations of the App that are not suspended. Raises Gone, Retry and Wait."""
        return tuple(dict.fromkeys(one.id for one in await self.installed()))

    async def installed(self) -> tuple[Installed, ...]:
        """The same, with what GitHub says of each. Raises Gone, Retry and Wait."""
        found = await app.installations(self._tokens)
        return tuple(one for one in found if one.suspended_at is None)

    def ahead_seconds(self) -> float:
        """GitHub's clock minus ours, by its last answers; 0 if ours is good enough."""
        return self._tokens.ahead_seconds

    async def repositories(self, installation_id: int) -> tuple[Repository, ...]:
        """The repositories of an installation, without archived ones. Raises Gone, Retry, Wait."""
        rows = await self._rows(installation_id)
        return tuple(
            Repository(installation_id, row.id, row.full_name) for row in rows if not row.archived
        )

    async def _rows(
        self, installation_id: int, most_pages: int = MOST_PAGES
    ) -> tuple[_RepositoryRow, ...]:
        api = self._installation(installation_id)

        async def page(number: int) -> tuple[list[_RepositoryRow], Answer]:
            path = f"installation/repositories?per_page={PAGE}&page={number}"
            found, answer = await api.get(path, _Repositories)
            return found.repositories, answer

        return await whole(page, most_pages=most_pages)

    async def repository(self, full_name: str) -> Repository:
        """The repository of this name, "OWNER/NAME". Raises Gone (out of reach), Retry and Wait."""
        path = "/".join(quote(part, safe="") for part in full_name.split("/"))
        id = await app.installation_of(self._tokens, path)
        found, _ = await self._installation(id).get(f"repos/{path}", _RepositoryRow)
        return Repository(id, found.id, found.full_name)

    async def attempts(self, cursor: str) -> Page:
        """A page of the attempts at deliveries, newest first; "" is the first one.

        Raises Gone (this GitHub does not list them) and Retry.
        """
        return await app.attempts(self._tokens, cursor)

    async def redeliver(self, attempt_id: int) -> bool:
        """Ask for another attempt; False if GitHub no longer keeps it. Raises Retry."""
        return await app.redeliver(self._tokens, attempt_id)

    def _installation(self, of: Repository | int) -> Installation:
        id = of if isinstance(of, int) else of.installation_id
        if id not in self._installations:
            self._installations[id] = Installation(
                self._outage, self._tokens, Budget(self._limits), id, self._cache
            )
        return self._installations[id]


class Standing(StrEnum):
    """Whether GitHub knows this App."""

    ASKED = "asked"
    KNOWN = "known"
    UNREACHABLE = "unreachable"  # deliveries are stored and wait
    REFUSED = "refused"
    SET_UP = "set-up"  # there is no App yet


class BotLogin:
    """The login the App writes under; calling it returns "" until `learn` has asked GitHub."""

    def __init__(self) -> None:
        self._login = ""
        self._standing = Standing.ASKED

    def __call__(self) -> str:
        return self._login

    def standing(self) -> Standing:
        """Whether GitHub knows the App, by its last answer."""
        return self._standing

    async def learn(self, github: GitHub) -> None:
        """Ask GitHub until the login is known; GitHub may be down while ghapp starts."""
        pause = LEAST_PAUSE_SECONDS
        while not self._login:
            try:
                self._login = f"{await github.app()}[bot]"
                self._standing = Standing.KNOWN
            except (Retry, Wait, Gone) as error:
                # A Retry with less is for a host that is out of reach.
                refused = isinstance(error, Gone) or (
                    isinstance(error, Retry) and error.after_seconds >= WRONG_KEY_SECONDS
                )
                self._standing = Standing.REFUSED if refused else Standing.UNREACHABLE
                fix = UNKNOWN_APP if refused else REACHED_BY
                log.error("GitHub does not say who this App is", reason=str(error), fix=fix)
                await asyncio.sleep(
                    max(pause, error.after_seconds if isinstance(error, Wait) else 0.0)
                )
                pause = min(2 * pause, MOST_PAUSE_SECONDS)
