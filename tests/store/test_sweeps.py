"""What a sweep asks of the store: turns, suspicions that disturb nobody, a new chance for all."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.model import InstallationKey, Key, PullKey, RepositoryKey, SweepKey
from ghapp.store import MAX_ATTEMPTS, Store, history, runs, schedule
from ghapp.store.work_queue import marking
from tests.store.stores import (
    KEY,
    LONG_AGO,
    OTHER,
    SHOP,
    admitted,
    changed,
    claimed,
    delivery,
    dirty,
    due,
    opened,
    parked_in,
    recalled,
    run,
    story,
    verdict,
    worked_off,
)

NOW_TAKEN = "UPDATE turns SET taken_at = taken_at"


async def failed_for_good(store: Store) -> None:
    """KEY has failed too often."""
    await store.queue.mark_dirty([KEY])
    for attempt in range(MAX_ATTEMPTS):
        (claim,) = await store.queue.claim(1)
        is_parked = await store.queue.fail(claim, after_seconds=0, reason="500")
        assert is_parked is (attempt == MAX_ATTEMPTS - 1)


# --- turns -------------------------------------------------------------------------------


def test_of_many_processes_one_has_the_turn(database_url: str) -> None:
    async def play() -> None:
        stores = [await Store.open(database_url) for _ in range(4)]
        asked = (
            store.records.write(schedule.take_turn, "sweep", 60)
            for store in stores
            for _ in range(5)
        )
        assert sorted(await asyncio.gather(*asked)) == [False] * 19 + [True]
        assert await stores[0].records.write(schedule.take_turn, "digest", 60)
        changed(database_url, f"{NOW_TAKEN} - 61")
        asked = (store.records.write(schedule.take_turn, "sweep", 60) for store in stores)
        assert sorted(await asyncio.gather(*asked)) == [False] * 3 + [True]
        for store in stores:
            await store.close()

    asyncio.run(play())


@pytest.mark.parametrize(("seconds", "free"), [(-59, False), (-61, True), (59, False), (99, True)])
def test_a_turn_is_free_after_its_period_and_when_the_clock_was_set_back(
    database_url: str, seconds: int, free: bool
) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            assert await store.records.write(schedule.take_turn, "sweep", 60)
            changed(database_url, f"{NOW_TAKEN} + {seconds}")
            assert await store.records.write(schedule.take_turn, "sweep", 60) is free

    asyncio.run(play())


# --- marking -----------------------------------------------------------------------------


@pytest.mark.parametrize("key", [SweepKey(SHOP), RepositoryKey(SHOP), InstallationKey(11), KEY])
def test_a_claim_tells_the_very_key_that_was_marked(database_url: str, key: Key) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty([key])
            (claim,) = await store.queue.claim(9)
            assert claim.key == key
            await store.queue.finish(claim)
            assert await dirty(store) == 0

    asyncio.run(play())


@story
async def test_a_suspicion_has_our_marks_read_back_once(store: Store) -> None:
    await store.queue.mark_dirty([KEY], touched=True)
    assert (await recalled(store, KEY)).touched
    await worked_off(store)
    assert not (await recalled(store, KEY)).touched


def test_a_suspicion_during_a_run_is_one_more_run_at_once(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            claim = await claimed(store)
            await store.queue.mark_dirty([KEY], touched=True)
            await admitted(store, claim)
            await store.records.write(runs.record, claim, run(verdict(KEY)))
            await store.queue.finish(claim)
            assert (await recalled(store, KEY)).touched
            assert [one.key for one in await store.queue.claim(1)] == [KEY]

    asyncio.run(play())


@story
async def test_a_suspicion_hurries_no_key_that_waits_after_a_failure(store: Store) -> None:
    claim = await claimed(store)
    started = time.monotonic()
    await store.queue.fail(claim, after_seconds=1.0, reason="502")
    await store.queue.mark_dirty([KEY], touched=True)
    assert (await due(store)).attempts == 1
    assert time.monotonic() - started > 0.9
    assert (await recalled(store, KEY)).touched


@story
async def test_a_suspicion_wakes_no_parked_key_and_a_delivery_does(store: Store) -> None:
    await failed_for_good(store)
    await store.queue.mark_dirty([KEY], touched=True)
    assert await store.queue.claim(1) == ()
    assert [one.key for one in await parked_in(store)] == [str(KEY)]
    await store.queue.accept(delivery())
    assert await parked_in(store) == ()
    assert (await recalled(store, KEY)).touched


def test_a_rested_key_is_due_at_once_on_a_suspicion(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.finish(await claimed(store))
            changed(database_url, LONG_AGO)
            await store.queue.mark_dirty([KEY], touched=True)
            assert len(await store.queue.claim(1)) == 1

    asyncio.run(play())


def test_parked_keys_get_a_new_chance_when_they_have_been_so_for_long(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await failed_for_good(store)
            assert await store.records.write(marking.retry_parked, 60) == 0
            changed(database_url, "UPDATE keys SET parked_at = parked_at - 61")
            assert await store.records.write(marking.retry_parked, 60) == 1
            (claim,) = await store.queue.claim(5)
            assert (claim.key, claim.attempts) == (KEY, 0)

    asyncio.run(play())


@story
async def test_by_hand_all_parked_keys_get_one_at_once_and_no_other_does(store: Store) -> None:
    await failed_for_good(store)
    await store.queue.fail(await claimed(store, OTHER), after_seconds=99, reason="502")
    assert await store.records.write(marking.retry_parked) == 1
    assert [one.key for one in await store.queue.claim(5)] == [KEY]


def test_a_pull_read_within_a_minute_of_its_change_is_not_surely_read(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            now = datetime.now(UTC).replace(microsecond=0)
            for number, seconds in ((1, 5), (2, 90)):
                key, at = PullKey(SHOP, number), now - timedelta(seconds=seconds)
                claim = await claimed(store, key)
                await admitted(store, claim)
                done = replace(run(verdict(key)), seen_at=at)
                await store.records.write(runs.record, claim, done, finished=True)
            assert await store.records.read(history.seen, SHOP) == {
                1: now - timedelta(seconds=5 + 1),
                2: now - timedelta(seconds=90),
            }

    asyncio.run(play())
