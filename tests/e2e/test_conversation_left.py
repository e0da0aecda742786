"""A sign-off of a head whose push nobody has told us of yet: it waits, and not for ever."""

from __future__ import annotations

import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghapp.bootstrap import swept
from ghapp.emulator.repository import Pull
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
    running,
)
from tests.store.stores import changed

WIDER = RISKY + "DROP TABLE carts;\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as made:
        quiet(made)  # what is lost stays lost until it is asked for
        yield made


def pushed_untold(world: World) -> Pull:
    """A pull whose second head is shown, and nobody has told who pushed it."""
    pull = world.open()
    world.settle()
    world.clock.forward()
    with world.github.deliveries.lost():
        pull.push({MIGRATION: WIDER}, by="ann")
        world.github.settle()
    world.say(pull, "/nfr refresh", "ann")
    world.settle()
    assert conclusion(pull) == "in progress"
    return pull


def scraped(world: World) -> dict[str, float]:
    """Its metrics, by name and labels."""
    assert world.ghapp
    with urllib.request.urlopen(f"{world.ghapp.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (one.rpartition(" ") for one in lines if one[:1] != "#")
    }


def rows(world: World, asked: str) -> list[str]:
    with sqlite3.connect(Path(world.environment["GHAPP_DATA_DIR"]) / "ghapp.sqlite3") as database:
        found = [text for (text,) in database.execute(asked)]
    database.close()
    return found


def left(world: World, pull: Pull, said: int) -> None:
    """Until the sign-off is left; it is heard but not counted, and takes no slot."""
    asked = "SELECT error FROM keys WHERE kind = 'pull' AND lease_token = '' AND attempts = 0"
    world.until("it is left", lambda: any("who pushed" in one for one in rows(world, asked)))
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
    world.until("it is heard", lambda: reactions(pull, said) == ["eyes"])
    assert "Not done" not in ours(pull)[0]


def again(world: World, event: str) -> None:
    """GitHub sends once more what was lost of this event."""
    deliveries = world.github.deliveries.all
    (lost,) = [one for one in deliveries if (one.event, one.status_code) == (event, 502)]
    world.github.redeliver(lost.id)
    world.github.settle()


def hurried(world: World) -> None:
    """As half a minute later."""
    changed(world.settings.database_url, "UPDATE keys SET due = due - 30")


def refused(world: World) -> list[str]:
    return rows(world, "SELECT id FROM ledger WHERE entry LIKE '%pusher_unknown%'")


def test_it_is_green_once_the_push_is_redelivered_and_was_never_refused(world: World) -> None:
    pull = pushed_untold(world)
    said = world.say(pull, "/nfr done")
    left(world, pull, said)
    assert swept(world.settings).redelivered >= 2
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)
    assert (reactions(pull, said), refused(world)) == (["eyes", "+1"], [])


def test_what_else_its_comment_says_waits_with_it(world: World) -> None:
    pull = pushed_untold(world)
    said = world.say(pull, "/nfr na dbm-rollback -- an index only\n/nfr done")
    left(world, pull, said)
    assert "an index only" not in ours(pull)[0]
    again(world, "pull_request")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)
    assert "an index only" in ours(pull)[0]
    assert (reactions(pull, said), refused(world)) == (["eyes", "+1"], [])


def test_its_wait_is_no_slowness_of_ours_nor_is_its_mark_a_repair(world: World) -> None:
    pull = pushed_untold(world)
    left(world, pull, world.say(pull, "/nfr done"))
    before = scraped(world)
    assert before["ghapp_delivery_to_marks_seconds_sum"] < 60
    changed(
        world.settings.database_url,
        "UPDATE keys SET arrived_at = arrived_at - 600 WHERE arrived_at > 600",
    )
    again(world, "push")  # which marks no pull
    hurried(world)
    world.settle()
    assert conclusion(pull) == "success"
    after = scraped(world)
    for end in ("sum", "count"):
        name = f"ghapp_delivery_to_marks_seconds_{end}"
        assert after[name] == before[name]
    repaired = [value for name, value in after.items() if "ghapp_drift_repaired_total{" in name]
    assert repaired and not any(repaired)


def test_it_is_refused_when_the_push_never_comes(world: World) -> None:
    pull = pushed_untold(world)
    said = world.say(pull, "/nfr done")
    left(world, pull, said)
    world.clock.forward(5 * 60)
    hurried(world)
    due = "SELECT key FROM keys WHERE generation > done_generation AND due < unixepoch()"
    world.until("one more look", lambda: not rows(world, due))
    left(world, pull, said)
    world.clock.forward(2 * 60)
    hurried(world)
    world.settle()
    assert (conclusion(pull), reactions(pull, said)) == ("in progress", ["eyes", "confused"])
    assert f"who pushed `{pull.head_sha[:7]}` is not known" in ours(pull)[0]


def test_one_that_was_found_by_reading_waits_through_a_restart(world: World) -> None:
    pull = pushed_untold(world)
    world.github.lose_next(1, "issue_comment.created")
    said = world.say(pull, "/nfr done")
    world.github.settle()
    changed(
        world.settings.database_url, "UPDATE keys SET touched = true, generation = generation + 1"
    )
    hurried(world)
    left(world, pull, said)
    world.stop()
    world.start()
    again(world, "push")  # which marks no pull
    hurried(world)
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)
    again(world, "issue_comment")
    world.settle()
    assert (reactions(pull, said), refused(world)) == (["eyes", "+1"], [])


def test_a_hold_said_after_it_holds_at_once(world: World) -> None:
    pull = pushed_untold(world)
    said = world.say(pull, "/nfr done")
    left(world, pull, said)
    held = world.say(pull, "/nfr hold -- not tonight", "sue")
    world.until("the hold", lambda: conclusion(pull) == "action_required")
    world.until("its answer", lambda: reactions(pull, held) == ["+1"])
    assert reactions(pull, said) == ["eyes"]
    again(world, "pull_request")
    world.settle()
    assert (conclusion(pull), reactions(pull, said)) == ("action_required", ["eyes", "+1"])
    world.say(pull, "/nfr undo", "sue")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)


def test_an_undo_said_after_it_never_ends_in_green(world: World) -> None:
    pull = pushed_untold(world)
    world.say(pull, "/nfr hold -- not tonight")
    world.settle()
    said = world.say(pull, "/nfr done")
    world.until("it is heard", lambda: reactions(pull, said) == ["eyes"])
    world.say(pull, "/nfr undo")
    world.settle()
    again(world, "pull_request")
    world.settle()
    assert (conclusion(pull), reactions(pull, said)) == ("in progress", ["eyes", "confused"])
