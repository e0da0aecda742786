"""A sweep: over a real store, with a GitHub that tells of installations as each test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ghapp.core.model import InstallationKey
from ghapp.errors import GhappError, Gone, Retry
from ghapp.observer import Observer
from ghapp.store import MAX_ATTEMPTS, Store
from ghapp.worker.schedule import PARKED_SECONDS, sweep, sweeps
from tests.store.stores import PATIENCE_SECONDS, changed, dirty, parked_in

pytestmark = pytest.mark.anyio


class Lists:
    """A GitHub with two installations. fails: what asking comes to instead."""

    def __init__(self, fails: GhappError | None = None) -> None:
        self.fails = fails
        self.asked = 0

    async def installations(self) -> tuple[int, ...]:
        self.asked += 1
        if self.fails:
            raise self.fails
        return (11, 12)


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(sqlite_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def sweeping(store: Store, *lists: Lists) -> AsyncIterator[None]:
    """So many processes that have just started."""
    tasks = [
        asyncio.create_task(sweeps(store, one, Observer(), first_seconds=0.0)) for one in lists
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until_asked(*lists: Lists) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not sum(one.asked for one in lists):
        assert time.monotonic() < deadline, "nobody sweeps"
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # for those who should not ask


async def test_every_installation_is_looked_at(store: Store) -> None:
    assert await sweep(store, Lists()) == 2
    claims = await store.queue.claim(9)
    assert {claim.key for claim in claims} == {InstallationKey(11), InstallationKey(12)}


async def test_a_start_sweeps_once_however_many_start(store: Store) -> None:
    lists = [Lists() for _ in range(3)]
    with capture_logs() as logs:
        async with sweeping(store, *lists):
            await until_asked(*lists)
    assert sum(one.asked for one in lists) == 1
    (line,) = [line for line in logs if line["event"] == "sweep"]
    assert (line["installations"], line["parked"]) == (2, 0)
    assert line["milliseconds"] >= 0


@pytest.mark.parametrize("error", [Retry("502", after_seconds=9.0), Gone("no such App")])
async def test_a_github_that_is_away_is_told_and_asked_again_at_the_next_turn(
    store: Store, sqlite_url: str, error: GhappError
) -> None:
    lists = Lists(error)
    with capture_logs() as logs:
        async with sweeping(store, lists):
            await until_asked(lists)
    assert [(line["event"], line["reason"]) for line in logs] == [("cannot sweep", str(error))]
    lists.fails = None
    changed(sqlite_url, "UPDATE turns SET taken_at = taken_at - 301")
    async with sweeping(store, lists):
        await until_asked(lists)
    assert await dirty(store) == 2


async def test_a_database_that_is_away_ends_no_sweeping(tmp_path: Path) -> None:
    closed = await Store.open(f"sqlite:///{tmp_path}/closed.db")
    await closed.close()
    with capture_logs() as logs:
        async with sweeping(closed, Lists()):
            await asyncio.sleep(0.1)
    assert [line["event"] for line in logs] == ["cannot sweep"]


@pytest.mark.parametrize(("seconds", "left"), [(PARKED_SECONDS - 60, 1), (PARKED_SECONDS + 60, 0)])
async def test_what_is_parked_is_tried_again_after_an_hour(
    store: Store, sqlite_url: str, seconds: float, left: int
) -> None:
    await store.queue.mark_dirty([InstallationKey(99)])
    for _ in range(MAX_ATTEMPTS):
        (claim,) = await store.queue.claim(1)
        await store.queue.fail(claim, after_seconds=0, reason="500")
    changed(sqlite_url, f"UPDATE keys SET parked_at = parked_at - {seconds}")
    lists = Lists()
    async with sweeping(store, lists):
        await until_asked(lists)
    assert len(await parked_in(store)) == left
