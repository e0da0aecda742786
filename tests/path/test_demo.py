"""The demo as `ghapp demo --once` plays it, on a GitHub that is slow to show what was written."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ghapp.demo import PATIENCE_SECONDS, SECRET, play
from ghapp.standin.faults import Fault
from ghapp.standin.github import Standin


@pytest.mark.parametrize("route", ["PATCH */comments/*", "P* */check-runs*", "* */labels*"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_step_waits_for_what_the_next_one_reads(
    route: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    github = Standin(webhook_secret=SECRET)
    github.faults.add(Fault(route, times=None, delay_seconds=0.4))
    asyncio.run(play(once=True, language=language, github=github))
    told = capsys.readouterr().out
    assert told.endswith("\nDone.\n")
    assert told.count("   | ") >= 15  # the comment, a signature and that it is stale
    assert "   | \n\n" not in told


@pytest.mark.parametrize(
    ("number", "before"),
    [
        (signal.SIGINT, ""),
        (signal.SIGTERM, "trap '' INT;"),  # as in the background of a script
    ],
)
def test_a_signal_in_the_middle_ends_it_and_leaves_nothing(
    number: int, before: str, tmp_path: Path
) -> None:
    demo_words = [sys.executable, "-u", "-m", "ghapp", "demo"]
    command = ["sh", "-c", f'{before} exec "$@"', "sh", *demo_words]
    told, temporary = tmp_path / "told", tmp_path / "temporary"
    temporary.mkdir()
    with told.open("wb") as out:
        demo = subprocess.Popen(
            command, env={**os.environ, "TMPDIR": str(temporary)}, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + 60
        while "1. ann" not in told.read_text(encoding="utf-8"):
            assert demo.poll() is None, told.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert list(temporary.glob("ghapp-demo-*"))
        demo.send_signal(number)
        assert demo.wait(PATIENCE_SECONDS - 3) == 0  # no step is waited for
    finally:
        demo.kill()
        demo.wait()
    assert "Traceback" not in told.read_text(encoding="utf-8")
    assert list(temporary.iterdir()) == []
