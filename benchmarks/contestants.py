"""ghapp and its peers, each in processes of its own against the same emulator."""

from __future__ import annotations

import atexit
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.apart import SECRET, Apart
from benchmarks.postgres import cluster
from benchmarks.processes import Server
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.store.schedule import take_turn
from ghapp.worker import redelivery, schedule
from ghapp.worker.schedule import EVERY_SECONDS

PEERS = Path(__file__).parent / "peers"
# Of the peers alone: neither the product nor its tests need them.
REQUIREMENTS = ("aiohttp==3.14.5", "gidgethub==6.0.0", "pyyaml==6.0.3")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one runs. url: of its database, "" is SQLite in `folder`. port: 0 is any."""

    emulator: Apart
    folder: Path
    url: str
    port: int


@dataclass(frozen=True, slots=True)
class Contestant:
    """command: and environment. ready: the path that answers once it is. folder: where it runs.

    queue: the path that tells how many keys are dirty, where there is a queue.
    """

    name: str
    command: Callable[[], list[str]]
    environment: Callable[[Place], dict[str, str]]
    ready: str = "/healthz"
    queue: str = ""
    folder: Path | None = None
    needs_database: bool = False


def ghapp_environment(place: Place) -> dict[str, str]:
    where = {"GHAPP_DATA_DIR": str(place.folder / "data")}
    return {
        "GHAPP_APP_ID": str(place.emulator.app_id),
        "GHAPP_PRIVATE_KEY": place.emulator.private_key,
        "GHAPP_WEBHOOK_SECRET": SECRET,
        "GHAPP_GITHUB_API_URL": place.emulator.url,
        "GHAPP_GITHUB_LIMITS": "off",
        "PORT": str(place.port),
        **({"GHAPP_DATABASE_URL": place.url} if place.url else where),
    }


def _peer_environment(place: Place) -> dict[str, str]:
    return {
        "APP_ID": str(place.emulator.app_id),
        "PRIVATE_KEY": place.emulator.private_key,
        "WEBHOOK_SECRET": SECRET,
        "API_URL": place.emulator.url,
        "PORT": str(place.port),
        "NODE_ENV": "production",
    }


def ghapp_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "ghapp", *(words or ("serve",))]


def _gidgethub_command() -> list[str]:
    return [str(gidgethub_python()), str(PEERS / "gidgethub_bot.py")]


def _probot_command() -> list[str]:
    installed_probot()
    return [found("node"), "index.js"]


@cache
def gidgethub_python() -> Path:
    """A Python of an environment with gidgethub, made for this run."""
    folder = Path(tempfile.mkdtemp(prefix="ghapp-gidgethub-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run([found("uv"), "venv", "-q", "-p", version, str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [found("uv"), "pip", "install", "-q", "--python", str(python), *REQUIREMENTS]
    subprocess.run(command, check=True)
    return python


@cache
def installed_probot() -> None:
    """Its modules beside it, installed when missing."""
    folder = PEERS / "probot"
    if not (folder / "node_modules" / "probot").exists():
        words = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([found("npm"), *words], cwd=folder, check=True)


def found(program: str) -> str:
    """Where it is. Raises FileNotFoundError."""
    at = shutil.which(program)
    if at is None:
        raise FileNotFoundError(f"{program} is not installed, and the peers need it")
    return at


OURS, POSTGRESQL, GIDGETHUB, PROBOT = "ghapp SQLite", "ghapp PostgreSQL", "gidgethub", "Probot"
CONTESTANTS: dict[str, Contestant] = {
    one.name: one
    for one in (
        Contestant(OURS, ghapp_command, ghapp_environment, queue="/readyz"),
        Contestant(
            POSTGRESQL, ghapp_command, ghapp_environment, queue="/readyz", needs_database=True
        ),
        Contestant(GIDGETHUB, _gidgethub_command, _peer_environment),
        Contestant(PROBOT, _probot_command, _peer_environment, "/ping", folder=PEERS / "probot"),
    )
}


def before(folder: Path) -> str:
    """The name of ghapp as another checkout has it, from now on one of the contestants."""
    command = [str(folder.absolute() / ".venv" / "bin" / "python"), "-m", "ghapp", "serve"]
    name, where = "ghapp before", folder.absolute()
    CONTESTANTS[name] = Contestant(
        name, lambda: command, ghapp_environment, folder=where, queue="/readyz"
    )
    return name


class Running:
    """A contestant that takes deliveries; after a kill it starts again in the same place."""

    def __init__(self, contestant: Contestant, place: Place, core: int | None = None) -> None:
        self.contestant, self._place, self._core = contestant, place, core
        self.server = self._launched()

    def _launched(self) -> Server:
        one = self.contestant
        return Server(
            one.command(),
            one.environment(self._place),
            port=self._place.port,
            path=one.ready,
            core=self._core,
            folder=one.folder,
        )

    @property
    def webhook(self) -> str:
        return f"{self.server.url}/webhook"

    async def undisturbed(self) -> None:
        """No sweep and no redelivery of ghapp's begins for five minutes: their turns are taken.

        Both would read all open pulls shortly after the start, which is no part of an event.
        """
        if not self.contestant.queue:
            return
        settings = Settings.from_environment(self.contestant.environment(self._place))
        store = await Store.open(settings.database_url)
        await store.records.write(take_turn, schedule.TURN, EVERY_SECONDS)
        await store.records.write(take_turn, redelivery.TURN, EVERY_SECONDS)
        await store.close()

    def waiting(self) -> int:
        """How many keys its queue holds; 0 where it has none."""
        if not self.contestant.queue:
            return 0
        with urllib.request.urlopen(f"{self.server.url}{self.contestant.queue}") as answer:
            found: int = json.load(answer)["dirty"]
        return found

    def kill(self) -> None:
        self.server.kill()

    def stop(self) -> None:
        self.server.stop()

    def restart(self) -> None:
        self.server = self._launched()


@contextmanager
def started(name: str, emulator: Apart, core: int | None = None) -> Iterator[Running]:
    """Ready to take deliveries. core: the one that it may use, else any."""
    contestant = CONTESTANTS[name]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ghapp-benchmark-"))
        url = stack.enter_context(cluster().database()) if contestant.needs_database else ""
        running = Running(contestant, Place(emulator, Path(folder), url, free_port()), core)
        stack.callback(running.stop)
        yield running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
