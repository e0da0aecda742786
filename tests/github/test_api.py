"""An installation's calls: limits and failures, GraphQL's errors, answers that are kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cachetools import LRUCache

from ghapp.core.marks import AddLabels, PostReply, React, Reaction, Reply
from ghapp.core.model import PullKey, Repository
from ghapp.core.records import History
from ghapp.emulator.faults import Fault, broken, cut, primary_limit, secondary_limit, slow
from ghapp.errors import GhappError, Rejected, Retry, Unanswered, Wait
from ghapp.github.api import ENTRY_BYTES, MOST_OF_REPOSITORY, Cache, Installation, keep
from ghapp.github.apply import apply
from ghapp.github.client import GitHub
from ghapp.github.host import Request, Tokens
from ghapp.github.lost_speech import edits
from ghapp.github.payloads import Identity
from ghapp.github.rate_limits import POINTS_A_MINUTE, Budget
from ghapp.settings import Endpoint
from tests.github.servers import asked, host, replied, serving
from tests.github.world import APP_ID, RULES, World

NOW = datetime(2026, 4, 1, tzinfo=UTC)
PULL = "GET /repos/{owner}/{repo}/pulls/{number}"
ROUTE = "POST /graphql"
OPENED = History(opened=True)
DATE = "Wed, 01 Apr 2026 09:30:00 GMT"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


# --- limits and failures ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "least", "most", "error"),
    [
        (secondary_limit(PULL, retry_after=60), 60, 60, Wait),
        (secondary_limit(PULL, retry_after=7, status=429), 7, 7, Wait),
        (secondary_limit(PULL, retry_after=None), 60, 60, Wait),
        (primary_limit(PULL), 3_595, 3_605, Wait),
        (broken(PULL, 500, times=4), 1, 60, Retry),
        (broken(PULL, 502, times=4), 1, 60, Retry),
        (broken(PULL, 503, times=4), 1, 60, Retry),
        (cut(PULL, times=4), 1, 60, Retry),
    ],
    ids=["secondary", "429", "no header", "primary", "500", "502", "503", "cut"],
)
def test_failures_are_retried_and_limits_waited_for(
    world: World, fault: Fault, least: float, most: float, error: type[Retry | Wait]
) -> None:
    key = world.key(world.pull())
    world.github.faults.add(fault)
    with pytest.raises(error) as later:
        world.run(lambda client: client.gather(key, OPENED, RULES))
    assert least <= later.value.after_seconds <= most
    assert world.github.calls[PULL] == (4 if error is Retry else 1)
    world.run(lambda client: client.gather(key, OPENED, RULES))


@pytest.mark.parametrize(
    "fault",
    [broken(PULL, 502, times=3), cut(PULL, times=3), secondary_limit(PULL, retry_after=1)],
    ids=["502", "cut", "limit"],
)
def test_a_read_that_fails_for_a_moment_is_repeated_within_the_run(
    world: World, fault: Fault
) -> None:
    key = world.key(world.pull())
    world.github.faults.add(fault)
    failing = fault.times or 0
    facts = world.run(lambda client: client.gather(key, OPENED, RULES))
    assert facts.pull.key == key
    # Nothing else is read again because of it.
    assert world.github.calls[PULL] == 1 + failing
    assert world.github.calls[f"{PULL}/files"] == 1


def test_only_writes_that_may_take_effect_twice_are_not_repeated_at_once(world: World) -> None:
    pull = world.pull()
    key, labels, comments = world.key(pull), "POST */labels", "POST */comments"

    async def story(client: GitHub) -> None:
        world.github.faults.add(broken(labels, after=True))
        await client.apply(key, AddLabels((("x", "ededed", ""),)))
        world.github.faults.add(broken(comments, after=True, times=None))
        await client.apply(key, PostReply(Reply("help:eve", "comment:1", "help")))

    world.run(story)
    made = {route: count for route, count in world.github.calls.items() if route[:4] == "POST"}
    assert [count for route, count in made.items() if route.endswith("/labels")] == [2]
    assert [count for route, count in made.items() if route.endswith("/comments")] == [1]
    assert (pull.labels, len(pull.comments)) == ({"x"}, 1)


def test_a_limit_closes_the_installation_for_all_its_keys(world: World) -> None:
    one, other = (world.key(world.pull(branch=name)) for name in ("one", "two"))

    async def story(client: GitHub) -> None:
        world.github.faults.add(secondary_limit(PULL, retry_after=60))
        for key in (one, other):
            with pytest.raises(Wait) as retry:
                await client.gather(key, OPENED, RULES)
            assert 55 < retry.value.after_seconds <= 60

    world.run(story)
    assert world.github.calls[PULL] == 1


def test_a_call_that_fails_is_not_kept_until_a_limit_ends(world: World) -> None:
    key, labels = world.key(world.pull()), "POST */labels"

    async def story(client: GitHub) -> None:
        world.github.faults.add(secondary_limit(PULL, retry_after=60))
        world.github.faults.add(replace(broken(labels, after=True), delay_seconds=0.5))
        label = client.apply(key, AddLabels((("x", "ededed", ""),)))
        ended = await asyncio.gather(
            label, client.gather(key, OPENED, RULES), return_exceptions=True
        )
        assert [type(one) for one in ended] == [Unanswered, Wait]

    began = time.monotonic()
    world.run(story)
    assert time.monotonic() - began < 30  # the limit lasts a minute


def test_a_limit_is_heard_by_calls_that_wait_for_their_place(world: World) -> None:
    key = world.key(world.pull())

    async def story(client: GitHub) -> None:
        world.github.faults.add(secondary_limit(PULL, retry_after=60, times=None))
        runs = (client.gather(key, OPENED, RULES) for _ in range(3 * MOST_OF_REPOSITORY))
        ended = await asyncio.gather(*runs, return_exceptions=True)
        assert {type(one) for one in ended} == {Wait}

    world.run(story)
    assert world.github.calls[PULL] <= MOST_OF_REPOSITORY


def test_a_missing_permission_is_named() -> None:
    world = World(permissions={"metadata": "read", "pull_requests": "read"})
    try:
        key = world.key(world.pull())
        with pytest.raises(Retry, match=r"contents/\.github/nfr\.yml"):
            world.run(lambda client: client.gather(key, OPENED, RULES))
    finally:
        world.close()


def test_no_github_at_all_is_a_retry(world: World) -> None:
    async def story() -> None:
        async with host("http://127.0.0.1:9") as github:
            await asked(github, Request("GET", "app"))

    with pytest.raises(Retry, match="GET app: no answer"):
        asyncio.run(story())


def test_a_cancelled_run_leaves_the_client_usable(world: World) -> None:
    key = world.key(world.pull())

    async def story(client: GitHub) -> None:
        world.github.faults.add(slow(PULL, 30.0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await client.gather(key, OPENED, RULES)
        began = time.monotonic()
        await client.gather(key, OPENED, RULES)
        assert time.monotonic() - began < 10

    world.run(story)


def test_tasks_started_before_the_client_share_its_connections(world: World) -> None:
    key = world.key(world.pull())

    async def story() -> None:
        ready = asyncio.Event()
        client = GitHub(Endpoint(world.url), APP_ID, world.github.private_key)

        async def early() -> int:
            await ready.wait()
            return (await client.gather(key, OPENED, RULES)).pull.key.number

        task = asyncio.create_task(early())
        async with client:
            ready.set()
            assert await task == key.number
            assert (await client.gather(key, OPENED, RULES)).pull.key.number == key.number

    asyncio.run(story())


def test_an_enterprise_server_has_its_api_below_a_path(world: World) -> None:
    world.url += "/api/v3"
    key = world.key(world.pull())
    facts = world.run(lambda client: client.gather(key, OPENED, RULES))
    assert facts.pull.key == key


# --- GraphQL --------------------------------------------------------------------------------


@asynccontextmanager
async def answering(body: Any, **headers: str) -> AsyncIterator[Callable[[], Installation]]:
    """Makes an installation, with a new budget each, whose GraphQL answers this."""
    named = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    def reply(head: bytes) -> bytes:
        if b"/graphql" in head:
            return replied(json.dumps(body).encode(), f"date: {DATE}", *named)
        return replied(json.dumps({"token": "x", "expires_at": expires}).encode())

    async with serving(reply) as (url, _), host(url) as github:
        tokens = Tokens(github)
        yield lambda: Installation(github, tokens, Budget(), 1, Cache())


async def react(api: Installation) -> None:
    pull = PullKey(Repository(1, 2, "acme/shop"), 3)
    await apply(api, pull, React(Reaction(1, "+1", "review", "R_1")), Identity(1), NOW)


def outcomes(body: Any, **headers: str) -> list[GhappError | None]:
    """What a reaction and a read come to if GraphQL answers this."""

    async def story() -> list[GhappError | None]:
        async with answering(body, **headers) as installation:
            api = installation()
            found: list[GhappError | None] = []
            for call in (react(api), edits(api, ["R_1"])):
                try:
                    await call
                    found.append(None)
                except GhappError as error:
                    found.append(error)
            return found

    return asyncio.run(story())


def error(kind: str, message: str = "No") -> dict[str, Any]:
    return {"data": {"addReaction": None, "nodes": [None]}, "errors": [{"type": kind,
            "message": message, "path": ["nodes", 0]}]}  # fmt: skip


def test_what_is_gone_is_no_error() -> None:
    assert outcomes(error("NOT_FOUND")) == [None, None]


@pytest.mark.parametrize("kind", ["FORBIDDEN", "UNPROCESSABLE"])
def test_a_write_refused_for_good_is_rejected_and_a_read_comes_again(kind: str) -> None:
    write, read = outcomes(error(kind, "Resource not accessible by integration"))
    assert isinstance(write, Rejected)
    assert f"{kind} Resource not accessible by integration" in str(write)
    assert isinstance(read, Retry)


def test_a_limit_of_graphql_is_waited_for_without_counting() -> None:
    for headers, seconds in (
        ({"retry_after": "42"}, 42),
        ({"x_ratelimit_reset": "1775035900"}, 101),
        ({}, 61),
    ):
        for one in outcomes(error("RATE_LIMITED"), **headers):
            assert isinstance(one, Wait)
            assert one.after_seconds == seconds


@pytest.mark.parametrize(
    "body",
    [
        error("SERVICE_UNAVAILABLE"),
        error(""),
        {"errors": [{"message": "Something went wrong"}]},
        [],
    ],
)
def test_everything_else_comes_again(body: Any) -> None:
    for one in outcomes(body):
        assert isinstance(one, Retry)


def test_an_answer_without_data_is_nobodys_word() -> None:
    assert isinstance(outcomes({"data": None})[1], Retry)


@pytest.mark.parametrize("base", ["", "/api/v3"])
def test_a_review_is_reacted_to_on_either_kind_of_host(base: str) -> None:
    world = World()
    try:
        pull = world.pull()
        review = pull.find_review(pull.review("sam", "commented", "/nfr done"))
        world.url += base

        async def story(client: GitHub) -> None:
            row = (
                await client._installation(1).get(
                    f"repos/acme/shop/pulls/{pull.number}/reviews", list[dict[str, Any]]
                )
            )[0][0]
            reaction = Reaction(review.id, "+1", "review", row["node_id"])
            await client.apply(world.key(pull), React(reaction))

        world.run(story)
        assert [one.content for one in review.reactions] == ["+1"]
    finally:
        world.close()


def test_a_read_costs_one_point_and_a_write_five() -> None:
    async def story() -> tuple[int, int]:
        async with answering({"data": {"nodes": []}}) as installation:
            counts = []
            for ask in (lambda api: edits(api, ["R_1"]), react):
                api, count = installation(), 0
                try:
                    while True:
                        await ask(api)
                        count += 1
                except Wait:
                    counts.append(count)
            return counts[0], counts[1]

    reads, writes = asyncio.run(story())
    assert reads == POINTS_A_MINUTE * 9 // 10
    assert writes == 60  # three quarters of 80 new contents a minute, before the points


def test_a_secondary_limit_holds_for_graphql_as_for_the_rest(world: World) -> None:
    world.github.faults.add(secondary_limit(ROUTE))
    pull = world.pull()
    with pytest.raises(Wait):
        world.run(lambda client: client.apply(
            world.key(pull), React(Reaction(1, "+1", "review", "R_1"))))  # fmt: skip
    world.github.faults.add(Fault(ROUTE, 1, status=502))
    with pytest.raises(Retry):
        world.run(lambda client: client.apply(
            world.key(pull), React(Reaction(1, "+1", "review", "R_1"))))  # fmt: skip


# --- what is kept -----------------------------------------------------------------------------


def texts(most_bytes: int) -> LRUCache[tuple[int, str], str | None]:
    return LRUCache(most_bytes, Cache().texts.getsizeof)


def test_the_text_used_longest_ago_goes_first() -> None:
    known = texts(3 * (ENTRY_BYTES + 100))
    for sha in ("a", "b", "c"):
        keep(known, (1, sha), sha)
    assert known[1, "a"] == "a"
    keep(known, (1, "d"), "d")
    assert [sha for sha in "abcd" if (1, sha) in known] == ["a", "c", "d"]


def test_many_small_texts_and_blobs_without_text_take_room_too() -> None:
    known = texts(10 * ENTRY_BYTES)
    for number in range(100):
        keep(known, (1, str(number)), None if number % 2 else "")
    assert 0 < sum((1, str(number)) in known for number in range(100)) < 10


def test_a_large_text_drives_out_as_many_as_it_takes_and_one_too_large_nobody() -> None:
    known = texts(10_000)
    for number in range(10):
        keep(known, (1, str(number)), "x" * 500)
    keep(known, (1, "large"), "x" * 9_000)
    assert [key for key in ("9", "large") if (1, key) in known] == ["large"]
    keep(known, (1, "larger"), "x" * 20_000)
    keep(known, (1, "small"), "x")
    assert [key for key in ("large", "larger", "small") if (1, key) in known] == ["large", "small"]


def test_folders_take_the_room_of_their_names() -> None:
    known = LRUCache(10_000, Cache().folders.getsizeof)
    for number in range(3):
        keep(known, (1, str(number)), frozenset(f"{'x' * 900}{at}" for at in range(4)))
    assert [number for number in range(3) if (1, str(number)) in known] == [1, 2]


def test_a_text_that_is_kept_twice_counts_once() -> None:
    known = texts(2 * (ENTRY_BYTES + 100))
    keep(known, (1, "a"), "a")
    for _ in range(9):
        keep(known, (1, "b"), "b")
    assert (1, "a") in known
