"""A world for each story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.path.world import World, running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """acme/shop under an enforcing policy, and a ghapp that listens."""
    with running(tmp_path) as made:
        yield made
