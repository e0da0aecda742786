"""What runs recorded is counted by day, once, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, create_engine, select

from ghapp.core.areas import Text
from ghapp.core.ledger import Verb
from ghapp.core.model import PullKey
from ghapp.core.records import Asked, FollowUp, Note, Overview, Shown
from ghapp.store import Store, rollups, runs
from ghapp.store.rollups import AT_ONCE, KEPT_DAYS, roll_up
from ghapp.store.schema import area_days, question_days, reviews, timings
from tests.store.stores import HEAD, admitted, claimed, delivery, due, opened, run, verdict
from tests.web.reviews import BATCH, SHOP, area, overview, recorded

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
TODAY = NOW.date().toordinal()
# A team that always works, so that any day will do.
ALWAYS = replace(
    overview().hours, days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), hours="00:00-24:00"
)


def shown(minutes: int = 0, **changes: Any) -> Overview:
    return overview(at=NOW + timedelta(minutes=minutes), hours=ALWAYS, head_sha=HEAD, **changes)


def in_order(row: Any) -> str:
    return str(sorted(row.items()))


def table(url: str, name: Any) -> list[dict[str, Any]]:
    """All rows, without the numbers that are 0 or not known."""
    engine: Engine = create_engine(url)
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(name))]
    engine.dispose()
    return sorted(
        ({key: value for key, value in row.items() if value} for row in rows), key=in_order
    )


def played(url: str, *plays: Any) -> None:
    async def play() -> None:
        async with opened(url) as store:
            for one in plays:
                await one(store)
                await roll_up(store.records, UTC)
                assert await roll_up(store.records, UTC) == 0

    asyncio.run(play())


def test_turns_are_counted_when_they_end(database_url: str) -> None:
    async def begins(store: Store) -> None:
        await recorded(store, 1, "waiting_author", shown())
        await recorded(store, 1, "waiting_author", shown(5))

    async def ends(store: Store) -> None:
        await recorded(store, 1, "waiting_reviewers", shown(30))
        await recorded(store, 1, "waiting_reviewers", shown(40, is_draft=True))
        await recorded(store, 1, "signed_off", shown(130))

    played(database_url, begins)
    assert table(database_url, timings) == []
    played(database_url, ends)
    common = {"day": TODAY, "repository_id": SHOP.id}
    assert table(database_url, timings) == sorted(
        (
            common | {"kind": kind, "amounts": f"{amount} "} | place
            for kind, amount in (("author", 30), ("reviewers", 10))
            for place in ({}, {"area": "database-migration"})
        ),
        key=in_order,
    )


def test_areas_and_questions_are_counted_by_repository(database_url: str) -> None:
    words = Note(Verb.NA, "ann", NOW + timedelta(minutes=10), "no table")
    items = (Asked("lock", "must", Text("?", "？"), words, findings=1),)

    async def play(store: Store) -> None:
        for number in (1, 2):
            await recorded(store, number, "waiting_author", shown(areas=(area("db", items=items),)))
        owed = (FollowUp(1, "x", "db", "2030-01-01", "ann"),)
        await recorded(
            store, 1, "signed_off", shown(areas=(area("db"),)), repository=BATCH, follow_ups=owed
        )

    played(database_url, play)
    assert table(database_url, area_days) == sorted(
        (
            {"day": TODAY, "repository_id": SHOP.id, "flagged": 2},
            {"day": TODAY, "repository_id": SHOP.id, "area": "db", "flagged": 2},
            {"day": TODAY, "repository_id": BATCH.id, "flagged": 1, "deferred": 1},
            {"day": TODAY, "repository_id": BATCH.id, "area": "db", "flagged": 1, "deferred": 1},
        ),
        key=in_order,
    )
    (lock,) = [one for one in table(database_url, question_days) if one["item"] == "lock"]
    assert lock["least_words"] == lock.pop("most_words")
    lock.pop("least_words")
    assert lock == {
        "day": TODAY,
        "repository_id": SHOP.id,
        "area": "db",
        "item": "lock",
        "asked": 2,
        "not_applicable": 2,
        "findings": 2,
        "worded": 2,
        "within_15": 2,
    }


def test_other_words_are_told_apart(database_url: str) -> None:
    async def play(store: Store) -> None:
        for number, text in enumerate(("no lock", "No  lock", "some lock")):
            words = Note(Verb.CHECK, "ann", NOW, text)
            items = (Asked("lock", "must", Text("?", "？"), words),)
            await recorded(store, number + 1, shown=shown(areas=(area("db", items=items),)))

    played(database_url, play)
    (lock,) = table(database_url, question_days)
    assert lock["worded"] == 3
    assert lock["least_words"] < lock["most_words"]


def test_what_changes_is_counted_in_the_place_of_what_was(database_url: str) -> None:
    async def opens(store: Store) -> None:
        await recorded(store, 1, shown=shown())

    async def merges(store: Store) -> None:
        await recorded(store, 1, "waiting_author", shown(9, is_merged=True), is_open=False)

    async def signs(store: Store) -> None:
        await recorded(store, 1, "signed_off", shown(12, is_merged=True), is_open=False)

    def outcome() -> dict[str, Any]:
        whole, *_ = [one for one in table(database_url, area_days) if "area" not in one]
        return {name: n for name, n in whole.items() if name not in ("day", "repository_id")}

    played(database_url, opens)
    assert outcome() == {"flagged": 1}
    played(database_url, merges)
    assert outcome() == {"flagged": 1, "unsigned": 1}
    (review,) = table(database_url, reviews)
    assert review["unsigned_at"] == (NOW + timedelta(minutes=9)).timestamp()
    played(database_url, signs)
    assert outcome() == {"flagged": 1, "signed_off": 1}
    assert "unsigned_at" not in table(database_url, reviews)[0]


def test_a_run_that_comes_in_between_is_counted_by_the_next_round(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await recorded(store, 1, "waiting_author", shown())
            changes = await store.records.read(rollups._changes, UTC)
            await recorded(store, 1, "signed_off", shown(30))
            await store.records.write(rollups._apply, changes)
            assert table(database_url, area_days) == []
            await roll_up(store.records, UTC)
            again = await store.records.read(rollups._changes, UTC)
            assert again == []
            await store.records.write(rollups._apply, changes)  # as another process would

    asyncio.run(play())
    assert {one.get("flagged") for one in table(database_url, area_days)} == {1}
    assert [one["amounts"] for one in table(database_url, timings)] == ["30 ", "30 "]
    assert "steps" not in table(database_url, reviews)[0]


def test_many_pulls_are_counted_a_few_at_a_time(database_url: str) -> None:
    async def play(store: Store) -> None:
        for number in range(AT_ONCE + 1):
            await recorded(store, number + 1, shown=shown())
        assert len(await store.records.read(rollups._changes, UTC)) == AT_ONCE

    played(database_url, play)
    assert {one["flagged"] for one in table(database_url, area_days)} == {AT_ONCE + 1}


def test_the_time_from_a_delivery_to_its_check_run_is_counted(database_url: str) -> None:
    async def play(store: Store) -> None:
        key = PullKey(SHOP, 9)
        await store.queue.accept(delivery(key))
        claim = await due(store, key)
        await admitted(store, claim)
        left = replace(run(verdict(key), Shown(HEAD, NOW)), overview=shown(areas=()))
        await store.records.write(runs.record, claim, left, finished=True)
        claim = await claimed(store, key)  # by a sweep, with the same check run
        await store.records.write(runs.record, claim, left, finished=True)

    played(database_url, play)
    (check,) = table(database_url, timings)
    assert (check["kind"], len(check["amounts"].split())) == ("check", 1)


def test_what_is_older_than_it_is_kept_is_not_counted(database_url: str) -> None:
    old = replace(shown(), at=NOW - timedelta(days=KEPT_DAYS + 2))
    played(database_url, lambda store: recorded(store, 1, shown=old))
    assert table(database_url, area_days) == []


def test_a_pull_that_an_earlier_version_read_is_not_counted(database_url: str) -> None:
    played(database_url, lambda store: recorded(store, 1, shown=replace(shown(), at=None)))
    assert table(database_url, area_days) == table(database_url, timings) == []
