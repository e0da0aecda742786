"""A world for each story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.path.stories import Ended, asked, told
from tests.path.world import World, running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """acme/shop under an enforcing policy, and a ghapp that listens."""
    with running(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """How the stories of all modules ended, told side by side."""
    return told(tmp_path_factory.mktemp("told"), asked(request.session.items))
