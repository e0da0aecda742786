"""GitHub misbehaves: every review ends as if it had not, and waiting holds up nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.misbehaving import Clock, Review, Scene, kinds, lived, scene
from ghapp.emulator import faults
from ghapp.emulator.faults import Fault
from ghapp.emulator.repository import Pull, Repository
from ghapp.github.api import MOST_OF_REPOSITORY
from ghapp.worker.worker import CONCURRENCY, REPOSITORY_SHARE, SHARE
from tests.e2e.world import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio
REPO = "/repos/{owner}/{repo}"
PULL = f"GET {REPO}/pulls/{{number}}"
FILES = f"{PULL}/files"
POLICY = f"GET {REPO}/contents/{{path}}"
# Read only where we doubt our own record.
TALK = f"GET {REPO}/issues/{{number}}/comments"
REVIEWS, REMARKS = f"{PULL}/reviews", f"{PULL}/comments"
RUNS = f"GET {REPO}/commits/{{ref}}/check-runs"
CHECK, CHANGE = f"POST {REPO}/check-runs", f"PATCH {REPO}/check-runs/{{id}}"
COMMENT = f"POST {REPO}/issues/{{number}}/comments"
EDIT = f"PATCH {REPO}/issues/comments/{{id}}"
LABELS = f"POST {REPO}/issues/{{number}}/labels"
UNLABEL = f"DELETE {REPO}/issues/{{number}}/labels/{{name}}"
REACT = f"POST {REPO}/issues/comments/{{id}}/reactions"
ISSUE = f"POST {REPO}/issues"
TOKEN = "POST /app/installations/{id}/access_tokens"

READ_BACK = (TALK, REVIEWS, REMARKS, RUNS)
READS = (PULL, FILES, POLICY, *READ_BACK)
WRITES = (CHECK, COMMENT, EDIT, LABELS, UNLABEL, REACT, ISSUE)

Kind = Callable[[str], Fault]
EARLIER = "Wed, 01 Apr 2020 09:30:00 GMT"

KINDS: Mapping[str, tuple[Kind, Sequence[str]]] = {
    "500": (lambda route: faults.broken(route, 500), READS),
    "502": (faults.broken, (*READS, *WRITES)),
    "503": (lambda route: faults.broken(route, 503), WRITES),
    "502 after the write": (lambda route: faults.broken(route, after=True), WRITES),
    "a page of HTML as 502": (faults.page, READS),
    "a page of HTML as 200": (lambda route: replace(faults.page(route), status=200), WRITES),
    "cut": (faults.cut, (*READS, *WRITES)),
    "cut after the write": (lambda route: faults.cut(route, after=True), WRITES),
    "half of the answer": (faults.truncated, (*READS, *WRITES)),
    "no gzip": (faults.garbled, (*READS, *WRITES)),
    "an empty answer": (lambda route: Fault(route, body=b""), WRITES),
    "secondary limit": (faults.secondary_limit, (*READS, *WRITES)),
    "429": (lambda route: faults.secondary_limit(route, status=429), WRITES),
    "secondary limit, for an unknown time": (
        lambda route: faults.secondary_limit(route, retry_after=None),
        READS,
    ),
    "secondary limit, until a day that has been": (
        lambda route: faults.secondary_limit(route, retry_after=EARLIER),
        WRITES,
    ),
    "secondary limit, for 30 years": (
        lambda route: faults.secondary_limit(route, retry_after=10**9),
        WRITES,
    ),
    "secondary limit, for less than no time": (
        lambda route: faults.secondary_limit(route, retry_after="-5"),
        WRITES,
    ),
    "primary limit": (faults.primary_limit, READS),
    "primary limit, over already": (
        lambda route: faults.primary_limit(route, reset_in=-300),
        WRITES,
    ),
    "token refused": (faults.revoked, (*READS, *WRITES)),
    "401": (lambda route: Fault(route, 2, status=401, message="Bad credentials"), WRITES),
    "permission taken": (
        lambda route: faults.forbidden(route, "checks=write"),
        (PULL, FILES, *READ_BACK, CHECK, COMMENT, EDIT, LABELS, UNLABEL),
    ),
    "label made meanwhile": (faults.already_exists, (LABELS,)),
    "check run refused": (lambda route: faults.not_valid(route, "conclusion"), (CHECK,)),
    "not to be seen yet": (
        faults.unseen,
        (PULL, FILES, *READ_BACK, CHECK, COMMENT, EDIT, LABELS, REACT, ISSUE),
    ),
    "old news": (lambda route: faults.stale(route, times=2), (PULL, FILES, *READ_BACK)),
    "unchanged, they say": (faults.unchanged, (PULL, FILES, POLICY, *READ_BACK)),
    "another ETag": (lambda route: faults.renamed(route, "e2"), (POLICY,)),
    "a million pages": (faults.endless, (TALK, REVIEWS, REMARKS)),
    "the next page elsewhere": (
        lambda route: faults.elsewhere(route, "example.com"),
        (FILES, *READ_BACK),
    ),
    "a page again and again": (lambda route: faults.repeated(route, times=3), (TALK,)),
    "empty pages": (faults.emptied, (TALK,)),
    "more rows than asked for": (faults.overfull, (FILES, TALK, REVIEWS, REMARKS)),
    "301 to itself": (lambda route: faults.looping(route, times=2), (PULL, FILES, *READ_BACK)),
    "307 to itself": (lambda route: faults.looping(route, 307, times=2), WRITES),
    "451": (faults.blocked, (PULL,)),
}
# A run that was in doubt once is not changed, but made anew: so this has rows of its own.
LATER = ("502", "502 after the write", "cut", "half of the answer", "an empty answer", "429",
         "check run refused", "not to be seen yet", "307 to itself")  # fmt: skip
ROWS = {
    **KINDS,
    **{f"{name}, at a change of the run": (KINDS[name][0], (CHANGE,)) for name in LATER},
}
# On one head: by the push, by each change of its annotations, and anew where one was in doubt.
MOST_RUNS = 4
Found = Mapping[str, Sequence[str]]


async def lived_in(made: Scene, shops: Mapping[str, Repository]) -> dict[str, Review]:
    """A review in each of them: opened, pushed to, deferred in part, signed off, merged."""
    reviews = {name: Review.opened(shop) for name, shop in shops.items()}
    await made.settle()
    for review in reviews.values():
        review.ask()
        review.defer()
    await made.settle()
    for review in reviews.values():
        review.pull.push({"app/orders.py": "total = len\n"})
    await made.settle()
    keys = [made.key(review.pull) for review in reviews.values()]
    await made.store.queue.mark_dirty(keys, touched=True)  # as a sweep does
    await made.settle()
    for review in reviews.values():
        review.sign()
    await made.settle()
    for review in reviews.values():
        review.pull.merge("bob")
    await made.settle()
    return reviews


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """By kind, what is not as it has to be."""

    async def told() -> Found:
        async with scene(tmp_path_factory.mktemp("kinds")) as made:
            shops = {name: made.shop(f"shop-{at}") for at, name in enumerate(("none", *ROWS))}
            for name, (kind, routes) in ROWS.items():
                made.spoil(shops[name], *map(kind, routes))
            reviews = await lived_in(made, shops)
            wrong = {}
            for name, review in reviews.items():
                left = made.github.faults.left(shops[name].full_name)
                wrong[name] = [
                    *await review.verdict(made),
                    *(f"nothing was asked of {route}" for route in left),
                    *(f"{count} runs on a head" for count in heads(review) if count > MOST_RUNS),
                ]
            return wrong

    return asyncio.run(told())


def heads(review: Review) -> Iterator[int]:
    """How many check runs each head has."""
    runs = review.pull.repository.check_runs.values()
    return iter(Counter(run.head_sha for run in runs).values())


@pytest.mark.slow("lives through sixty reviews, each with its own misbehaviour")
@pytest.mark.parametrize("name", ["none", *ROWS])
def test_a_review_ends_as_if_nothing_had_gone_wrong(found: Found, name: str) -> None:
    assert found[name] == []


@pytest.mark.slow("lives through thirty reviews on a bad day")
def test_nothing_is_lost_or_doubled_if_one_call_in_four_fails(tmp_path: Path) -> None:
    told = asyncio.run(lived(tmp_path, kinds(0.10, 600), pulls=30, seed=7))
    assert told.wrong == ()
    assert told.struck > 100


async def until(what: str, true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
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


async def test_a_rate_limited_installation_takes_no_slots_from_others(tmp_path: Path) -> None:
    async with scene(tmp_path, limits="github", concurrency=2) as made:
        limited, other = made.shop("shop"), made.shop("farm", owner="other", installation_id=2)
        made.spoil(limited, faults.primary_limit("GET *", times=None))
        theirs = [Review.opened(limited, f"feat/{at}") for at in range(6)]
        free = [Review.opened(other, f"feat/{at}") for at in range(4)]
        await made.deliver()
        await until("the other installation's", lambda: all(map(shown, free)))
        assert not any(map(shown, theirs))
        for review in theirs:
            due, attempts, lease = rows(tmp_path, review.pull)
            assert (3500 < due < 3700, attempts, lease) == (True, 0, "")
        assert made.github.faults.struck <= 2 * 3  # the first reads of the runs under way then


@pytest.mark.parametrize("installation_id", [1, 2])
async def test_a_repository_whose_calls_hang_leaves_slots_to_others(
    tmp_path: Path, installation_id: int
) -> None:
    async with scene(tmp_path, patience_seconds=2 * PATIENCE_SECONDS) as made:
        hanging = made.shop("shop")
        other = made.shop("farm", owner="other", installation_id=installation_id)
        await hung(made, int(CONCURRENCY * REPOSITORY_SHARE), hanging)
        await lately(made, other)


async def test_an_installation_whose_calls_hang_leaves_slots_to_others(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, patience_seconds=2 * PATIENCE_SECONDS) as made:
        hanging, other = made.shop("shop"), made.shop("farm", owner="other", installation_id=2)
        await hung(made, int(CONCURRENCY * SHARE), hanging, made.shop("stock"))
        await lately(made, other)


async def hung(made: Scene, share: int, *shops: Repository) -> None:
    """More pulls than there are slots in each, until as many hang as may."""
    for shop in shops:
        made.spoil(shop, faults.slow("*", 2 * PATIENCE_SECONDS, times=None))
        for at in range(2 * CONCURRENCY):
            Review.opened(shop, f"feat/{at}")
    await made.deliver()
    await until("as many hang as may", lambda: made.github.calls[PULL] == share)


async def lately(made: Scene, other: Repository) -> None:
    """A pull is opened there, and reviewed while all others hang."""
    calls = made.github.calls[PULL]
    late = Review.opened(other)
    await made.deliver()
    await until("the other one's", lambda: shown(late))
    assert made.github.calls[PULL] == calls + 1


@pytest.mark.parametrize("installation_id", [1, 2])
async def test_large_pulls_whose_calls_hang_leave_connections_to_others(
    tmp_path: Path, installation_id: int
) -> None:
    async with scene(tmp_path, patience_seconds=2 * PATIENCE_SECONDS) as made:
        hanging = made.shop("shop")
        other = made.shop("farm", owner="other", installation_id=installation_id)
        made.spoil(hanging, faults.slow("*", 2 * PATIENCE_SECONDS, times=None))
        for at in range(5):  # of each the pull and 30 pages at once
            hanging.open_big_pull(3_000, author="ann", branch=f"feat/{at}", lines=1)
        await made.deliver()
        calls = made.github.calls
        await until("many hang", lambda: calls.total() >= MOST_OF_REPOSITORY)
        await lately(made, other)


@pytest.mark.parametrize("retry_after", [None, "soon", 10**9])
async def test_a_secondary_limit_delays_only_the_pull_that_met_it(
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
        assert ((3_800 if retry_after == 10**9 else 0) < due < 3_901, attempts) == (True, 0)
        await made.hurry()
        await made.settle()
        assert await signed(made, waiting, free) == []


async def test_a_limit_on_tokens_is_met_only_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as made:
        shop = made.shop("shop")
        made.github.faults.add(faults.secondary_limit(TOKEN, retry_after=600, times=None))
        reviews = [Review.opened(shop, f"feat/{at}") for at in range(5)]
        await made.deliver()
        await until("all put off", lambda: min(rows(tmp_path, r.pull)[0] for r in reviews) > 500)
        assert made.github.calls[TOKEN] == 1
        assert {rows(tmp_path, review.pull)[1] for review in reviews} == {0}


async def test_an_outage_parks_nothing_and_needs_nobody_to_recover(tmp_path: Path) -> None:
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


async def test_a_broken_repository_is_not_taken_for_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ghapp.github.api.PAUSES", ())
    async with scene(tmp_path, concurrency=2) as made:
        broken, other = made.shop("shop"), made.shop("farm")
        made.spoil(broken, faults.broken(FILES, 500, times=None))
        bad = [Review.opened(broken, f"feat/{at}") for at in range(4)]
        await made.deliver()
        await until("a first failure of each", lambda: all(rows(tmp_path, r.pull)[1] for r in bad))
        good = Review.opened(other)
        await made.deliver()
        await until("the other", lambda: shown(good))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not all(map(shown, bad)):
                await made.hurry(revives=False)  # else one is tried again before it shows that
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


@pytest.mark.slow("waits for what GitHub does after the client gave up")
async def test_a_write_that_takes_effect_after_our_timeout_is_not_repeated(
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
