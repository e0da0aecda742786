"""The numbers of a self-review: from roll-ups, ledgers and follow-ups, for whoever may see them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from ghapp.cli import app
from ghapp.core.areas import Text
from ghapp.core.ledger import Verb
from ghapp.core.records import Asked, FollowUp, Note
from ghapp.core.self_review import SelfReview
from ghapp.store import Store
from ghapp.store.rollups import roll_up
from ghapp.store.self_review import self_review
from tests.store.stores import HEAD, NOON, opened
from tests.web.reviews import BATCH, SHOP, area, entry, overview, recorded
from tests.web.test_pages import get

NOW = datetime.now(UTC)
TODAY = NOW.date()
YEAR = timedelta(days=364)


async def filled(store: Store) -> None:
    """Of today: two answers, one in words; two incidents; a follow-up in time, and one too late."""
    given = Note(Verb.CHECK, "ann", NOON)
    items = (
        Asked("dbm-rollback", "must", Text("q", "q"), given),
        Asked("dbm-plan", "must", Text("q", "q"), replace(given, text="down was tried")),
    )
    shown = overview(areas=(area(items=items),), at=NOW, head_sha=HEAD)
    linked = entry(Verb.INCIDENT, "dbm-rollback", said_at=NOW, note="https://status.example/42")
    await recorded(store, 1, "waiting_reviewers", shown, linked)
    other = entry(Verb.INCIDENT, "dbm-plan", said_at=NOW)
    await recorded(store, 2, "clear", overview(areas=()), other, repository=BATCH)
    days = {"in-time": TODAY + timedelta(days=3), "late": TODAY - timedelta(days=3)}
    owed = [FollowUp(3, id, "db", day.isoformat(), "bob") for id, day in days.items()]
    await recorded(store, 3, follow_ups=tuple(owed))
    done = tuple(replace(one, is_open=False) for one in owed)
    await recorded(store, 3, follow_ups=done)
    await roll_up(store.records, UTC)


def test_numbers_are_those_of_the_days_and_repositories(database_url: str) -> None:
    async def play() -> dict[str, SelfReview]:
        async with opened(database_url) as store:
            await filled(store)
            read, since = store.records.read, TODAY - YEAR
            old = since - timedelta(days=365)
            return {
                "all": await read(self_review, None, since, TODAY, UTC),
                "batch": await read(self_review, frozenset({BATCH.id}), since, TODAY, UTC),
                "shop": await read(self_review, None, since, TODAY, UTC, SHOP.id),
                "before": await read(self_review, None, old, since - timedelta(days=1), UTC),
            }

    found = asyncio.run(play())
    whole = SelfReview(0, 2, 1, 2, 1, 2, 0, 0)
    assert found["all"] == whole
    assert found["shop"] == replace(whole, incidents=1)
    assert found["batch"] == SelfReview(0, 0, 0, 0, 0, 1, 0, 0)
    assert found["before"] == SelfReview()  # the roll-ups of then are gone


def test_an_incident_that_is_judged_twice_counts_once(database_url: str) -> None:
    async def play() -> int:
        async with opened(database_url) as store:
            linked = entry(Verb.INCIDENT, "dbm-rollback", said_at=NOW)
            for _ in range(2):
                await recorded(store, 1, "waiting_reviewers", overview(), linked)
            return (await store.records.read(self_review, None, TODAY, TODAY, UTC)).incidents

    assert asyncio.run(play()) == 1


def test_an_incident_that_is_undone_counts_no_longer(database_url: str) -> None:
    async def play() -> list[int]:
        found = []
        async with opened(database_url) as store:
            for number, said in enumerate(
                (
                    entry(Verb.INCIDENT, "dbm-rollback", 1, said_at=NOW),
                    entry(Verb.INCIDENT, "dbm-plan", 2, said_at=NOW),
                    entry(Verb.UNLINK, "dbm-rollback", 3, said_at=NOW),
                    entry(Verb.INCIDENT, "dbm-rollback", 4, said_at=NOW),
                )
            ):
                await recorded(store, 1, "waiting_reviewers", overview(), said)
                await recorded(store, 2, "waiting_reviewers", overview(f"{number}"))
                counts = await store.records.read(self_review, None, TODAY, TODAY, UTC)
                found.append(counts.incidents)
            other = entry(Verb.UNLINK, "dbm-rollback", 5, said_at=NOW)
            await recorded(store, 2, "waiting_reviewers", overview(), other)
            counts = await store.records.read(self_review, None, TODAY, TODAY, UTC)
            return [*found, counts.incidents]

    assert asyncio.run(play()) == [1, 2, 1, 2, 2]


def test_the_page_groups_them(sqlite_url: str) -> None:
    async def play() -> tuple[dict[str, dict[str, int]], str, str]:
        async with opened(sqlite_url) as store:
            await filled(store)
            groups = (await get(store, "/api/v1/insights")).json()["review"]
            page = (await get(store, "/insights")).text
            text = (await get(store, "/insights?format=md&lang=ja")).text
        return (
            {one["id"]: {n["id"]: n["count"] for n in one["numbers"]} for one in groups},
            page,
            text,
        )

    groups, page, text = asyncio.run(play())
    assert groups == {
        "early": {"consultations": 0},
        "built_in": {"answered": 2, "worded": 1},
        "incidents": {"incidents": 2, "closed": 2, "in_time": 1},
        "toil": {"kept": 0, "stale": 0},
    }
    assert "incidents linked to a question</dt><dd>2</dd>" in page
    assert "- 質問に結び付けた障害: 2" in text


def test_the_timeline_shows_an_incident_as_text(sqlite_url: str) -> None:
    async def play() -> str:
        async with opened(sqlite_url) as store:
            await filled(store)
            return (await get(store, "/pulls/acme/shop/1")).text

    page = asyncio.run(play())
    assert "linked an incident" in page
    assert "<bdi>https://status.example/42</bdi>" in page


@pytest.mark.parametrize("format", ["text", "json"])
def test_the_report_has_the_year_before_beside_the_year(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            await filled(store)
            said = [
                entry(Verb.CHECK, "dbm-plan", number, said_at=NOW - age, note=note)
                for number, (age, note) in enumerate(
                    [(timedelta(1), "proof"), (timedelta(2), ""), (timedelta(400), "proof")], 7
                )
            ]
            gone = entry(Verb.INCIDENT, "dbm-plan", 99, said_at=NOW - timedelta(days=400))
            await recorded(store, 5, "waiting_reviewers", overview(), *said, gone)

    asyncio.run(play())
    monkeypatch.setenv("GHAPP_DATABASE_URL", sqlite_url)
    wanted = ["--format", "json"] if format == "json" else []
    done = CliRunner().invoke(app, ["export", "--report", *wanted])
    assert done.exit_code == 0
    if format == "text":
        lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
        assert ["2", "1", "incidents linked to a question"] in lines
        assert ["2", "1", "answers to questions"] in lines
        assert "         0   not kept  sign-offs kept over a push" in done.stdout
        return
    found = json.loads(done.stdout)
    assert [found[one]["incidents"] for one in ("year", "before")] == [2, 1]
    assert [found[one]["answered"] for one in ("year", "before")] == [2, 1]
    assert [found[one]["worded"] for one in ("year", "before")] == [1, 1]
    assert [found[one]["kept"] for one in ("year", "before")] == [0, None]


def test_a_report_takes_no_days_that_it_would_ignore() -> None:
    done = CliRunner().invoke(app, ["export", "--report", "--since", "2026-01-01"])
    assert done.exit_code == 2
