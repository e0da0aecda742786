"""Processes that are killed or share a database, databases that go away, networks that fail."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from benchmarks.postgres import Cluster, programs
from benchmarks.reliability import netns
from benchmarks.reliability.oracle import judged
from benchmarks.reliability.partition import partitions
from benchmarks.reliability.people import People
from benchmarks.reliability.place import Place, placed
from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from ghapp.github.availability import FIRST_SECONDS
from tests.e2e.marks import SIGNED, WAITING, body, comments, conclusion, marks
from tests.e2e.processes import Process, started
from tests.e2e.world import World
from tests.store.stores import changed

ISSUE = "POST /repos/{owner}/{repo}/issues"
CHECK_RUNS = "POST /repos/{owner}/{repo}/check-runs"
COMMENT = "POST /repos/{owner}/{repo}/issues/{number}/comments"
LEASE_SECONDS = 30.0
LEASE_OVER = "UPDATE keys SET lease_until = 0"
PULLS, ACTS_A_SECOND = 10, 6.0
# Longer than a delivery waits to be stored before it is answered 503.
AWAY_SECONDS, LOCKED_SECONDS, AROUND_SECONDS = 6.5, 5.0, 1.5
MISSING = netns.missing() or ("" if programs() else "PostgreSQL is not installed")


def marked(pull: Pull) -> bool:
    return (marks(pull), len(comments(pull))) == (WAITING, 1)


@pytest.mark.slow("kills a process, and waits until another one takes over")
def test_a_process_killed_between_two_writes_writes_nothing_twice(stopped: World) -> None:
    first = Process(stopped, "serve")
    stopped.github.listen(f"{first.url}/webhook")
    # The comment takes effect, and its answer would come long after the kill.
    stopped.github.faults.add(faults.Fault(COMMENT, after=True, delay_seconds=10))
    pull = stopped.open()
    stopped.until("the comment", lambda: bool(comments(pull)))
    first.kill()
    with started(stopped, "serve") as second:
        stopped.github.listen(f"{second.url}/webhook")
        # What was said about a run whose record the kill has lost is still bound to it.
        stopped.say(pull, "/nfr done")
        stopped.until("the sign-off", lambda: marks(pull) == SIGNED, LEASE_SECONDS + 20)
        stopped.until("success", lambda: conclusion(pull) == "success")
    assert (conclusion(pull), len(comments(pull))) == ("success", 1)


@pytest.mark.slow("kills a process, and waits until another one takes over")
def test_a_process_killed_after_a_policy_check_writes_no_second_one(stopped: World) -> None:
    first = Process(stopped, "serve")
    stopped.github.listen(f"{first.url}/webhook")
    pull = stopped.open({".github/nfr.yml": "mode: advise\n"})

    def policy_runs() -> list[str | None]:
        return [run.conclusion for run in pull.check_runs() if run.name == "NFR policy"]

    stopped.until("the policy check", lambda: policy_runs() == ["success"])
    # Another one takes effect, and its answer would come long after the kill.
    stopped.github.faults.add(faults.Fault(CHECK_RUNS, after=True, delay_seconds=15))
    (asked,) = [run for run in pull.check_runs() if run.name == "NFR policy"]
    stopped.repository.rerequest_run(asked.id, "sam")
    stopped.until("the next one", lambda: policy_runs() == [None, "success"])
    first.kill()
    changed(stopped.settings.database_url, LEASE_OVER)
    with started(stopped, "serve") as second:
        stopped.github.listen(f"{second.url}/webhook")

        def dirty() -> int:
            with urllib.request.urlopen(f"{second.url}/readyz", timeout=10) as answer:
                return int(json.load(answer)["dirty"])

        stopped.until("every key worked off", lambda: not dirty(), LEASE_SECONDS + 30)
    assert policy_runs() == [None, "success"]


@pytest.mark.slow("kills a process, and waits until another one takes over")
def test_a_process_killed_after_opening_an_issue_opens_no_second_issue(stopped: World) -> None:
    first = Process(stopped, "serve")
    stopped.github.listen(f"{first.url}/webhook")
    pull = stopped.open()
    stopped.until("the comment", lambda: bool(comments(pull)))
    stopped.until("the label", lambda: bool(pull.labels))
    stopped.say(pull, "/nfr defer dbm-query-plan -- after launch", "ann")
    stopped.until("the deferral", lambda: "deferred by ann" in body(pull))
    # The issue is opened, and the answer would come long after the kill.
    stopped.github.faults.add(faults.Fault(ISSUE, after=True, delay_seconds=15))
    stopped.say(pull, "/nfr done", "sam")
    stopped.until("the issue", lambda: bool(stopped.repository.issues))
    first.kill()
    changed(stopped.settings.database_url, LEASE_OVER)
    with started(stopped, "serve") as second:
        stopped.github.listen(f"{second.url}/webhook")
        (number,) = stopped.repository.issues
        stopped.until("its number", lambda: f"`after launch` · #{number}" in body(pull))
        stopped.until("the label", lambda: "nfr: signed off" in pull.labels)
    assert len(stopped.repository.issues) == 1


@pytest.mark.slow("kills a process, and waits until another one takes over")
def test_deliveries_accepted_before_a_kill_are_processed_after_it(stopped: World) -> None:
    with ExitStack() as stack:
        receiver = Process(stopped, "serve", "--no-worker")
        stopped.github.listen(f"{receiver.url}/webhook")
        pulls = [stopped.open(branch=f"feat/{number}") for number in range(10)]
        stopped.github.settle()
        receiver.kill()
        assert not any(pull.check_runs() for pull in pulls)
        stack.enter_context(started(stopped, "serve"))
        for pull in pulls:
            stopped.until("the marks", lambda pull=pull: marked(pull))


def test_web_and_worker_processes_share_postgresql(stopped: World, empty_postgres_url: str) -> None:
    where = {"GHAPP_DATABASE_URL": empty_postgres_url}
    with ExitStack() as stack:
        webs = [
            stack.enter_context(started(stopped, "serve", "--no-worker", **where)) for _ in range(2)
        ]
        for _ in range(2):
            stack.enter_context(started(stopped, "work", **where))
        pulls = []
        # 9, each with a check run, a label and a comment, stay below what one worker may create for
        # a repository in a minute: it may get them all, and would rightly wait above that.
        for number in range(9):
            stopped.github.listen(f"{webs[number % 2].url}/webhook")
            pulls.append(stopped.open(branch=f"feat/{number}"))
        for pull in pulls:
            stopped.until("the marks", lambda pull=pull: marked(pull))
            assert len(pull.check_runs()) == 1
        stopped.say(pulls[0], "/nfr done")
        stopped.until("the sign-off", lambda: marks(pulls[0]) == SIGNED)


def test_a_worker_process_needs_postgresql_and_says_how_to_set_it(stopped: World) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ghapp", "work"],
        env=stopped.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "GHAPP_DATABASE_URL" in done.stderr
    assert "postgresql://" in done.stderr


@pytest.fixture
def shared(postgres: Cluster) -> Iterator[Place]:
    """Web and workers on PostgreSQL. postgres: skips where there is none."""
    with placed("postgresql", kinds=("web", "work", "work")) as place:
        yield place


@pytest.mark.slow("people act on several processes for a while")
def test_nothing_is_lost_when_postgresql_stops_and_crashes_under_load(shared: Place) -> None:
    people, cluster = People(shared.repositories, 1, PULLS), shared.database.cluster
    assert cluster
    people.live(shared, AROUND_SECONDS, ACTS_A_SECOND)
    cluster.stop()
    people.live(shared, AWAY_SECONDS, ACTS_A_SECOND)
    cluster.start()
    people.live(shared, AROUND_SECONDS, ACTS_A_SECOND)
    cluster.crash()
    cluster.start()
    people.live(shared, 2 * AROUND_SECONDS, ACTS_A_SECOND)
    people.opens = False
    statuses = {one.status_code for one in shared.github.deliveries.all}
    shared.settle()
    verdict = judged(shared, people.tales)
    assert verdict.problems == []
    assert verdict.parked == 0
    assert 503 in statuses
    assert all(one.is_alive and len(one.lives) == 1 for one in shared.processes)


@pytest.mark.slow("people act on several processes for a while")
def test_nothing_is_lost_while_another_program_locks_sqlite() -> None:
    with placed("sqlite") as place:
        people = People(place.repositories, 1, PULLS)
        people.live(place, AROUND_SECONDS, ACTS_A_SECOND)
        with closing(sqlite3.connect(place.database.where, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            people.live(place, LOCKED_SECONDS, ACTS_A_SECOND)
            other.rollback()
        people.live(place, AROUND_SECONDS, ACTS_A_SECOND)
        people.opens = False
        place.settle()
        verdict = judged(place, people.tales)
        assert verdict.problems == []
        assert {one.status_code for one in place.github.deliveries.all} <= {200, 202}


@pytest.fixture
def _namespaces() -> None:
    """Where everything is required, they still are so only if the kernel lets root make them."""
    if MISSING:
        pytest.skip(MISSING)
    if denied := netns.denied():
        pytest.xfail(denied)


@pytest.mark.slow("makes networks, and waits until a lease is over")
@pytest.mark.usefixtures("_namespaces")
def test_a_run_that_loses_its_network_is_taken_over_and_writes_nothing_twice() -> None:
    both, database = partitions(print)
    for one in (both, database):
        assert one.problems == []
        # The lease lasts 30 seconds since it was last renewed: nobody takes over before.
        assert one.taken_over_seconds > 15
        assert one.outcome in ("lease lost", "not recorded")


def reachable(process: Process) -> bool:
    with urllib.request.urlopen(f"{process.url}/metrics", timeout=10) as answer:
        (found,) = [line for line in answer if line.startswith(b"ghapp_github_reachable ")]
    return float(found.split()[1]) == 1


def lines(process: Process, event: str) -> list[dict[str, object]]:
    read = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
    return [line for line in read if line["event"] == event]


@pytest.mark.slow("waits until GitHub is asked again")
def test_an_outage_of_github_is_logged_once_when_it_begins_and_once_when_it_ends(
    stopped: World,
) -> None:
    with started(stopped, "serve") as process:
        stopped.github.listen(f"{process.url}/webhook")
        stopped.until("the App known", lambda: stopped.github.calls["GET /app"] == 1)
        assert reachable(process)
        began = time.monotonic()
        stopped.github.faults.add(faults.broken("*", 503, times=None))
        pulls = [stopped.open(branch=f"feat/{at}") for at in range(3)]
        stopped.until("away", lambda: not reachable(process))
        stopped.until("all put off", lambda: len(lines(process, "run")) >= len(pulls))
        stopped.github.faults.clear()
        stopped.until("marks", lambda: all(marks(pull) == WAITING for pull in pulls))
        assert reachable(process)
        assert {conclusion(pull) for pull in pulls} == {"in progress"}
        (away,), (back,) = lines(process, "GitHub is away"), lines(process, "GitHub is back")
        assert "GitHub answers 503" in str(away["reason"])
        assert FIRST_SECONDS - 1 < float(str(back["seconds"])) < time.monotonic() - began
