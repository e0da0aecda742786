"""Which pulls moved since our last look, and whose installations we serve."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from ghapp.emulator.faults import broken
from ghapp.emulator.repository import Pull
from ghapp.errors import Retry
from ghapp.github.client import GitHub
from tests.github.world import World

PULLS = "GET /repos/{owner}/{repo}/pulls"
INSTALLATIONS = "GET /app/installations"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def opened(world: World, count: int) -> list[Pull]:
    """Each a second after the other, so that the order of a list is sure."""
    made = []
    for at in range(count):
        world.now.forward(1)
        made.append(world.pull(branch=f"b{at}", files={"a": f"{at}\n"}))
    return made


def as_seen(pulls: list[Pull]) -> dict[int, datetime]:
    return {pull.number: pull.updated_at.replace(microsecond=0) for pull in pulls}


async def moved(client: GitHub, world: World, seen: dict[int, datetime]) -> list[int]:
    return [key.number for key in await client.moved_pulls(world.repository, seen)]


def change(world: World, pull: Pull, title: str) -> None:
    world.now.forward(10)
    pull.edit(title=title)


def test_open_pulls_never_seen_and_seen_ones_that_changed_have_moved(world: World) -> None:
    new, same, other, shut, shut_unseen = opened(world, 5)
    seen = as_seen([same, other, shut])
    world.now.forward(10)
    shut.close()
    shut_unseen.close()
    change(world, other, "other")

    async def story(client: GitHub) -> None:
        keys = await client.moved_pulls(world.repository, seen)
        assert [key.number for key in keys] == [new.number, shut.number, other.number]
        assert {key.repository for key in keys} == {world.repository}

    world.run(story)


def test_an_unchanged_repository_costs_one_call_and_names_again_what_was_not_seen(
    world: World,
) -> None:
    pulls = opened(world, 3)
    seen = as_seen(pulls[1:])

    async def story(client: GitHub) -> None:
        assert await moved(client, world, seen) == [pulls[0].number]
        calls = world.github.calls[PULLS]
        assert await moved(client, world, seen) == [pulls[0].number]
        assert await moved(client, world, as_seen(pulls)) == []
        assert world.github.calls[PULLS] == calls + 2
        change(world, pulls[2], "again")
        assert await moved(client, world, as_seen(pulls[:2]) | seen) == [pulls[2].number]
        assert world.github.calls[PULLS] == calls + 3

    world.run(story)


def test_a_first_look_finds_every_open_pull_however_many(world: World) -> None:
    pulls = opened(world, 205)

    async def story(client: GitHub) -> None:
        assert set(await moved(client, world, {})) == {pull.number for pull in pulls}
        assert world.github.calls[PULLS] == 1 + 3

    world.run(story)


def test_all_that_moved_since_is_found_beyond_the_first_page(world: World) -> None:
    pulls = opened(world, 230)
    seen = as_seen(pulls)

    async def story(client: GitHub) -> None:
        assert await moved(client, world, seen) == []
        for pull in pulls[:120]:
            change(world, pull, "moved")
        before = world.github.calls[PULLS]
        assert await moved(client, world, seen) == [pull.number for pull in pulls[:120]]
        assert world.github.calls[PULLS] == before + 2

    world.run(story)


def test_a_first_look_follows_pulls_that_moved_from_page_to_page(world: World) -> None:
    pulls = opened(world, 230)
    seen = as_seen(pulls)
    for pull in pulls[:120]:
        world.now.forward(10)
        pull.close()

    async def story(client: GitHub) -> None:
        assert await moved(client, world, seen) == [pull.number for pull in pulls[:120]]

    world.run(story)


def test_a_look_that_fails_is_made_again(world: World) -> None:
    pulls = opened(world, 2)

    async def story(client: GitHub) -> None:
        world.github.faults.add(broken(PULLS, times=4))
        with pytest.raises(Retry):
            await moved(client, world, {})
        assert await moved(client, world, {}) == [pull.number for pull in pulls]

    world.run(story)


def test_an_empty_repository_has_nothing_that_moved(world: World) -> None:
    async def story(client: GitHub) -> None:
        assert await moved(client, world, {}) == []
        (pull,) = opened(world, 1)
        assert await moved(client, world, {}) == [pull.number]

    world.run(story)


def test_suspended_installations_are_left_out(world: World) -> None:
    for number in range(2, 104):
        world.github.repository(f"org{number}/shop", installation_id=number)

    async def story(client: GitHub) -> None:
        all_ = await client.installations()
        assert sorted(all_) == list(range(1, 104))
        world.github.suspend(all_[0], "ann")
        assert await client.installations() == all_[1:]
        world.github.faults.add(broken(INSTALLATIONS, times=1))
        with pytest.raises(Retry):
            await client.installations()

    world.run(story)
