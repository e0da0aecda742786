"""A world for each test, and one for all stories of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stories import Outcomes, lived, selected
from tests.e2e.world import World


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[World]:
    """acme/shop under an enforcing policy; ghapp is not started yet."""
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def world(stopped: World) -> World:
    """acme/shop under an enforcing policy, and a ghapp that listens."""
    stopped.start()
    return stopped


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """How the stories of this module ended."""
    stories = selected(request.session.items, request.module)
    return lived(tmp_path_factory.mktemp("stories"), stories)
