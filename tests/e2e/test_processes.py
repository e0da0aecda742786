"""What holds when processes die, and when several of them share PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from tests.e2e.processes import Process, started
from tests.e2e.world import SIGNED, WAITING, World, conclusion, ours

COMMENT = "POST /repos/{owner}/{repo}/issues/{number}/comments"
LEASE_SECONDS = 30.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()


def marked(pull: Pull) -> bool:
    return (conclusion(pull), pull.labels, len(ours(pull))) == ("in progress", WAITING, 1)


def test_a_process_killed_between_two_writes_writes_nothing_twice(world: World) -> None:
    first = Process(world, "serve")
    world.github.listen(f"{first.url}/webhook")
    # The comment takes effect, and its answer would come long after the kill.
    world.github.faults.add(faults.Fault(COMMENT, after=True, delay_seconds=10))
    pull = world.open()
    world.until("the comment", lambda: bool(ours(pull)))
    first.kill()
    with started(world, "serve") as second:
        world.github.listen(f"{second.url}/webhook")
        # What was said about a run whose record the kill has lost is still bound to it.
        world.say(pull, "/nfr done")
        world.until("the sign-off", lambda: pull.labels == SIGNED, LEASE_SECONDS + 20)
        world.until("success", lambda: conclusion(pull) == "success")
    assert (conclusion(pull), len(ours(pull))) == ("success", 1)


def test_deliveries_answered_before_a_kill_are_worked_off_after_it(world: World) -> None:
    with ExitStack() as stack:
        receiver = Process(world, "serve", "--no-worker")
        world.github.listen(f"{receiver.url}/webhook")
        pulls = [world.open(branch=f"feat/{number}") for number in range(10)]
        world.github.settle()
        receiver.kill()
        assert not any(pull.check_runs() for pull in pulls)
        stack.enter_context(started(world, "serve"))
        for pull in pulls:
            world.until("the marks", lambda pull=pull: marked(pull))


def test_web_and_workers_share_postgresql(world: World, postgres_url: str) -> None:
    where = {"GHAPP_DATABASE_URL": postgres_url}
    with ExitStack() as stack:
        webs = [
            stack.enter_context(started(world, "serve", "--no-worker", **where)) for _ in range(2)
        ]
        for _ in range(2):
            stack.enter_context(started(world, "work", **where))
        pulls = []
        # 12, each with a check run, a label and a comment, stay below what one worker may create in
        # a minute: either worker may happen to get them all, and would rightly wait above that.
        for number in range(12):
            world.github.listen(f"{webs[number % 2].url}/webhook")
            pulls.append(world.open(branch=f"feat/{number}"))
        for pull in pulls:
            world.until("the marks", lambda pull=pull: marked(pull))
            assert len(pull.check_runs()) == 1
        world.say(pulls[0], "/nfr done")
        world.until("the sign-off", lambda: pulls[0].labels == SIGNED)


def test_a_worker_alone_needs_postgresql_and_says_how_to_get_it(world: World) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "ghapp", "work"],
        env=world.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "GHAPP_DATABASE_URL" in done.stderr
    assert "postgresql://" in done.stderr
