"""What happens every few minutes: all installations are marked for the sweep, and runs counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Protocol

from ghapp import logs
from ghapp.core.model import InstallationKey
from ghapp.errors import Busy, Gone, Retry, StoreFailed, Wait
from ghapp.observer import Observer
from ghapp.store import Store, configurations
from ghapp.store.rollups import roll_up
from ghapp.store.schedule import take_turn
from ghapp.store.work_queue import marking

# The first sweep waits until the deliveries of a restart are on their way.
FIRST_SECONDS = 15.0
# How long parked keys stay so: each time they fail again, their pulls show it.
PARKED_SECONDS = 3600.0
TURN, ROLL_UP_TURN = "sweep", "roll_up"
EVERY_SECONDS = 300.0
# How often each process asks for its turn: the one that swept last may have ended.
ASK_SECONDS = 30.0

log = logs.logger()


class Lists(Protocol):
    """Lists where the App is installed. Raises Retry, Wait and Gone."""

    async def installations(self) -> tuple[int, ...]: ...


async def sweeps(
    store: Store, github: Lists, observer: Observer, *, first_seconds: float = FIRST_SECONDS
) -> None:
    """Sweep every few minutes, for ever; all processes take turns."""

    async def sweep_and_log() -> None:
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

    await in_turn(store, TURN, sweep_and_log, failed, first_seconds)


async def sweep(store: Store, github: Lists) -> int:
    """Mark all installations, the pulls that are to be checked again by now, and due searches.

    Returns the number of installations. Raises Retry, Wait and Gone (GitHub does not list them),
    Busy and StoreFailed.
    """
    found = await github.installations()
    await store.queue.mark_dirty(InstallationKey(id) for id in found)
    await store.records.write(marking.mark_rechecks)
    await store.records.write(configurations.mark_due)
    return len(found)


async def roll_ups(store: Store, zone: tzinfo, *, first_seconds: float = FIRST_SECONDS) -> None:
    """Count for `/insights` what runs have recorded, every few minutes, for ever."""

    async def roll_up_and_log() -> None:
        started = time.perf_counter()
        if pulls := await roll_up(store.records, zone):
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info("rolled up", pulls=pulls, milliseconds=milliseconds)

    def failed(error: Busy | StoreFailed) -> None:
        log.error("cannot roll up", reason=str(error))

    await in_turn(store, ROLL_UP_TURN, roll_up_and_log, failed, first_seconds)


async def in_turn(
    store: Store,
    name: str,
    do: Callable[[], Awaitable[object]],
    failed: Callable[[Busy | StoreFailed], None],
    first_seconds: float,
) -> None:
    """Do it whenever it is this process's turn, for ever.

    failed: is called if the database fails. first_seconds: until the first turn.
    """
    await asyncio.sleep(first_seconds)
    while True:
        try:
            if await store.records.write(take_turn, name, EVERY_SECONDS):
                await do()
        except (Busy, StoreFailed) as error:
            failed(error)
        await asyncio.sleep(ASK_SECONDS)
