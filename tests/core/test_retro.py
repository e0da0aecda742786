"""On which days retros are due."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ghapp.core.digest import Retro, retro_due

RETRO = Retro("2w", "2026-11-30", "10:00")
OFF = {date(2026, 12, 14), *(date(2026, 12, 28 + number) for number in range(4))}
OFF |= {date(2027, 1, number) for number in range(1, 15)}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-29T23:59", None),
        ("2026-11-30T09:59", None),
        ("2026-11-30T10:00", "2026-11-30"),
        ("2026-11-30T23:59", "2026-11-30"),
        ("2026-12-01T10:00", None),
        ("2026-12-07T10:00", None),
        ("2026-12-14T10:00", None),  # off
        ("2026-12-15T09:00", None),
        ("2026-12-15T10:00", "2026-12-14"),
        ("2026-12-28T10:00", None),  # off until the next one
        ("2027-01-11T10:00", None),
    ],
)
def test_it_is_due_on_its_day_or_the_next_on_which_somebody_works(
    now: str, expected: str | None
) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = retro_due(RETRO, UTC, at, lambda day: day not in OFF)
    assert (found and found.isoformat()) == expected


def test_without_a_first_day_there_is_none() -> None:
    assert retro_due(Retro(), UTC, datetime(2026, 11, 30, tzinfo=UTC), lambda _: True) is None
