"""Which attempts need no other, and how far a list is read that is listed newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.redelivery import KEPT, OVERLAP, Attempt, Page, Position, moved

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(hours=1)
SECOND = timedelta(seconds=1)


def at(*times: datetime) -> tuple[Attempt, ...]:
    return tuple(Attempt(9 - number, "g", time, 502) for number, time in enumerate(times))


@pytest.mark.parametrize("status", [200, 202, 204, 400, 401, 413])
def test_what_was_taken_or_refused_needs_no_other_attempt(status: int) -> None:
    assert Attempt(1, "g", NOON, status).settled


@pytest.mark.parametrize("status", [0, 301, 403, 404, 408, 429, 499, 500, 502, 503, 504])
def test_what_did_not_reach_us_or_could_not_be_stored_does(status: int) -> None:
    assert not Attempt(1, "g", NOON, status).settled


def test_the_first_reading_goes_down_to_what_github_keeps() -> None:
    first = moved(Position(), Page(at(NOON, NOON - KEPT), "c1"))
    assert first == Position(None, "c1", NOON)
    older = NOON - KEPT - SECOND
    assert moved(first, Page(at(LONG_AGO, older), "c2")) == Position(NOON)


def test_a_list_that_ends_is_read() -> None:
    assert moved(Position(), Page(at(NOON, LONG_AGO))) == Position(NOON)


def test_an_empty_list_changes_nothing() -> None:
    assert moved(Position(), Page(())) == Position()
    assert moved(Position(NOON), Page(())) == Position(NOON)


def test_a_later_reading_ends_where_the_last_one_began_and_a_little_below() -> None:
    known, later = Position(NOON), NOON + SECOND
    assert moved(known, Page(at(later, NOON - OVERLAP), "c1")) == Position(NOON, "c1", later)
    assert moved(known, Page(at(later, NOON - OVERLAP - SECOND), "c1")) == Position(later)


def test_what_came_while_an_older_page_was_read_is_left_for_the_next_reading() -> None:
    under_way = Position(LONG_AGO, "c7", NOON)
    assert moved(under_way, Page(at(NOON + SECOND), "c8")) == Position(LONG_AGO, "c8", NOON)
    assert moved(under_way, Page(at(LONG_AGO - OVERLAP - SECOND), "c8")) == Position(NOON)
    assert moved(under_way, Page(())) == Position(NOON)
