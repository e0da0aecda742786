"""`ghapp report`: what was recorded, in the form that is asked for."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ghapp.cli import app
from ghapp.core.ledger import Verb
from ghapp.store.rollups import roll_up
from tests.cli.commands import ghapp
from tests.store.stores import opened
from tests.store.test_trials import API, a_trial, ago, ran
from tests.web.reviews import recorded as reviewed
from tests.web.test_insights import asked_often, shown


def report(url: str, *words: str) -> Result:
    """How it ends for this database; it needs no other setting."""
    return CliRunner().invoke(app, ["report", *words], env={"GHAPP_DATABASE_URL": url})


@pytest.fixture
def recorded(database_url: str) -> str:
    """A database in which one pull waits and another one was merged 20 days ago."""

    async def play() -> None:
        async with opened(database_url) as store:
            await ran(store, a_trial(ago(2)))
            await ran(store, a_trial(ago(21), ago(20)), API)

    asyncio.run(play())
    return database_url


def test_it_shows_the_last_two_weeks(recorded: str) -> None:
    ended = report(recorded)
    assert (ended.exit_code, ended.stderr) == (0, "")
    first, second, *_ = ended.stdout.splitlines()
    assert first == "Pull requests that would have been blocked in the last 14 days: 1"
    assert second == "still waiting: 1"
    assert "acme/shop#7  ann  still waiting (2 d 0 h)" in ended.stdout
    assert "database-migration (observe): dbm-rollback, DBM-001" in ended.stdout


def test_it_goes_back_as_far_as_wanted_and_keeps_to_one_repository(recorded: str) -> None:
    whole = json.loads(report(recorded, "--days", "30", "--format", "json").stdout)
    assert [one["repository"] for one in whole["pulls"]] == ["acme/shop", "acme/api"]
    words = ("--days", "30", "--repository", "Acme/API", "--format", "markdown")
    ended = report(recorded, *words).stdout
    assert "acme/api#3" in ended
    assert "shop" not in ended
    assert "in the last 30 days in Acme/API: 1" in ended


def test_it_speaks_japanese(recorded: str) -> None:
    assert "enforce ならブロックされていた PR：1 件" in report(recorded, "--lang", "ja").stdout


def test_an_empty_report_is_no_failure(recorded: str) -> None:
    ended = report(recorded, "--repository", "acme/none")
    assert ended.exit_code == 0
    assert ended.stdout.startswith("No pull request would have been blocked in the last 14 days")


def test_questions_and_merges_without_sign_off(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await asked_often(store, Verb.NA)
            await reviewed(store, 1, "waiting_author", shown(0, is_merged=True), is_open=False)
            await roll_up(store.records, UTC)

    asyncio.run(play())
    ended = report(database_url, "--questions")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Questions with a proposal in the last 12 weeks: 1\ndbm-online")
    assert "Merged without sign-off in the last 12 weeks: 1\nacme/shop#1  " in ended.stdout
    words = ("--questions", "--days", "15", "--repository", "acme/api", "--format", "json")
    found = json.loads(report(database_url, *words).stdout)
    assert (found["weeks"], found["questions"], found["merged"]) == (3, [], [])


def test_wrong_use_is_named(recorded: str) -> None:
    for words in (("--repository", "shop"), ("--days", "0"), ("--days", "401")):
        ended = report(recorded, *words)
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert words[0] in ended.stderr


def test_no_database_is_named_and_none_is_made(environment: dict[str, str], tmp_path: Path) -> None:
    ended = ghapp("report", env=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("GHAPP_DATA_DIR: there is no database yet, ")
    assert ended.stderr.endswith("ghapp.sqlite3: start `ghapp serve` first\n")
    assert not (tmp_path / "data" / "ghapp.sqlite3").exists()


def test_a_database_without_tables_is_named(empty_postgres_url: str) -> None:
    ended = report(empty_postgres_url)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "GHAPP_DATABASE_URL: the database has schema none" in ended.stderr
