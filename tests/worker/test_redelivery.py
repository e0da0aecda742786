"""Redelivery: an emulator that lists what failed, our client for it, and a real store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from benchmarks.clock import Clock
from ghapp.core.model import Delivery
from ghapp.emulator.deliveries import Delivery as Sent
from ghapp.emulator.faults import broken, secondary_limit
from ghapp.github.client import GitHub
from ghapp.observer import Observer
from ghapp.settings import Endpoint
from ghapp.store import Store, failed_deliveries
from ghapp.worker.redelivery import Bounds, redelivered, redeliveries
from tests.emulator.world import World
from tests.emulator.world import world as emulator_world
from tests.store.stores import changed, opened

LIST = "GET /app/hook/deliveries"
AGAIN = "POST /app/hook/deliveries/{id}/attempts"
DUE = "UPDATE failed_deliveries SET due = 1 WHERE due > 0"


QUICK = Bounds(pause_seconds=0.0)
PAGE = 100


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> Iterator[World]:
    with emulator_world(clock=clock) as made:
        yield made


def tell(world: World, count: int = 1) -> list[Sent]:
    """So many new deliveries."""
    before = len(world.github.deliveries.all)
    for _ in range(count):
        world.github.notify_installed(1, "ann")
    return world.github.deliveries.all[before:]


def fail(world: World, count: int = 1) -> list[Sent]:
    """New deliveries that nobody takes."""
    with world.github.deliveries.lost():
        return tell(world, count)


async def a_round(store: Store, github: GitHub) -> int:
    return await redelivered(store, github, Observer(), QUICK)


def play(world: World, url: str, story: Callable[[Store, GitHub], Awaitable[None]]) -> None:
    async def told() -> None:
        async with (
            opened(url) as store,
            GitHub(Endpoint(world.url), 1, world.github.private_key) as github,
        ):
            await story(store, github)

    asyncio.run(told())


def came(world: World) -> list[str]:
    """The GUIDs that came in, in order."""
    world.github.settle(20)
    return [row.headers["X-GitHub-Delivery"] for row in world.inbox.received]


def guids(sent: list[Sent]) -> list[str]:
    return [one.guid for one in sent]


def test_what_failed_is_asked_for_again_once_oldest_first(world: World, database_url: str) -> None:
    failed = fail(world, 3)

    async def story(store: Store, github: GitHub) -> None:
        assert await a_round(store, github) == 3
        assert came(world) == guids(failed)
        assert await a_round(store, github) == 0
        assert len(came(world)) == 3

    play(world, database_url, story)


def test_a_round_is_one_line_in_the_log(world: World, sqlite_url: str) -> None:
    fail(world, 2)

    async def story(store: Store, github: GitHub) -> None:
        with capture_logs() as logs:
            await a_round(store, github)
        (line,) = logs
        assert (line["event"], line["log_level"]) == ("redelivery", "info")
        assert (line["pages"], line["redelivered"], line["lost"]) == (1, 2, 0)
        assert line["milliseconds"] >= 0

    play(world, sqlite_url, story)


@pytest.mark.parametrize("status", [400, 401, 413])
def test_what_ghapp_refused_is_not_asked_for(world: World, sqlite_url: str, status: int) -> None:
    world.inbox.status = status
    tell(world)
    world.github.settle(20)

    async def story(store: Store, github: GitHub) -> None:
        assert await a_round(store, github) == 0

    play(world, sqlite_url, story)


def test_what_the_store_has_is_not_asked_for_though_github_saw_a_timeout(
    world: World, database_url: str
) -> None:
    here, lost = fail(world, 2)

    async def story(store: Store, github: GitHub) -> None:
        await store.queue.accept(Delivery(here.guid, "push", "", b"{}"))
        assert await a_round(store, github) == 1
        assert came(world) == [lost.guid]

    play(world, database_url, story)


def test_what_came_between_reading_and_asking_is_not_asked_for(
    world: World, sqlite_url: str
) -> None:
    (failed,) = fail(world)

    async def story(store: Store, github: GitHub) -> None:
        page = await github.attempts("")
        await store.records.write(
            failed_deliveries.note,
            page.attempts,
            await store.records.read(failed_deliveries.position),
        )
        await store.queue.accept(Delivery(failed.guid, "push", "", b"{}"))
        assert await store.records.write(failed_deliveries.take) is None

    play(world, sqlite_url, story)


def test_what_somebody_redelivered_with_success_is_not_asked_for(
    world: World, database_url: str
) -> None:
    (failed,) = fail(world)
    world.github.redeliver(failed.id)
    assert came(world) == [failed.guid]

    async def story(store: Store, github: GitHub) -> None:
        assert await a_round(store, github) == 0
        assert len(came(world)) == 1

    play(world, database_url, story)


def test_success_on_a_newer_page_than_the_failure_counts(world: World, sqlite_url: str) -> None:
    first, *_ = fail(world, PAGE + 5)
    world.github.redeliver(first.id)
    came(world)

    async def story(store: Store, github: GitHub) -> None:
        assert await a_round(store, github) == PAGE + 4
        assert came(world).count(first.guid) == 1

    play(world, sqlite_url, story)


def test_what_fails_again_is_asked_for_five_times_and_each_time_later(
    world: World, database_url: str
) -> None:
    (failed,) = fail(world)
    world.inbox.status = 503

    async def story(store: Store, github: GitHub) -> None:
        with capture_logs() as logs:
            for _ in range(5):
                assert await a_round(store, github) == 1
                world.github.settle(20)
                assert await a_round(store, github) == 0  # not yet
                changed(database_url, DUE)
            assert await a_round(store, github) == 0
        assert came(world) == [failed.guid] * 5
        assert [line["lost"] for line in logs] == [0] * 9 + [1, 0]

    play(world, database_url, story)


def test_who_ends_while_asking_leaves_it_to_the_next(world: World, database_url: str) -> None:
    (failed,) = fail(world)

    async def story(store: Store, github: GitHub) -> None:
        page = await github.attempts("")
        await store.records.write(
            failed_deliveries.note,
            page.attempts,
            await store.records.read(failed_deliveries.position),
        )
        assert (await store.records.write(failed_deliveries.take)) is not None
        assert (await store.records.write(failed_deliveries.take)) is None
        changed(database_url, DUE)
        assert await a_round(store, github) == 1
        assert came(world) == [failed.guid]

    play(world, database_url, story)


def test_many_that_take_at_once_get_each_delivery_once(world: World, database_url: str) -> None:
    fail(world, 6)

    async def story(store: Store, github: GitHub) -> None:
        page = await github.attempts("")
        await store.records.write(
            failed_deliveries.note,
            page.attempts,
            await store.records.read(failed_deliveries.position),
        )
        taken = await asyncio.gather(
            *(store.records.write(failed_deliveries.take) for _ in range(12))
        )
        got = [one.guid for one in taken if one]
        assert len(got) == len(set(got))
        while more := await store.records.write(
            failed_deliveries.take
        ):  # one that met another's lock came back empty
            got.append(more.guid)
        assert sorted(got) == sorted({one.guid for one in world.github.deliveries.all})

    play(world, database_url, story)


def test_what_github_keeps_no_more_is_not_asked_for_twice(world: World, sqlite_url: str) -> None:
    fail(world, 2)

    async def story(store: Store, github: GitHub) -> None:
        world.github.faults.add(broken(AGAIN, 404))
        assert await a_round(store, github) == 1
        changed(sqlite_url, DUE)
        assert await a_round(store, github) == 0

    play(world, sqlite_url, story)


def test_what_became_of_them_is_told_also_of_a_round_that_breaks_off(
    world: World, sqlite_url: str
) -> None:
    fail(world, 4)

    async def story(store: Store, github: GitHub) -> None:
        rounds: list[tuple[int, int]] = []

        class Rounds(Observer):
            def redelivered(self, asked: int, given_up: int) -> None:
                rounds.append((asked, given_up))

        world.github.faults.add(broken(AGAIN, 404))
        bounds = replace(QUICK, asked=2)
        await redelivered(store, github, Rounds(), bounds)
        world.github.faults.add(secondary_limit(AGAIN))
        await redelivered(store, github, Rounds(), bounds)
        assert rounds == [(1, 1), (0, 0)]

    play(world, sqlite_url, story)


# --- how far the list is read ------------------------------------------------------------


def test_a_round_reads_only_what_is_new(world: World, clock: Clock, database_url: str) -> None:
    fail(world, 3 * PAGE)

    async def story(store: Store, github: GitHub) -> None:
        assert await a_round(store, github) == 3 * PAGE
        assert world.github.calls[LIST] == 3
        clock.forward(300)
        (failed,) = fail(world)
        assert await a_round(store, github) == 1
        assert world.github.calls[LIST] > 4  # those that were asked for again are new, too
        assert came(world)[-1] == failed.guid
        clock.forward(300)
        await github.app()  # tells our client what the time is
        before = world.github.calls[LIST]
        assert await a_round(store, github) == 0
        assert world.github.calls[LIST] == before + 1

    play(world, database_url, story)


def test_a_round_ends_after_some_pages_and_the_next_goes_on_there(
    world: World, clock: Clock, database_url: str
) -> None:
    failed = fail(world, 3 * PAGE)
    few = Bounds(pages=2, asked=0)

    async def story(store: Store, github: GitHub) -> None:
        await redelivered(store, github, Observer(), few)
        reached = await store.records.read(failed_deliveries.position)
        assert reached.read_until is None and reached.cursor
        newer = fail(world, 2)
        await redelivered(store, github, Observer(), few)
        assert (
            await store.records.read(failed_deliveries.position)
        ).cursor  # of the reading from the newest one on
        assert world.github.calls[LIST] == 4
        assert await a_round(store, github) == len(failed) + len(newer)
        assert not (await store.records.read(failed_deliveries.position)).cursor

    play(world, database_url, story)


def test_a_cursor_that_github_knows_no_more_leads_to_the_newest(
    world: World, sqlite_url: str
) -> None:
    fail(world, 2 * PAGE)

    async def story(store: Store, github: GitHub) -> None:
        await redelivered(store, github, Observer(), Bounds(pages=1, asked=0))
        changed(sqlite_url, "UPDATE readings SET cursor = 'v1_x y'")
        assert await a_round(store, github) == 2 * PAGE

    play(world, sqlite_url, story)


def test_a_round_asks_for_so_many_and_says_that_there_are_more(
    world: World, sqlite_url: str
) -> None:
    fail(world, 3)

    async def story(store: Store, github: GitHub) -> None:
        for count, left in ((2, True), (1, False)):
            with capture_logs() as logs:
                assert await redelivered(store, github, Observer(), Bounds(asked=2)) == count
            assert [line["left"] for line in logs] == [left]

    play(world, sqlite_url, story)


# --- a GitHub that does not do as asked --------------------------------------------------


@pytest.mark.parametrize("status", [404, 500, 502])
def test_a_list_that_is_not_to_be_had_is_told_and_harms_nothing(
    world: World, sqlite_url: str, status: int
) -> None:
    fail(world)

    async def story(store: Store, github: GitHub) -> None:
        world.github.faults.add(broken(LIST, status))
        with capture_logs() as logs:
            assert await a_round(store, github) == 0
        assert [line["event"] for line in logs] == ["cannot redeliver"]
        assert str(status) in logs[0]["reason"]
        assert await a_round(store, github) == 1

    play(world, sqlite_url, story)


def test_a_rate_limit_ends_the_round_and_loses_nothing(world: World, sqlite_url: str) -> None:
    failed = fail(world, 3)

    async def story(store: Store, github: GitHub) -> None:
        world.github.faults.add(secondary_limit(AGAIN))
        with capture_logs() as logs:
            assert await a_round(store, github) == 0
        assert [line["event"] for line in logs] == ["cannot redeliver"]
        changed(sqlite_url, DUE)
        assert await a_round(store, github) == 3
        assert sorted(came(world)) == sorted(guids(failed))

    play(world, sqlite_url, story)


# --- whose turn it is --------------------------------------------------------------------


def test_of_many_processes_one_redelivers_as_soon_as_they_start(
    world: World, database_url: str
) -> None:
    failed = fail(world, 2)

    async def story(store: Store, github: GitHub) -> None:
        with capture_logs() as logs:
            tasks = [
                asyncio.create_task(redeliveries(store, github, Observer(), first_seconds=0.0))
                for _ in range(3)
            ]
            deadline = time.monotonic() + 20
            while not [line for line in logs if line["event"] == "redelivery"]:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)  # for those who should not
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        assert [line["redelivered"] for line in logs] == [2]
        assert came(world) == guids(failed)

    play(world, database_url, story)


def test_a_database_that_is_away_ends_no_redelivering(world: World, sqlite_url: str) -> None:
    async def story(store: Store, github: GitHub) -> None:
        closed = await Store.open(sqlite_url)
        await closed.close()
        with capture_logs() as logs:
            task = asyncio.create_task(redeliveries(closed, github, Observer(), first_seconds=0.0))
            await asyncio.sleep(0.2)
            assert not task.done()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert [line["event"] for line in logs] == ["cannot redeliver"]

    play(world, sqlite_url, story)
