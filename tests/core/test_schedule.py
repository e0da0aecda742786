from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ghapp.core.schedule import last_before_today

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
