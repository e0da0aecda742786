"""Servers under measurement: processes of their own, with what the kernel counted for them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 120.0


class Server:
    """A command that listens on 127.0.0.1:`port` and answers `path`.

    url: read from its log where port is 0. core: the one it may use. start_seconds: to the answer.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        port: int = 0,
        path: str = "/healthz",
        core: int | None = None,
        folder: Path | None = None,
    ) -> None:
        inherited = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        self._log = tempfile.NamedTemporaryFile()  # noqa: SIM115  # closed with the process
        began = time.monotonic()
        with _only(core):
            self._process = subprocess.Popen(
                command,
                env={**inherited, **environment},
                stdout=self._log,
                stderr=self._log,
                cwd=folder,
            )
        try:
            self.url = f"http://127.0.0.1:{port}" if port else self._told()
            self._await(path)
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - began

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        # Opened anew: to read in the file that the process writes to moves where it goes on.
        return Path(self._log.name).read_text(encoding="utf-8")

    def cpu(self) -> float:
        """Seconds of CPU so far, of all its threads and children."""
        return sum(cpu_seconds(pid) for pid in family(self.pid))

    def rss(self) -> float:
        """Megabytes in use now, of it and its children."""
        return sum(memory(pid, "VmRSS") for pid in family(self.pid))

    def peak(self) -> float:
        """Megabytes at the most since it started."""
        return sum(memory(pid, "VmHWM") for pid in family(self.pid))

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)
        self._log.close()

    def stop(self) -> None:
        """End it as an operator would, at once where it does not end."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)
        self._log.close()

    def _told(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(r'"url": ?"(http://[^"]+)"', self.log)):
            self._check(deadline)
        return found.group(1)

    def _await(self, path: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(f"{self.url}{path}"):
            self._check(deadline)

    def _check(self, deadline: float) -> None:
        if self._process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError(f"the server did not start:\n{self.log}")
        time.sleep(0.005)


def _is_ours(name: str) -> bool:
    """Whether a variable would make the server another one than is installed and started anew."""
    return name.startswith("GHAPP_") or name == "PYTHONDONTWRITEBYTECODE"


@contextmanager
def _only(core: int | None) -> Iterator[None]:
    """What is started inside may use this core alone; None is any."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except HTTPError:
        return True
    except OSError:
        return False


def family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in _read(task).split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system, of all threads, of children only those that ended. 0.0: it is gone."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / TICKS if fields else 0.0


def threads(pid: int) -> dict[str, tuple[float, float]]:
    """Seconds of CPU, user and system, of each thread by "TID name"."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        head, _, rest = _read(task / "stat").rpartition(")")
        if fields := rest.split():
            name = f"{task.name} {head.partition('(')[2]}"
            found[name] = (int(fields[11]) / TICKS, int(fields[12]) / TICKS)
    return found


def memory(pid: int, name: str) -> float:
    """Megabytes of a row of /proc/PID/status."""
    found = re.search(rf"{name}:\s+(\d+) kB", _read(Path(f"/proc/{pid}/status")))
    return int(found.group(1)) / 1024 if found else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
