"""A GitHub that is away is left alone; one request that fails is that request's own affair."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from ghapp.emulator import faults
from ghapp.errors import Retry, Wait
from ghapp.github.availability import FIRST_SECONDS, MOST_SECONDS, Outage
from ghapp.github.host import Host, Request
from ghapp.github.transport import IN_FLIGHT
from ghapp.settings import Endpoint
from tests.github.world import APP_ID, World

PROBES = "GET /app"
ONE = "GET /app/installations/{id}"
REQUEST = Request("GET", "app/installations/1")
SOON_SECONDS = 5.0  # a third of what is waited for an answer


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.pull()
    yield made
    made.close()


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.01)


class Line:
    """An outage over a real host, with a clock that tests set. reports: what it reported."""

    def __init__(self, github: Host, world: World) -> None:
        self.github, self.world = github, world
        self.now = 1000.0
        self.reports: list[tuple[bool, float]] = []
        self.outage = Outage(
            github,
            report=lambda is_there, _reason, seconds: self.reports.append((is_there, seconds)),
            now=lambda: self.now,
        )

    async def ask(self) -> int:
        return (await self.outage.send(REQUEST, self.github.app)).status

    async def put_off(self) -> float:
        """For how long the request has to wait, at no cost."""
        with pytest.raises(Wait, match="GitHub is away") as wait:
            await self.ask()
        assert type(wait.value) is Wait
        return wait.value.after_seconds

    @asynccontextmanager
    async def crowded(self) -> AsyncIterator[None]:
        """While inside, all connections for requests are taken by calls that hang."""
        self.world.github.faults.add(faults.slow(ONE, 60.0, times=None))
        before = self.world.github.calls[ONE]
        async with asyncio.timeout(2 * SOON_SECONDS), asyncio.TaskGroup() as group:
            send, app = self.github.send, self.github.app
            hanging = [group.create_task(send(REQUEST, app)) for _ in range(IN_FLIGHT)]
            await until(lambda: self.world.github.calls[ONE] == before + IN_FLIGHT)
            yield
            for task in hanging:
                task.cancel()


def told(world: World, story: Callable[[Line], Awaitable[None]], url: str = "") -> None:
    async def telling() -> None:
        endpoint = Endpoint(url or world.url)
        async with Host(endpoint, APP_ID, world.github.private_key) as github:
            await story(Line(github, world))

    asyncio.run(telling())


def test_a_failure_while_github_is_there_is_the_requests_own(world: World) -> None:
    async def story(line: Line) -> None:
        world.github.faults.add(faults.broken(ONE, 500, times=2), faults.cut(ONE))
        assert [await line.ask(), await line.ask()] == [500, 500]
        with pytest.raises(Retry, match="no answer"):
            await line.ask()
        assert await line.ask() == 200
        assert world.github.calls[PROBES] == 1  # it was told a moment ago that GitHub is there
        line.now += FIRST_SECONDS
        world.github.faults.add(faults.broken(ONE))
        assert await line.ask() == 502
        assert world.github.calls[PROBES] == 2
        assert line.reports == []

    told(world, story)


@pytest.mark.parametrize("fault", [faults.broken, faults.cut, faults.page])
def test_where_the_probe_fails_too_nobody_is_blamed(
    world: World, fault: Callable[..., faults.Fault]
) -> None:
    async def story(line: Line) -> None:
        world.github.faults.add(fault("*", times=None))
        waits = [await line.put_off() for _ in range(20)]
        assert FIRST_SECONDS <= min(waits) < max(waits) <= 1.25 * FIRST_SECONDS
        assert (world.github.calls[ONE], world.github.calls[PROBES]) == (1, 1)
        assert line.reports == [(False, 0.0)]

    told(world, story)


def test_an_answer_that_is_a_refusal_says_that_github_is_there(world: World) -> None:
    async def story(line: Line) -> None:
        refused = faults.Fault(PROBES, None, status=403, message="No")
        world.github.faults.add(faults.broken(ONE), refused)
        assert await line.ask() == 502

    told(world, story)


def test_probes_come_ever_less_often_and_the_first_answer_ends_it(world: World) -> None:
    async def story(line: Line) -> None:
        away = faults.broken("*", 503, times=None)
        world.github.faults.add(away)
        windows = []
        for _ in range(7):
            before = world.github.calls[PROBES]
            window = await line.put_off()
            assert world.github.calls[PROBES] == before + 1
            line.now += window * 0.6  # not over yet
            await line.put_off()
            assert world.github.calls[PROBES] == before + 1
            windows.append(window)
            line.now += window
        for window, least in zip(windows, (5, 10, 20, 40, 48, 48, 48), strict=True):
            assert least <= window <= 1.25 * least <= 1.25 * MOST_SECONDS <= 60
        assert world.github.calls[ONE] == 1
        world.github.faults.clear()
        assert [await line.ask(), await line.ask()] == [200, 200]
        assert world.github.calls[ONE] == 3
        (began, _), (ended, seconds) = line.reports
        assert (began, ended) == (False, True)
        assert seconds == line.now - 1000.0

    told(world, story)


def test_many_that_fail_at_once_ask_once(world: World) -> None:
    async def story(line: Line) -> None:
        world.github.faults.add(faults.broken("*", times=None))
        await asyncio.gather(*(line.put_off() for _ in range(20)))
        assert world.github.calls[PROBES] == 1
        line.now += 60.0
        world.github.faults.clear()
        assert await asyncio.gather(*(line.ask() for _ in range(20))) == [200] * 20
        assert world.github.calls[PROBES] == 2

    told(world, story)


def test_a_host_that_takes_no_connection_is_away(world: World) -> None:
    async def story(line: Line) -> None:
        assert await line.put_off() >= FIRST_SECONDS

    told(world, story, "http://127.0.0.1:9")


def test_calls_that_hang_make_nobody_believe_in_an_outage(world: World) -> None:
    async def story(line: Line) -> None:
        nowhere = Request("GET", "\0")  # fails at once, and needs no connection
        async with line.crowded():
            with pytest.raises(Retry, match="no answer"):
                await line.outage.send(nowhere, line.github.app)
        assert line.reports == []

    told(world, story)


def test_that_github_is_back_is_heard_while_calls_hang(world: World) -> None:
    async def story(line: Line) -> None:
        world.github.faults.add(faults.broken("*", 503, times=2))
        await line.put_off()
        line.now += 60.0
        async with line.crowded():
            asking = asyncio.create_task(line.ask())
            await until(lambda: len(line.reports) == 2)
            asking.cancel()
        assert [is_there for is_there, _ in line.reports] == [False, True]

    told(world, story)
