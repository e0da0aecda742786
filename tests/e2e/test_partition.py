"""Workers on networks of their own, and what holds when a cable is cut in the middle of a run."""

from __future__ import annotations

import pytest

from benchmarks.postgres import programs
from benchmarks.reliability import netns
from benchmarks.reliability.partition import partitions

MISSING = netns.missing() or ("" if programs() else "PostgreSQL is not installed")


@pytest.fixture
def _namespaces() -> None:
    """Where everything is required, they still are so only if the kernel lets root make them."""
    if MISSING:
        pytest.skip(MISSING)
    if denied := netns.denied():
        pytest.xfail(denied)


@pytest.mark.usefixtures("_namespaces")
def test_a_run_that_is_cut_off_is_taken_over_and_nothing_is_written_twice() -> None:
    both, database = partitions(print)
    for one in (both, database):
        assert one.problems == []
        # The lease lasts 30 seconds since it was last renewed: nobody takes over before.
        assert one.taken_over_seconds > 15
        assert one.outcome in ("lease lost", "not recorded")
