"""A world for each story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stories import Ended, Story, asked, told
from tests.e2e.world import World, running


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Function | None:
    """A story is a test of its own name."""
    if isinstance(obj, Story):
        return pytest.Function.from_parent(collector, name=name, callobj=obj.verify)
    return None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """acme/shop under an enforcing policy, and a ghapp that listens."""
    with running(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """How the stories of all modules ended, told side by side."""
    return told(tmp_path_factory.mktemp("told"), asked(request.session.items))
