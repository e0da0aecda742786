"""Accounts, teams, installations and their tokens."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import RLock

from ghapp.emulator.locking import locked
from ghapp.emulator.state import App, Installation, Team, Token, User


class Accounts:
    """Who there is, and who may call as the App.

    token_seconds: how long an installation token lives.
    """

    def __init__(self, clock: Callable[[], datetime], token_seconds: float) -> None:
        self.lock = RLock()
        self.clock = clock
        self.token_seconds = token_seconds
        self.users: dict[str, User] = {}
        self.teams: dict[tuple[str, str], Team] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self._ids = itertools.count(1_000_001)

    def now(self) -> datetime:
        return self.clock()

    def new_id(self) -> int:
        return next(self._ids)

    def new_app(
        self, number: int, slug: str, permissions: dict[str, str], events: tuple[str, ...]
    ) -> App:
        owner = self.user("platform-team", kind="Organization")
        bot = self.user(f"{slug}[bot]", kind="Bot")
        return App(number, slug, slug, owner, bot, permissions, events, self.now())

    @locked
    def user(self, login: str, *, kind: str = "User") -> User:
        """The account of this name, made when missing; names differ by more than case."""
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
        """A team; asked for again, its members are replaced."""
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
    def installation(self, number: int, account: str, app: App) -> Installation:
        """An installation, made without a delivery when missing."""
        if number not in self.installations:
            owner = self.user(account, kind="Organization")
            granted = dict(app.permissions)
            self.installations[number] = Installation(number, owner, granted, self.now())
        return self.installations[number]

    @locked
    def grant(self, number: int, permissions: dict[str, str]) -> None:
        """What the account grants from now on; tokens that there are may do no more than that.

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
        name = "ghs_" + secrets.token_urlsafe(27)
        until = self.now() + timedelta(seconds=self.token_seconds)
        granted = permissions or dict(installation.permissions)
        token = self.tokens[name] = Token(installation, granted, until, repositories)
        return name, token

    @locked
    def expire_tokens(self) -> None:
        self.tokens.clear()
