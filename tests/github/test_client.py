"""Tokens, limits and failures: who we are to GitHub, and what its refusals become."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.records import History
from ghapp.emulator.faults import (
    Fault,
    broken,
    cut,
    primary_limit,
    secondary_limit,
    slow,
    truncated,
)
from ghapp.emulator.github import new_private_key
from ghapp.errors import Gone, Retry, WrongSetting
from ghapp.github.api import MOST_OF_REPOSITORY
from ghapp.github.client import GitHub
from ghapp.github.errors import limited_seconds, refusal
from ghapp.github.rate_limits import Budget, Importance
from ghapp.github.tokens import Tokens
from ghapp.github.wire import Answer, Request, Wire
from ghapp.settings import Endpoint
from tests.github.world import APP_ID, RULES, World

TOKEN = "POST /app/installations/{id}/access_tokens"
PULL = "GET /repos/{owner}/{repo}/pulls/{number}"
OPENED = History(opened=True)
DATE = "Wed, 01 Apr 2026 09:30:00 GMT"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


# --- tokens --------------------------------------------------------------------------------


def test_many_at_once_ask_for_one_token(world: World) -> None:
    keys = [world.key(world.pull(branch=f"b{at}")) for at in range(6)]

    async def story(client: GitHub) -> None:
        await asyncio.gather(*(client.gather(key, OPENED, RULES) for key in keys))
        await client.gather(keys[0], OPENED, RULES)

    world.run(story)
    assert world.github.calls[TOKEN] == 1


@pytest.mark.parametrize("kind", [broken, cut, truncated])
def test_a_token_that_cannot_be_had_fails_all_who_ask_at_once(
    world: World, kind: Callable[[str], Fault]
) -> None:
    """One after another they would hold every slot of the worker, each for one more timeout."""
    keys = [world.key(world.pull(branch=f"b{at}")) for at in range(6)]

    async def story(client: GitHub) -> None:
        await client.app()  # else each asks who we are first, and then not all at once
        world.github.faults.add(replace(kind(TOKEN), delay_seconds=0.2))
        asked = (client.gather(key, OPENED, RULES) for key in keys)
        for error in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(error, Retry)
            assert error.counts
            assert "ghs_" not in str(error)
        assert world.github.calls[TOKEN] == 1
        await client.gather(keys[0], OPENED, RULES)

    world.run(story)


@pytest.mark.parametrize(("minutes", "tokens"), [(54, 1), (56, 2), (70, 2)])
def test_a_token_is_renewed_five_minutes_before_its_end(
    world: World, minutes: int, tokens: int
) -> None:
    async def story() -> None:
        async with Wire(Endpoint(world.url)) as wire:
            own = Tokens(wire, APP_ID, world.github.private_key, now=world.now)
            await own.get(1)
            world.ahead += timedelta(minutes=minutes)
            assert (await own.get(1)).permissions["members"] == "read"

    asyncio.run(story())
    assert world.github.calls[TOKEN] == tokens


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_wrong_clock_of_ours_follows_githubs(world: World, hours: int) -> None:
    def ours() -> datetime:
        return world.now() + timedelta(hours=hours)

    async def story() -> None:
        async with Wire(Endpoint(world.url)) as wire:
            own = Tokens(wire, APP_ID, world.github.private_key, now=ours)
            for _ in range(3):
                token = await own.get(1)
            assert token.expires_at > world.now()
            assert abs(own.now() - world.now()) < timedelta(seconds=5)

    asyncio.run(story())
    assert world.github.calls[TOKEN] == 2  # the one refused, and the one that holds


def test_a_token_that_github_no_longer_takes_is_replaced_once(world: World) -> None:
    key = world.key(world.pull())

    async def story(client: GitHub) -> None:
        await client.gather(key, OPENED, RULES)
        world.github.expire_tokens()
        await client.gather(key, OPENED, RULES)

    world.run(story)
    assert world.github.calls[TOKEN] == 2
    world.github.faults.add(
        Fault("GET */pulls/*", times=None, status=401, message="Bad credentials")
    )
    with pytest.raises(Retry) as retry:
        world.run(lambda client: client.gather(key, OPENED, RULES))
    assert retry.value.counts


def test_a_wrong_app_or_key_is_named(world: World) -> None:
    with pytest.raises(Retry, match="no App 8: check GHAPP_APP_ID and GHAPP_GITHUB_API_URL"):
        world.run(lambda client: client.app(), app_id=8)
    with pytest.raises(Retry, match="by this key: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"):
        world.run(lambda client: client.app(), private_key=new_private_key())


@pytest.mark.parametrize("key", ["", "-----BEGIN RSA PRIVATE KEY-----\nx", "ssh-rsa AAAA"])
def test_a_key_that_is_none_is_a_wrong_setting(key: str) -> None:
    with pytest.raises(WrongSetting, match="GHAPP_PRIVATE_KEY"):
        GitHub(Endpoint("https://api.github.com"), APP_ID, key)


def test_a_suspended_or_removed_installation_is_gone(world: World) -> None:
    key = world.key(world.pull())
    suspended = Fault(TOKEN, status=403, message="This installation has been suspended")
    world.github.faults.add(suspended)
    with pytest.raises(Gone):
        world.run(lambda client: client.gather(key, OPENED, RULES))
    world.github.uninstall(1)
    with pytest.raises(Gone):
        world.run(lambda client: client.gather(key, OPENED, RULES))


def test_the_slug_tells_the_bots_login(world: World) -> None:
    assert world.run(lambda client: client.app()) == "ghapp"


# --- failures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "least", "most", "counts"),
    [
        (secondary_limit(PULL, retry_after=60), 60, 60, False),
        (secondary_limit(PULL, retry_after=7, status=429), 7, 7, False),
        (secondary_limit(PULL, retry_after=None), 60, 60, False),
        (primary_limit(PULL), 3_595, 3_605, False),
        (broken(PULL, 500), 1, 60, True),
        (broken(PULL, 502), 1, 60, True),
        (broken(PULL, 503), 1, 60, True),
        (cut(PULL), 1, 60, True),
    ],
    ids=["secondary", "429", "no header", "primary", "500", "502", "503", "cut"],
)
def test_failures_become_a_retry(
    world: World, fault: Fault, least: float, most: float, counts: bool
) -> None:
    key = world.key(world.pull())
    world.github.faults.add(fault)
    with pytest.raises(Retry) as retry:
        world.run(lambda client: client.gather(key, OPENED, RULES))
    assert least <= retry.value.after_seconds <= most
    assert retry.value.counts is counts
    assert world.github.calls[PULL] == 1
    world.run(lambda client: client.gather(key, OPENED, RULES))


def test_a_limit_closes_the_installation_for_all_its_keys(world: World) -> None:
    one, other = (world.key(world.pull(branch=name)) for name in ("one", "two"))

    async def story(client: GitHub) -> None:
        world.github.faults.add(secondary_limit(PULL, retry_after=60))
        for key in (one, other):
            with pytest.raises(Retry) as retry:
                await client.gather(key, OPENED, RULES)
            assert 55 < retry.value.after_seconds <= 60

    world.run(story)
    assert world.github.calls[PULL] == 1


def test_a_limit_is_heard_by_calls_that_wait_for_their_place(world: World) -> None:
    key = world.key(world.pull())

    async def story(client: GitHub) -> None:
        world.github.faults.add(secondary_limit(PULL, retry_after=60, times=None))
        runs = (client.gather(key, OPENED, RULES) for _ in range(3 * MOST_OF_REPOSITORY))
        ended = await asyncio.gather(*runs, return_exceptions=True)
        assert {type(one) for one in ended} == {Retry}

    world.run(story)
    assert world.github.calls[PULL] <= MOST_OF_REPOSITORY


def test_a_missing_permission_is_named() -> None:
    world = World(permissions={"metadata": "read", "pull_requests": "read"})
    try:
        key = world.key(world.pull())
        with pytest.raises(Retry, match=r"contents/\.github/nfr\.yml") as retry:
            world.run(lambda client: client.gather(key, OPENED, RULES))
        assert retry.value.counts
    finally:
        world.close()


def test_no_github_at_all_is_a_retry(world: World) -> None:
    async def story() -> None:
        async with Wire(Endpoint("http://127.0.0.1:9")) as wire:
            await wire.send(Request("GET", "app"), "Bearer x")

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


def plainly(*replies: bytes) -> list[Answer | str]:
    """What the wire makes of these replies of a plain HTTP server; the last of it what it got."""

    async def story() -> list[Answer | str]:
        waiting, asked = list(replies), list[str]()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(waiting.pop(0).replace(b"HERE", here.encode()))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(serve, "127.0.0.1") as server:
            here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with Wire(Endpoint(here)) as wire:
                found = await wire.send(
                    Request("PATCH", "repos/acme/old", most_bytes=8), "Bearer x"
                )
        return [found, *asked]

    return asyncio.run(story())


def head(line: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + line, *headers, b"connection: close", b"", b""])


def test_a_renamed_repository_is_followed_with_the_same_method_on_the_same_host_only() -> None:
    moved = head(b"307 Temporary Redirect", b"location: HERE/repositories/1", b"content-length: 0")
    found, first, second = plainly(moved, head(b"200 OK", b"content-length: 2") + b"{}")
    assert isinstance(found, Answer)
    assert (found.status, found.body) == (200, b"{}")
    assert [str(one).split(" HTTP")[0] for one in (first, second)] == [
        "PATCH /repos/acme/old", "PATCH /repositories/1",
    ]  # fmt: skip
    away = moved.replace(b"HERE", b"http://example.com")
    (found, _) = plainly(away)
    assert isinstance(found, Answer)
    assert found.status == 307


def test_a_long_body_is_not_read_to_its_end() -> None:
    endless = head(b"200 OK", b"content-length: 1000000") + b"x" * 9_000
    found, _ = plainly(endless)
    assert isinstance(found, Answer)
    assert found.body == b"x" * 8


# --- refusals, without a network -----------------------------------------------------------


def answer(status: int, body: str = "{}", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"date": DATE, **named}, body.encode())


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (answer(403, retry_after="17"), 17),
        (answer(403, retry_after="0"), 1),
        (answer(429, retry_after="Wed, 01 Apr 2026 09:31:30 GMT"), 90),
        (answer(429, retry_after="soon"), 60),
        (answer(429, retry_after="-5"), 60),
        (answer(429, retry_after="Wed, 01 Apr 2020 09:30:00 GMT"), 60),
        (answer(429, retry_after="Fri, 31 Dec 9999 23:59:59 -2359"), 3_900),
        (answer(403, retry_after="1000000000"), 3_900),
        (answer(429), 60),
        (answer(403, retry_after="999999"), 3_900),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="1775035860"), 61),
        (answer(403, x_ratelimit_remaining="0"), 61),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="1775035500"), 60),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="9" * 400), 3_900),
        (answer(403, '{"message": "You have triggered an abuse detection mechanism"}'), 60),
        (answer(403, '{"message": "Resource not accessible by integration"}'), 0),
        (answer(403, "<html>"), 0),
        (answer(404, retry_after="17"), 0),
        (answer(503, retry_after="17"), 0),
    ],
)
def test_a_limit_is_told_by_its_signs_and_by_githubs_clock(given: Answer, seconds: float) -> None:
    assert limited_seconds(given) == seconds


@pytest.mark.parametrize("status", [404, 410, 451])
def test_what_is_away_for_good_is_gone(status: int) -> None:
    assert isinstance(refusal(answer(status), "GET x"), Gone)


def test_a_refusal_says_what_github_said() -> None:
    body = (
        '{"message": "Validation Failed", "errors": [{"resource": "Label", "field": "name",'
        ' "code": "too_long"}, {"message": "Body is too long"}, "plain"]}'
    )
    assert str(refusal(answer(422, body), "POST x")) == (
        "POST x: GitHub answers 422: Validation Failed; Label.name too_long;"
        " Body is too long; plain"
    )
    needed = answer(403, '{"message": "No."}', x_accepted_github_permissions="checks=write")
    assert str(refusal(needed, "POST x")).endswith("No. (the App needs: checks=write)")
    assert "(no JSON)" in str(refusal(answer(502, "<html>"), "GET x"))


# --- budget --------------------------------------------------------------------------------


def taken(budget: Budget, method: str, importance: Importance, now: float) -> float:
    """Seconds to wait, 0.0 where it was taken."""
    try:
        budget.take(method, importance, now)
    except Retry as retry:
        return retry.after_seconds
    return 0.0


def test_what_is_over_budget_waits_without_counting() -> None:
    budget = Budget()
    budget.close(60.0, 0.0)
    with pytest.raises(Retry) as retry:
        budget.take("GET", Importance.GATE, 15.0)
    assert (retry.value.after_seconds, retry.value.counts) == (45.0, False)


def test_a_burst_passes_at_once_and_the_window_ends() -> None:
    budget = Budget()
    assert [taken(budget, "POST", Importance.GATE, 100.0) for _ in range(80)] == [0.0] * 80
    assert taken(budget, "POST", Importance.GATE, 130.0) == 30.0
    assert taken(budget, "POST", Importance.GATE, 160.0) == 0.0


def test_reads_leave_room_for_writes_and_comments_for_the_check_run() -> None:
    budget = Budget()
    assert sum(not taken(budget, "GET", Importance.LOOK, 0.0) for _ in range(900)) == 810
    assert taken(budget, "PATCH", Importance.BEST_EFFORT, 0.0) > 0
    assert taken(budget, "PATCH", Importance.GATE, 0.0) == 0.0
    comments = Budget()
    assert sum(not taken(comments, "POST", Importance.BEST_EFFORT, 0.0) for _ in range(80)) == 60
    assert taken(comments, "POST", Importance.GATE, 0.0) == 0.0


def test_no_more_than_500_an_hour_are_created() -> None:
    budget, made = Budget(), 0
    for minute in range(60):
        made += sum(not taken(budget, "POST", Importance.GATE, minute * 60.0) for _ in range(80))
    assert made == 500


def test_off_is_off_even_after_a_refusal() -> None:
    budget = Budget("off")
    budget.close(60.0, 0.0)
    assert not any(taken(budget, "POST", Importance.BEST_EFFORT, 0.0) for _ in range(2_000))


@given(
    st.lists(
        st.tuples(
            st.floats(0, 5),
            st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
            st.sampled_from(Importance),
        ),
        max_size=400,
    )
)
def test_no_minute_has_more_than_github_allows(steps: list[tuple[float, str, Importance]]) -> None:
    budget, now, spent = Budget(), 0.0, list[tuple[float, int]]()
    for pause, method, importance in steps:
        now += pause / 100
        wait = taken(budget, method, importance, now)
        assert wait >= 0
        if not wait:
            spent.append((now, 1 if method == "GET" else 5))
    for end, _ in spent:
        assert sum(units for at, units in spent if end - 60 < at <= end) <= 900


@given(st.integers(1, 5), st.floats(0, 50))
def test_the_wait_that_is_told_is_enough(units: int, later: float) -> None:
    budget = Budget()
    method = "GET" if units == 1 else "PATCH"
    while not taken(budget, method, Importance.GATE, 0.0):
        pass
    wait = taken(budget, method, Importance.GATE, later)
    assert taken(budget, method, Importance.GATE, later + wait) == 0.0
