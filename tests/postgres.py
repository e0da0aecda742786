"""A PostgreSQL of the tests' own: a cluster in a temporary folder, reached by a Unix socket."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE_SECONDS = 30.0
REQUIRED = os.environ.get("GHAPP_TEST_REQUIRE") == "all"
# fsync is for power cuts, which tests do not make: what a crashed server wrote, the kernel has.
OPTIONS = ("fsync=off", "max_connections=60", "shared_buffers=16MB")
_numbers = itertools.count(1)


class Cluster:
    """A server and its databases. PostgreSQL refuses root, so root runs it as another user.

    address: where it listens beside its Unix socket, with everybody let in; "" is nowhere.
    Of all users only `guarded`, once somebody makes it, needs a password.
    """

    def __init__(self, programs: Path, address: str = "") -> None:
        self._programs = programs
        self._address = address
        self._folder = Path(tempfile.mkdtemp(prefix="ghapp-pg-"))
        self._user = _unprivileged()
        if self._user:
            shutil.chown(self._folder, self._user)
        self._server: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", self._data, "-U", "ghapp", "-A", "trust", "--no-sync")
        rules = self._folder / "data/pg_hba.conf"
        others = "host all all samenet trust\n" if address else ""
        # The first rule that fits counts.
        rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}{others}")
        self.start()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        """Start the server; it takes connections when this returns."""
        given = (*OPTIONS, f"listen_addresses={self._address}")
        options = [word for option in given for word in ("-c", option)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-k", self._folder, *options],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._folder,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            log_text = (self._folder / "log").read_text()
            assert self._server.poll() is None, f"PostgreSQL did not start:\n{log_text}"
            assert time.monotonic() < deadline, f"PostgreSQL does not answer:\n{log_text}"

    def stop(self) -> None:
        """Stop the server, cutting its connections."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop it without a checkpoint, as a crash would: its next start recovers."""
        self._end(signal.SIGQUIT)

    def demote(self) -> None:
        """From now on a standby, of a server that is gone."""
        self.stop()
        signal_file = self._folder / "data" / "standby.signal"
        signal_file.touch()
        if self._user:
            shutil.chown(signal_file, self._user)
        self.start()

    def promote(self) -> None:
        """It takes writes when this returns."""
        self.sql("SELECT pg_promote()")

    def _end(self, how: signal.Signals) -> None:
        if self._server:
            self._server.send_signal(how)
            self._server.wait(PATIENCE_SECONDS)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """Over the address where it has one, else over its Unix socket."""
        if self._address:
            return f"postgresql+psycopg://ghapp@{self._address}/{database}"
        return f"postgresql+psycopg://ghapp@/{database}?host={self._folder}"

    def create(self, database: str) -> None:
        self.sql(f"CREATE DATABASE {database}")

    def drop(self, database: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def sql(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        where = f"host={self._folder} user=ghapp dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _answers(self) -> bool:
        ready = [self._programs / "pg_isready", "-q", "-t", "1", "-h", self._folder]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            cwd=self._folder,
        )
        assert done.returncode == 0, done.stderr


def _unprivileged() -> str | None:
    return "nobody" if os.geteuid() == 0 else None


def programs() -> Path | None:
    """Where the server's programs are; None where there are none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The cluster; the test is skipped where PostgreSQL is missing, unless all is required."""
    found = programs()
    if found is None:
        missing = "PostgreSQL (initdb) is neither under /usr/lib/postgresql nor on PATH"
        pytest.fail(missing) if REQUIRED else pytest.skip(missing)
    cluster = Cluster(found)
    yield cluster
    cluster.remove()


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """A fresh, empty database."""
    name = f"ghapp_{next(_numbers)}"
    postgres.create(name)
    yield postgres.url(name)
    postgres.drop(name)
