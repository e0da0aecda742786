"""Merge queues where something goes wrong: one answer all the same, and never a guess."""

from __future__ import annotations

import asyncio

from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from tests.e2e.processes import Process
from tests.e2e.test_merge_queue import CLEAR, heads, slow, states
from tests.e2e.test_parking import almost_parked
from tests.e2e.world import World, conclusion, quiet
from tests.store.stores import changed

RUNS = "POST /repos/{owner}/{repo}/check-runs"
GRAPHQL = "POST /graphql"


def passing(world: World) -> Pull:
    """A pull whose check has passed, and that can be queued; its queue never merges it."""
    slow(world.repository)
    pull = world.open(CLEAR)
    world.settle()
    assert conclusion(pull) == "success"
    world.clock.forward()
    return pull


def test_one_answer_whatever_comes_twice_or_fails_after_its_effect(world: World) -> None:
    pull = passing(world)
    world.github.double_next(2, "merge_group.*")
    world.github.faults.add(faults.broken(RUNS, 502, after=True))
    pull.enqueue(by="ann")
    world.settle()
    (run,) = heads(world.repository)
    assert run.conclusion == "success"


def test_a_queue_that_github_does_not_tell_fails_and_says_what_is_missing(world: World) -> None:
    pull = passing(world)
    del world.github.installations[1].permissions["merge_queues"]
    world.stop()
    world.start()  # with a token of what is granted now
    pull.enqueue(by="ann")
    world.settle()
    (run,) = heads(world.repository)
    assert run.conclusion == "failure"
    assert run.title == "Which pull requests this is cannot be told"
    assert "Resource not accessible by integration" in (run.summary or "")


def test_what_fails_again_and_again_is_shown_on_the_head(world: World) -> None:
    pull = passing(world)
    world.stop()
    with world.github.deliveries.held() as held:
        pull.enqueue(by="ann")
    asyncio.run(almost_parked(world, [one for one in held if one.event == "merge_group"]))
    world.github.faults.add(faults.broken(GRAPHQL, 500, times=None))
    world.start()
    world.until("the parked key", lambda: world.ready()["parked"] == 1)
    (run,) = heads(world.repository)
    assert (run.conclusion, run.title) == ("failure", "The merge queue could not be read")
    assert "500" in (run.summary or "")


def test_a_process_killed_while_it_answers_leaves_one_answer(world: World) -> None:
    pull = passing(world)
    world.stop()
    first = Process(world, "serve")
    world.github.listen(f"{first.url}/webhook")
    world.github.faults.add(faults.Fault(RUNS, after=True, delay_seconds=4))
    pull.enqueue(by="ann")
    world.until("its effect", lambda: bool(heads(world.repository)))
    first.kill()
    changed(world.settings.database_url, "UPDATE keys SET lease_until = 0")  # half a minute later
    world.start()
    world.settle()
    assert [run.conclusion for run in heads(world.repository)] == ["success"]


def test_what_was_merged_without_us_is_not_called_bad_afterwards(world: World) -> None:
    quiet(world)
    pull = passing(world)
    world.github.lose_next(1, "merge_group.checks_requested")
    pull.enqueue(by="ann")
    (entry,) = world.repository.queues["main"].entries
    done = {"status": "completed", "conclusion": "success"}
    body = {"name": "another check", "head_sha": entry.head_sha, **done}
    with world.github.lock:
        world.repository.create_run(body)
    world.settle()
    assert states(pull) == ["merged"]
    lost = next(one for one in world.github.deliveries.all if one.action == "checks_requested")
    world.github.redeliver(lost.id)
    world.github.settle()
    changed(world.settings.database_url, "UPDATE keys SET waited = 6 WHERE kind = 'queue'")
    world.settle()
    assert heads(world.repository) == []
