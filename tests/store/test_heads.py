"""Two pulls of one head are never worked on at once, and nobody waits in vain."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from benchmarks.postgres import Cluster
from ghapp.core.model import PullKey
from ghapp.core.records import Claim
from ghapp.errors import GhappError, Retry
from ghapp.store import Store
from tests.store.stores import (
    EFFECTS,
    KEY,
    LONG_AGO,
    NEXT_HEAD,
    OTHER,
    PATIENCE_SECONDS,
    SHOP,
    admitted,
    changed,
    delivery,
    dirty,
    opened,
    run,
    story,
    verdict,
    worked_off,
)

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


Runs = list[tuple[str, float, float]]  # (key or head, from, to)
PULLS = [PullKey(SHOP, number) for number in range(1, 13)]
HEADS = {key: f"{key.number % 3:040x}" for key in PULLS}


async def work(store: Store, runs: Runs) -> None:
    """A worker, until nothing is dirty; keeps when it held a key, and when a head."""
    while await dirty(store):
        for claim in await store.claim(3):
            started = time.monotonic()
            try:
                await work_on(store, claim, runs)
            except Retry:
                await store.put_off(claim, after_seconds=0.01, counts=False)
            else:
                runs.append((str(claim.key), started, time.monotonic()))
                await store.finish(claim)
        await store.wait(0.05)


async def work_on(store: Store, claim: Claim, runs: Runs) -> None:
    assert isinstance(claim.key, PullKey)
    head_sha = HEADS[claim.key]
    await admitted(store, claim, head_sha=head_sha)
    began = time.monotonic()
    await store.intend(claim, EFFECTS)
    await store.record(claim, run(verdict(claim.key, head_sha=head_sha)))
    runs.append((head_sha, began, time.monotonic()))


def test_many_workers_never_hold_a_key_or_a_head_together(database_url: str) -> None:
    runs: Runs = []

    async def play() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            for _ in range(3):
                await one.mark_dirty(PULLS)
                async with asyncio.timeout(3 * PATIENCE_SECONDS):
                    await asyncio.gather(*(work(store, runs) for store in (one, one, two, two)))

    asyncio.run(play())
    assert {name for name, _, _ in runs} == {str(key) for key in PULLS} | set(HEADS.values())
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
