from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.schedule import due, last_before_today

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
WEEKDAYS = "45 11 * * 1-5"


@pytest.mark.parametrize(
    ("schedule", "now", "last"),
    [
        (WEEKDAYS, datetime(2026, 11, 25, 11, 58, tzinfo=TOKYO), (2026, 11, 24, 2, 45)),
        (WEEKDAYS, datetime(2026, 11, 25, 9, 0, tzinfo=TOKYO), (2026, 11, 24, 2, 45)),
        (WEEKDAYS, datetime(2026, 11, 23, 12, 0, tzinfo=TOKYO), (2026, 11, 20, 2, 45)),  # Monday
        (WEEKDAYS, datetime(2026, 11, 22, 12, 0, tzinfo=TOKYO), (2026, 11, 20, 2, 45)),  # Sunday
        ("0 0 * * *", datetime(2026, 11, 25, 0, 0, tzinfo=TOKYO), (2026, 11, 23, 15, 0)),
        # The clock went back in the night of the 25th of October.
        ("45 11 * * *", datetime(2026, 10, 26, 9, 0, tzinfo=BERLIN), (2026, 10, 25, 10, 45)),
        ("0 10 29 2 *", datetime(2026, 11, 25, 12, 0, tzinfo=TOKYO), (2025, 11, 23, 15, 0)),
    ],
)
def test_the_last_time_is_on_an_earlier_day(
    schedule: str, now: datetime, last: tuple[int, int, int, int, int]
) -> None:
    found = last_before_today(schedule, now.tzinfo or UTC, now.astimezone(UTC))
    assert found == datetime(*last, tzinfo=UTC)


@given(
    zone=st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/New_York"]),
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    schedule=st.sampled_from([("45 11 * * *", 11, 45), ("30 2 * * *", 2, 30), ("0 0 * * *", 0, 0)]),
)
def test_it_is_due_once_a_day_whatever_the_clock_does(
    zone: str, day: date, schedule: tuple[str, int, int]
) -> None:
    """Also on the days of 23 and 25 hours."""
    text, hour, minute = schedule
    here = ZoneInfo(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=here).astimezone(UTC)
    times = [midnight + timedelta(minutes=15 * step) for step in range(4 * 26)]
    today = [one for one in times if one.astimezone(here).date() == day]
    found = [due(text, here, one) for one in today]
    assert set(found) <= {None, day}
    assert found == sorted(found, key=lambda one: one is not None)  # and stays so until midnight
    first = today[found.index(day)].astimezone(here)
    assert (first.hour, first.minute) >= (hour, minute)
    assert first.hour - hour <= 1


def test_it_is_not_due_on_other_days() -> None:
    saturday = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert due("45 11 * * 1-5", UTC, saturday) is None
    assert due("45 11 * * 1-5", UTC, saturday + timedelta(days=2)) == date(2026, 11, 30)
