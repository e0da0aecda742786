"""Waiting for keys that are due: what ends it, and who gets them."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, TypeVar
from unittest.mock import patch

import pytest

from benchmarks.postgres import Cluster
from ghapp.core.records import Claim, Full
from ghapp.errors import LeaseLost, StoreFailed
from ghapp.store import Store
from ghapp.store.sql import NONE, Connection
from tests.store.stores import (
    KEY,
    LONG,
    OTHER,
    PATIENCE_SECONDS,
    SHOP,
    claimed,
    delivery,
    dirty,
    due,
    opened,
    story,
    waiting,
)

T = TypeVar("T")


async def working(store: Store) -> Claim:
    """A worker that waits until there is something to do."""
    while not (claims := await store.queue.claim(1, wait_seconds=LONG)):
        pass
    return claims[0]


async def soon(task: asyncio.Task[T]) -> T:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await task


@story
async def test_a_worker_that_waits_gets_what_is_delivered(store: Store) -> None:
    worker = asyncio.create_task(working(store))
    await asyncio.wait([worker], timeout=0.1)
    assert not worker.done()
    assert await store.queue.accept(delivery())
    assert (await soon(worker)).key == KEY
    assert await store.queue.claim(1) == ()


@story
async def test_of_several_workers_each_gets_a_key(store: Store) -> None:
    workers = [asyncio.create_task(working(store)) for _ in range(2)]
    await asyncio.wait(workers, timeout=0.1)
    await asyncio.gather(store.queue.accept(delivery(KEY)), store.queue.accept(delivery(OTHER)))
    assert {(await soon(worker)).key for worker in workers} == {KEY, OTHER}


@story
async def test_a_delivery_that_is_known_or_concerns_nobody_gives_no_keys(store: Store) -> None:
    known = delivery()
    await store.queue.accept(known)
    held = await due(store)
    worker = await waiting(store)
    assert not await store.queue.accept(known)
    assert await soon(worker) == ()
    worker = await waiting(store)
    assert await store.queue.accept(delivery(keys=()))
    await store.queue.finish(held)
    store.queue.wake()
    assert await soon(worker) == ()


@story
async def test_what_the_worker_has_no_room_for_stays_in_the_queue(store: Store) -> None:
    worker = await waiting(store, full=Full((SHOP.installation_id,)))
    assert await store.queue.accept(delivery())
    assert await soon(worker) == ()
    assert (await due(store)).key == KEY


@story
async def test_keys_for_a_worker_that_went_away_are_given_back(store: Store) -> None:
    worker = await waiting(store)
    accepting = asyncio.create_task(store.queue.accept(delivery()))
    await asyncio.sleep(0)  # by now it claims for the worker
    worker.cancel()
    assert await accepting
    claim = await due(store)
    assert (claim.key, claim.attempts) == (KEY, 0)


@story
async def test_a_delivery_is_stored_even_if_its_keys_cannot_be_given_back(store: Store) -> None:
    worker = await waiting(store)
    accepting = asyncio.create_task(store.queue.accept(delivery()))
    await asyncio.sleep(0)  # by now it claims for the worker
    worker.cancel()
    with patch.object(store.queue, "defer", side_effect=LeaseLost("the key was deleted")):
        assert await accepting


@story
async def test_a_worker_waits_no_longer_when_it_is_woken(store: Store) -> None:
    worker = await waiting(store)
    store.queue.wake()
    assert await soon(worker) == ()


@story
async def test_a_worker_waits_until_a_key_that_was_put_off_is_due(store: Store) -> None:
    claim = await claimed(store)
    worker = await waiting(store)
    await store.queue.defer(claim, after_seconds=0.3)
    assert await soon(worker) == ()  # to learn how long to wait
    assert (await due(store)).key == KEY


@story
async def test_a_delivery_that_cannot_be_stored_leaves_the_worker_in_peace(
    store: Store,
) -> None:
    worker = await waiting(store)
    with pytest.raises(StoreFailed):
        await store.queue.accept(delivery(id=None))
    assert await soon(worker) == ()
    assert await dirty(store) == 0


@story
async def test_waiting_ends_when_something_becomes_dirty(store: Store) -> None:
    worker = asyncio.create_task(working(store))
    await asyncio.wait([worker], timeout=0.1)
    await store.queue.mark_dirty([KEY])
    assert (await soon(worker)).key == KEY


@story
async def test_waiting_ends_when_its_time_is_over(store: Store) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(2):
            assert await store.queue.claim(1, wait_seconds=0.05) == ()


def test_a_process_is_woken_by_what_another_one_accepts(postgres_url: str) -> None:
    async def play() -> None:
        async with opened(postgres_url) as here, opened(postgres_url) as there:
            worker = asyncio.create_task(working(there))
            await asyncio.wait([worker], timeout=0.5)  # by then it listens
            await here.queue.accept(delivery())
            assert (await soon(worker)).key == KEY

    asyncio.run(play())


def test_a_process_is_woken_again_after_the_server_restarted(
    postgres: Cluster, postgres_url: str
) -> None:
    async def play() -> None:
        async with opened(postgres_url) as here, opened(postgres_url) as there:
            await asyncio.to_thread(postgres.stop)
            await asyncio.to_thread(postgres.start)
            worker = asyncio.create_task(working(there))
            await here.queue.accept(delivery())
            assert (await soon(worker)).key == KEY

    asyncio.run(play())


def test_a_key_that_becomes_due_while_a_claim_looks_is_known(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the claim, which finds nothing, and the look for what is due next."""
    rows = Connection.rows

    def late(connection: Connection, statement: Any, given: Any = NONE) -> Any:
        if "since" in given:
            time.sleep(0.1)
        return rows(connection, statement, given)

    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery())
            await store.queue.defer(await claimed(store), after_seconds=0.05)
            monkeypatch.setattr(Connection, "rows", late)
            assert await store.queue.claim(1) == ()
            assert (await soon(asyncio.create_task(working(store)))).key == KEY

    asyncio.run(play())


def test_a_key_that_is_deferred_while_another_claim_looks_is_known(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the claim's answer comes after it. On SQLite, one waits for the other."""
    looked, go_on = threading.Event(), threading.Event()
    rows = Connection.rows

    def late(connection: Connection, statement: Any, given: Any = NONE) -> Any:
        found = rows(connection, statement, given)
        if "since" in given:
            looked.set()
            assert go_on.wait(PATIENCE_SECONDS)
        return found

    async def play() -> None:
        async with opened(postgres_url) as store:
            await store.queue.accept(delivery())
            held = await claimed(store)
            monkeypatch.setattr(Connection, "rows", late)
            looking = asyncio.create_task(store.queue.claim(1))
            assert await asyncio.to_thread(looked.wait, PATIENCE_SECONDS)
            await store.queue.defer(held, after_seconds=0.2)
            go_on.set()
            assert await looking == ()
            assert (await soon(asyncio.create_task(working(store)))).key == KEY

    asyncio.run(play())
