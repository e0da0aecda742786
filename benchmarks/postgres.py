"""A PostgreSQL of the benchmarks' own, as it comes: commits are on disk when they are answered."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

PATIENCE_SECONDS = 30.0
OPTIONS = ("listen_addresses=", "max_connections=200")
_numbers = itertools.count(1)


class Cluster:
    """A server in a temporary folder, reached by a Unix socket."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ghapp-benchmark-pg-"))
        # PostgreSQL refuses root, so root runs it as another user.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        programs, data = _programs(), self._folder / "data"
        subprocess.run(
            [str(programs / "initdb"), "-D", str(data), "-U", "ghapp", "-A", "trust"],
            check=True, capture_output=True, user=self._user, cwd=self._folder,
        )  # fmt: skip
        options = [word for option in OPTIONS for word in ("-c", option)]
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", self._folder, *options],
                stdout=log, stderr=log, user=self._user, cwd=self._folder,
            )  # fmt: skip
        ready = [str(programs / "pg_isready"), "-q", "-t", "1", "-h", str(self._folder)]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while subprocess.run(ready, check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError((self._folder / "log").read_text())

    @property
    def pid(self) -> int:
        return self._server.pid

    def url(self, name: str) -> str:
        return f"postgresql://ghapp@/{name}?host={self._folder}"

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def remove(self) -> None:
        self._server.send_signal(signal.SIGINT)
        self._server.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)  # it may be gone with all that is temporary


def _programs() -> Path:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        raise FileNotFoundError("initdb is neither under /usr/lib/postgresql nor on PATH")
    return Path(on_path).resolve().parent


@functools.cache
def cluster() -> Cluster:
    """One for the whole run, removed at its end."""
    made = Cluster()
    atexit.register(made.remove)
    return made


@contextmanager
def database() -> Iterator[str]:
    """The address of a fresh, empty database."""
    name = f"ghapp_{next(_numbers)}"
    cluster().sql(f"CREATE DATABASE {name}")
    try:
        yield cluster().url(name)
    finally:
        cluster().sql(f"DROP DATABASE {name} WITH (FORCE)")
