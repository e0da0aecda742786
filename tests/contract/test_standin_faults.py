"""The stand-in fails on demand: before or after the write, slowly, half-way, or with old news."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from ghapp.standin import Pull, faults
from tests.contract.standin_world import World
from tests.contract.standin_world import world as standin_world

REPO = "/repos/acme/shop"
COMMENTS = f"{REPO}/issues/1/comments"


@pytest.fixture
def world() -> Iterator[World]:
    with standin_world() as made:
        yield made


@pytest.fixture
def pull(world: World) -> Pull:
    return world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})


def comment(world: World) -> httpx.Response:
    return world.client.post(COMMENTS, json={"body": "Hello"})


def test_a_write_that_is_lost_before_it_took_effect(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.broken("POST */comments"))
    assert comment(world).status_code == 502
    assert pull.comments == []
    assert comment(world).status_code == 201


def test_a_write_whose_answer_is_lost(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.broken("POST */comments", 503, after=True))
    assert comment(world).status_code == 503
    assert [said.body for said in pull.comments] == ["Hello"]


def test_a_cut_connection(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.cut("POST */comments", after=True), faults.cut("GET *"))
    with pytest.raises(httpx.RemoteProtocolError):
        comment(world)
    assert len(pull.comments) == 1
    with pytest.raises(httpx.RemoteProtocolError):
        world.client.get(REPO)
    assert world.client.get(REPO).status_code == 200


def test_the_secondary_limit_says_how_long_to_wait(world: World, pull: Pull) -> None:
    world.github.faults.add(
        faults.secondary_limit("POST *", retry_after=7),
        faults.secondary_limit("POST *", status=429, retry_after=None),
    )
    first, second = comment(world), comment(world)
    assert (first.status_code, first.headers["retry-after"]) == (403, "7")
    assert "secondary rate limit" in first.json()["message"]
    assert (second.status_code, "retry-after" in second.headers) == (429, False)
    assert pull.comments == []


def test_the_primary_limit_says_nothing_remains(world: World) -> None:
    world.github.faults.add(faults.primary_limit("GET *"))
    answer = world.client.get(REPO)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(answer.headers["x-ratelimit-reset"]) > time.time()


def test_a_slow_answer(world: World) -> None:
    world.github.faults.add(faults.slow("GET *", 0.05))
    began = time.monotonic()
    world.client.get(REPO)
    assert time.monotonic() - began >= 0.05


def test_a_read_that_lags_behind(world: World, pull: Pull) -> None:
    before = pull.head_sha
    pull.push({"b": "1\n"})
    world.github.faults.add(faults.stale("GET */pulls/{number}"))
    old = world.client.get(f"{REPO}/pulls/1").json()
    new = world.client.get(f"{REPO}/pulls/1").json()
    assert (old["head"]["sha"], old["changed_files"]) == (before, 1)
    assert (new["head"]["sha"], new["changed_files"]) == (pull.head_sha, 2)
    assert old["updated_at"] <= new["updated_at"]


def test_a_share_of_calls_fails(world: World) -> None:
    world.github.faults.add(faults.Fault("GET *", None, rate=0.3, status=502))
    codes = [world.client.get(REPO).status_code for _ in range(100)]
    assert 15 <= codes.count(502) <= 45
    world.github.faults.clear()
    assert world.client.get(REPO).status_code == 200


def test_calls_are_counted_by_route(world: World, pull: Pull) -> None:
    world.github.calls.clear()
    comment(world)
    world.client.get(f"{REPO}/pulls/1")
    world.client.get(f"{REPO}/pulls/1")
    assert dict(world.github.calls) == {
        "POST /repos/{owner}/{repo}/issues/{number}/comments": 1,
        "GET /repos/{owner}/{repo}/pulls/{number}": 2,
    }


def test_latency_is_added_to_every_call() -> None:
    with standin_world(latency_seconds=0.03) as world:
        began = time.monotonic()
        world.client.get(REPO)
        assert time.monotonic() - began >= 0.03
