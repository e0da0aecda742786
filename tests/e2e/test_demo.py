"""The demo as `ghapp demo --once` plays it, on a GitHub that is slow to show what was written."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from ghapp.demo import PATIENCE_SECONDS, SECRET, Story, play
from ghapp.emulator.faults import Fault
from ghapp.emulator.github import Emulator

# Of people and things, and GitHub's words; what happens to them is told in Japanese.
NAMES = re.compile(
    r"`[^`]*`|<!--.*-->|https?://\S+|nfr: [a-z -]*[a-z]|/nfr \w+|Ctrl-C|Files changed|NFR review"
    r"|\b(?:DB|DDL|GitHub|PR|SRE|ann|ghapp|push|sam-sre)\b"
)
ENDS = {"en": "\nDone.\n", "ja": "\nデモの流れは以上です。\n"}
AGAIN = pytest.mark.slow("plays the whole demo once more, in another language")


def english(told: str) -> list[str]:
    """Words in Latin letters that are no names; of the comment two in a row, for it has terms."""
    found: list[str] = []
    for line in NAMES.sub("|", told).splitlines():
        words = r"[A-Za-z]+ [a-z]+" if line.startswith("   | ") else "[A-Za-z]{2,}"
        found += re.findall(words, line)
    return found


@pytest.mark.parametrize("route", ["PATCH */comments/*", "P* */check-runs*", "* */labels*"])
@pytest.mark.parametrize("language", ["en", pytest.param("ja", marks=AGAIN)])
def test_each_step_waits_for_what_the_next_one_reads(
    route: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    github = Emulator(webhook_secret=SECRET)
    github.faults.add(Fault(route, times=None, delay_seconds=0.4))
    asyncio.run(play(once=True, language=language, github=github))
    told = capsys.readouterr().out
    assert told.endswith(ENDS[language])
    assert told.count("   | ") >= 15  # the comment, a signature and that it is stale
    assert "   | \n\n" not in told
    assert bool(english(told)) == (language == "en")
    run = github.repositories["acme/shop"].pulls[1].check_runs()[-1]
    assert "nfr/area:" not in (run.summary or "")  # its title suggests no area that is not there


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("en", "Files changed"),
        pytest.param("ja", "変更されたファイル（Files changed）", marks=AGAIN),
    ],
)
def test_after_the_story_a_page_in_the_same_language_is_served(
    language: str, heading: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def looked_at() -> tuple[str, str]:
        playing, told = asyncio.create_task(play(once=False, language=language)), ""
        async with asyncio.timeout(60):
            while "Ctrl-C" not in told:
                await asyncio.sleep(0.05)
                told += capsys.readouterr().out
        [url] = re.findall(r"http://\S+/acme/shop/pull/1\b", told)
        async with httpx.AsyncClient() as client:
            page = await client.get(url)
        playing.cancel()
        await asyncio.wait([playing])
        return told, page.text

    told, page = asyncio.run(looked_at())
    assert bool(english(told)) == (language == "en")
    assert f'<html lang="{language}">' in page
    assert f">{heading}</h2>" in page


@pytest.mark.parametrize(
    ("over", "language", "expected"),
    [
        (False, "en", "step 1: the check run, the comment and the label did not appear: check run"),
        (False, "ja", "手順 1：「チェック・コメント・ラベルを表示」を確認できませんでした。"),
        (True, "en", "step 1: the story was ended"),
        (True, "ja", "手順 1：途中で終了しました"),
    ],
)
def test_a_failed_step_is_reported_in_the_same_language(
    over: bool, language: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ghapp.demo.PATIENCE_SECONDS", PATIENCE_SECONDS if over else 0.0)
    with closing(Emulator(webhook_secret=SECRET)) as github:
        repository = github.repository("acme/shop", {"README.md": "1\n"})
        story = Story(
            repository.open_pull(author="ann", branch="f", files={"1.md": "1\n"}), language
        )
        if over:
            story.ended.set()
        with pytest.raises(TimeoutError, match=re.escape(expected)) as late:
            story.play()
    assert bool(english(str(late.value))) == (language == "en")


@pytest.mark.slow("plays the demo in a process")
@pytest.mark.parametrize(
    ("number", "before"),
    [
        (signal.SIGINT, ""),
        (signal.SIGTERM, "trap '' INT;"),  # as in the background of a script
    ],
)
def test_a_signal_ends_the_demo_and_leaves_no_files(
    number: int, before: str, tmp_path: Path
) -> None:
    demo_words = [sys.executable, "-u", "-m", "ghapp", "demo"]
    command = ["sh", "-c", f'{before} exec "$@"', "sh", *demo_words]
    told, temporary = tmp_path / "told", tmp_path / "temporary"
    temporary.mkdir()
    # What is ignored here, as where the tests run in the background, the demo would ignore, too.
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    with told.open("wb") as out:
        demo = subprocess.Popen(
            command, env={**os.environ, "TMPDIR": str(temporary)}, stdout=out, stderr=out
        )
    signal.signal(signal.SIGINT, ignored)
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
