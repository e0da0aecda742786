"""A GitHub without its repositories: accounts, teams, the App, its installations and tokens."""

from __future__ import annotations

import functools
import itertools
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Locked(Protocol):
    @property
    def lock(self) -> RLock: ...


S = TypeVar("S", bound=Locked)


def locked(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """The method, run while holding `self.lock`: requests, people and tests take turns."""

    @functools.wraps(method)
    def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return run


@dataclass(slots=True)
class User:
    """kind: User, Bot or Organization."""

    id: int
    login: str
    kind: str = "User"


@dataclass(slots=True)
class Team:
    """members: logins; pending: logins of people who have not accepted their invitation."""

    id: int
    organization: User
    slug: str
    created_at: datetime
    members: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)


@dataclass(slots=True)
class App:
    """permissions: what the App asks for, as {"checks": "write"}."""

    id: int
    slug: str
    name: str
    owner: User
    bot: User
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: datetime


@dataclass(slots=True)
class Installation:
    """permissions: what the account granted, which may lag behind what the App asks for.

    selection: all | selected, of its repositories. is_guarded: by single sign-on, so that it is
    hidden from people, none of whom has an active session there.
    """

    id: int
    account: User
    permissions: dict[str, str]
    created_at: datetime
    selection: str = "all"
    suspended_at: datetime | None = None
    suspended_by: User | None = None
    is_guarded: bool = False


@dataclass(slots=True)
class Token:
    """An installation access token, or a person's.

    installation: None for a person's. repositories: ids, None for all that it may have. user: whose
    it is, None for an installation's.
    """

    installation: Installation | None
    permissions: dict[str, str]
    expires_at: datetime
    repositories: frozenset[int] | None = None
    user: User | None = None


class Site(ABC):
    """What repositories need to know of the GitHub that they are on.

    lock: held by whatever reads or changes state. ids: of what is made from now on.
    token_seconds: how long an installation token lives.
    """

    def __init__(
        self,
        app_id: int,
        slug: str,
        *,
        permissions: dict[str, str],
        events: tuple[str, ...],
        clock: Callable[[], datetime],
        token_seconds: float,
        beside: Site | None = None,
    ) -> None:
        self.clock = clock
        self.token_seconds = token_seconds
        self.tokens: dict[str, Token] = {}
        self.lock: RLock = beside.lock if beside else RLock()
        # By lower-case login; by lower-case organization, and slug; by number.
        self.users: dict[str, User] = beside.users if beside else {}
        self.teams: dict[tuple[str, str], Team] = beside.teams if beside else {}
        self.installations: dict[int, Installation] = beside.installations if beside else {}
        self.ids: Iterator[int] = beside.ids if beside else itertools.count(1_000_001)
        self.app: App
        if beside:
            self.app = beside.app
            return
        owner = self.user("platform-team", kind="Organization")
        bot = self.user(f"{slug}[bot]")
        self.app = App(app_id, slug, slug, owner, bot, permissions, events, self.now())

    @abstractmethod
    def emit(
        self,
        event: str,
        action: str | None,
        sender: User,
        installation: Installation | None,
        parts: Mapping[str, object],
    ) -> None:
        """Report to the App what just happened.

        parts: the state that the payload shows, by the payload's keys.
        """

    def now(self) -> datetime:
        return self.clock()

    def new_id(self) -> int:
        return next(self.ids)

    @locked
    def user(self, login: str, *, kind: str = "User") -> User:
        """The account of this name, made if missing. Case does not tell names apart."""
        key = login.lower()
        if key not in self.users:
            kind = "Bot" if login.endswith("[bot]") else kind
            self.users[key] = User(self.new_id(), login, kind)
        return self.users[key]

    @locked
    def team(
        self,
        organization: str,
        slug: str,
        members: Iterable[str] = (),
        pending: Iterable[str] = (),
    ) -> Team:
        """A team, made if missing; its members are replaced."""
        owner = self.user(organization, kind="Organization")
        key = (owner.login.lower(), slug)
        if key not in self.teams:
            self.teams[key] = Team(self.new_id(), owner, slug, self.now())
        team = self.teams[key]
        team.members = {self.user(login).login for login in members}
        team.pending = {self.user(login).login for login in pending}
        return team

    def is_member(self, organization: User, user: User) -> bool:
        return any(
            team.organization is organization and user.login in team.members
            for team in self.teams.values()
        )

    @locked
    def installation(self, number: int, account: str) -> Installation:
        """An installation, made without a delivery if missing."""
        if number not in self.installations:
            owner = self.user(account, kind="Organization")
            granted = dict(self.app.permissions)
            self.installations[number] = Installation(number, owner, granted, self.now())
        return self.installations[number]

    @locked
    def grant(self, number: int, permissions: dict[str, str]) -> None:
        """What the account grants from now on; existing tokens may do no more than that.

        Source: https://docs.github.com/apps/using-github-apps/reviewing-and-modifying-installed-github-apps
        """
        installation = self.installations[number]
        installation.permissions = dict(permissions)
        for token in self.tokens.values():
            if token.installation is installation:
                token.permissions = dict(permissions)

    @locked
    def new_token(
        self,
        installation: Installation,
        permissions: dict[str, str] | None = None,
        repositories: frozenset[int] | None = None,
    ) -> tuple[str, Token]:
        """The token as the App sends it, and what it may do."""
        name = "ghs_" + secrets.token_urlsafe(27)
        expires_at = self.now() + timedelta(seconds=self.token_seconds)
        granted = permissions or dict(installation.permissions)
        token = self.tokens[name] = Token(installation, granted, expires_at, repositories)
        return name, token

    @locked
    def personal_token(self, login: str, permissions: dict[str, str]) -> str:
        """A fine-grained token of a person, as the person hands it to a program."""
        name = "github_pat_" + secrets.token_urlsafe(27)
        expires_at = self.now() + timedelta(days=30)
        granted = {"metadata": "read", **permissions}
        self.tokens[name] = Token(None, granted, expires_at, user=self.user(login))
        return name

    @locked
    def expire_tokens(self) -> None:
        self.tokens.clear()
