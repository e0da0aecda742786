"""ghapp in processes of its own, as it is run, for what only a process can show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.world import PATIENCE_SECONDS, World


class Process:
    """`ghapp COMMAND` with the settings of a world; its log is kept for when it fails."""

    def __init__(self, world: World, *arguments: str, **more: str) -> None:
        self._log = tempfile.NamedTemporaryFile()  # noqa: SIM115  # closed with the process
        inherited = {name: value for name, value in os.environ.items() if name[:6] != "GHAPP_"}
        environment = {**inherited, **world.environment, "GHAPP_LOG_FORMAT": "json", **more}
        command = [sys.executable, "-m", "ghapp", *arguments]
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=self._log
        )
        try:
            self.url = (
                self._await(r'url(?:=|": ?")(http://[^"\s]+)') if "serve" in arguments else ""
            )
        except BaseException:
            self.kill()
            raise

    @property
    def log(self) -> str:
        # Opened anew: to read in the file that the process writes to moves where it goes on.
        return Path(self._log.name).read_text(encoding="utf-8")

    def _await(self, pattern: str) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(pattern, self.log)):
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)
        return found.group(found.lastindex or 0)

    def wait_for(self, pattern: str) -> None:
        """Until the log has it."""
        self._await(pattern)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)
        self._log.close()

    def terminate(self) -> None:
        """Have it end as an operator would; it must do so by itself and without fault."""
        if self._process.poll() is None:
            self._process.terminate()
            assert self._process.wait(PATIENCE_SECONDS + 10) == 0, self.log

    def end(self) -> None:
        """As `terminate`, and its log is gone."""
        self.terminate()
        self._log.close()


@contextmanager
def started(world: World, *arguments: str, **more: str) -> Iterator[Process]:
    process = Process(world, *arguments, **more)
    try:
        yield process
    finally:
        process.end()
