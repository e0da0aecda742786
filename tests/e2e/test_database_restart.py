"""A database that goes away under load, or is held by somebody else: nothing is lost by that."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks.postgres import Cluster
from benchmarks.reliability.oracle import judged
from benchmarks.reliability.people import People
from benchmarks.reliability.place import Place, placed

PULLS, ACTS_A_SECOND = 10, 6.0
# Longer than a delivery waits to be stored before it is answered 503.
AWAY_SECONDS, LOCKED_SECONDS, AROUND_SECONDS = 6.5, 5.0, 1.5


@pytest.fixture
def shared(postgres: Cluster) -> Iterator[Place]:
    """Web and workers on PostgreSQL. postgres: skips where there is none."""
    with placed("postgresql", kinds=("web", "work", "work")) as place:
        yield place


def test_postgresql_that_stops_and_crashes_under_load_loses_nothing(shared: Place) -> None:
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


def test_sqlite_that_another_program_writes_for_seconds_loses_nothing() -> None:
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
