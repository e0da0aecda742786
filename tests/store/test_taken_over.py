"""What a process that is gone had claimed, and what a clock that is set back had made due."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from ghapp.store import engine
from tests.store.stores import KEY, OTHER, claimed, delivery, due, opened

HOUR = 3600.0


class Clock:
    """SQLite's own clock, and how far it is ahead."""

    ahead = 0.0

    def julianday(self, _: str) -> float:
        return (time.time() + self.ahead) / 86400.0 + 2440587.5


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of SQLite's clock in every connection that is opened from now on."""
    made, set_up = Clock(), engine._set_up_sqlite

    def replaced(connection: Any, record: object) -> None:
        set_up(connection, record)
        connection.create_function("julianday", 1, made.julianday)

    monkeypatch.setattr(engine, "_set_up_sqlite", replaced)
    return made


def test_keys_of_a_process_that_is_gone_are_taken_over_at_once(sqlite_url: str) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            await claimed(store)
        async with opened(sqlite_url) as store:
            assert await store.queue.claim(1) == ()
            assert await store.queue.take_over() == 1
            (claim,) = await store.queue.claim(1)
            assert (claim.key, claim.attempts) == (KEY, 1)  # it may have ended that process
            assert await store.queue.take_over() == 1

    asyncio.run(play())


def test_a_clock_set_back_delays_no_key_and_no_lease_on_sqlite(
    sqlite_url: str, clock: Clock
) -> None:
    async def play() -> None:
        clock.ahead = HOUR
        async with opened(sqlite_url) as store:
            lost = await claimed(store)  # nobody gives it back
            deferred = await claimed(store, OTHER)
            await store.queue.defer(deferred, after_seconds=2.0)
            clock.ahead = 0.0
            # What is delivered now collapses with no run of the hour to come.
            assert await store.queue.accept(delivery(OTHER))
            await store.queue.finish(await due(store, OTHER))
            assert await store.queue.renew([lost])
        async with opened(sqlite_url) as store:
            await store.queue.take_over()
            await store.queue.finish(await due(store, KEY))

    asyncio.run(play())


def test_a_clock_set_back_between_two_processes_delays_nothing_on_sqlite(
    sqlite_url: str, clock: Clock
) -> None:
    async def play() -> None:
        clock.ahead = HOUR
        async with opened(sqlite_url) as store:
            await claimed(store)
            await store.queue.mark_dirty([OTHER])
        clock.ahead = 0.0
        async with opened(sqlite_url) as store:
            await store.queue.take_over()
            await due(store, KEY)
            await due(store, OTHER)

    asyncio.run(play())
