"""A GitHub with two installations, ghapp in several processes, and one database."""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.databases import Database, database
from benchmarks.reliability.processes import Process, free_port
from benchmarks.review import policy
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Repository
from ghapp.emulator.server import EmulatorServer
from ghapp.github.client import GitHub
from ghapp.observer import Observer
from ghapp.settings import Endpoint
from ghapp.store import Store
from ghapp.worker.redelivery import Bounds, redelivered

SECRET = "a secret for benchmarks"
AREAS = tuple(f"area-{number}" for number in range(4))
REPOSITORIES = {"acme/shop": 1, "acme/stock": 1, "umbrella/pay": 2, "umbrella/mail": 2}
WRITERS, REVIEWERS, READER = ("ann", "bob"), ("sam", "sue"), "eve"
PROCESSES = {"sqlite": ("serve",), "postgresql": ("web", "web", "work", "work")}
ARGUMENTS = {"serve": ("serve",), "web": ("serve", "--no-worker"), "work": ("work",)}
LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Place:
    """All that one scenario runs in."""

    github: Emulator
    database: Database
    folder: Path
    processes: list[Process]
    repositories: list[Repository]

    @property
    def webs(self) -> list[Process]:
        return [one for one in self.processes if one.port]

    def aim(self, chance: random.Random) -> None:
        """Have GitHub send to a web process that is up, as far as a balancer would know."""
        up = [one for one in self.webs if one.is_alive and one.is_ready]
        self.github.listen(f"{chance.choice(up or self.webs).url}/webhook")

    def dirty(self) -> int:
        """Keys that are not worked off, and not given up either."""
        query = "SELECT count(*) FROM keys WHERE generation > done_generation AND parked_at = 0"
        found: int = self.database.rows(query)[0][0]
        return found

    def settle(self, patience_seconds: float = 900.0) -> None:
        """Wait until all is delivered and worked off; what failed is redelivered by ghapp itself.

        Only its pauses are cut short: between rounds, and between one delivery and the next.
        """
        until("all answered", lambda: self.github.deliveries.idle, patience_seconds)
        deadline = time.monotonic() + patience_seconds
        while missing := self.undelivered():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(missing)} deliveries never came")
            self.database.change(
                "UPDATE failed_deliveries SET due = 1 WHERE due > 0 AND NOT settled"
            )
            asyncio.run(self._redeliver())
            until("all answered", lambda: self.github.deliveries.idle, patience_seconds)
        until("all worked off", self.quiet, patience_seconds)

    async def _redeliver(self) -> None:
        store = await Store.open(self.database.url)
        try:
            github = self.github
            api_url, app = self.processes[0].environment["GHAPP_GITHUB_API_URL"], github.app
            endpoint = Endpoint(api_url)
            async with GitHub(endpoint, app.id, github.private_key, limits="off") as client:
                await redelivered(store, client, Observer(), Bounds(pause_seconds=0.0))
        finally:
            await store.close()

    def quiet(self) -> bool:
        """Whether nothing is on its way, nor was a moment ago: what we write comes back to us."""
        for _ in range(3):
            if not self.github.deliveries.idle or self.dirty():
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def undelivered(self) -> set[str]:
        """GUIDs of deliveries that nobody took, at no attempt.

        One that is stored was taken, although GitHub may have heard nothing of that.
        """
        attempts = list(self.github.deliveries.all)
        taken = {one.guid for one in attempts if 200 <= one.status_code < 300}
        missing = {one.guid for one in attempts} - taken
        return missing - self.stored() if missing else missing

    def stored(self) -> set[str]:
        """GUIDs of the deliveries in the database."""
        return {id for (id,) in self.database.rows("SELECT id FROM deliveries")}


def until(what: str, true: Callable[[], bool], patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {patience_seconds:.0f} s: {what}")
        time.sleep(LOOK_SECONDS)


@contextmanager
def placed(
    kind: str, *, latency_seconds: float = 0.0, kinds: Sequence[str] = (), **more: str
) -> Iterator[Place]:
    """Everything started, and ended when left. kinds: of processes, else those of PROCESSES."""
    with tempfile.TemporaryDirectory(prefix="ghapp-reliability-") as name:
        folder = Path(name)
        github = Emulator(webhook_secret=SECRET, latency_seconds=latency_seconds)
        server = EmulatorServer(github)
        api_url = server.start()
        github.deliveries.start(4)
        try:
            with database(kind, folder) as found:
                environment = _environment(github, api_url, found) | more
                processes = _processes(kinds or PROCESSES[kind], environment, folder)
                made = Place(github, found, folder, processes, [])
                try:
                    _start(made)
                    yield made
                finally:
                    _end(made)
        finally:
            server.stop()
            github.close()


def _environment(github: Emulator, api_url: str, found: Database) -> dict[str, str]:
    return {
        "GHAPP_APP_ID": str(github.app.id),
        "GHAPP_PRIVATE_KEY": github.private_key,
        "GHAPP_WEBHOOK_SECRET": SECRET,
        "GHAPP_GITHUB_API_URL": api_url,
        "GHAPP_GITHUB_LIMITS": "off",
        "GHAPP_DATABASE_URL": found.url,
    }


def _processes(kinds: Sequence[str], environment: dict[str, str], folder: Path) -> list[Process]:
    return [
        Process(
            f"{kind}-{number}",
            ARGUMENTS[kind],
            environment,
            folder / f"{kind}-{number}.log",
            port=0 if kind == "work" else free_port(),
        )
        for number, kind in enumerate(kinds, 1)
    ]


def _start(place: Place) -> None:
    for one in place.processes:
        one.start()
    for one in place.processes:
        one.await_ready()
    place.aim(random.Random(1))  # noqa: S311  # a load, no secret
    for full_name, installation in REPOSITORIES.items():
        owner = full_name.partition("/")[0]
        place.github.team(owner, "sre", members=REVIEWERS)
        files = {".github/nfr.yml": policy(list(AREAS)), "README.md": "# here\n"}
        made = place.github.repository(full_name, files, installation_id=installation)
        for login in (*WRITERS, *REVIEWERS):
            made.collaborator(login, "write")
        made.collaborator(READER, "read")
        place.repositories.append(made)


def _end(place: Place) -> None:
    ending = [threading.Thread(target=one.end) for one in place.processes if one.is_alive]
    for thread in ending:
        thread.start()
    for thread in ending:
        thread.join()
