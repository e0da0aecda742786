"""A bad day of GitHub's: many reviews side by side, one call in four goes wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.misbehaving import kinds, lived


def test_a_bad_day_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    told = asyncio.run(lived(tmp_path, kinds(0.10, 600), pulls=30, seed=7))
    assert told.wrong == ()
    assert told.struck > 100
