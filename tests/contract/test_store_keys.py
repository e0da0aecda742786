"""Keys: dirty until worked off, held by one worker at a time, never two of one head."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from ghapp.core.memory import Claim
from ghapp.core.model import PullKey
from ghapp.errors import GhappError, LeaseLost, Retry
from ghapp.store import Store
from ghapp.store.keys import MAX_ATTEMPTS
from tests.contract.stores import (
    EFFECTS,
    KEY,
    NEXT_HEAD,
    OTHER,
    PATIENCE_SECONDS,
    SHOP,
    admitted,
    changed,
    claimed,
    delivery,
    dirty,
    due,
    opened,
    run,
    story,
    verdict,
    worked_off,
)
from tests.postgres import Cluster

RUN_OUT = "UPDATE keys SET lease_until = 1"
LONG_AGO = "UPDATE keys SET started_at = 1"


@story
async def test_a_key_is_held_by_one_claim_until_finished(store: Store) -> None:
    await store.accept(delivery())
    (claim,) = await store.claim(5)
    assert (claim.key, claim.generation, claim.attempts) == (KEY, 1, 0)
    assert await store.claim(5) == ()
    assert await dirty(store) == 1
    await store.finish(claim)
    assert await store.claim(5) == ()
    assert await dirty(store) == 0


@story
async def test_no_more_keys_are_claimed_than_asked_for(store: Store) -> None:
    await store.mark_dirty([KEY, OTHER])
    assert await store.claim(0) == ()
    first, second = await store.claim(1), await store.claim(1)
    assert {claim.key for claim in (*first, *second)} == {KEY, OTHER}
    assert first[0].token != second[0].token


@story
async def test_a_delivery_during_a_run_leaves_the_key_dirty(store: Store) -> None:
    claim = await claimed(store)
    await store.accept(delivery(touched=True))
    await admitted(store, claim)
    await store.record(claim, run(verdict(KEY)))
    await store.finish(claim)
    assert await dirty(store) == 1
    assert (await store.recall(KEY)).touched
    assert (await due(store)).generation == 2


@story
async def test_hints_are_gone_once_they_are_worked_off(store: Store) -> None:
    await store.accept(delivery(opened=True, touched=True, changed_files=3))
    await worked_off(store)
    past = await store.recall(KEY)
    assert (past.fresh_at, past.opened, past.touched, past.changed_files) == (None, False, False, 0)


@story
async def test_what_follows_within_a_second_is_one_more_run(store: Store) -> None:
    await store.accept(delivery())
    started = time.monotonic()
    (first,) = await store.claim(5)
    for _ in range(5):
        await store.accept(delivery())
    await store.finish(first)
    assert await store.claim(5) == ()
    second = await due(store)
    assert time.monotonic() - started > 0.9
    await store.finish(second)
    assert (second.generation, await dirty(store)) == (6, 0)


def test_a_key_that_rested_is_due_at_once(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.finish(await claimed(store))
            changed(database_url, LONG_AGO)
            await store.accept(delivery())
            assert len(await store.claim(5)) == 1

    asyncio.run(play())


@story
async def test_a_busy_key_does_not_lose_its_place_in_the_queue(store: Store) -> None:
    await store.accept(delivery(KEY))
    await store.accept(delivery(OTHER))
    await store.accept(delivery(KEY))
    assert (await store.claim(1))[0].key == KEY


def test_a_lease_that_ran_out_passes_on_and_fences_its_holder(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            old = await claimed(store)
            changed(database_url, RUN_OUT)
            assert await store.renew([old]) == frozenset()
            new = await due(store)
            assert new.token != old.token
            await refused_all(store, old)
            assert await store.renew([old, new]) == {new.token}
            await admitted(store, new)
            await store.finish(new)

    asyncio.run(play())


def test_a_lease_that_ran_out_is_lost_even_if_nobody_took_it(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            claim = await claimed(store)
            changed(database_url, RUN_OUT)
            await refused_all(store, claim)

    asyncio.run(play())


async def refused_all(store: Store, claim: Claim) -> None:
    for write in (
        lambda: admitted(store, claim),
        lambda: store.intend(claim, EFFECTS),
        lambda: store.record(claim, run(verdict(KEY))),
        lambda: store.finish(claim),
        lambda: store.put_off(claim, after_seconds=0, counts=True),
    ):
        with pytest.raises(LeaseLost):
            await write()


@story
async def test_a_finished_claim_is_worth_nothing(store: Store) -> None:
    claim = await claimed(store)
    await store.finish(claim)
    await refused_all(store, claim)


@story
async def test_a_key_put_off_waits_its_time_and_comes_back(store: Store) -> None:
    claim = await claimed(store)
    started = time.monotonic()
    assert not await store.put_off(claim, after_seconds=0.5, counts=False, error="lagging")
    assert await store.claim(5) == ()
    again = await due(store)
    assert 0.4 < time.monotonic() - started < PATIENCE_SECONDS / 2
    assert (again.generation, again.attempts) == (claim.generation, 0)
    assert (await store.recall(KEY)).waited == 1
    await store.finish(again)
    assert (await store.recall(KEY)).waited == 0


async def failed(store: Store, times: int) -> list[bool]:
    return [
        await store.put_off(await due(store), after_seconds=0, counts=True, error=f"no. {number}")
        for number in range(times)
    ]


@story
async def test_a_key_that_keeps_failing_is_parked_and_stays_listed(store: Store) -> None:
    await store.accept(delivery())
    assert await failed(store, MAX_ATTEMPTS) == [False] * (MAX_ATTEMPTS - 1) + [True]
    assert await store.claim(5) == ()
    health = await store.health()
    assert (health.dirty, health.parked) == (0, 1)
    (parked,) = await store.parked()
    assert (parked.key, parked.full_name, parked.error) == (str(KEY), "acme/shop", "no. 7")


@story
async def test_a_new_delivery_gives_a_parked_key_another_chance(store: Store) -> None:
    await store.accept(delivery())
    await failed(store, MAX_ATTEMPTS)
    await store.accept(delivery())
    claim = await due(store)
    assert claim.attempts == 0
    await store.finish(claim)
    assert (await store.parked(), await dirty(store)) == ((), 0)


@story
async def test_attempts_are_counted_and_forgotten_after_a_success(store: Store) -> None:
    await store.accept(delivery())
    await failed(store, 3)
    claim = await due(store)
    assert claim.attempts == 3
    await store.finish(claim)
    assert (await claimed(store)).attempts == 0


@story
async def test_health_tells_ages_and_counts(store: Store) -> None:
    empty = await store.health()
    assert (empty.newest_delivery_seconds, empty.oldest_due_seconds) == (None, None)
    await store.accept(delivery(KEY, OTHER))
    health = await store.health()
    assert 0 <= (health.newest_delivery_seconds or -1) < PATIENCE_SECONDS
    assert 0 <= (health.oldest_due_seconds or -1) < PATIENCE_SECONDS
    assert (health.dirty, health.parked) == (2, 0)


# --- heads -------------------------------------------------------------------------------


def test_pulls_of_one_head_are_never_claimed_together(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            for key in (KEY, OTHER):
                await store.mark_dirty([key])
                await worked_off(store, key)
            changed(database_url, LONG_AGO)
            await store.mark_dirty([KEY, OTHER])
            (first,) = await store.claim(5)  # of two that are due
            assert await store.claim(5) == ()  # while the other one is held
            await store.finish(first)
            (second,) = await store.claim(5)
            assert {first.key, second.key} == {KEY, OTHER}

    asyncio.run(play())


@story
async def test_a_head_that_another_lease_holds_is_refused(store: Store) -> None:
    await store.mark_dirty([KEY, OTHER])
    one, two = await store.claim(2)
    await admitted(store, one)
    with pytest.raises(Retry) as refused:
        await admitted(store, two)
    assert (refused.value.counts, refused.value.after_seconds) == (False, 1.0)
    await admitted(store, two, head_sha=NEXT_HEAD)
    await store.finish(one)
    await admitted(store, two)


def test_of_pulls_admitted_at_once_one_gets_the_head(database_url: str) -> None:
    pulls = [PullKey(SHOP, number) for number in range(1, 9)]

    async def play() -> None:
        async with opened(database_url) as here, opened(database_url) as there:
            await here.mark_dirty(pulls)
            claims = await here.claim(len(pulls))
            assert len(claims) == len(pulls)
            stores = [here, there] * len(pulls)
            answers = await asyncio.gather(
                *(admitted(store, claim) for store, claim in zip(stores, claims, strict=False)),
                return_exceptions=True,
            )
            refused = [answer for answer in answers if isinstance(answer, GhappError)]
            assert len(refused) == len(pulls) - 1
            assert {type(answer) for answer in refused} == {Retry}

    asyncio.run(play())


def test_many_workers_never_hold_a_key_or_a_head_together(database_url: str) -> None:
    """Runs are kept as (key, head, from, to); two that overlap would share neither."""
    pulls = [PullKey(SHOP, number) for number in range(1, 13)]
    heads = {key: f"{key.number % 3:040x}" for key in pulls}
    runs: list[tuple[str, float, float]] = []

    async def work(store: Store) -> None:
        while await dirty(store):
            for claim in await store.claim(3):
                assert isinstance(claim.key, PullKey)
                started = time.monotonic()
                try:
                    await admitted(store, claim, head_sha=heads[claim.key])
                    began = time.monotonic()
                    await store.intend(claim, EFFECTS)
                    await store.record(claim, run(verdict(claim.key, head_sha=heads[claim.key])))
                    for name, since in ((str(claim.key), started), (heads[claim.key], began)):
                        runs.append((name, since, time.monotonic()))
                    await store.finish(claim)
                except Retry:
                    await store.put_off(claim, after_seconds=0.01, counts=False)
            await store.wait(0.05)

    async def play() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            for _ in range(3):
                await one.mark_dirty(pulls)
                async with asyncio.timeout(3 * PATIENCE_SECONDS):
                    await asyncio.gather(work(one), work(one), work(two), work(two))

    asyncio.run(play())
    assert {name for name, _, _ in runs} == {str(key) for key in pulls} | set(heads.values())
    for (name, _, end), (other, begin, _) in pairwise(sorted(runs)):
        assert name != other or end <= begin, f"{name} was worked on twice at once"


# --- waiting -----------------------------------------------------------------------------


async def woken(store: Store) -> None:
    """Over once there is something to do; polling would take too long to be it."""
    while not await store.claim(1):
        await store.wait(10 * PATIENCE_SECONDS)


@story
async def test_waiting_ends_when_something_becomes_dirty(store: Store) -> None:
    waiting = asyncio.ensure_future(woken(store))
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()
    await store.accept(delivery())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waiting


@story
async def test_waiting_ends_when_its_time_is_over(store: Store) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await store.wait(0.05)


def test_a_process_is_woken_by_what_another_one_accepts(postgres_url: str) -> None:
    async def play() -> None:
        async with opened(postgres_url) as here, opened(postgres_url) as there:
            waiting = asyncio.ensure_future(woken(there))
            await asyncio.wait([waiting], timeout=0.5)  # by then it listens
            await here.accept(delivery())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await waiting

    asyncio.run(play())


def test_a_process_is_woken_again_after_the_server_restarted(
    postgres: Cluster, postgres_url: str
) -> None:
    async def play() -> None:
        async with opened(postgres_url) as here, opened(postgres_url) as there:
            await asyncio.to_thread(postgres.stop)
            await asyncio.to_thread(postgres.start)
            waiting = asyncio.ensure_future(woken(there))
            await here.accept(delivery())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await waiting

    asyncio.run(play())
