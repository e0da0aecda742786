"""Two pulls of one head are never worked on at once, and nobody waits in vain."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from ghapp.core.model import PullKey
from ghapp.core.records import Claim
from ghapp.errors import GhappError, Wait
from ghapp.store import Store, runs
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
    dirty,
    opened,
    run,
    story,
    verdict,
    worked_off,
)


def test_pulls_of_one_head_are_never_claimed_together(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            for key in (KEY, OTHER):
                await store.queue.mark_dirty([key])
                await worked_off(store, key)
            changed(database_url, LONG_AGO)
            await store.queue.mark_dirty([KEY, OTHER])
            (first,) = await store.queue.claim(5)  # of two that are due
            assert await store.queue.claim(5) == ()  # while the other one is held
            await store.queue.finish(first)
            (second,) = await store.queue.claim(5)
            assert {first.key, second.key} == {KEY, OTHER}

    asyncio.run(play())


@story
async def test_a_head_that_another_lease_holds_is_refused(store: Store) -> None:
    await store.queue.mark_dirty([KEY, OTHER])
    one, two = await store.queue.claim(2)
    await admitted(store, one)
    with pytest.raises(Wait) as refused:
        await admitted(store, two)
    assert refused.value.after_seconds == 1.0
    await admitted(store, two, head_sha=NEXT_HEAD)
    await store.queue.finish(one)
    await admitted(store, two)


def test_of_pulls_admitted_at_once_one_gets_the_head(database_url: str) -> None:
    pulls = [PullKey(SHOP, number) for number in range(1, 9)]

    async def play() -> None:
        async with opened(database_url) as here, opened(database_url) as there:
            await here.queue.mark_dirty(pulls)
            claims = await here.queue.claim(len(pulls))
            assert len(claims) == len(pulls)
            stores = [here, there] * len(pulls)
            answers = await asyncio.gather(
                *(admitted(store, claim) for store, claim in zip(stores, claims, strict=False)),
                return_exceptions=True,
            )
            refused = [answer for answer in answers if isinstance(answer, GhappError)]
            assert len(refused) == len(pulls) - 1
            assert {type(answer) for answer in refused} == {Wait}

    asyncio.run(play())


Held = list[tuple[str, float, float]]  # (key or head, from, to)
PULLS = [PullKey(SHOP, number) for number in range(1, 13)]
HEADS = {key: f"{key.number % 3:040x}" for key in PULLS}


async def work(store: Store, held: Held) -> None:
    """A worker, until nothing is dirty; keeps when it held a key, and when a head."""
    while await dirty(store):
        for claim in await store.queue.claim(3, wait_seconds=0.05):
            started = time.monotonic()
            try:
                await work_on(store, claim, held)
            except Wait:
                await store.queue.defer(claim, after_seconds=0.01)
            else:
                held.append((str(claim.key), started, time.monotonic()))
                await store.queue.finish(claim)


async def work_on(store: Store, claim: Claim, held: Held) -> None:
    assert isinstance(claim.key, PullKey)
    head_sha = HEADS[claim.key]
    await admitted(store, claim, head_sha=head_sha)
    began = time.monotonic()
    await store.records.write(runs.intend, claim, EFFECTS)
    await store.records.write(runs.record, claim, run(verdict(claim.key, head_sha=head_sha)))
    held.append((head_sha, began, time.monotonic()))


def test_many_workers_never_hold_a_key_or_a_head_together(database_url: str) -> None:
    held: Held = []

    async def play() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            for _ in range(3):
                await one.queue.mark_dirty(PULLS)
                async with asyncio.timeout(3 * PATIENCE_SECONDS):
                    await asyncio.gather(*(work(store, held) for store in (one, one, two, two)))

    asyncio.run(play())
    assert {name for name, _, _ in held} == {str(key) for key in PULLS} | set(HEADS.values())
    for (name, _, end), (other, begin, _) in pairwise(sorted(held)):
        assert name != other or end <= begin, f"{name} was worked on twice at once"
