"""The demo as `ghapp demo --once` plays it, on a GitHub that is slow to show what was written."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from ghapp.cli import app
from ghapp.demo import PAGES, PATIENCE_SECONDS, SECRET, Story, play
from ghapp.demo_history import Ended
from ghapp.demo_history import played as played_history
from ghapp.emulator.faults import Fault
from ghapp.emulator.github import Emulator

# Of people and things, and GitHub's words; what happens to them is told in Japanese.
NAMES = re.compile(
    r"`[^`]*`|<!--.*-->|https?://\S+|nfr: [a-z -]*[a-z]|/nfr \w+|Ctrl-C|Files changed|NFR review"
    r"|\b(?:DB|DDL|GitHub|PR|SRE|ann|ghapp|push|sam-sre)\b"
)
ENDS = {"en": "\nDone.\n", "ja": "\nデモの流れは以上です。\n"}
LAST_PAGE = re.compile(rf"^   (http://\S+){PAGES[-1]}(?:\?lang=ja)?$", re.MULTILINE)
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


@dataclass
class Played:
    """printed: until the history was complete. page: that of the story, as served then.

    pages: of ghapp, by path.
    """

    language: str
    port: int
    printed: str
    page: str
    pages: dict[str, httpx.Response]
    github: Emulator


@pytest.fixture(scope="module", params=["en", pytest.param("ja", marks=AGAIN)])
def played(request: pytest.FixtureRequest) -> Played:
    """A demo that was played to its end, and ended while people could play.

    Its history is as short as the part that is scripted.
    """
    language, github, out = request.param, Emulator(webhook_secret=SECRET), io.StringIO()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def pages_after_the_story() -> tuple[str, dict[str, httpx.Response]]:
        demo = play(
            once=False, language=language, github=github, host="localhost", port=port, days=14
        )
        playing = asyncio.create_task(demo)
        async with asyncio.timeout(300):  # on a machine that has much else to do
            while not ("Ctrl-C" in out.getvalue() and LAST_PAGE.search(out.getvalue())):
                assert not playing.done()
                await asyncio.wait([playing], timeout=0.05)
        [url] = re.findall(r"http://\S+/acme/shop/pull/1\b", out.getvalue())
        ghapp = LAST_PAGE.findall(out.getvalue())[0]
        async with httpx.AsyncClient() as client:
            page = await client.get(url)
            pages = {
                path: await client.get(f"{ghapp}{path}?lang={language}")
                for path in (*PAGES, "/api/v1/queue", "/api/v1/follow-ups", "/api/v1/projects")
            }
        playing.cancel()
        await asyncio.wait([playing])
        return page.text, pages

    with redirect_stdout(out):
        page, pages = asyncio.run(pages_after_the_story())
    return Played(language, port, out.getvalue(), page, pages, github)


def test_after_the_story_a_page_in_the_same_language_is_served(played: Played) -> None:
    heading = {"en": "Files changed", "ja": "変更されたファイル（Files changed）"}
    assert bool(english(played.printed)) == (played.language == "en")
    assert f'<html lang="{played.language}">' in played.page
    assert f">{heading[played.language]}</h2>" in played.page


def test_the_page_is_served_at_the_host_and_port_of_the_options(played: Played) -> None:
    assert f" http://localhost:{played.port}\n" in played.printed.splitlines(keepends=True)[0]


def test_what_to_try_is_shown_before_the_story_and_after_it(played: Played) -> None:
    [first, last] = re.findall(r".*/acme/shop/pull/2\b.*", played.printed)
    assert first == last
    assert played.printed.index(first) < played.printed.index("\n1. ")
    assert "ann" in first
    assert "sam-sre" in first


def test_a_second_pull_request_waits_for_people(played: Played) -> None:
    waiting = played.github.repositories["acme/shop"].pulls[2]
    assert waiting.labels == {"nfr: needs sign-off"}
    assert waiting.comments[0].body.count("- [ ] ") == 4
    assert [(run.status, run.conclusion) for run in waiting.check_runs()] == [("in_progress", None)]


def test_a_policy_that_advises_shows_the_buttons_of_the_check_run(played: Played) -> None:
    [run] = played.github.repositories["acme/site"].pulls[1].check_runs()
    assert (run.status, run.conclusion) == ("completed", "neutral")
    assert [button["identifier"] for button in run.actions] == ["signoff", "refresh", "explain"]
    assert "/acme/site/pull/1" in played.printed


def test_all_pages_of_ghapp_are_served_and_named(played: Played) -> None:
    for path in PAGES:
        page = played.pages[path]
        assert page.status_code == 200
        assert f'<html lang="{played.language}">' in page.text
        assert f"{path}{'' if played.language == 'en' else '?lang=ja'}\n" in played.printed


def test_the_queue_shows_what_waits_for_whom_beside_the_story(played: Played) -> None:
    sections = {one["id"]: one for one in played.pages["/api/v1/queue"].json()["sections"]}
    found = {
        turn: {one["repository"] for one in section["reviews"]}
        for turn, section in sections.items()
    }
    assert "acme/shop" in found["author"]
    for turn in ("reviewers", "hold", "author"):
        assert found[turn] - {"acme/shop", "acme/site"}, turn
    assert sections["admin"]["total"] == 0
    assert len(sections["hold"]["reviews"]) >= 2
    areas = {area for one in sections["reviewers"]["reviews"] for area in one["areas"]}
    assert len(areas) >= 3


def test_what_the_queue_lists_is_on_github_as_well(played: Played) -> None:
    sections = played.pages["/api/v1/queue"].json()["sections"]
    for one in (one for section in sections for one in section["reviews"]):
        pull = played.github.repositories[one["repository"]].pulls[one["number"]]
        assert (pull.state, pull.title) == ("open", one["title"])
        assert pull.labels & {"nfr: needs sign-off", "nfr: on hold"}


def test_follow_ups_of_the_history_have_their_issues(played: Played) -> None:
    sections = played.pages["/api/v1/follow-ups"].json()["sections"]
    found = [one for section in sections for one in section["follow_ups"]]
    assert len(found) >= 2
    for one in found:
        issue = played.github.repositories[one["repository"]].issues[one["issue"]]
        assert one["item"] in issue.title
        assert issue.created_at < played.github.now() - timedelta(hours=1)


def test_the_project_of_the_history_has_answers_and_pull_requests(played: Played) -> None:
    [project] = played.pages["/api/v1/projects"].json()["projects"]
    issue = played.github.repositories[project["repository"]].issues[project["number"]]
    assert issue.title == project["title"]
    assert 0 < project["questions"] < 8
    assert project["pulls"] >= 2


def test_insights_count_the_history(played: Played) -> None:
    counted = re.findall(
        r"<code>(database-migration|sql-query|caching)</code>", played.pages["/insights"].text
    )
    assert len(set(counted)) >= 2


def test_a_history_that_nobody_waits_for_ends() -> None:
    ended = threading.Event()
    ended.set()
    with closing(Emulator(webhook_secret=SECRET)) as github, pytest.raises(Ended):
        played_history(github, "http://127.0.0.1", "en", ended=ended)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["--port", "{port}"],
            "port {port} of 127.0.0.1 is in use: stop what listens there, "
            "or choose another --port\n",
        ),
        (
            ["--port", "{port}", "--lang", "ja"],
            "127.0.0.1 のポート {port} は使用中です。"
            "使用中のプロセスを終了するか、--port で別のポートを指定してください。\n",
        ),
        (["--host", "203.0.113.9"], "the page cannot listen on port 0 of 203.0.113.9 ("),
    ],
)
def test_a_page_that_cannot_listen_is_a_clear_error(words: list[str], expected: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        shown = CliRunner().invoke(app, ["demo", *(word.format(port=port) for word in words)])
    assert shown.exit_code == 2
    assert shown.stderr.startswith(expected.format(port=port))
    assert shown.stdout == ""


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
