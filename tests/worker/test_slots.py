"""How many keys a worker may claim, and whose: nobody has all of its slots."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping

import pytest

from ghapp.core.model import InstallationKey, Key, PullKey, QueueKey, Repository, RepositoryKey
from ghapp.core.records import Full
from ghapp.worker.threads import Threads
from ghapp.worker.worker import CONCURRENCY, Free, free

SHOP, FARM = Repository(1, 10, "acme/shop"), Repository(1, 20, "acme/farm")


@pytest.mark.parametrize(
    ("concurrency", "running", "count", "full"),
    [
        (20, {}, 10, ()),
        (20, {1: 3}, 10, ()),
        (20, {1: 3, 2: 9}, 7, ()),
        (20, {1: 10, 2: 9}, 1, ()),
        (20, {1: 15}, 1, ()),
        (20, {1: 16}, 4, (1,)),
        (20, {1: 16, 2: 3}, 1, (1,)),
        (20, {1: 16, 2: 4}, 0, (1,)),
        (3, {1: 2}, 1, (1,)),
        (2, {1: 1}, 1, (1,)),
        (2, {1: 1, 2: 1}, 0, (1, 2)),
        (1, {}, 1, ()),
        (1, {1: 1}, 0, (1,)),
    ],
)
def test_no_installation_has_all_slots(
    concurrency: int, running: Mapping[int, int], count: int, full: tuple[int, ...]
) -> None:
    keys = [InstallationKey(id) for id, count in running.items() for _ in range(count)]
    assert free(keys, concurrency) == Free(count, Full(full))


@pytest.mark.parametrize(
    ("shop", "farm", "expected"),
    [
        (0, 0, Free(10)),
        (4, 0, Free(6)),
        (9, 1, Free(1)),
        (10, 0, Free(6, Full(repositories=(10,)))),  # of 16 of the installation
        (10, 4, Free(2, Full(repositories=(10,)))),
        (10, 6, Free(4, Full((1,), (10,)))),
    ],
)
def test_no_repository_has_more_than_half_of_them(shop: int, farm: int, expected: Free) -> None:
    keys = [PullKey(of, at) for of, count in ((SHOP, shop), (FARM, farm)) for at in range(count)]
    assert free(keys, CONCURRENCY) == expected


def test_each_kind_of_key_is_of_its_installation() -> None:
    kinds: list[Key] = [InstallationKey(1), RepositoryKey(SHOP), QueueKey(SHOP, "main", "a" * 40)]
    keys = [
        *kinds,
        *(PullKey(SHOP, at) for at in range(8)),
        *(PullKey(FARM, at) for at in range(5)),
    ]
    assert free(keys, CONCURRENCY).full == Full((1,), (10,))


def test_scans_of_one_repository_and_installation_leave_threads_to_others() -> None:
    third = Repository(1, 30, "acme/third")
    at_once, most, lock = Counter[int](), Counter[int](), threading.Lock()
    started, ended = threading.Semaphore(0), threading.Event()

    def scan(repository: Repository) -> None:
        ids = repository.id, repository.installation_id
        with lock:
            at_once.update(ids)
            most.update({id: at_once[id] - most[id] for id in ids if at_once[id] > most[id]})
        if repository.installation_id == 1:
            started.release()
            ended.wait(30)
        with lock:
            at_once.subtract(ids)

    async def play() -> None:
        threads = Threads()
        hostile = [
            asyncio.create_task(threads.run(repository, scan, repository))
            for repository in (SHOP, SHOP, SHOP, FARM, FARM, third)
        ]
        other = Repository(2, 40, "org/other")
        async with asyncio.timeout(20):
            for _ in range(2):  # else a slow machine starts them after the other has ended
                await asyncio.to_thread(started.acquire, timeout=20)
            await threads.run(other, scan, other)
        assert not any(one.done() for one in hostile)
        ended.set()
        await asyncio.gather(*hostile)

    asyncio.run(play())
    assert most == {10: 1, 20: 1, 30: 1, 1: 2, 40: 1, 2: 1}
