"""A ghapp that was down: what GitHub could not deliver meanwhile is made good by redelivery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ghapp.bootstrap import swept
from ghapp.emulator import faults
from tests.e2e.world import (
    MIGRATION,
    RISKY,
    SIGNED,
    WAITING,
    World,
    conclusion,
    ours,
    quiet,
    reactions,
)
from tests.store.stores import changed

SWEEPS = "GET /app/installations"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_what_failed_while_ghapp_was_down_is_made_good_without_a_sweep(world: World) -> None:
    world.start()
    pull = world.open()
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
    world.stop()
    said = world.say(pull, "/nfr done -- read it")
    world.clock.forward()
    new = world.open(branch="feat/other")
    world.github.settle()
    assert {one.status_code for one in world.github.deliveries.all[-2:]} == {502}

    changed(world.settings.database_url, "UPDATE turns SET taken_at = 0")  # five minutes later
    before = world.github.calls[SWEEPS]
    world.start()
    world.until("its sign-off", lambda: conclusion(pull) == "success")
    world.until("the new one's check", lambda: conclusion(new) == "in progress")
    assert world.github.calls[SWEEPS] == before
    world.settle()
    assert (pull.labels, reactions(pull, said)) == (SIGNED, ["+1"])
    assert (new.labels, len(ours(new))) == (WAITING, 1)


def test_by_hand_beside_a_server_it_is_made_good_at_once_and_said(world: World) -> None:
    world.start()
    pull = world.open()
    world.settle()
    world.github.lose_next(1, "issue_comment.created")
    said = world.say(pull, "/nfr done")
    assert swept(world.settings).redelivered == 1
    world.settle()
    assert (conclusion(pull), reactions(pull, said)) == ("success", ["+1"])
    assert swept(world.settings).redelivered == 0


def test_by_hand_where_nobody_receives_nothing_is_asked_for(world: World) -> None:
    pull = world.open()
    world.github.settle()
    found = swept(world.settings)
    assert (found.worked_off, found.redelivered, conclusion(pull)) == (True, 0, "in progress")
    assert not [one for one in world.github.deliveries.all if one.redelivery]


def test_a_github_that_lists_no_deliveries_sweeps_all_the_same(world: World) -> None:
    world.start()
    world.github.faults.add(faults.broken("GET /app/hook/deliveries", 404, times=None))
    with world.github.deliveries.lost():
        pull = world.open()
    assert swept(world.settings).redelivered == 0
    world.settle()
    assert conclusion(pull) == "in progress"


def test_a_sign_off_of_a_lost_push_is_refused_and_counts_when_repeated(world: World) -> None:
    world.start()
    quiet(world)  # what is lost stays lost until it is asked for
    pull = world.open()
    world.settle()
    world.clock.forward()
    with world.github.deliveries.lost():
        pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"}, by="ann")
        world.github.settle()
    world.say(pull, "/nfr refresh", "ann")
    world.settle()
    refused = world.say(pull, "/nfr done")
    world.settle()
    assert (conclusion(pull), reactions(pull, refused)) == ("in progress", ["confused"])
    assert f"who pushed `{pull.head_sha[:7]}` is not known" in ours(pull)[0]
    assert swept(world.settings).redelivered >= 2
    world.settle()
    assert conclusion(pull) == "in progress"
    repeated = world.say(pull, "/nfr done")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)
    assert (reactions(pull, refused), reactions(pull, repeated)) == (["confused"], ["+1"])
