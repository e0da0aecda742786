"""Keys: dirty until worked off, held by one worker at a time, parked when they keep failing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select

from ghapp.core.model import Compared, Delivery, PullKey
from ghapp.core.records import Claim
from ghapp.errors import LeaseLost
from ghapp.store import Store, runs
from ghapp.store.schema import keys
from ghapp.store.work_queue import marking
from ghapp.store.work_queue.leases import MAX_ATTEMPTS
from ghapp.store.work_queue.marking import Mark
from tests.store.stores import (
    EFFECTS,
    HEAD,
    KEY,
    LONG_AGO,
    NEXT_HEAD,
    NOON,
    OTHER,
    PATIENCE_SECONDS,
    SHOP,
    admitted,
    changed,
    claimed,
    delivery,
    dirty,
    due,
    health_of,
    opened,
    parked_in,
    recalled,
    run,
    story,
    verdict,
    worked_off,
)

RUN_OUT = "UPDATE keys SET lease_until = 1"


@story
async def test_a_key_is_held_by_one_claim_until_finished(store: Store) -> None:
    await store.queue.accept(delivery())
    (claim,) = await store.queue.claim(5)
    assert (claim.key, claim.generation, claim.attempts) == (KEY, 1, 0)
    assert await store.queue.claim(5) == ()
    assert await dirty(store) == 1
    await store.queue.finish(claim)
    assert await store.queue.claim(5) == ()
    assert await dirty(store) == 0


@story
async def test_no_more_keys_are_claimed_than_asked_for(store: Store) -> None:
    await store.queue.mark_dirty([KEY, OTHER])
    assert await store.queue.claim(0) == ()
    first, second = await store.queue.claim(1), await store.queue.claim(1)
    assert {claim.key for claim in (*first, *second)} == {KEY, OTHER}
    assert first[0].token != second[0].token


@story
async def test_a_delivery_during_a_run_leaves_the_key_dirty(store: Store) -> None:
    claim = await claimed(store)
    await store.queue.accept(delivery(touched=True))
    await admitted(store, claim)
    await store.records.write(runs.record, claim, run(verdict(KEY)))
    await store.queue.finish(claim)
    assert await dirty(store) == 1
    assert (await recalled(store, KEY)).touched
    assert (await due(store)).generation == 2


@story
async def test_hints_are_gone_once_they_are_worked_off(store: Store) -> None:
    await store.queue.accept(delivery(opened=True, touched=True, changed_files=3))
    await worked_off(store)
    history = await recalled(store, KEY)
    assert (history.fresh_at, history.opened, history.touched, history.changed_files) == (
        None,
        False,
        False,
        0,
    )


@story
async def test_what_follows_within_a_second_is_one_more_run(store: Store) -> None:
    await store.queue.accept(delivery())
    started = time.monotonic()
    (first,) = await store.queue.claim(5)
    for _ in range(5):
        await store.queue.accept(delivery())
    await store.queue.finish(first)
    second = await due(store)
    assert time.monotonic() - started > 0.9
    await store.queue.finish(second)
    assert (second.generation, await dirty(store)) == (6, 0)


def test_a_key_that_rested_is_due_at_once(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.finish(await claimed(store))
            changed(database_url, LONG_AGO)
            await store.queue.accept(delivery())
            assert len(await store.queue.claim(5)) == 1

    asyncio.run(play())


@story
async def test_a_busy_key_does_not_lose_its_place_in_the_queue(store: Store) -> None:
    await store.queue.accept(delivery(KEY))
    await store.queue.accept(delivery(OTHER))
    await store.queue.accept(delivery(KEY))
    assert (await store.queue.claim(1))[0].key == KEY


def test_a_lease_that_ran_out_passes_on_and_fences_its_holder(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            old = await claimed(store)
            changed(database_url, RUN_OUT)
            assert await store.queue.renew([old]) == frozenset()
            new = await due(store)
            assert new.token != old.token
            await refused_all(store, old)
            assert await store.queue.renew([old, new]) == {new.token}
            await admitted(store, new)
            await store.queue.finish(new)

    asyncio.run(play())


def test_a_lease_that_ran_out_is_lost_even_if_nobody_took_it(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            claim = await claimed(store)
            changed(database_url, RUN_OUT)
            await refused_all(store, claim)

    asyncio.run(play())


def test_a_claim_that_nobody_gave_back_counts_as_an_attempt(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            assert (await claimed(store)).attempts == 0
            for attempts in range(1, MAX_ATTEMPTS + 1):
                changed(database_url, RUN_OUT)
                last = await due(store)
                assert last.attempts == attempts
            assert await store.queue.fail(last, after_seconds=0, reason="killed")
            assert await store.queue.claim(5) == ()
            assert (await health_of(store)).parked == 1

    asyncio.run(play())


@story
async def test_a_claim_that_was_given_back_counts_nothing(store: Store) -> None:
    await store.queue.defer(await claimed(store), after_seconds=0)
    again = await due(store)
    assert again.attempts == 0
    await store.queue.finish(again)
    assert (await claimed(store)).attempts == 0


async def refused_all(store: Store, claim: Claim) -> None:
    for write in (
        lambda: admitted(store, claim),
        lambda: store.records.write(runs.intend, claim, EFFECTS),
        lambda: store.records.write(runs.record, claim, run(verdict(KEY))),
        lambda: store.queue.finish(claim),
        lambda: store.queue.fail(claim, after_seconds=0, reason="502"),
    ):
        with pytest.raises(LeaseLost):
            await write()


@story
async def test_a_finished_claim_is_worth_nothing(store: Store) -> None:
    claim = await claimed(store)
    await store.queue.finish(claim)
    await refused_all(store, claim)


@story
async def test_a_key_put_off_waits_its_time_and_comes_back(store: Store) -> None:
    claim = await claimed(store)
    started = time.monotonic()
    await store.queue.defer(claim, after_seconds=0.5, lags=True, reason="lagging")
    assert await store.queue.claim(5) == ()
    again = await due(store)
    assert time.monotonic() - started > 0.4
    assert (again.generation, again.attempts) == (claim.generation, 0)
    assert (await recalled(store, KEY)).waited == 1
    for _ in range(20):  # an outage uses up nobody's patience with reads that lag
        await store.queue.defer(again, after_seconds=0.0, reason="GitHub is away")
        again = await due(store)
    assert (await recalled(store, KEY)).waited == 1
    await store.queue.finish(again)
    assert (await recalled(store, KEY)).waited == 0


async def failed(store: Store, times: int) -> list[bool]:
    return [
        await store.queue.fail(await due(store), after_seconds=0, reason=f"no. {number}")
        for number in range(times)
    ]


@story
async def test_a_key_that_keeps_failing_is_parked_and_stays_listed(store: Store) -> None:
    await store.queue.accept(delivery())
    assert await failed(store, MAX_ATTEMPTS) == [False] * (MAX_ATTEMPTS - 1) + [True]
    assert await store.queue.claim(5) == ()
    health = await health_of(store)
    assert (health.dirty, health.parked) == (0, 1)
    (parked,) = await parked_in(store)
    assert (parked.key, parked.full_name, parked.error) == (str(KEY), "acme/shop", "no. 7")


def test_a_parked_key_is_not_among_those_that_are_due(database_url: str) -> None:
    """Else each claim would walk through all of them."""

    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            await failed(store, MAX_ATTEMPTS)
            await store.queue.accept(delivery(OTHER))
            engine = create_engine(database_url)
            with engine.connect() as connection:
                due_keys = select(keys.c.key).where(keys.c.due < time.time() + 3600)
                assert connection.scalars(due_keys).all() == [str(OTHER)]
            engine.dispose()
            await store.records.write(marking.retry_parked)
            assert {claim.key for claim in await store.queue.claim(5)} == {KEY, OTHER}

    asyncio.run(play())


@story
async def test_a_new_delivery_gives_a_parked_key_another_chance(store: Store) -> None:
    await store.queue.accept(delivery())
    await failed(store, MAX_ATTEMPTS)
    await store.queue.accept(delivery())
    claim = await due(store)
    assert claim.attempts == 0
    await store.queue.finish(claim)
    assert (await parked_in(store), await dirty(store)) == ((), 0)


@story
async def test_attempts_are_counted_and_forgotten_after_a_success(store: Store) -> None:
    await store.queue.accept(delivery())
    await failed(store, 3)
    claim = await due(store)
    assert claim.attempts == 3
    await store.queue.finish(claim)
    assert (await claimed(store)).attempts == 0


@story
async def test_health_tells_ages_and_counts(store: Store) -> None:
    empty = await health_of(store)
    assert (empty.newest_delivery_seconds, empty.oldest_due_seconds) == (None, None)
    await store.queue.accept(delivery(KEY, OTHER))
    health = await health_of(store)
    assert health.newest_delivery_seconds is not None
    assert 0 <= health.newest_delivery_seconds < PATIENCE_SECONDS
    assert health.oldest_due_seconds is not None
    assert 0 <= health.oldest_due_seconds < PATIENCE_SECONDS
    assert (health.dirty, health.parked) == (2, 0)


@story
async def test_the_newest_delivery_names_what_is_compared(store: Store) -> None:
    def named(head_sha: str, base_ref: str, minutes: int) -> Delivery:
        at = NOON + timedelta(minutes=minutes)
        return delivery(fresh_at=at, compared=Compared(head_sha, base_ref))

    await store.queue.accept(named(HEAD, "main", 1))
    await store.queue.accept(named(NEXT_HEAD, "old", 0))  # an older one that comes late
    await store.queue.accept(delivery())  # one that names nothing
    assert (await recalled(store, KEY)).delivered == Compared(HEAD, "main")
    await store.queue.accept(named(NEXT_HEAD, "stable", 1))  # of the same second: the last one
    assert (await recalled(store, KEY)).delivered == Compared(NEXT_HEAD, "stable")
    await asyncio.gather(
        *(store.queue.accept(named(f"{number:040x}", "main", 2)) for number in range(20))
    )
    assert (await recalled(store, KEY)).delivered == Compared(f"{19:040x}", "main")
    await worked_off(store)
    history = await recalled(store, KEY)
    assert (history.delivered, history.compared) == (None, Compared(HEAD, "main"))


@story
async def test_since_when_a_pull_has_its_base_is_kept_with_the_run(store: Store) -> None:
    for since in (NOON, None):
        claim = await claimed(store)
        await admitted(store, claim)
        await store.records.write(
            runs.record, claim, replace(run(verdict(KEY)), base_since=since), finished=True
        )
        assert (await recalled(store, KEY)).base_since == since


@story
async def test_keys_that_are_marked_apart_become_due_one_after_the_other(store: Store) -> None:
    newest_first = [PullKey(SHOP, number) for number in (12, 9, 3)]
    waiting = PullKey(SHOP, 7)
    assert await store.queue.accept(delivery(waiting))
    apart = Mark([*newest_first, waiting], apart_seconds=600.0)
    await store.records.write(marking.mark, apart)
    # What waits in the queue keeps its place.
    assert {claim.key for claim in await store.queue.claim(9)} == {newest_first[0], waiting}
    assert await store.queue.claim(9) == ()
    assert await store.queue.accept(delivery(newest_first[2]))  # somebody waits for this one now
    assert (await due(store, newest_first[2])).key == newest_first[2]
    assert await store.queue.claim(9) == ()
