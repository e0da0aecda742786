"""A check run that GitHub accepted, and that we did not hear of: what people say of it counts."""

from __future__ import annotations

from pathlib import Path

from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from tests.e2e.world import (
    MIGRATION,
    RISKY,
    SIGNED,
    WAITING,
    World,
    conclusion,
    quiet,
    reactions,
    running,
)

CHECK = "POST /repos/{owner}/{repo}/check-runs"
WIDER = RISKY + "DROP TABLE carts;\n"


def pushed_unheard(world: World, pull: Pull) -> None:
    """A wider diff; GitHub makes its check run, and the answer is lost."""
    world.clock.forward()
    world.github.faults.add(faults.cut(CHECK, after=True))
    pull.push({MIGRATION: WIDER}, by="ann")
    world.until("its run", lambda: conclusion(pull) == "in progress")


def test_a_sign_off_of_it_holds_through_a_push_elsewhere(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        quiet(world)
        pull = world.open()
        world.settle()
        pushed_unheard(world, pull)
        said = world.say(pull, "/nfr done")
        world.clock.forward()
        pull.push({"app/orders.py": "total = sum  # of all\n"}, by="ann")
        world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)
    assert reactions(pull, said) == ["+1"]


def test_a_sign_off_of_it_is_none_of_what_was_shown_before(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        quiet(world)
        pull = world.open()
        world.settle()
        pushed_unheard(world, pull)
        world.say(pull, "/nfr done")
        world.clock.forward()
        pull.push({MIGRATION: RISKY}, by="ann")
        world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)


def test_a_sign_off_of_the_first_one_is_known(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        quiet(world)
        world.github.faults.add(faults.cut(CHECK, after=True))
        pull = world.open()
        world.until("its run", lambda: conclusion(pull) == "in progress")
        said = world.say(pull, "/nfr done")
        world.clock.forward()
        pull.push({"app/orders.py": "total = sum  # of all\n"}, by="ann")
        world.settle()
    assert reactions(pull, said) == ["+1"]
