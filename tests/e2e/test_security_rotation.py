"""Every secret changes hands as docs/operations.md says, and no delivery is lost meanwhile."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from ghapp.emulator.github import new_private_key
from ghapp.emulator.repository import Pull
from tests.e2e.processes import Process
from tests.e2e.world import PATIENCE_SECONDS, World, conclusion, ours
from tests.postgres import Cluster

OLD, NEW = "the old secret", "the new secret"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, GHAPP_WEBHOOK_SECRET=OLD)
    made.github.deliveries.hook.secret = OLD
    try:
        yield made
    finally:
        made.close()


class Fleet:
    """Two servers on one database, behind an address that leads to one that runs."""

    def __init__(self, world: World, stack: ExitStack, **settings: str) -> None:
        self.world = world
        self.pulls: list[Pull] = []
        self._stack = stack
        self._running = [self._started(settings) for _ in range(2)]
        self._leads_to(self._running[0])
        self.open()

    def roll(self, **settings: str) -> None:
        """Restart one after the other with these settings, while people open pulls."""
        for place in range(2):
            self._leads_to(self._running[1 - place])
            former, self._running[place] = self._running[place], self._started(settings)
            self.open()
            former.terminate()
            self._leads_to(self._running[place])
            self.open()

    def open(self) -> None:
        number = len(self.pulls)
        self.pulls.append(self.world.open(branch=f"feat/{number}"))
        self.world.github.settle(PATIENCE_SECONDS)

    def opening(self) -> tuple[dict[str, str], bytes]:
        """Headers and body of the newest pull's delivery; what ghapp writes is delivered, too."""
        every = self.world.github.deliveries.all
        opened = [one for one in every if (one.event, one.action) == ("pull_request", "opened")]
        return self.world.github.signed(opened[-1])

    def answers(self, body: bytes, headers: dict[str, str]) -> list[int]:
        """What each of them says to this delivery."""
        told = []
        for one in self._running:
            sent = {**headers, "X-GitHub-Delivery": str(uuid.uuid4())}
            where = f"{one.url}/webhook"
            answer = httpx.post(where, content=body, headers=sent, timeout=PATIENCE_SECONDS)
            told.append(answer.status_code)
        return told

    def _leads_to(self, process: Process) -> None:
        self.world.github.listen(f"{process.url}/webhook")

    def _started(self, settings: dict[str, str]) -> Process:
        process = Process(self.world, "serve", **settings)
        self._stack.callback(process.end)
        return process


def role(postgres: Cluster, url: str) -> tuple[str, str, str]:
    """A user that owns the database, another who acts as it, and that one's address."""
    name = url.partition("@/")[2].partition("?")[0]
    postgres.sql(f"CREATE ROLE {name}_user LOGIN PASSWORD 'first'")
    postgres.sql(f"ALTER DATABASE {name} OWNER TO {name}_user")
    return f"{name}_user", f"{name}_next", url.replace("ghapp@", f"{name}_next:second@")


def marked(pull: Pull) -> bool:
    return conclusion(pull) == "in progress"


def test_no_delivery_is_lost(world: World, postgres: Cluster, postgres_url: str) -> None:
    github = world.github
    user, following, next_url = role(postgres, postgres_url)
    url = postgres_url.replace("ghapp@", f"{user}:first@")
    with ExitStack() as stack:
        fleet = Fleet(world, stack, GHAPP_DATABASE_URL=url)
        # Both secrets sign, both keys and both users are valid; ghapp goes over to the new ones.
        github.former_key, github.private_key = github.private_key, new_private_key()
        postgres.sql(f"CREATE ROLE {following} LOGIN PASSWORD 'second' IN ROLE {user}")
        postgres.sql(f"ALTER ROLE {following} SET role TO {user}")
        new = {"GHAPP_PRIVATE_KEY": github.private_key, "GHAPP_DATABASE_URL": next_url}
        fleet.roll(GHAPP_WEBHOOK_SECRET=f"{NEW},{OLD}", **new)
        headers, body = fleet.opening()
        assert fleet.answers(body, headers) == [202, 202]
        github.deliveries.hook.secret = NEW
        fleet.open()
        # And the old ones end.
        fleet.roll(GHAPP_WEBHOOK_SECRET=NEW, **new)
        github.former_key = ""
        postgres.sql(f"ALTER ROLE {user} NOLOGIN")
        github.expire_tokens()
        fleet.open()
        assert fleet.answers(body, headers) == [401, 401]
        for pull in fleet.pulls:
            world.until("the marks", partial(marked, pull))
        github.settle(PATIENCE_SECONDS)
        lost = [one for one in github.deliveries.all if one.status_code // 100 != 2]
        assert [(one.event, one.action, one.status) for one in lost] == []
    assert [len(ours(pull)) for pull in fleet.pulls] == [1] * len(fleet.pulls)
    assert len(fleet.pulls) == 11
