"""A GitHub, a ghapp and the people between them, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from benchmarks.clock import Clock
from ghapp.bootstrap import serving, swept
from ghapp.cli import app
from ghapp.core.decide import CLOCKS_DIFFER
from ghapp.emulator.deliveries import Delivery
from ghapp.emulator.git import Files
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Pull, Repository
from ghapp.emulator.server import EmulatorServer
from ghapp.github.webhook import parse
from ghapp.settings import Settings
from ghapp.store import MAX_ATTEMPTS, Store
from ghapp.store.schedule import take_turn
from ghapp.worker import redelivery, schedule
from ghapp.worker.schedule import EVERY_SECONDS
from tests.store.stores import changed
from tests.support import PRIVATE_KEY, sqlite_at

SECRET = "a secret for tests"
PATIENCE_SECONDS = 60.0  # for machines that have much else to do
MIGRATION = "db/migrate/20260401_add_points.sql"
RISKY = (
    "ALTER TABLE orders ADD COLUMN points INT NOT NULL DEFAULT 0;\n"
    "CREATE INDEX i ON orders (points);\n"
)
ENFORCE = "version: 1\nmode: enforce\nreviewers: {teams: [sre]}\n"
TEAMS = {"sre": ["sam", "sue"], "dba": ["dan", "dee"], "sre-leads": ["lea"]}


class Ghapp:
    """The real server in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self.settings) as self.url:
            self._ready.set()
            await self._stop.wait()

    def start(self) -> str:
        self._thread.start()
        assert self._ready.wait(PATIENCE_SECONDS), "ghapp did not start"
        return self.url

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "ghapp did not stop"


@dataclass(frozen=True, slots=True)
class Host:
    """base, certificate: of the emulator's server. github: arguments of the emulator itself."""

    base: str = ""
    certificate: tuple[str, str] | None = None
    github: dict[str, Any] = field(default_factory=dict)


class World:
    """acme/shop with people, and a ghapp that listens.

    Ann and Bob write, Sam and Sue are team sre, Dan and Dee team dba, Lea sre-leads. Eve reads.
    on: how its GitHub differs from github.com. more: variables of the environment.
    """

    def __init__(
        self, folder: Path, policy: str | None = ENFORCE, *, on: Host | None = None, **more: str
    ) -> None:
        host = on or Host()
        self.clock = Clock()
        self.github = Emulator(
            webhook_secret=SECRET, clock=self.clock, private_key=PRIVATE_KEY, **host.github
        )
        self._server = EmulatorServer(self.github, base=host.base, certificate=host.certificate)
        self.html_url = self._server.start()
        self.api_url = self._server.api_url
        self.environment = {
            "GHAPP_APP_ID": str(self.github.app.id),
            "GHAPP_PRIVATE_KEY": self.github.private_key,
            "GHAPP_WEBHOOK_SECRET": SECRET,
            "GHAPP_GITHUB_API_URL": self.api_url,
            "GHAPP_DATA_DIR": str(folder),
            "GHAPP_LOG_FORMAT": "off",
            "PORT": "0",
            **more,
        }
        self.ghapp: Ghapp | None = None
        self.repository = self.shop("shop", policy)

    def shop(self, name: str, policy: str | None) -> Repository:
        """A repository of acme with these people in it."""
        for team, members in TEAMS.items():
            self.github.team("acme", team, members=members)
        files = {"app/orders.py": "total = sum\n", "README.md": "# shop\n", "db/schema.sql": ""}
        if policy is not None:
            files[".github/nfr.yml"] = policy
        made = self.github.repository(f"acme/{name}", files)
        for login in ("ann", "bob", *(one for members in TEAMS.values() for one in members)):
            made.collaborator(login, "write")
        made.collaborator("eve", "read")
        return made

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    def start(self) -> None:
        file = Path(self.environment["GHAPP_DATA_DIR"]) / "ghapp.sqlite3"
        if file.parent.is_dir() and not file.exists():
            sqlite_at(file)
        self.ghapp = Ghapp(self.settings)
        self.github.listen(f"{self.ghapp.start()}/webhook")

    def stop(self) -> None:
        if self.ghapp:
            self.ghapp.stop()
            self.ghapp = None

    def close(self) -> None:
        self.stop()
        self._server.stop()
        self.github.close()

    # --- what people do --------------------------------------------------------------------

    def open(self, files: dict[str, str] | None = None, **more: object) -> Pull:
        """Ann's feature pull with a risky migration."""
        return opened(self.repository, files, **more)

    def say(self, pull: Pull, body: str, by: str = "sam") -> int:
        """A comment by someone who has seen the marks as they are now."""
        self.clock.forward()
        return pull.comment(body, by)

    def days_pass(self, days: int) -> None:
        """Set the clock forward, and let a sweep find what is to be checked again by now."""
        self.clock.forward(timedelta(days=days).total_seconds())
        # The sweep goes by the database's clock, which is not set forward. A review is checked some
        # minutes after the day began, which must not fail in the first minutes of a day.
        url, over = self.settings.database_url, self.clock() + 2 * CLOCKS_DIFFER
        due = f"recheck_at > 0 AND recheck_at <= {over.timestamp():.0f}"
        changed(url, f"UPDATE reviews SET recheck_at = 1 WHERE {due}")
        changed(url, "UPDATE keys SET started_at = 0")
        swept(self.settings)
        self.settle()

    def settle(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every delivery is answered and no key is dirty any more.

        What ghapp writes last may be delivered again, as a merge queue's next head is.
        """
        deliveries, before = self.github.deliveries, -1
        while before != len(deliveries.all) or not deliveries.idle:
            before = len(deliveries.all)
            self.github.settle(patience_seconds)
            self.until("every key worked off", lambda: self.ready()["dirty"] == 0, patience_seconds)

    def ready(self) -> dict[str, object]:
        assert self.ghapp is not None
        with urllib.request.urlopen(f"{self.ghapp.url}/readyz", timeout=PATIENCE_SECONDS) as answer:
            found: dict[str, object] = json.load(answer)
        return found

    def until(
        self, what: str, true: Callable[[], bool], patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        deadline = time.monotonic() + patience_seconds
        while not true():
            assert time.monotonic() < deadline, f"not within {patience_seconds} s: {what}"
            time.sleep(0.01)


def command(world: World, *words: str, charset: str = "utf-8", **more: str) -> Result:
    """How `ghapp WORDS` ends with the settings of a world, in this process."""
    bare = {name: None for name in os.environ if name.startswith("GHAPP_")}
    environment = {**bare, **world.environment, **more}
    return CliRunner(charset=charset).invoke(app, words, env=environment)


def opened(repository: Repository, files: Files | None = None, **more: object) -> Pull:
    """Ann's feature pull with a risky migration, unless told otherwise."""
    values: dict[str, object] = {
        "author": "ann",
        "branch": "feat/points",
        "title": "feat: points",
        "files": {MIGRATION: RISKY} if files is None else files,
    }
    if "branch" in more and files is None:  # else equal files were one and the same commit
        values["files"] = {MIGRATION: f"{RISKY}-- {more['branch']}\n"}
    return repository.open_pull(**(values | more))  # type: ignore[arg-type]


@contextmanager
def running(
    folder: Path, policy: str | None = ENFORCE, *, on: Host | None = None, **more: str
) -> Iterator[World]:
    world = World(folder, policy, on=on, **more)
    try:
        world.start()
        yield world
    finally:
        world.close()


def in_store(world: World, do: Callable[[Store], Awaitable[object]]) -> None:
    """Beside the running server, as another process would."""

    async def done() -> None:
        store = await Store.open(world.settings.database_url)
        await do(store)
        await store.close()

    asyncio.run(done())


def quiet(world: World) -> None:
    """What happens every few minutes does not begin by itself: the turns are taken."""
    for turn in (schedule.TURN, redelivery.TURN, schedule.ROLL_UP_TURN):
        in_store(
            world, lambda store, name=turn: store.records.write(take_turn, name, EVERY_SECONDS)
        )


async def almost_parked(world: World, deliveries: list[Delivery]) -> None:
    """Store the deliveries, and fail all attempts but the last."""
    store = await Store.open(world.settings.database_url)
    for delivery in deliveries:
        headers, body = world.github.signed(delivery)
        read = parse(headers, body, secrets=(SECRET,), app_id=world.github.app.id)
        await store.queue.accept(read)
    for _ in range(MAX_ATTEMPTS - 1):
        (claim,) = await store.queue.claim(1)
        await store.queue.fail(claim, after_seconds=0, reason="GitHub is down")
    await store.close()
