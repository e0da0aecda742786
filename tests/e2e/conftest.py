"""A world for each test, and one for all stories of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stories import Outcomes, Story, lived, selected
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
    """How the stories of this module ended; those with the same environment share a world."""
    stories = selected(request.session.items, request.module)
    ended: dict[Story, BaseException | None] = {}
    for environment in dict.fromkeys(one.environment for one in stories):
        together = [one for one in stories if one.environment == environment]
        ended |= lived(tmp_path_factory.mktemp("stories"), together, **dict(environment))
    return ended
