"""Looks, now and then, for what no delivery told of: marks installations, runs do the rest."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import structlog

from ghapp.core.model import InstallationKey
from ghapp.errors import Busy, Gone, Retry, StoreFailed
from ghapp.store import Store

# The first one waits until the deliveries of a restart are on their way.
FIRST_SECONDS, EVERY_SECONDS = 15.0, 300.0
# How often each process asks whether it is its turn: whoever did the last one may have ended.
ASK_SECONDS = 30.0
# A review that fails for good shows that on its pull each time, hence not with every sweep.
PARKED_SECONDS = 3600.0
TURN = "sweep"

log = structlog.get_logger()


class Lists(Protocol):
    """What tells where the App is installed. Raises Retry and Gone."""

    async def installations(self) -> tuple[int, ...]: ...


async def sweeps(store: Store, github: Lists, *, first_seconds: float = FIRST_SECONDS) -> None:
    """Sweep every few minutes, for ever; of all processes one at a time."""
    await asyncio.sleep(first_seconds)
    while True:
        try:
            if await store.take_turn(TURN, EVERY_SECONDS):
                await _logged(store, github)
        except (Busy, StoreFailed) as error:
            log.error("cannot sweep", reason=str(error))
        await asyncio.sleep(ASK_SECONDS)


async def sweep(store: Store, github: Lists) -> int:
    """Have all installations looked at; how many they are.

    Raises Retry and Gone (GitHub does not tell them), Busy and StoreFailed.
    """
    found = await github.installations()
    await store.mark_dirty(InstallationKey(id) for id in found)
    return len(found)


async def _logged(store: Store, github: Lists) -> None:
    """One sweep, and its one line in the log. Where GitHub is away, the next one does."""
    started = time.perf_counter()
    revived = await store.retry_parked(PARKED_SECONDS)
    try:
        found = await sweep(store, github)
    except (Retry, Gone) as error:
        log.error("cannot sweep", reason=str(error), parked=revived)
        return
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    log.info("sweep", installations=found, parked=revived, milliseconds=milliseconds)
