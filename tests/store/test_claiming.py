"""Which due keys a claim takes: requested ones, then the longest due, and no more than a share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from ghapp.core.model import InstallationKey, PullKey, QueueKey, Repository, RepositoryKey, SweepKey
from ghapp.core.records import Claim, Full
from ghapp.store import Store
from tests.store.stores import changed, delivery, health_of, opened, stored, story

BIG, SMALL, THIRD = 11, 22, 33


def pull(installation: int, number: int) -> PullKey:
    repository = Repository(installation, installation * 10, f"org-{installation}/shop")
    return PullKey(repository, number)


def pulls(installation: int, count: int) -> tuple[PullKey, ...]:
    return tuple(pull(installation, number) for number in range(1, count + 1))


def whose(claims: Iterable[Claim]) -> Counter[int]:
    """How many keys of each installation."""
    found: Counter[int] = Counter()
    for claim in claims:
        assert isinstance(claim.key, PullKey)
        found[claim.key.repository.installation_id] += 1
    return found


def aged(url: str, seconds: float, where: str = "true") -> None:
    changed(url, f"UPDATE keys SET due = due - {seconds} WHERE {where}")


def test_ten_thousand_keys_of_whoever_is_full_hold_up_no_other(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty(pulls(BIG, 10_000))
            aged(database_url, 500)
            await store.queue.mark_dirty([pull(SMALL, 1)])
            assert whose(await store.queue.claim(16)) == {BIG: 16}
            assert whose(await store.queue.claim(4, full=Full((BIG,)))) == {SMALL: 1}
            await store.queue.accept(delivery(pull(THIRD, 1)))
            assert whose(await store.queue.claim(1)) == {THIRD: 1}

    asyncio.run(play())


def test_the_longest_due_comes_first(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty(pulls(BIG, 30))
            changed(database_url, "UPDATE keys SET due = due - number")
            taken = [
                claim.key for claim in (*await store.queue.claim(3), *await store.queue.claim(3))
            ]
            assert taken == [pull(BIG, number) for number in range(30, 24, -1)]

    asyncio.run(play())


def test_what_a_delivery_asks_for_comes_before_a_suspicion_of_longer_ago(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty((*pulls(BIG, 20), *pulls(SMALL, 20)), touched=True)
            aged(database_url, 3000)
            await store.queue.accept(delivery(*(pull(BIG, number) for number in (100, 101, 102))))
            await store.queue.accept(delivery(pull(BIG, 7)))
            first = await store.queue.claim(4)
            numbers = {claim.key.number for claim in first if isinstance(claim.key, PullKey)}
            assert (whose(first), numbers) == ({BIG: 4}, {100, 101, 102, 7})
            assert len(await store.queue.claim(50)) == 39

    asyncio.run(play())


def test_a_suspicion_gives_way_for_an_hour_and_no_longer(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty([pull(BIG, 1)], touched=True)
            await store.queue.accept(delivery(pull(BIG, 2), pull(BIG, 3)))
            aged(database_url, 3700, "number = 1")
            aged(database_url, 50, "number = 2")
            assert [one.key for one in await store.queue.claim(1)] == [pull(BIG, 1)]

    asyncio.run(play())


@story
async def test_whoever_is_full_keeps_its_keys_until_it_is_not(store: Store) -> None:
    await store.queue.mark_dirty((*pulls(BIG, 30), *pulls(SMALL, 3), *pulls(THIRD, 1)))
    assert whose(await store.queue.claim(20, full=Full((BIG,)))) == {SMALL: 3, THIRD: 1}
    assert await store.queue.claim(20, full=Full((BIG, SMALL))) == ()
    assert whose(await store.queue.claim(20)) == {BIG: 20}
    await store.queue.mark_dirty([pull(SMALL, 4)])
    assert whose(await store.queue.claim(10, full=Full((SMALL,)))) == {BIG: 10}
    assert whose(await store.queue.claim(10, full=Full((BIG,)))) == {SMALL: 1}


@story
async def test_a_repository_that_is_full_leaves_the_rest_to_its_sisters(store: Store) -> None:
    sister = Repository(BIG, 7, "org-11/farm")
    await store.queue.mark_dirty((*pulls(BIG, 300), PullKey(sister, 1), *pulls(SMALL, 1)))
    full = Full(repositories=(BIG * 10,))
    assert whose(await store.queue.claim(20, full=full)) == {BIG: 1, SMALL: 1}
    assert await store.queue.claim(20, full=full) == ()
    assert whose(await store.queue.claim(20)) == {BIG: 20}


@story
async def test_whoever_is_full_is_so_for_all_kinds_of_keys(store: Store) -> None:
    shop = pull(BIG, 1).repository
    await store.queue.mark_dirty([InstallationKey(BIG), RepositoryKey(shop), SweepKey(shop)])
    await store.queue.accept(delivery(QueueKey(shop, "main", "a" * 40), pull(BIG, 1)))
    await store.queue.mark_dirty([InstallationKey(SMALL)])
    assert [one.key for one in await store.queue.claim(9, full=Full((BIG,)))] == [
        InstallationKey(SMALL)
    ]
    assert len(await store.queue.claim(9)) == 5


def test_many_processes_share_a_queue_without_taking_a_key_twice(database_url: str) -> None:
    async def play() -> None:
        stores = [await Store.open(database_url) for _ in range(4)]
        await stores[0].queue.mark_dirty((*pulls(BIG, 150), *pulls(SMALL, 50)))
        taken: Counter[str] = Counter()

        async def work(store: Store) -> None:
            while (await health_of(store)).dirty > sum(taken.values()):
                taken.update(str(claim.key) for claim in await store.queue.claim(5))

        await asyncio.gather(*(work(store) for store in stores))
        assert (len(taken), set(taken.values())) == (200, {1})
        for store in stores:
            await store.close()

    asyncio.run(play())


def test_pulls_of_one_head_are_claimed_one_at_a_time_also_from_a_crowd(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty(pulls(BIG, 40))
            changed(database_url, "UPDATE keys SET head_sha = 'same' WHERE number <= 30")
            claims = await store.queue.claim(40)
            numbers = [claim.key.number for claim in claims if isinstance(claim.key, PullKey)]
            assert len(numbers) == 11
            assert len([number for number in numbers if number <= 30]) == 1

    asyncio.run(play())


def test_runs_of_one_pull_are_spaced_by_how_many_it_had_in_the_last_hour(
    database_url: str,
) -> None:
    async def play() -> None:
        async with opened(database_url) as store:

            async def waits(runs: int) -> float:
                """How long after the last of so many runs the next one begins."""
                for _ in range(runs):
                    await store.queue.accept(delivery(pull(BIG, 1)))
                    changed(database_url, "UPDATE keys SET due = due - 100 WHERE number = 1")
                    (claim,) = await store.queue.claim(1)
                    await store.queue.finish(claim)
                await store.queue.accept(delivery(pull(BIG, 1)))
                spaced = "SELECT due - started_at FROM keys WHERE number = 1"
                return float(stored(database_url, spaced))

            assert await waits(30) <= 1.1
            assert 25 < await waits(15) <= 30
            await store.queue.accept(delivery(pull(BIG, 2)))
            assert whose(await store.queue.claim(2)) == {BIG: 1}  # it waits for no other
            hour = "UPDATE keys SET started_at = started_at - 3600"
            changed(database_url, hour)
            assert await waits(1) <= 1.1

    asyncio.run(play())
