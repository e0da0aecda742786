"""The demo as `ghapp demo --once` plays it, on a GitHub that is slow to show what was written."""

from __future__ import annotations

import asyncio

import pytest

from ghapp.demo import SECRET, play
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
