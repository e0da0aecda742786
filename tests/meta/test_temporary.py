"""A run that is killed leaves no temporary folders behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.temporary import temporary

PATIENCE_SECONDS = 20.0
KILLED = """
import os, signal, subprocess, sys
from benchmarks.temporary import temporary
from ghapp.emulator.github import Emulator

with temporary() as folder:
    Emulator(private_key="unused")
    subprocess.run([sys.executable, "-c", "import tempfile; tempfile.mkdtemp()"], check=True)
    print(folder, len(os.listdir(folder)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_and_its_children_have_made_goes() -> None:
    command = [sys.executable, "-c", KILLED]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    folder, count = ended.stdout.split()
    assert count == "2", ended.stderr
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Path(folder).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_afterwards_all_is_as_before() -> None:
    before = tempfile.gettempdir()
    with temporary() as folder:
        assert Path(tempfile.mkdtemp()).parent == folder
    assert not folder.exists()
    assert tempfile.gettempdir() == before


def test_the_tests_themselves_are_run_so() -> None:
    assert Path(tempfile.gettempdir()).name.startswith("ghapp-temporary-")
