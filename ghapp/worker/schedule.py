"""Checks now and then for what no delivery reported: marks installations, runs do the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from ghapp import logs
from ghapp.core.decide import RENEWED_AFTER
from ghapp.core.model import InstallationKey
from ghapp.errors import Busy, Gone, Retry, StoreFailed, Wait
from ghapp.observer import Observer
from ghapp.store import Store
from ghapp.store.schedule import take_turn
from ghapp.store.work_queue import marking

# The first one waits until the deliveries of a restart are on their way.
FIRST_SECONDS = 15.0
# A review that fails for good shows that on its pull each time, hence not with every sweep.
PARKED_SECONDS = 3600.0
TURN = "sweep"
EVERY_SECONDS = 300.0
# How often each process asks whether it is its turn: whoever did the last one may have ended.
ASK_SECONDS = 30.0

log = logs.logger()


class Lists(Protocol):
    """Lists where the App is installed. Raises Retry, Wait and Gone."""

    async def installations(self) -> tuple[int, ...]: ...


async def sweeps(
    store: Store, github: Lists, observer: Observer, *, first_seconds: float = FIRST_SECONDS
) -> None:
    """Sweep every few minutes, for ever; of all processes one at a time."""

    async def logged() -> None:
        started, found = time.perf_counter(), None
        revived = await store.records.write(marking.retry_parked, PARKED_SECONDS)
        try:
            found = await sweep(store, github)
        except (Retry, Wait, Gone) as error:  # the next sweep does it
            log.error("cannot sweep", reason=str(error), parked=revived)
        else:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info("sweep", installations=found, parked=revived, milliseconds=milliseconds)
        observer.swept(found)

    def failed(error: Busy | StoreFailed) -> None:
        log.error("cannot sweep", reason=str(error))
        observer.swept(None)

    await in_turn(store, TURN, logged, failed, first_seconds)


async def sweep(store: Store, github: Lists) -> int:
    """Mark all installations, and pulls whose check run is about to go stale; how many the former.

    Raises Retry, Wait and Gone (GitHub does not tell them), Busy and StoreFailed.
    """
    found = await github.installations()
    await store.queue.mark_dirty(InstallationKey(id) for id in found)
    await store.records.write(marking.mark_pending, RENEWED_AFTER.total_seconds())
    return len(found)


async def in_turn(
    store: Store,
    name: str,
    do: Callable[[], Awaitable[object]],
    failed: Callable[[Busy | StoreFailed], None],
    first_seconds: float,
) -> None:
    """Do it whenever it is this process's turn. failed: is notified that the database was away.

    first_seconds: until this process asks for the first time.
    """
    await asyncio.sleep(first_seconds)
    while True:
        try:
            if await store.records.write(take_turn, name, EVERY_SECONDS):
                await do()
        except (Busy, StoreFailed) as error:
            failed(error)
        await asyncio.sleep(ASK_SECONDS)
