"""When the oldest delivery came that a run works off: carried by its claim, over every detour."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from ghapp.core.records import Claim
from ghapp.store import MAX_ATTEMPTS, Store
from ghapp.store.work_queue import marking
from tests.store.stores import KEY, LONG_AGO, OTHER, changed, claimed, delivery, due, opened, story

# Each test moves what is stored back in time, instead of waiting.
MINUTE = timedelta(minutes=1)
EARLIER = "UPDATE keys SET arrived_at = arrived_at - 60 WHERE arrived_at > 0"
RUN_OUT = "UPDATE keys SET lease_until = 1"


def waited(claim: Claim) -> float:
    assert claim.waited_seconds is not None
    return claim.waited_seconds


def at(claim: Claim) -> datetime:
    assert claim.arrived_at
    return claim.arrived_at


@story
async def test_a_claim_tells_when_its_delivery_came(store: Store) -> None:
    await store.queue.accept(delivery())
    claim = await due(store)
    assert 0 <= waited(claim) < 20
    assert claim.claimed_at and claim.claimed_at - at(claim) < MINUTE


@story
async def test_what_no_delivery_asked_for_has_no_such_time(store: Store) -> None:
    await store.queue.mark_dirty([KEY])
    await store.queue.mark_dirty([OTHER], touched=True)
    claims = await store.queue.claim(5)
    assert [(one.arrived_at, one.waited_seconds) for one in claims] == [(None, None)] * 2


def test_of_several_deliveries_the_oldest_counts(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            changed(database_url, EARLIER)
            await store.queue.accept(delivery())
            await store.queue.mark_dirty([KEY], touched=True)
            assert 60 <= waited(await due(store)) < 90

    asyncio.run(play())


def test_a_delivery_on_top_of_a_suspicion_counts_from_its_own_arrival(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty([KEY], touched=True)
            changed(database_url, "UPDATE keys SET due = due - 60")
            await store.queue.accept(delivery())
            assert waited(await due(store)) < 30

    asyncio.run(play())


def test_once_it_is_worked_off_the_next_run_has_none(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            await store.queue.finish(await due(store))
            changed(database_url, LONG_AGO)
            again = await claimed(store)
            assert again.arrived_at is None

    asyncio.run(play())


def test_what_comes_during_a_run_is_of_the_next_one(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            changed(database_url, EARLIER)
            first = await due(store)
            await store.queue.accept(delivery())
            await store.queue.accept(delivery())
            await store.queue.finish(first)
            second = await due(store)
            assert waited(first) >= 60
            assert waited(second) < 30
            assert first.claimed_at and at(second) > first.claimed_at
            await store.queue.finish(second)
            changed(database_url, LONG_AGO)
            assert (await claimed(store)).arrived_at is None

    asyncio.run(play())


def test_a_suspicion_during_a_run_is_no_delivery_of_the_next(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            first = await due(store)
            await store.queue.mark_dirty([KEY], touched=True)
            await store.queue.finish(first)
            assert (await due(store)).arrived_at is None

    asyncio.run(play())


def test_a_key_put_off_counts_from_the_first_delivery(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            changed(database_url, EARLIER)
            first = await due(store)
            await store.queue.accept(delivery())  # a newer one, which the row tells meanwhile
            await store.queue.fail(first, after_seconds=0, reason="502")
            again = await due(store)
            assert abs(at(again) - at(first)) < timedelta(milliseconds=1)
            await store.queue.defer(again, after_seconds=0)
            await store.queue.finish(await due(store))
            changed(database_url, LONG_AGO)
            assert (await claimed(store)).arrived_at is None

    asyncio.run(play())


def test_a_key_put_off_that_had_none_takes_what_came_meanwhile(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            first = await claimed(store)
            await store.queue.accept(delivery())
            await store.queue.defer(first, after_seconds=0)
            assert 0 <= waited(await due(store)) < 30

    asyncio.run(play())


def test_a_key_that_no_delivery_marked_has_no_arrival_after_waiting(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.defer(await claimed(store), after_seconds=0)
            assert (await due(store)).arrived_at is None

    asyncio.run(play())


def test_a_worker_that_dies_takes_no_time_with_it(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            changed(database_url, EARLIER)
            first = await due(store)
            changed(database_url, RUN_OUT)
            await store.queue.accept(delivery())
            assert at(await due(store)) == at(first)

    asyncio.run(play())


def test_a_parked_key_counts_from_when_its_delivery_came(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            changed(database_url, EARLIER)
            for _ in range(MAX_ATTEMPTS):
                await store.queue.fail(await due(store), after_seconds=0, reason="500")
            await store.records.write(marking.retry_parked)
            assert waited(await due(store)) >= 60

    asyncio.run(play())


def test_what_an_older_ghapp_left_on_a_clean_key_is_no_arrival(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            await store.queue.finish(await due(store))
            changed(database_url, "UPDATE keys SET arrived_at = 5, started_at = 1")
            assert (await claimed(store)).arrived_at is None
            changed(database_url, "UPDATE keys SET done_generation = generation, lease_until = 1")
            changed(
                database_url, "UPDATE keys SET arrived_at = 5, started_at = 1, lease_token = ''"
            )
            await store.queue.accept(delivery())
            assert waited(await due(store)) < 30

    asyncio.run(play())
