"""A GitHub on which there is no App yet, and a ghapp that nobody has set up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ghapp.bootstrap import serving
from ghapp.settings import CREDENTIALS, Settings
from tests.e2e.world import Ghapp, World


class Unset(Ghapp):
    """A server without credentials. invited: what it printed."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.invited: list[str] = []

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self.settings, invite=self.invited.append) as self.url:
            self._ready.set()
            await self._stop.wait()


@contextmanager
def unset(folder: Path) -> Iterator[World]:
    """The App is not installed, and the settings have no credentials."""
    made = World(folder)
    for name in CREDENTIALS:
        del made.environment[name]
    made.github.installations.clear()
    made.repository.installation = None
    made.github.listen("")
    try:
        yield made
    finally:
        made.close()


def started(world: World) -> Unset:
    """A server that looks for credentials in the database."""
    made = Unset(Settings.from_environment(world.environment, may_be_stored=True))
    world.ghapp = made
    made.start()
    return made
