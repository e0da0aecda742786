"""Who has to wait for GitHub waits in the store: no slot is taken, and nobody else is held up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.misbehaving import Clock, Review, Scene, scene
from ghapp.emulator import faults
from ghapp.emulator.repository import Pull, Repository
from ghapp.github.api import MOST_OF_REPOSITORY
from ghapp.worker.worker import CONCURRENCY, REPOSITORY_SHARE, SHARE

pytestmark = pytest.mark.anyio
REPO = "/repos/{owner}/{repo}"
PULL = f"GET {REPO}/pulls/{{number}}"
FILES = f"{PULL}/files"
CHECK = f"POST {REPO}/check-runs"
COMMENT = f"POST {REPO}/issues/{{number}}/comments"
ISSUE = f"POST {REPO}/issues"
TOKEN = "POST /app/installations/{id}/access_tokens"


async def until(what: str, true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)


def rows(file: Path, pull: Pull) -> tuple[float, int, str]:
    """In how many seconds its key is due, its failed attempts, and whose lease it is."""
    asked = "SELECT due, attempts, lease_token FROM keys WHERE key LIKE ?"
    with sqlite3.connect(file / "ghapp.sqlite3", timeout=10) as database:
        due, attempts, token = database.execute(
            asked, (f"pull:{pull.repository.id}:{pull.number}",)
        ).fetchone()
    database.close()
    return due - time.time(), attempts, token


def shown(review: Review) -> bool:
    return bool(review.pull.check_runs())


async def signed(made: Scene, *reviews: Review) -> list[str]:
    """What is wrong once they are signed off."""
    for review in reviews:
        review.sign()
    await made.settle()
    return [line for review in reviews for line in await review.verdict(made)]


async def test_one_installation_limited_for_an_hour_takes_no_slot(tmp_path: Path) -> None:
    async with scene(tmp_path, limits="github", concurrency=2) as made:
        limited, other = made.shop("shop"), made.shop("farm", owner="other", installation_id=2)
        made.spoil(limited, faults.primary_limit("GET *", times=None))
        theirs = [Review.opened(limited, f"feat/{at}") for at in range(6)]
        free = [Review.opened(other, f"feat/{at}") for at in range(4)]
        started = time.monotonic()
        await made.deliver()
        await until("the other installation's", lambda: all(map(shown, free)))
        assert time.monotonic() - started < 10
        assert not any(map(shown, theirs))
        for review in theirs:
            due, attempts, lease = rows(tmp_path, review.pull)
            assert (3500 < due < 3700, attempts, lease) == (True, 0, "")
        assert made.github.faults.struck <= 2 * 3  # the first reads of the runs under way then


@pytest.mark.parametrize("installation_id", [1, 2])
async def test_one_repository_whose_calls_all_hang_leaves_slots_to_others(
    tmp_path: Path, installation_id: int
) -> None:
    async with scene(tmp_path) as made:
        hanging = made.shop("shop")
        other = made.shop("farm", owner="other", installation_id=installation_id)
        await hung(made, int(CONCURRENCY * REPOSITORY_SHARE), hanging)
        await lately(made, other)


async def test_one_installation_whose_calls_all_hang_leaves_slots_to_others(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as made:
        hanging, other = made.shop("shop"), made.shop("farm", owner="other", installation_id=2)
        await hung(made, int(CONCURRENCY * SHARE), hanging, made.shop("stock"))
        await lately(made, other)


async def hung(made: Scene, share: int, *shops: Repository) -> None:
    """More pulls than there are slots in each, until as many hang as may."""
    for shop in shops:
        made.spoil(shop, faults.slow("*", 60.0, times=None))
        for at in range(2 * CONCURRENCY):
            Review.opened(shop, f"feat/{at}")
    await made.deliver()
    await until("as many hang as may", lambda: made.github.calls[PULL] == share)


async def lately(made: Scene, other: Repository) -> None:
    """A pull is opened there, and looked at in no time, alone of all."""
    calls = made.github.calls[PULL]
    late = Review.opened(other)
    await made.deliver()
    await until("the other one's", lambda: shown(late), 5.0)
    assert made.github.calls[PULL] == calls + 1


@pytest.mark.parametrize("installation_id", [1, 2])
async def test_large_pulls_whose_calls_hang_leave_connections_to_others(
    tmp_path: Path, installation_id: int
) -> None:
    async with scene(tmp_path) as made:
        hanging = made.shop("shop")
        other = made.shop("farm", owner="other", installation_id=installation_id)
        made.spoil(hanging, faults.slow("*", 60.0, times=None))
        for at in range(5):  # of each the pull and 30 pages at once
            hanging.open_big_pull(3_000, author="ann", branch=f"feat/{at}", lines=1)
        await made.deliver()
        calls = made.github.calls
        await until("many hang", lambda: calls.total() >= MOST_OF_REPOSITORY)
        await lately(made, other)


@pytest.mark.parametrize("retry_after", [None, "soon", 10**9])
async def test_a_limit_holds_up_one_pull_and_says_when(
    tmp_path: Path, retry_after: int | str | None
) -> None:
    async with scene(tmp_path, concurrency=2) as made:
        limited, other = made.shop("shop"), made.shop("farm")
        limit = faults.secondary_limit(CHECK, retry_after=retry_after)
        (limit,) = made.spoil(limited, limit)
        waiting, free = Review.opened(limited), Review.opened(other)
        await made.deliver()
        await until("the limit", lambda: limit.times == 0)
        await until("the other", lambda: shown(free))
        await until("the key put off", lambda: not rows(tmp_path, waiting.pull)[2])
        due, attempts, _ = rows(tmp_path, waiting.pull)
        assert ((3_800 if retry_after == 10**9 else 50) < due < 3_901, attempts) == (True, 0)
        await made.hurry()
        await made.settle()
        assert await signed(made, waiting, free) == []


async def test_a_limit_on_tokens_is_asked_about_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as made:
        shop = made.shop("shop")
        made.github.faults.add(faults.secondary_limit(TOKEN, retry_after=600, times=None))
        reviews = [Review.opened(shop, f"feat/{at}") for at in range(5)]
        await made.deliver()
        await until("all put off", lambda: min(rows(tmp_path, r.pull)[0] for r in reviews) > 500)
        assert made.github.calls[TOKEN] == 1
        assert {rows(tmp_path, review.pull)[1] for review in reviews} == {0}


async def test_an_outage_parks_nothing_and_ends_by_itself(tmp_path: Path) -> None:
    async with scene(tmp_path) as made:
        shops = [made.shop(f"shop-{at}") for at in range(3)]
        made.github.faults.add(faults.broken("*", 503, times=None))
        reviews = [Review.opened(shop) for shop in shops]
        await made.deliver()
        for _ in range(20):  # as the hours would, one attempt each
            await until("put off", lambda: all(rows(tmp_path, r.pull)[0] > 1 for r in reviews))
            await made.hurry()
        assert {rows(tmp_path, review.pull)[1] for review in reviews} == {0}
        assert made.parked == 0
        assert made.github.calls.total() < 20
        made.github.faults.clear()
        await made.settle()
        assert await signed(made, *reviews) == []


async def test_one_broken_repository_is_nobodys_outage(tmp_path: Path) -> None:
    async with scene(tmp_path, concurrency=2) as made:
        broken, other = made.shop("shop"), made.shop("farm")
        made.spoil(broken, faults.broken(FILES, 500, times=None))
        bad = [Review.opened(broken, f"feat/{at}") for at in range(4)]
        await made.deliver()
        await until("a first failure of each", lambda: all(rows(tmp_path, r.pull)[1] for r in bad))
        good = Review.opened(other)
        await made.deliver()
        await until("the other", lambda: shown(good), 5.0)
        async with asyncio.timeout(20.0):
            while not all(map(shown, bad)):
                await made.hurry()
                await asyncio.sleep(0.03)
        assert [review.pull.check_runs()[0].title for review in bad] == ["The review failed"] * 4
        made.github.faults.clear()
        await made.settle()
        assert await signed(made, *bad, good) == []


@pytest.mark.parametrize(("minutes", "refused"), [(-5, 1), (5, 0)])
async def test_a_clock_that_is_five_minutes_off_changes_nothing(
    tmp_path: Path, minutes: int, refused: int
) -> None:
    """Behind us GitHub takes our claim to be of the future, until we have seen its clock."""
    clock = Clock()
    clock.ahead = timedelta(minutes=minutes)
    async with scene(tmp_path, clock=clock) as made:
        review = Review.opened(made.shop("shop"))
        await made.settle()
        review.defer()
        assert await signed(made, review) == []
        asked = made.github.calls[TOKEN] + made.github.calls["GET /app"]
        assert asked == 2 + refused


async def test_a_write_that_takes_effect_when_we_have_given_up_is_not_made_twice(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, patience_seconds=1.0) as made:
        shops = {route: made.shop(f"shop-{at}") for at, route in enumerate((CHECK, COMMENT, ISSUE))}
        for route, shop in shops.items():
            made.spoil(shop, faults.slow(route, 2.5))
        reviews = [Review.opened(shop) for shop in shops.values()]
        await settled_late(made)
        assert [len(review.pull.check_runs()) for review in reviews] == [1, 1, 1]
        for review in reviews:
            review.defer()
        await made.settle()
        for review in reviews:
            review.sign()
        await settled_late(made)
        assert [line for review in reviews for line in await review.verdict(made)] == []


async def settled_late(made: Scene) -> None:
    """Until all is done, and what GitHub did when nobody waited any more."""
    began = time.monotonic()
    await made.settle()
    await until("what comes late has come", lambda: time.monotonic() > began + 4.0)
    await made.settle()
