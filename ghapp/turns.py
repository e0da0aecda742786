"""What one of all processes does every few minutes, for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ghapp.errors import Busy, StoreFailed
from ghapp.store import Store

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
    """Do it whenever it is this process's turn. failed: hears that the database was away.

    first_seconds: until this process asks for the first time.
    """
    await asyncio.sleep(first_seconds)
    while True:
        try:
            if await store.take_turn(name, EVERY_SECONDS):
                await do()
        except (Busy, StoreFailed) as error:
            failed(error)
        await asyncio.sleep(ASK_SECONDS)
