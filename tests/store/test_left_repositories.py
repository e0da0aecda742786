"""Repositories that the App has left: their keys end, whatever state they were in."""

from __future__ import annotations

import asyncio

from ghapp.core.model import Delivery, InstallationKey, PullKey, Repository, RepositoryKey
from ghapp.store import MAX_ATTEMPTS, Store
from ghapp.store.work_queue import marking
from tests.store.stores import (
    KEY,
    LONG_AGO,
    OTHER,
    SHOP,
    changed,
    delivery,
    dirty,
    opened,
    parked_in,
    story,
)

ELSEWHERE = PullKey(Repository(11, 502, "acme/tools"), 1)


def left(*repositories: Repository) -> Delivery:
    return delivery(event="installation_repositories", action="removed", keys=(), left=repositories)


async def failed_for_good(store: Store, url: str) -> None:
    """KEY has failed too often."""
    await store.queue.mark_dirty([KEY])
    for _ in range(MAX_ATTEMPTS):
        changed(url, f"{LONG_AGO}, due = 1")
        (claim,) = await store.queue.claim(1)
        await store.queue.fail(claim, after_seconds=0, reason="403")


def test_what_waits_or_is_parked_is_done_and_another_repository_goes_on(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await failed_for_good(store, database_url)
            await store.queue.mark_dirty(
                [OTHER, ELSEWHERE, RepositoryKey(SHOP), InstallationKey(11)]
            )
            assert await store.queue.accept(left(SHOP))
            assert await parked_in(store) == ()
            assert await store.records.write(marking.retry_parked) == 0
            assert {one.key for one in await store.queue.claim(9)} == {
                ELSEWHERE,
                InstallationKey(11),
            }

    asyncio.run(play())


@story
async def test_a_run_under_way_that_fails_is_the_last_one(store: Store) -> None:
    await store.queue.mark_dirty([KEY])
    (claim,) = await store.queue.claim(1)
    await store.queue.accept(left(SHOP))
    assert not await store.queue.fail(claim, after_seconds=0, reason="403")
    assert (await dirty(store), await store.queue.claim(1)) == (0, ())


@story
async def test_what_has_moved_to_another_installation_by_then_is_looked_at_there(
    store: Store,
) -> None:
    moved = PullKey(Repository(12, SHOP.id, "other/shop"), KEY.number)
    await store.queue.accept(delivery(KEY))
    await store.queue.accept(delivery(moved))
    await store.queue.accept(left(SHOP))
    assert [one.key for one in await store.queue.claim(9)] == [moved]


@story
async def test_a_repository_that_comes_back_is_looked_at_again(store: Store) -> None:
    await store.queue.accept(delivery(KEY))
    await store.queue.accept(left(SHOP))
    await store.queue.accept(delivery(KEY))
    assert [one.key for one in await store.queue.claim(9)] == [KEY]


def test_hints_end_with_the_run_that_heeded_them(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery(InstallationKey(11), touched=True))
            (claim,) = await store.queue.claim(1)
            assert claim.touched
            await store.queue.finish(claim)
            changed(database_url, LONG_AGO)
            await store.queue.mark_dirty([InstallationKey(11)])
            (claim,) = await store.queue.claim(1)
            assert not claim.touched
            await store.queue.accept(delivery(InstallationKey(11), touched=True))
            await store.queue.finish(claim)  # what came meanwhile is for the next run
            changed(database_url, f"{LONG_AGO}, due = 1")
            (claim,) = await store.queue.claim(1)
            assert claim.touched

    asyncio.run(play())
