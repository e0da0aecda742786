"""Working time: weekends, hours, holidays, days off and changes of the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.working_time import DAYS, MOST_DAYS, WorkingTime

TOKYO, BERLIN, NEW_YORK = map(ZoneInfo, ("Asia/Tokyo", "Europe/Berlin", "America/New_York"))
JAPAN = WorkingTime(hours="10:00-19:00", zone=TOKYO, holidays="JP")
NEW_YEAR = "2026-12-29..2027-01-03"
ALWAYS = WorkingTime(DAYS, "00:00-24:00", BERLIN)


def at(text: str, zone: ZoneInfo = TOKYO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-20T17:00", "2026-11-24T10:30", 2.5),  # a weekend and Labour Thanksgiving Day
        ("2026-11-24T08:00", "2026-11-24T22:00", 9),
        ("2026-11-24T09:00", "2026-11-24T09:59", 0),
        ("2026-11-24T12:00", "2026-11-24T11:00", 0),
        ("2026-11-21T12:00", "2026-11-22T12:00", 0),
        ("2026-09-18T18:00", "2026-09-24T11:00", 2),  # with a day between two holidays
    ],
)
def test_only_open_hours_of_working_days_count(start: str, end: str, hours: float) -> None:
    assert JAPAN.between(at(start), at(end)) == timedelta(hours=hours)


def test_days_off_are_left_out() -> None:
    closed = replace(JAPAN, days_off=(NEW_YEAR,))
    start, end = at("2026-12-28T18:00"), at("2027-01-04T10:30")
    assert closed.between(start, end) == timedelta(hours=1.5)
    assert JAPAN.between(start, end) == timedelta(hours=1.5 + 3 * 9)
    assert closed.after(start, timedelta(hours=1.5)) == end


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_a_day_on_which_the_clock_is_changed_has_another_length(day: str, hours: int) -> None:
    start = at(f"{day}T00:00", BERLIN)
    end = datetime.combine(start.date() + timedelta(days=1), start.time(), BERLIN)
    assert ALWAYS.between(start, end) == timedelta(hours=hours)


def test_a_working_day_is_found_and_begins_by_the_wall_clock() -> None:
    closed = replace(JAPAN, days_off=(NEW_YEAR,))
    new_year = date(2026, 12, 30)
    assert closed.opens_on(new_year) == at("2027-01-04T10:00")
    assert closed.days_later(new_year, 2) == date(2027, 1, 5)
    assert JAPAN.days_later(date(2026, 11, 20), 1) == date(2026, 11, 24)
    never = replace(JAPAN, days_off=("2026-01-01..2099-12-31",))
    assert never.opens_on(new_year) == at("2026-12-30T00:00")


def test_hours_follow_the_wall_clock_when_it_is_changed() -> None:
    office = WorkingTime(DAYS, "09:00-17:00", NEW_YORK)
    start = at("2026-10-31T17:00", NEW_YORK)  # the clock is set back in this night
    assert office.after(start, timedelta(hours=8)) == at("2026-11-01T17:00", NEW_YORK)


def test_two_days_are_two_working_days() -> None:
    friday = at("2026-11-20T17:00")
    assert JAPAN.day == JAPAN.amount("1d") == JAPAN.amount("9h") == timedelta(hours=9)
    assert JAPAN.after(friday, 2 * JAPAN.day) == at("2026-11-25T17:00")
    assert JAPAN.after(friday, timedelta(hours=2)) == at("2026-11-20T19:00")


def test_a_team_that_never_works_has_an_end_of_waiting() -> None:
    never = WorkingTime(days=())
    start = datetime(2026, 11, 20, tzinfo=UTC)
    assert never.after(start, timedelta(hours=1)) == start + timedelta(days=MOST_DAYS)
    assert never.between(start, start + timedelta(days=30)) == timedelta()


times = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001
    lambda one: one.replace(tzinfo=UTC)
)
teams = st.builds(
    WorkingTime,
    st.sets(st.sampled_from(DAYS), min_size=1).map(tuple),
    st.sampled_from(("00:00-24:00", "09:00-18:00", "00:30-08:15", "16:00-24:00")),
    st.sampled_from((TOKYO, BERLIN, NEW_YORK, UTC)),
    st.sampled_from(("", "JP")),
    st.sampled_from(((), (NEW_YEAR, "2026-06-01"))),
)


@given(teams, times, st.integers(1, 3_000))
def test_after_and_between_agree(team: WorkingTime, start: datetime, minutes: int) -> None:
    amount = timedelta(minutes=minutes)
    end = team.after(start, amount)
    assert team.between(start, end) == amount
    assert team.between(start, end - timedelta(minutes=1)) < amount


@given(teams, st.tuples(times, times, times).map(sorted))
def test_parts_add_up(team: WorkingTime, three: list[datetime]) -> None:
    first, middle, last = three
    both = team.between(first, middle) + team.between(middle, last)
    assert team.between(first, last) == both


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-12-25", "2026-12-25"),
        ("2026-12-26", "2026-12-28"),
        ("2026-12-29", "2027-01-04"),
        ("2027-01-11", "2027-01-12"),  # Coming of Age Day
    ],
)
def test_what_is_due_on_a_day_off_counts_on_the_next_working_day(day: str, expected: str) -> None:
    team = WorkingTime(holidays="JP", days_off=("2026-12-29..2027-01-03",))
    assert team.day_from(date.fromisoformat(day)) == date.fromisoformat(expected)
    never = WorkingTime(days_off=("2026-01-01..2099-12-31",))
    assert never.day_from(date.fromisoformat(day)) == date.fromisoformat(day)
