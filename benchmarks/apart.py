"""An emulator in a process of its own, so that its work is neither counted nor waited for.

The state is built once in this process and forked for each contestant: all of them meet the very
same pulls.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from benchmarks.moments import Recording, branches
from ghapp.emulator.repository import Repository
from ghapp.emulator.server import EmulatorServer

T = TypeVar("T")
SECRET = "a secret for benchmarks"
POLICY = "version: 1\nmode: enforce\nreviewers: {teams: [sre]}\n"
LINES = "".join(f"value_{line} = compute({line})\n" for line in range(20))
FORK = multiprocessing.get_context("fork")


def built(groups: Mapping[str, tuple[int, int]]) -> Recording:
    """acme/shop with flagged pulls, none of them delivered.

    groups: name -> how many pulls, of how many files. All are closed until they are sent, else
    a sweep would find them before their deliveries come.
    """
    github = Recording(webhook_secret=SECRET)
    github.team("acme", "sre", members=["sam"])
    repository = github.repository("acme/shop", {".github/nfr.yml": POLICY, "README.md": "# shop"})
    for login in ("ann", "sam"):
        repository.collaborator(login, "write")
    with github.deliveries.lost():
        for group, (pulls, files) in groups.items():
            for number in range(pulls):
                open_pull(repository, f"{branches(group)}{number}", files)
    for pull in repository.pulls.values():
        pull.state = "closed"
    for delivery in github.deliveries.all:  # nobody has to ask for what the benchmark will send
        delivery.status, delivery.status_code = "OK", 202
    return github


def open_pull(repository: Repository, branch: str, files: int) -> None:
    """A feature pull of so many files, one of them a migration that is asked about."""
    changed = {
        f"src/part{at // 100}/module_{at:04}.py": f"# {at}\n{LINES}" for at in range(files - 1)
    }
    name = re.sub("[^a-z0-9]", "_", branch)
    changed[f"db/migrate/{name}.sql"] = f"ALTER TABLE {name} ADD COLUMN points INT;\n"
    repository.open_pull(author="ann", branch=branch, title=f"feat: {name}", files=changed)


class Apart:
    """A fork of an emulator that serves. ask: run a function there, on it."""

    def __init__(self, github: Recording, core: int | None = None) -> None:
        self.app_id, self.private_key = github.app.id, github.private_key
        ours, theirs = FORK.Pipe()
        self._pipe: Connection = ours
        self._process = FORK.Process(target=_serve, args=(github, theirs, core), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(60):
            raise TimeoutError("the emulator did not start")
        self.url: str = self._pipe.recv()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def ask(self, function: Callable[..., T], *arguments: object) -> T:
        """What the function gives for the emulator and the arguments. Raises what it raised."""
        self._pipe.send((function, arguments))
        good, value = self._pipe.recv()
        if not good:
            raise value
        found: T = value
        return found

    def stop(self) -> None:
        self._pipe.send(None)
        self._process.join(20)
        if self._process.is_alive():
            self._process.kill()


@contextmanager
def apart(github: Recording, core: int | None = None) -> Iterator[Apart]:
    """core: the one that it may use, else any."""
    process = Apart(github, core)
    try:
        yield process
    finally:
        process.stop()


def _serve(github: Recording, pipe: Connection, core: int | None) -> None:
    gc.freeze()
    if core is not None:
        os.sched_setaffinity(0, {core})
    server = EmulatorServer(github)
    url = server.start()
    _warm(github, url)
    github.records = True
    pipe.send(url)
    while (asked := pipe.recv()) is not None:
        pipe.send(_done(github, *asked))
    github.deliveries.close()
    pipe.close()


def _done(
    github: Recording, function: Callable[..., Any], arguments: tuple[object, ...]
) -> tuple[bool, Any]:
    try:
        return True, function(github, *arguments)
    except Exception as error:  # noqa: BLE001  # raised again where it was asked
        return False, error


def _warm(github: Recording, url: str) -> None:
    """Lists of files encoded before anyone asks: reading git is no part of what is measured."""
    (installation,) = github.installations.values()
    name, _ = github.new_token(installation, dict(installation.permissions), None)
    line = HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]))
    for repository in github.repositories.values():
        for pull in repository.pulls.values():
            for page in range(1, 2 + (len(pull.changes()) - 1) // 100):
                path = f"/repos/{repository.full_name}/pulls/{pull.number}/files"
                headers = {"Authorization": f"token {name}"}
                line.request("GET", f"{path}?per_page=100&page={page}", headers=headers)
                line.getresponse().read()
    line.close()
    github.calls.clear()


def until(true: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether it became true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
