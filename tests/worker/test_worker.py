"""What becomes of dirty keys: over a real store, with a GitHub that answers as each test says."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ghapp.core.marks import Effect, Outcome
from ghapp.core.model import Delivery, InstallationKey, PullKey, Repository, RepositoryKey
from ghapp.core.policy.policy import Rules
from ghapp.core.records import History, PolicySource
from ghapp.core.review.facts import Facts
from ghapp.errors import Gone, Retry, Wait
from ghapp.store import Store, runs
from ghapp.worker import worker as module
from ghapp.worker.worker import Worker, first
from tests.store.stores import KEY, NOON, OTHER, SHOP, health_of, opened, parked_in, run, verdict
from tests.support import sqlite_at

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 60.0
MOST_ATTEMPTS = 8


class Installations:
    """A GitHub with installations that have no repositories. answers: what asking comes to."""

    def __init__(self) -> None:
        self.answers: dict[int, list[Exception]] = {}
        self.hangs: dict[int, asyncio.Event] = {}
        self.asked: Counter[int] = Counter()
        self.now = self.most = 0

    async def repositories(self, installation_id: int) -> tuple[Repository, ...]:
        self.asked[installation_id] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if installation_id in self.hangs:
                await self.hangs[installation_id].wait()
            if answers := self.answers.get(installation_id):
                raise answers.pop(0)
            return ()
        finally:
            self.now -= 1

    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]:
        raise AssertionError("no key of these tests asks for it")

    async def configured(
        self, repository: Repository, history: History, rules: Rules
    ) -> PolicySource:
        raise Gone(f"no such repository: {repository.full_name}")

    async def gather(self, key: PullKey, history: History, rules: Rules) -> Facts:
        raise AssertionError("no key of these tests asks for it")

    async def apply(self, key: PullKey, effect: Effect) -> Outcome:
        raise AssertionError("no key of these tests asks for it")


class Moving(Installations):
    """One whose only repository has a pull that has moved, and then is out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Mapping[int, datetime]] = []
        self.gathered: list[tuple[PullKey, bool]] = []

    async def repositories(self, installation_id: int) -> tuple[Repository, ...]:
        return (SHOP,)

    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]:
        return (KEY, OTHER)

    async def moved_pulls(
        self, repository: Repository, seen: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]:
        self.seen.append(seen)
        return (OTHER,)

    async def moved_follow_ups(
        self, repository: Repository, checked: Mapping[int, datetime]
    ) -> tuple[PullKey, ...]:
        raise AssertionError("there are none")

    async def gather(self, key: PullKey, history: History, rules: Rules) -> Facts:
        self.gathered.append((key, history.touched))
        raise Gone("no such pull")


class Repositories(Installations):
    """One whose repositories have no pulls. held: so many answers of an installation are let out.

    most_of: how many repositories of each installation were asked about at a time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[int, asyncio.Semaphore] = {}
        self.now_of: Counter[int] = Counter()
        self.most_of: Counter[int] = Counter()

    async def open_pulls(self, repository: Repository) -> tuple[PullKey, ...]:
        id = repository.installation_id
        self.asked[id] += 1
        self.now += 1
        self.now_of[id] += 1
        self.most_of[id] = max(self.most_of[id], self.now_of[id])
        if id in self.held:
            await self.held[id].acquire()
        else:
            await asyncio.sleep(repository.id % 7 / 1000)
        self.now_of[id] -= 1
        self.now -= 1
        return ()


def shops(installation: int, count: int) -> tuple[RepositoryKey, ...]:
    ids = range(installation * 100, installation * 100 + count)
    return tuple(RepositoryKey(Repository(installation, id, f"acme/shop-{id}")) for id in ids)


class Office:
    """A store, that GitHub, and workers that can be started and stopped."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.github = Installations()
        self.stop = asyncio.Event()

    def worker(self, **more: Any) -> Worker:
        return Worker(self.store, self.github, Rules((), "advise"), **more)

    @asynccontextmanager
    async def working(self, **more: Any) -> AsyncIterator[Worker]:
        worker = self.worker(**more)
        running = asyncio.create_task(worker.run(self.stop))
        try:
            yield worker
        finally:
            self.stop.set()
            for event in self.github.hangs.values():
                event.set()
            await running

    async def deliver(self, *numbers: int) -> None:
        for number in numbers:
            self.id = getattr(self, "id", 0) + 1
            key = InstallationKey(number)
            await self.store.queue.accept(
                Delivery(f"id-{self.id}", "installation", "created", b"", keys=(key,))
            )

    async def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < deadline, "it did not come to that"
            await asyncio.sleep(0.005)

    async def until_dirty(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (await health_of(self.store)).dirty != count:
            assert time.monotonic() < deadline, await health_of(self.store)
            await asyncio.sleep(0.005)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    store = await Store.open(sqlite_at(tmp_path / "ghapp.sqlite3"))
    async with AsyncExitStack() as opened:
        opened.push_async_callback(store.close)
        yield Office(store)


async def test_dirty_keys_are_worked_off(office: Office) -> None:
    await office.deliver(1, 2)
    with capture_logs() as logs:
        async with office.working():
            await office.deliver(3)
            await office.until_dirty(0)
    assert office.github.asked == {1: 1, 2: 1, 3: 1}
    runs = [line for line in logs if line["event"] == "run"]
    assert [run["outcome"] for run in runs] == ["done"] * 3
    assert all(run["milliseconds"] >= 0 and run["effects"] for run in runs)


async def test_a_key_that_waits_for_github_is_put_off_and_takes_no_slot(office: Office) -> None:
    office.github.answers[1] = [Wait("rate limit", after_seconds=0.2)]
    await office.deliver(1)
    async with office.working(concurrency=1):
        await office.until(lambda: office.github.asked[1] == 1)
        await office.deliver(2)
        await office.until(lambda: office.github.asked[2] == 1)
        assert office.github.asked[1] == 1
        await office.until_dirty(0)
    assert office.github.asked == {1: 2, 2: 1}


async def test_a_failed_attempt_is_repeated_after_a_while(office: Office) -> None:
    office.github.answers[1] = [Retry("502", after_seconds=0.0)]
    await office.deliver(1)
    began = time.monotonic()
    async with office.working():
        await office.until_dirty(0)
    assert office.github.asked == {1: 2}
    assert time.monotonic() - began >= 0.9


async def test_what_is_out_of_reach_is_done(office: Office) -> None:
    office.github.answers[1] = [Gone("the App was uninstalled")]
    await office.deliver(1)
    with capture_logs() as logs:
        async with office.working():
            await office.until_dirty(0)
    assert [line["outcome"] for line in logs if line["event"] == "run"] == ["gone"]


async def test_a_bug_costs_its_own_key_an_attempt_and_nobody_else_anything(office: Office) -> None:
    office.github.answers[1] = [RuntimeError("a bug")]
    await office.deliver(1, 2)
    with capture_logs() as logs:
        async with office.working():
            await office.until_dirty(0)
    failures = [line for line in logs if line["event"] == "run failed"]
    assert len(failures) == 1
    assert failures[0]["exc_info"]
    assert office.github.asked == {1: 2, 2: 1}


async def test_after_too_many_failures_the_key_is_parked_and_said_so(office: Office) -> None:
    await office.deliver(1)
    for _ in range(MOST_ATTEMPTS - 1):
        (claim,) = await office.store.queue.claim(1)
        assert not await office.store.queue.fail(claim, after_seconds=0, reason="502")
    office.github.answers[1] = [Retry("502 again", after_seconds=0.0)]
    with capture_logs() as logs:
        async with office.working():
            await office.until_dirty(0)
    (parked,) = await parked_in(office.store)
    assert "502 again" in parked.error
    errors = [line for line in logs if line["log_level"] == "error"]
    assert [line["event"] for line in errors] == ["parked"]


async def test_a_run_that_ends_its_worker_again_and_again_is_parked(
    office: Office, tmp_path: Path
) -> None:
    await office.deliver(1)
    for _ in range(MOST_ATTEMPTS):
        assert await office.store.queue.claim(1)  # by a worker that is killed
        with closing(sqlite3.connect(tmp_path / "ghapp.sqlite3")) as other, other:
            other.execute("UPDATE keys SET lease_until = 1")
    with capture_logs() as logs:
        async with office.working():
            await office.until_dirty(0)
    assert not office.github.asked
    (parked,) = await parked_in(office.store)
    assert "8 attempts came to no end" in parked.error
    assert [line["outcome"] for line in logs if line["event"] == "run"] == ["parked"]


async def test_it_tells_for_how_long_the_database_lets_nothing_be_claimed(
    office: Office, tmp_path: Path
) -> None:
    def sql(statement: str) -> None:
        with closing(sqlite3.connect(tmp_path / "ghapp.sqlite3")) as other, other:
            other.execute(statement)

    async with office.working() as worker:
        assert worker.failing_seconds() == 0
        sql("ALTER TABLE keys RENAME TO elsewhere")
        await office.until(lambda: worker.failing_seconds() > 0.1)
        sql("ALTER TABLE elsewhere RENAME TO keys")
        await office.until(lambda: worker.failing_seconds() == 0)
        await office.deliver(1)
        await office.until_dirty(0)


async def test_no_more_runs_at_a_time_than_slots(office: Office) -> None:
    office.github.hangs = {number: asyncio.Event() for number in range(6)}
    await office.deliver(*range(6))
    async with office.working(concurrency=4):
        await office.until(lambda: office.github.now == 4)
        office.github.hangs[0].set()
        await office.until(lambda: len(office.github.asked) == 5)
        for event in office.github.hangs.values():
            event.set()
        await office.until_dirty(0)
    assert office.github.most == 4


async def test_no_installation_has_all_slots_and_what_waits_for_one_has_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 10 * PATIENCE_SECONDS)
    office.github = github = Repositories()
    github.held[1] = asyncio.Semaphore(0)
    await office.store.queue.mark_dirty(shops(1, 9))
    async with office.working(concurrency=5):
        await office.until(lambda: github.now == 4)
        await office.store.queue.mark_dirty(shops(2, 3))
        await office.until(lambda: github.asked[2] == 3)
        assert github.asked[1] == 4
        github.held[1].release()
        await office.until(lambda: github.asked[1] == 5)
        assert github.most_of[1] == 4
        for _ in range(8):
            github.held[1].release()
        await office.until_dirty(0)
    assert github.most_of[1] == 4


@pytest.mark.parametrize("concurrency", [1, 2, 3, 5])
async def test_nothing_is_left_lying_while_slots_are_free(
    database_url: str, concurrency: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where runs end while others are claimed."""
    monkeypatch.setattr(module, "POLL_SECONDS", 10 * PATIENCE_SECONDS)
    async with opened(database_url) as store:
        office = Office(store)
        office.github = github = Repositories()
        async with office.working(concurrency=concurrency):
            for at in range(3):
                await store.queue.mark_dirty((*shops(1, 40), *shops(2, 10), *shops(3 + at, 1)))
                await office.until_dirty(0)
    assert max(github.most_of.values()) <= max(1, concurrency * 4 // 5)


async def test_what_comes_during_a_run_is_looked_at_after_it(office: Office) -> None:
    office.github.hangs[1] = asyncio.Event()
    await office.deliver(1)
    async with office.working():
        await office.until(lambda: office.github.asked[1] == 1)
        await office.deliver(1)
        office.github.hangs[1].set()
        await office.until_dirty(0)
    assert office.github.asked == {1: 2}


async def test_told_to_stop_it_ends_what_runs_and_begins_nothing(office: Office) -> None:
    office.github.hangs[1] = asyncio.Event()
    await office.deliver(1)
    running = asyncio.create_task(office.worker().run(office.stop))
    await office.until(lambda: office.github.now == 1)
    office.stop.set()
    await office.deliver(2)
    office.github.hangs[1].set()
    await running
    assert office.github.asked == {1: 1}
    assert (await health_of(office.store)).dirty == 1


async def test_what_does_not_end_in_time_is_free_for_others_at_once(office: Office) -> None:
    office.github.hangs[1] = asyncio.Event()
    await office.deliver(1)
    running = asyncio.create_task(office.worker(grace_seconds=0.05).run(office.stop))
    await office.until(lambda: office.github.now == 1)
    office.stop.set()
    await running
    (claim,) = await office.store.queue.claim(1)
    assert (claim.key, claim.attempts) == (InstallationKey(1), 0)


async def test_a_run_whose_lease_is_lost_stops(office: Office) -> None:
    office.github.hangs[1] = asyncio.Event()
    await office.deliver(1)
    with capture_logs() as logs:
        async with office.working(heartbeat_seconds=0.05) as worker:
            await office.until(lambda: office.github.now == 1)
            (claim,) = worker._held.values()
            await office.store.queue.finish(
                claim
            )  # as if it had passed to someone who then was done
            await office.until(lambda: office.github.now == 0)
    assert [line["outcome"] for line in logs if line["event"] == "run"] == ["lease lost"]


async def test_an_installation_has_what_moved_in_its_repositories_read_back(
    office: Office,
) -> None:
    await office.store.queue.mark_dirty([KEY])
    (claim,) = await office.store.queue.claim(1)
    await office.store.records.write(runs.record, claim, replace(run(verdict(KEY)), seen_at=NOON))
    await office.store.queue.finish(claim)
    office.github = moving = Moving()
    await office.deliver(11)
    async with office.working():
        await office.until_dirty(0)
    assert moving.seen == [{7: NOON}]
    assert moving.gathered == [(OTHER, True)]


async def test_a_repository_has_all_its_open_pulls_looked_at(office: Office) -> None:
    office.github = moving = Moving()
    await office.store.queue.mark_dirty([RepositoryKey(SHOP)])
    async with office.working():
        await office.until_dirty(0)
    assert sorted(moving.gathered, key=str) == [(KEY, False), (OTHER, False)]


async def test_first_raises_what_the_first_one_raised() -> None:
    async def fails() -> None:
        raise Retry("no", after_seconds=0.0)

    with pytest.raises(Retry, match="no"):
        await first(asyncio.Event().wait(), fails())
