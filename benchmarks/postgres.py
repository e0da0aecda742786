"""PostgreSQL in a temporary folder, for the benchmarks and the tests; it goes with them."""

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

PATIENCE_SECONDS = 30.0
MISSING = "PostgreSQL (initdb) is neither under /usr/lib/postgresql nor on PATH"
# As it comes: commits are on the disk when they are answered.
DURABLE = ("max_connections=200",)
# Power cuts, which tests do not cause, are what fsync is for: the kernel has what a crashed server
# wrote.
FAST = (
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=60",
    "shared_buffers=32MB",
)
_numbers = itertools.count(1)


def programs() -> Path | None:
    """The folder of the server's programs; None if PostgreSQL is not installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Cluster:
    """A server and its databases. PostgreSQL refuses root, so root runs it as another user.

    address: where it listens beside its Unix socket, with everybody let in; "" is nowhere.
    Of all users only `guarded`, once somebody creates it, needs a password.
    Raises FileNotFoundError if PostgreSQL is not installed.
    """

    def __init__(self, *, options: Sequence[str] = DURABLE, address: str = "") -> None:
        found = programs()
        if found is None:
            raise FileNotFoundError(MISSING)
        self._programs = found
        self._options = (*options, f"listen_addresses={address}")
        self._address = address
        self._folder = Path(tempfile.mkdtemp(prefix="ghapp-pg-"))
        self._user = "nobody" if os.geteuid() == 0 else None
        self._give(self._folder)
        self._server: subprocess.Popen[bytes] | None = None
        subprocess.run(
            [
                str(found / "initdb"), "-D", str(self._folder / "data"), "-U", "ghapp",
                "-A", "trust", "--no-sync",
            ],
            check=True, stdout=subprocess.DEVNULL, user=self._user, cwd=self._folder,
        )  # fmt: skip
        rules = self._folder / "data/pg_hba.conf"
        others = "host all all samenet trust\n" if address else ""
        # The first rule that fits counts.
        rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}{others}")
        self.start()

    @property
    def pid(self) -> int:
        assert self._server
        return self._server.pid

    def start(self) -> None:
        """Start the server; it takes connections when this returns."""
        options = [word for option in self._options for word in ("-c", option)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [
                    self._programs / "postgres", "-D", self._folder / "data", "-k", self._folder,
                    *options,
                ],
                stdout=log, stderr=log, user=self._user, cwd=self._folder,
            )  # fmt: skip
        ready = [str(self._programs / "pg_isready"), "-q", "-t", "1", "-h", str(self._folder)]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while subprocess.run(ready, check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError((self._folder / "log").read_text())
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server, which cuts its connections."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop it without a checkpoint, as a crash would: its next start recovers."""
        self._end(signal.SIGQUIT)

    def demote(self) -> None:
        """Restart it as a standby of a server that is gone."""
        self.stop()
        signal_file = self._folder / "data" / "standby.signal"
        signal_file.touch()
        self._give(signal_file)
        self.start()

    def promote(self) -> None:
        """Make a standby take writes."""
        self.sql("SELECT pg_promote()")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)  # it may be gone with all that is temporary

    def url(self, database: str) -> str:
        """Over the address if it has one, else over its Unix socket."""
        if self._address:
            return f"postgresql://ghapp@{self._address}/{database}"
        return f"postgresql://ghapp@/{database}?host={self._folder}"

    def create(self, database: str, *, template: str = "template1") -> None:
        with self._connected() as connection:
            # To copy files takes a quarter of the time, and needs to be asked for since version 15.
            how = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template} {how}".encode())

    def drop(self, database: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, which is dropped afterwards."""
        name = f"ghapp_{next(_numbers)}"
        self.create(name, template=template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def sql(self, statement: str, database: str = "postgres") -> None:
        with self._connected(database) as connection:
            connection.execute(statement.encode())

    def _connected(self, database: str = "postgres") -> psycopg.Connection:
        where = f"host={self._folder} user=ghapp dbname={database}"
        return psycopg.connect(where, autocommit=True)

    def _end(self, how: signal.Signals) -> None:
        if self._server:
            self._server.send_signal(how)
            self._server.wait(PATIENCE_SECONDS)

    def _give(self, path: Path) -> None:
        """The server's user owns it from now on."""
        if self._user:
            shutil.chown(path, self._user)


@functools.cache
def cluster() -> Cluster:
    """The durable cluster of a whole benchmark, removed at its end."""
    made = Cluster()
    atexit.register(made.remove)
    return made
