"""Labels that are renamed or deleted in the repository, and label events that are late."""

from __future__ import annotations

import pytest

from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from tests.e2e.marks import CHECK_RUN, SIGNED, WAITING, conclusion, marks
from tests.e2e.world import MIGRATION, RISKY, World
from tests.store.stores import stored

EVENTS = "GET /repos/{owner}/{repo}/issues/{number}/events"
NEEDED, DONE = "nfr: needs sign-off", "nfr: signed off"
LATE = "SELECT count(*) FROM reviews WHERE late_since > 0"


def settled(world: World, late: int) -> None:
    """Until no event is waited for any more. late: for how many pulls one will be."""
    world.until("all checked", lambda: stored(world.settings.database_url, LATE) == late)
    world.clock.forward(61)
    world.settle()


def conclusions(pull: Pull) -> set[str | None]:
    """Of all its check runs, ever."""
    return {run.conclusion for run in pull.check_runs() if run.name == CHECK_RUN}


@pytest.mark.parametrize("before", ["deleted", "renamed"])
def test_a_label_that_is_renamed_signs_nothing_off(world: World, before: str) -> None:
    signed, *waiting = (world.open(branch=f"feat/{number}") for number in range(3))
    world.settle()
    world.say(signed, "/nfr done")
    world.settle()
    assert [marks(pull) for pull in (signed, *waiting)] == [SIGNED, WAITING, WAITING]
    if before == "deleted":
        world.repository.delete_label(DONE, by="bob")
    else:
        world.repository.rename_label(DONE, "done", by="bob")
    world.repository.rename_label(NEEDED, DONE, by="bob")
    assert [pull.labels for pull in waiting] == [{DONE}, {DONE}]
    settled(world, late=3)
    assert [marks(pull) for pull in (signed, *waiting)] == [SIGNED, WAITING, WAITING]
    assert [conclusions(pull) for pull in waiting] == [{None}, {None}]
    made = world.repository.label(NEEDED)
    assert made and made.color == "fbca04"


def test_a_label_that_is_deleted_comes_back(world: World) -> None:
    pulls = [world.open(branch=f"feat/{number}") for number in range(2)]
    world.settle()
    world.repository.delete_label(NEEDED, by="bob")
    assert [pull.labels for pull in pulls] == [set(), set()]
    settled(world, late=2)
    assert [marks(pull) for pull in pulls] == [WAITING, WAITING]


def test_any_other_label_leads_to_no_check(world: World) -> None:
    pull = world.open()
    world.settle()
    before = world.github.calls.copy()
    world.repository.create_label("mine", by="bob")
    world.repository.rename_label("mine", "nfr: mine", by="bob")
    world.repository.delete_label("nfr: mine", by="bob")
    world.settle()
    assert (world.github.calls, marks(pull)) == (before, WAITING)


def test_a_label_whose_event_is_late_delays_no_check_run_and_counts_in_the_end(
    world: World,
) -> None:
    pull = world.open()
    world.settle()
    first = pull.head_sha
    world.clock.forward()
    world.github.faults.add(faults.stale(EVENTS, back=20, times=None))
    with world.github.lock:
        pull.add_label(DONE, "sam")
        pull.push({"app/orders.py": "total = len\n"})
    world.until("its check run", lambda: conclusion(pull) == "in progress", 30.0)
    assert pull.head_sha != first
    world.until("judging it later", lambda: stored(world.settings.database_url, LATE) == 1)
    assert pull.labels == {NEEDED, DONE}  # neither judged nor restored
    world.github.faults.clear()
    world.settle()
    assert marks(pull) == SIGNED


def test_a_label_that_is_late_does_not_hide_a_danger(world: World) -> None:
    """What is known is judged: the push in the area makes the sign-off stale at once."""
    pull = world.open()
    world.settle()
    world.say(pull, "/nfr done")
    world.settle()
    assert marks(pull) == SIGNED
    world.clock.forward()
    world.github.faults.add(faults.stale(EVENTS, back=20, times=None))
    with world.github.lock:
        pull.remove_label(DONE, "sue")
        pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    world.until("its check run", lambda: conclusion(pull) == "in progress", 30.0)
    world.github.faults.clear()
    world.settle()
    assert marks(pull) == WAITING
