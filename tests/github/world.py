"""acme/shop on an emulator GitHub, and our client for it, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from benchmarks.clock import Clock
from ghapp.core.model import PullKey, Repository
from ghapp.core.policy.policy import Rules
from ghapp.core.records import History, PolicySource
from ghapp.core.review.facts import Facts
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Pull
from ghapp.emulator.server import EmulatorServer
from ghapp.github.client import GitHub
from ghapp.settings import Endpoint
from tests.support import PRIVATE_KEY

T = TypeVar("T")
APP_ID, BOT = 7, "ghapp[bot]"
RULES = Rules(packs=(), default_mode="advise")


class World:
    """people: sam and pat (asked, not yet in) of team sre; ann writes, mia maintains, eve reads."""

    def __init__(self, **more: Any) -> None:
        self.now = Clock()
        self.github = Emulator(app_id=APP_ID, clock=self.now, private_key=PRIVATE_KEY, **more)
        self._server = EmulatorServer(self.github)
        self.url = self._server.start()
        self.shop = self.github.repository("acme/shop", {"README.md": "# shop\n", "db/1.sql": ""})
        self.github.team("acme", "sre", ["sam"], pending=["pat"])
        for login, role in {"ann": "write", "mia": "maintain", "eve": "read"}.items():
            self.shop.collaborator(login, role)
        self.repository = Repository(1, self.shop.id, "acme/shop")

    def pull(self, **more: Any) -> Pull:
        """A new pull by ann."""
        files = {"db/1.sql": "ALTER TABLE orders ADD points INT;\n", "app.py": "points = 1\n"}
        return self.shop.open_pull(**{"author": "ann", "branch": "feat", "files": files, **more})

    def key(self, pull: Pull) -> PullKey:
        return PullKey(self.repository, pull.number)

    def run(self, story: Callable[[GitHub], Awaitable[T]], **more: Any) -> T:
        """What the story returns; each one has a client, and so a token cache, of its own."""

        async def told() -> T:
            more.setdefault("private_key", self.github.private_key)
            async with GitHub(Endpoint(self.url), more.pop("app_id", APP_ID), **more) as client:
                return await story(client)

        return asyncio.run(told())

    def gather(self, pull: Pull, history: History | None = None, **more: Any) -> Facts:
        """The facts. Unless the history has more, acme was just found to have no policy."""
        known = history or History(opened=True)
        own = known.policy or PolicySource()
        if own.organisation is None:
            absent = PolicySource(read_at=self.now())
            known = replace(known, policy=replace(own, organisation=absent))
        return self.run(lambda client: client.gather(self.key(pull), known, RULES), **more)

    def close(self) -> None:
        self._server.stop()
