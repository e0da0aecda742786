from __future__ import annotations

from collections.abc import Iterator

import pytest

from ghapp.emulator.repository import Pull
from tests.emulator.world import World
from tests.emulator.world import world as emulator_world


@pytest.fixture
def world() -> Iterator[World]:
    with emulator_world() as made:
        yield made


@pytest.fixture
def pull(world: World) -> Pull:
    return world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})
