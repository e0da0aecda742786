"""The recipes of deploy/, ghapp as they start it, and the findings of its own rules about them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.offline.repositories import Repo
from tests.support import PRIVATE_KEY
from tests.web.posting import APP_ID, SECRET

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VERSION = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
PATIENCE_SECONDS = 60.0
NO_GITHUB = {"GHAPP_GITHUB_API_URL": "http://127.0.0.1:9"}
CREDENTIALS = {
    "GHAPP_APP_ID": str(APP_ID),
    "GHAPP_PRIVATE_KEY": PRIVATE_KEY,
    "GHAPP_WEBHOOK_SECRET": SECRET,
}


def needs(program: str) -> str:
    """The path of a program; skips the test if the machine lacks it."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed; .ci/run installs it")
    return found


def findings(folder: Path, files: Mapping[str, str]) -> list[tuple[str, str]]:
    """What `ghapp check` finds in a change that adds these files: hazard and path."""
    repo = Repo(folder / "recipes")
    repo.commit("start")
    repo.git("switch", "-qc", "topic")
    repo.commit(**files)
    command = [sys.executable, "-m", "ghapp", "check", str(repo.folder), "--base", "main"]
    done = subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return [(one["hazard"], one["path"]) for one in json.loads(done.stdout)["findings"]]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Process:
    """`ghapp ARGUMENTS` with exactly this environment, as a platform starts it."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._log = tempfile.NamedTemporaryFile()  # noqa: SIM115 -- closed with the process
        self._process = subprocess.Popen(
            arguments, env=dict(environment), stdout=self._log, stderr=self._log
        )

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8")

    def wait_for(self, url: str) -> httpx.Response:
        """The first answer of this address."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert self._process.poll() is None, self.log
            try:
                return httpx.get(url, trust_env=False, verify=False)  # plain HTTP: loads no CAs
            except httpx.TransportError:
                assert time.monotonic() < deadline, self.log
                time.sleep(0.05)

    def wait_to_log(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in self.log:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def ended(self, number: int = signal.SIGTERM) -> int:
        """The exit status after this signal; 0 sends none."""
        if number:
            self._process.send_signal(number)
        status = self._process.wait(PATIENCE_SECONDS)
        self._log.flush()
        return status

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)
        self._log.close()


def environment(**more: str) -> dict[str, str]:
    """The bare environment of a platform, without any setting of this machine's."""
    paths = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return {"PATH": paths, **kept, **more}


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


Document = dict[str, Any]
