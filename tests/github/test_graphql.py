"""GraphQL's answers: where it is asked, what it costs, and what its errors become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ghapp.core.marks import React, Reaction
from ghapp.emulator.faults import Fault, secondary_limit
from ghapp.errors import GhappError, Rejected, Retry
from ghapp.github import graphql
from ghapp.github.api import Installation
from ghapp.github.client import GitHub
from ghapp.github.kept import Kept
from ghapp.github.rate_limits import POINTS_A_MINUTE, Budget
from ghapp.github.tokens import Tokens
from ghapp.github.wire import Answer, Request, Wire
from ghapp.settings import Endpoint
from tests.github.world import APP_ID, World

ROUTE = "POST /graphql"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def calm(world: World) -> Iterator[None]:
    yield
    world.github.faults.clear()


@dataclass
class Said(Wire):
    """A wire whose GraphQL answers what it was given; everything else goes to the emulator."""

    body: Any
    headers: dict[str, str]
    url: str

    def __post_init__(self) -> None:
        super().__init__(Endpoint(self.url))

    async def send(self, request: Request, authorization: str) -> Answer:
        if request.path != self.graphql_url:
            return await super().send(request, authorization)
        return Answer(200, {"date": "Wed, 01 Apr 2026 09:30:00 GMT", **self.headers},
                      json.dumps(self.body).encode())  # fmt: skip


def outcomes(world: World, body: Any, **headers: str) -> list[GhappError | None]:
    """What a reaction and a read come to where GraphQL answers so."""

    async def story() -> list[GhappError | None]:
        async with Said(body, headers, world.url) as wire:
            tokens = Tokens(wire, APP_ID, world.github.private_key)
            api = Installation(wire, tokens, Budget(), 1, Kept())
            found: list[GhappError | None] = []
            for asked in (graphql.react(api, "R_1", "+1"), graphql.edits(api, ["R_1"])):
                try:
                    await asked
                    found.append(None)
                except GhappError as error:
                    found.append(error)
            return found

    return asyncio.run(story())


def error(kind: str, message: str = "No") -> dict[str, Any]:
    return {"data": {"addReaction": None, "nodes": [None]}, "errors": [{"type": kind,
            "message": message, "path": ["nodes", 0]}]}  # fmt: skip


def test_what_is_gone_is_no_error(world: World) -> None:
    assert outcomes(world, error("NOT_FOUND")) == [None, None]


@pytest.mark.parametrize("kind", ["FORBIDDEN", "UNPROCESSABLE"])
def test_a_write_refused_for_good_is_rejected_and_a_read_comes_again(
    world: World, kind: str
) -> None:
    write, read = outcomes(world, error(kind, "Resource not accessible by integration"))
    assert isinstance(write, Rejected)
    assert f"{kind} Resource not accessible by integration" in str(write)
    assert isinstance(read, Retry)


def test_a_limit_is_waited_for_without_counting(world: World) -> None:
    for headers, seconds in (
        ({"retry-after": "42"}, 42),
        ({"x-ratelimit-reset": "1775035900"}, 101),
        ({}, 61),
    ):
        for one in outcomes(world, error("RATE_LIMITED"), **headers):
            assert isinstance(one, Retry)
            assert (one.after_seconds, one.counts) == (seconds, False)


@pytest.mark.parametrize(
    "body",
    [
        error("SERVICE_UNAVAILABLE"),
        error(""),
        {"errors": [{"message": "Something went wrong"}]},
        [],
    ],
)
def test_everything_else_comes_again(world: World, body: Any) -> None:
    for one in outcomes(world, body):
        assert isinstance(one, Retry)
        assert one.counts


def test_an_answer_without_data_is_nobodys_word(world: World) -> None:
    assert isinstance(outcomes(world, {"data": None})[1], Retry)


@pytest.mark.parametrize(
    ("api_url", "expected"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://ghe.acme.test/api/v3", "https://ghe.acme.test/api/graphql"),
        ("https://ghe.acme.test/api/v3/", "https://ghe.acme.test/api/graphql"),
    ],
)
def test_graphql_lies_beside_the_rest_api(api_url: str, expected: str) -> None:
    assert Wire(Endpoint(api_url)).graphql_url == expected


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


def test_a_read_costs_one_point_and_a_write_five(world: World) -> None:
    async def story() -> tuple[int, int]:
        async with Said({"data": {"nodes": []}}, {}, world.url) as wire:
            tokens = Tokens(wire, APP_ID, world.github.private_key)
            counts = []
            for ask in (graphql.edits, graphql.react):
                api, count = Installation(wire, tokens, Budget(), 1, Kept()), 0
                try:
                    while True:
                        await (graphql.edits(api, ["R_1"]) if ask is graphql.edits
                               else graphql.react(api, "R_1", "+1"))  # fmt: skip
                        count += 1
                except Retry:
                    counts.append(count)
            return counts[0], counts[1]

    reads, writes = asyncio.run(story())
    assert reads == POINTS_A_MINUTE * 9 // 10
    assert writes == 60  # three quarters of 80 new contents a minute, before the points


def test_a_secondary_limit_holds_for_graphql_as_for_the_rest(world: World) -> None:
    world.github.faults.add(secondary_limit(ROUTE))
    pull = world.pull()
    with pytest.raises(Retry) as retry:
        world.run(lambda client: client.apply(
            world.key(pull), React(Reaction(1, "+1", "review", "R_1"))))  # fmt: skip
    assert not retry.value.counts
    world.github.faults.add(Fault(ROUTE, 1, status=502))
    with pytest.raises(Retry):
        world.run(lambda client: client.apply(
            world.key(pull), React(Reaction(1, "+1", "review", "R_1"))))  # fmt: skip
