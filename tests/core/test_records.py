"""What is remembered, as it is asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.model import InstallationKey
from ghapp.core.records import NOBODY, Claim, Full, History, Shown

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def shown(head_sha: str, at: datetime) -> Shown:
    return Shown(head_sha, at, {}, {})


def test_a_run_that_was_shown_but_not_recorded_is_sorted_in() -> None:
    first, second, third = (shown(sha, NOON + SECOND * at) for at, sha in enumerate("abc"))
    history = History(shown=(first, third))
    assert history.knowing((second,)).shown == (first, second, third)
    assert history.knowing(()) is history


@pytest.mark.parametrize(
    ("arrived_at", "claimed_at", "seconds"),
    [
        (NOON, NOON + 3 * SECOND, 3.0),
        (NOON, NOON - SECOND, 0.0),  # it came in the very moment of the claim
        (None, NOON, None),
        (NOON, None, None),
    ],
)
def test_how_long_a_delivery_has_waited(
    arrived_at: datetime | None, claimed_at: datetime | None, seconds: float | None
) -> None:
    claim = Claim(InstallationKey(1), "token", 1, 0)
    told = replace(claim, arrived_at=arrived_at, claimed_at=claimed_at)
    assert told.waited_seconds == seconds


def test_nobody_is_full_by_default() -> None:
    assert not NOBODY
    assert Full((1,))
    assert Full(repositories=(1,))
