"""Installations that go, pause and come back: quietly, and with nothing forgotten."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from ghapp.bootstrap import swept
from ghapp.emulator.repository import Pull
from tests.e2e.world import ENFORCE, SIGNED, WAITING, World, conclusion, ours, reactions


def writes(calls: Counter[str]) -> Counter[str]:
    return Counter(
        {name: n for name, n in calls.items() if name[:4] != "GET " and "/repos/" in name}
    )


def suspend(world: World) -> None:
    world.github.suspend(1, "lea")


def delete(world: World) -> None:
    world.github.uninstall(1)


def remove(world: World) -> None:
    """The repository goes to an account where the App is not installed."""
    world.repository.transfer("elsewhere", "lea")


OUT: list[Callable[[World], None]] = [suspend, delete, remove]


@pytest.mark.parametrize("out", OUT, ids=lambda one: one.__name__)
def test_what_is_out_of_reach_ends_without_a_write_or_a_failure(
    world: World, out: Callable[[World], None]
) -> None:
    pull = world.open()
    world.settle()
    with world.github.deliveries.held() as held:
        world.say(pull, "/nfr done")
        pull.push({"app/orders.py": "total = len\n"})
    out(world)
    before = Counter(world.github.calls)
    for one in held:
        world.github.deliveries.send(one)
    world.settle()
    swept(world.settings)
    world.settle()
    used = world.github.calls - before
    assert not writes(used)
    assert world.ready()["parked"] == 0
    assert used.total() < 40


@pytest.fixture
def paused(world: World) -> tuple[World, Pull, Pull]:
    """Two pulls of an installation that is suspended now, and looked at until then."""
    first, other = world.open(), world.open(branch="feat/other")
    world.settle()
    world.clock.forward()
    swept(world.settings)  # has seen what our own writes have moved
    world.settle()
    suspend(world)
    world.settle()
    return world, first, other


def test_what_was_said_and_pushed_while_suspended_is_found(
    paused: tuple[World, Pull, Pull],
) -> None:
    world, first, other = paused
    said = world.say(first, "/nfr done -- read")
    other.push({"app/orders.py": "total = len\n"})
    new = world.open(branch="feat/new")
    world.settle()
    assert conclusion(new) == "missing"
    world.github.unsuspend(1, "lea")
    world.settle()
    assert (conclusion(first), first.labels, reactions(first, said)) == ("success", SIGNED, ["+1"])
    assert (conclusion(other), conclusion(new)) == ("in progress", "in progress")
    assert (new.labels, len(ours(new))) == (WAITING, 1)


def test_a_policy_changed_while_suspended_reaches_pulls_that_did_not_move(
    paused: tuple[World, Pull, Pull],
) -> None:
    world, first, other = paused
    world.clock.forward()
    text = ENFORCE + "language: ja\n"
    world.repository.push("main", {".github/nfr.yml": text}, by="sue")
    world.settle()
    world.github.unsuspend(1, "lea")
    world.settle()
    for pull in (first, other):
        assert "必須" in ours(pull)[0], json.dumps(ours(pull), ensure_ascii=False)
