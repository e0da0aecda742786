"""The database off the event loop: reads side by side, writes in groups or side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import URL, Engine

from ghapp.core.model import Delivery
from ghapp.store.connection import Connection, Connections
from ghapp.store.engine import connected
from ghapp.store.migrate import migrated
from ghapp.store.transactions import once, persistent
from ghapp.store.writer import Accept, Writer

T = TypeVar("T")
# Each has a connection: what SQLite keeps for one takes a megabyte, and hardly two reads of it ever
# overlap; on PostgreSQL they wait for the server, and writes are among them.
SQLITE_THREADS, POSTGRESQL_THREADS = 2, 4
MOST_CONNECTIONS = 1 + POSTGRESQL_THREADS  # of the writer and of these


class Database:
    """One database, SQLite or PostgreSQL. A function given here is one transaction.

    in_turn: writes are made one after the other, as they were asked for.
    All raise Busy (out of reach), StoreFailed, and what the function raises. A function may run
    again when its transaction was undone.
    """

    def __init__(self, engine: Engine, accept: Accept) -> None:
        self.url: URL = engine.url
        self._connections = Connections(engine)
        self.in_turn = engine.dialect.name == "sqlite"
        threads = SQLITE_THREADS if self.in_turn else POSTGRESQL_THREADS
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ghapp-store")
        self._writer = Writer(self._connections, accept)

    @classmethod
    async def open(cls, url: str, accept: Accept, *, migrate: bool) -> Database:
        """Connected, its schema up to date. Raises WrongSetting (the URL) and WrongDatabase."""
        engine = connected(url, MOST_CONNECTIONS)
        try:
            await asyncio.to_thread(migrated, engine, change=migrate)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, accept)

    async def accept(self, delivery: Delivery) -> bool:
        """True when the delivery was new; it is committed when this returns."""
        stored: bool = await self._writer.submit(delivery)
        return stored

    async def write(self, function: Callable[[Connection], T]) -> T:
        """What the function returns, after the commit."""
        if self.in_turn:
            result: T = await self._writer.submit(function)
            return result
        return await self._in_thread(function, writes=True)

    async def read(self, function: Callable[[Connection], T]) -> T:
        """What the function returns; it changes nothing."""
        return await self._in_thread(function, writes=False)

    async def close(self) -> None:
        """End when all that was asked for is done."""
        await asyncio.to_thread(self._close)

    async def _in_thread(self, function: Callable[[Connection], T], *, writes: bool) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads,
            lambda: persistent(lambda: once(self._connections, function, writes=writes)),
        )

    def _close(self) -> None:
        self._writer.close()
        self._threads.shutdown()
        self._connections.close()
