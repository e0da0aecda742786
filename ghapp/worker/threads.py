"""Threads beside the event loop, for what takes processors: a few at a time for each tenant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from ghapp.core.model import Repository

P = ParamSpec("P")
T = TypeVar("T")

# At a time. They take processors, which other repositories and installations have a share of.
SCANS_OF_REPOSITORY, SCANS_OF_INSTALLATION = 1, 2
# Searches of whole trees, for which nobody waits: of all runs of a process, so many at a time.
SEARCHES = 2


class Threads:
    """Runs what takes long beside the event loop, a few at a time for whoever it is done for."""

    def __init__(self) -> None:
        self.searches = asyncio.Semaphore(SEARCHES)
        self._rooms: WeakValueDictionary[tuple[str, int], asyncio.Semaphore] = WeakValueDictionary()

    async def run(
        self, repository: Repository, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What the function returns."""
        own = self._room("repository", repository.id, SCANS_OF_REPOSITORY)
        room = self._room("installation", repository.installation_id, SCANS_OF_INSTALLATION)
        async with own, room:
            return await asyncio.to_thread(function, *args, **kwargs)

    def _room(self, kind: str, id: int, most: int) -> asyncio.Semaphore:
        room = self._rooms.get((kind, id))
        if room is None:
            room = self._rooms[kind, id] = asyncio.Semaphore(most)
        return room


def deadline(seconds: float) -> Callable[[], bool]:
    """Whether this thread has worked for so long; that others use the processors does not count."""
    until = time.thread_time() + seconds
    return lambda: time.thread_time() > until
