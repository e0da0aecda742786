"""Looks, now and then, for what no delivery reported: marks installations, runs do the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from ghapp import logs
from ghapp.core.decide import RENEWED_AFTER
from ghapp.core.model import InstallationKey
from ghapp.errors import Busy, Gone, Retry, StoreFailed
from ghapp.store import Store, schedule
from ghapp.store.work_queue import marking

# The first one waits until the deliveries of a restart are on their way.
FIRST_SECONDS = 15.0
# A review that fails for good shows that on its pull each time, hence not with every sweep.
PARKED_SECONDS = 3600.0
TURN = "sweep"

log = logs.logger()


class Lists(Protocol):
    """What tells where the App is installed. Raises Retry and Gone."""

    async def installations(self) -> tuple[int, ...]: ...


def unheard(installations: int | None) -> None:
    """Nobody counts."""


async def sweeps(
    store: Store,
    github: Lists,
    *,
    told: Callable[[int | None], None] = unheard,
    first_seconds: float = FIRST_SECONDS,
) -> None:
    """Sweep every few minutes, for ever; of all processes one at a time.

    told: gets how many installations each sweep found, None of one that failed.
    """

    async def do() -> None:
        told(await _logged(store, github))

    def failed(error: Busy | StoreFailed) -> None:
        told(None)
        log.error("cannot sweep", reason=str(error))

    await in_turn(store, TURN, do, failed, first_seconds)


async def sweep(store: Store, github: Lists) -> int:
    """Have all installations checked, and runs about to go stale; how many the former are.

    Raises Retry and Gone (GitHub does not tell them), Busy and StoreFailed.
    """
    found = await github.installations()
    await store.queue.mark_dirty(InstallationKey(id) for id in found)
    await store.records.write(marking.mark_pending, RENEWED_AFTER.total_seconds())
    return len(found)


async def _logged(store: Store, github: Lists) -> int | None:
    """One sweep, and its one line in the log; None where GitHub is away: the next one does it."""
    started = time.perf_counter()
    revived = await store.records.write(marking.retry_parked, PARKED_SECONDS)
    try:
        found = await sweep(store, github)
    except (Retry, Gone) as error:
        log.error("cannot sweep", reason=str(error), parked=revived)
        return None
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    log.info("sweep", installations=found, parked=revived, milliseconds=milliseconds)
    return found


EVERY_SECONDS = 300.0
# How often each process asks whether it is its turn: whoever did the last one may have ended.
ASK_SECONDS = 30.0


async def in_turn(
    store: Store,
    name: str,
    do: Callable[[], Awaitable[object]],
    failed: Callable[[Busy | StoreFailed], None],
    first_seconds: float,
) -> None:
    """Do it whenever it is this process's turn. failed: is called if the database was away.

    first_seconds: until this process asks for the first time.
    """
    await asyncio.sleep(first_seconds)
    while True:
        try:
            if await store.records.write(schedule.take_turn, name, EVERY_SECONDS):
                await do()
        except (Busy, StoreFailed) as error:
            failed(error)
        await asyncio.sleep(ASK_SECONDS)
