"""ghapp in processes that are killed and started again, and what the kernel tells of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

# For machines that have much else to do.
PATIENCE_SECONDS = 300.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ESTABLISHED = "01"


@dataclass(slots=True)
class Process:
    """`ghapp ARGUMENTS`, again and again. Its log goes on over all its lives.

    before: what the command line begins with, as `ip netns exec NAME`. port: 0 where it serves
    nothing. lives: process id, when it began and, once it ended, when that was.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    before: Sequence[str] = ()
    port: int = 0
    lives: list[tuple[int, float, float]] = field(default_factory=list)
    _running: subprocess.Popen[bytes] | None = None
    _read: int = 0  # how much of the log was there when this life began

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}" if self.port else ""

    @property
    def pid(self) -> int:
        assert self._running
        return self._running.pid

    @property
    def is_alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Begin; whether it is ready is another question."""
        inherited = {name: value for name, value in os.environ.items() if name[:6] != "GHAPP_"}
        environment = {**inherited, **self.environment, "GHAPP_LOG_FORMAT": "json"}
        command = [*self.before, sys.executable, "-m", "ghapp", *self.arguments]
        self._read = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                command, env={**environment, "PORT": str(self.port)}, stderr=log
            )
        self.lives.append((self._running.pid, time.time(), 0.0))

    @property
    def is_ready(self) -> bool:
        """Whether this life has said that it started."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            return b'"event": "started"' in log.read()

    def await_ready(self) -> None:
        """Raises TimeoutError (it ended, or takes too long)."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_ready:
            if not self.is_alive or time.monotonic() > deadline:
                status = self._running.poll() if self._running else None
                text = f"{self.name} did not start, status {status}"
                raise TimeoutError(f"{text}:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        assert self._running
        self._running.send_signal(signal.SIGKILL)
        self.reap()

    def reap(self) -> None:
        """Note that it has ended, by whatever hand."""
        assert self._running
        self._running.wait(PATIENCE_SECONDS)
        pid, began, _ = self.lives[-1]
        self.lives[-1] = (pid, began, time.time())

    def end(self) -> int:
        """End it as an operator would; its exit status."""
        if self._running is None:
            return 0
        self._running.send_signal(signal.SIGTERM)
        status = self._running.wait(PATIENCE_SECONDS)
        self.reap()
        return status

    def lines(self) -> Iterator[dict[str, Any]]:
        """Its log, without what was cut off by a kill."""
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found

    def ready(self) -> dict[str, Any]:
        """What it answers under /readyz, ready or not. Raises OSError."""
        with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@dataclass(frozen=True, slots=True)
class Size:
    """What a process takes: resident bytes, open files, threads."""

    resident: int
    files: int
    threads: int


def size(pid: int) -> Size:
    """Raises OSError (it has ended)."""
    place = Path(f"/proc/{pid}")
    resident = int((place / "statm").read_text().split()[1]) * PAGE_BYTES
    files = sum(1 for _ in (place / "fd").iterdir())
    threads = sum(1 for _ in (place / "task").iterdir())
    return Size(resident, files, threads)


def owner_of(port: int, pids: Sequence[int]) -> int:
    """Which of the processes has a TCP connection from this local port; 0 where none has."""
    inode = _inode(port)
    if not inode:
        return 0
    target = f"socket:[{inode}]"
    for pid in pids:
        try:
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    if str(entry.readlink()) == target:
                        return pid
                except OSError:
                    continue
        except OSError:
            continue
    return 0


def _inode(port: int) -> str:
    local = f":{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(local) and words[3] == ESTABLISHED:
            return words[9]
    return ""


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def at(line: Mapping[str, Any]) -> float:
    """When a line of the log was written, in seconds since 1970."""
    return datetime.fromisoformat(str(line["timestamp"])).timestamp()
