"""The clock of an emulated GitHub, for benchmarks and tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The time, plus what it was set forward: GitHub's times have whole seconds."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, seconds: float = 2.0) -> None:
        self.ahead += timedelta(seconds=seconds)
