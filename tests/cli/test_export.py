"""`ghapp export`: what an auditor gets."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ghapp.cli import app
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.model import Channel
from ghapp.core.records import FollowUp, PolicySource
from ghapp.export import COLUMNS, FORMULA, Naming, Record, Wanted, as_csv, as_json
from ghapp.store import runs
from ghapp.store.audit import Of
from tests.store.stores import HEAD, KEY, NOON, admitted, claimed, opened, run, verdict

Export = Callable[..., Result]
POLICY = """
areas:
  ranking:
    title: {en: Ranking}
    detect: {paths: ['src/ranking/**']}
    items: [{id: rank-latency, sev: must, cat: performance, en: Fast?}]
"""
SIGNED = Entry(
    *("comment:21", 0, Verb.SIGN_OFF, "sam", NOON, Channel.COMMENT, "caching", HEAD, "f1"),
    right="team acme/sre",
    open_musts=("cache-ttl", "cache-size"),
    comment_id=21,
    speaker_id=9,
)
ANSWERED = Entry(
    *("comment:20", 0, Verb.CHECK, "ann", NOON - timedelta(days=1), Channel.COMMENT),
    subject="rank-latency",
    note='=HYPERLINK("https://evil.example","p99")',
    comment_id=20,
)
DEFERRED = Entry(
    *("tick:5", 0, Verb.DEFER, "ann", NOON, Channel.TICK, "cache-ttl"),
    until="2026-05-01",
    owner="bob",
)
REFUSED = Entry(
    *("comment:22", 0, Verb.REFUSED, "eve", NOON + timedelta(days=1), Channel.REVIEW_COMMENT),
    note="/nfr done \x1b]0;owned\x07\nsecond line",
    refusal=Refusal("not_a_reviewer"),
    comment_id=22,
)
FOLLOW_UP = FollowUp(7, "cache-ttl", "caching", "2026-06-01", "bob", "later", issue=31)


async def _recorded(url: str) -> None:
    async with opened(url) as store:
        claim = await claimed(store)
        source = PolicySource(POLICY, read_at=NOON)
        await admitted(store, claim, ANSWERED, SIGNED, DEFERRED, REFUSED, source=source)
        done = replace(run(verdict(KEY)), follow_ups=(FOLLOW_UP,))
        await store.records.write(runs.record, claim, done)
        await store.queue.finish(claim)


@pytest.fixture
def export(database_url: str) -> Export:
    """The command, on a database with a small ledger."""
    asyncio.run(_recorded(database_url))

    def call(*words: str) -> Result:
        bare = {name: None for name in os.environ if name.startswith("GHAPP_")}
        environment = {**bare, "GHAPP_DATABASE_URL": database_url}
        return CliRunner().invoke(app, ["export", *words], env=environment)

    return call


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_csv_has_a_row_for_each_entry_follow_up_and_review(export: Export) -> None:
    done = export()
    assert done.exit_code == 0, done.output
    found = rows(done.stdout_bytes.decode())
    assert tuple(found[0]) == COLUMNS
    kinds = [(one["kind"], one["verb"], one["state"]) for one in found]
    assert kinds == [
        ("entry", "check", ""),
        ("entry", "sign_off", ""),
        ("entry", "defer", ""),
        ("entry", "refused", ""),
        ("follow_up", "defer", "open"),
        ("review", "", "waiting"),
    ]
    page = "https://github.com/acme/shop/pull/7"
    assert {name: value for name, value in found[1].items() if value} == {
        "kind": "entry",
        "when": "2026-04-01T12:00:00Z",
        "repository": "acme/shop",
        "pull": "7",
        "who": "sam",
        "who_id": "9",
        "id": "comment:21#0",
        "right": "team acme/sre",
        "channel": "comment",
        "verb": "sign_off",
        "subject": "caching",
        "area": "caching",
        "head": HEAD,
        "fingerprint": "f1",
        "open_musts": "cache-ttl cache-size",
        "url": f"{page}#issuecomment-21",
        "repository_id": "501",
    }
    assert found[3]["refusal"] == "not_a_reviewer"
    assert found[3]["url"] == f"{page}#discussion_r22"
    follow_up = found[4]
    assert (follow_up["when"], follow_up["who"]) == ("2026-04-01T12:00:00Z", "ann")
    assert (follow_up["due"], follow_up["owner"], follow_up["issue"]) == ("2026-06-01", "bob", "31")
    assert follow_up["url"] == "https://github.com/acme/shop/issues/31"
    assert (found[5]["head"], found[5]["note"]) == (HEAD, "it is success")


def test_an_answer_has_the_area_of_its_question(export: Export) -> None:
    """Also if only the policy of the repository has that question."""
    areas = {one["subject"]: one["area"] for one in rows(export().stdout)}
    assert areas["rank-latency"] == "ranking"
    assert areas["cache-ttl"] == "caching"


def test_json_has_the_same_values_one_object_a_line(export: Export) -> None:
    done = export("--format", "json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [tuple(one) for one in found] == [COLUMNS] * 6
    assert found[1]["pull"] == 7
    assert found[1]["open_musts"] == ["cache-ttl", "cache-size"]
    assert found[0]["note"] == ANSWERED.note  # no spreadsheet opens it


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--since", "2026-04-02"], ["comment:22#0", ""]),
        (["--until", "2026-03-31"], ["comment:20#0"]),
        (
            ["--since", "2026-04-01", "--until", "2026-04-01"],
            ["comment:21#0", "tick:5#0", "tick:5#0"],
        ),
        (["--repository", "ACME/shop", "--until", "2026-03-31"], ["comment:20#0"]),
    ],
)
def test_days_and_repository_limit_it(
    export: Export, words: list[str], expected: list[str]
) -> None:
    """Days are of UTC, and both ends are included. The review was run today."""
    assert [one["id"] for one in rows(export(*words).stdout)] == expected


def test_formulas_of_strangers_stay_text_in_a_spreadsheet(export: Export) -> None:
    assert rows(export().stdout)[0]["note"] == f"'{ANSWERED.note}"


def test_terminal_escapes_of_strangers_are_not_printed(export: Export) -> None:
    for words in ([], ["--format", "json"]):
        shown = export(*words).stdout
        assert "owned second line" in shown
        assert not {"\x1b", "\x07"} & set(shown)
        assert "\\u001b" not in shown


@given(st.text(), st.text())
def test_a_line_is_read_back_as_it_was_written(note: str, who: str) -> None:
    record = Record("entry", "2026-04-01T12:00:00Z", "acme/shop", 7, who=who, note=note)
    line = as_csv(record)
    assert line.endswith("\r\n")
    assert line.count("\n") == 1
    (cells,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    values = dict(zip(COLUMNS, cells, strict=True))
    read = json.loads(as_json(record))
    for name in ("note", "who"):
        assert values[name].removeprefix("'") == read[name].removeprefix("'")
        assert values[name].lstrip()[:1] not in FORMULA


def test_a_file_is_for_its_owner_only_and_replaced_as_a_whole(
    export: Export, tmp_path: Path
) -> None:
    file = tmp_path / "audit.csv"
    file.write_text("the last one")
    file.chmod(0o644)
    done = export("--output", str(file))
    assert (done.exit_code, done.stdout) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(rows(file.read_bytes().decode())) == 6
    assert export("--output", str(file), "--repository", "acme/none").exit_code == 2
    assert len(rows(file.read_bytes().decode())) == 6
    assert [one.name for one in tmp_path.iterdir() if "audit" in one.name] == ["audit.csv"]


def test_an_unknown_repository_is_named_with_the_nearest(export: Export) -> None:
    done = export("--repository", "acme/shp")
    assert done.exit_code == 2
    assert "--repository acme/shp: no pull request of it is recorded" in done.stderr
    assert "did you mean acme/shop?" in done.stderr


def test_wrong_use_is_named(export: Export, tmp_path: Path) -> None:
    done = export("--since", "2026-02-01", "--until", "2026-01-01")
    assert (done.exit_code, "later than --until" in done.stderr) == (2, True)
    assert export("--since", "yesterday").exit_code == 2
    done = export("--output", str(tmp_path / "no" / "file"))
    assert done.exit_code == 2
    assert "cannot write" in done.stderr


def test_without_a_database_nothing_is_created(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export"], env={"GHAPP_DATA_DIR": str(tmp_path / "data")})
    assert done.exit_code == 2
    assert "nothing has been recorded with these settings" in done.stderr
    assert not list(tmp_path.rglob("*.sqlite3"))


def test_a_database_out_of_reach_is_named() -> None:
    unreachable = {"GHAPP_DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}
    done = CliRunner().invoke(app, ["export"], env=unreachable)
    assert done.exit_code == 1
    assert "GHAPP_DATABASE_URL" in done.stderr


def test_the_days_are_those_of_utc() -> None:
    evening = datetime(2026, 4, 1, 23, 30, tzinfo=timezone(timedelta(hours=-9)))
    assert Wanted(since=date(2026, 4, 2)).holds(evening)
    assert not Wanted(until=date(2026, 4, 1)).holds(evening)


def test_what_was_said_on_the_issue_of_a_follow_up_leads_there() -> None:
    closed = replace(SIGNED, verb=Verb.CLOSE, subject="cache-ttl", issue=31)
    record = Naming("https://github.com", {501: "acme/shop"}).entry("entry", Of(501, 7), closed)
    assert (record.pull, record.subject, record.area) == (7, "cache-ttl", "caching")
    assert record.url == "https://github.com/acme/shop/issues/31#issuecomment-21"
