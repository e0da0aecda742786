"""The database off the event loop: reads side by side, writes in groups or side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Engine

from ghapp.store.engine import connected
from ghapp.store.migrate import migrated
from ghapp.store.sql import Connection, Connections
from ghapp.store.transactions import once, persistent
from ghapp.store.writer import Accept, Batched, Writer

P = ParamSpec("P")
T = TypeVar("T")
# Each thread has a connection. One to SQLite takes a megabyte, and two reads hardly ever overlap.
# On PostgreSQL threads wait for the server, and most writes use them as well.
SQLITE_THREADS, POSTGRESQL_THREADS = 2, 4
MOST_CONNECTIONS = 1 + POSTGRESQL_THREADS  # one for the writer


class Records:
    """One database, SQLite or PostgreSQL.

    `read` and `write` run a function as one short transaction. The function takes a connection
    first, and may run again if its transaction was rolled back. All methods raise Busy (out of
    reach), StoreFailed, and what the function raises.
    """

    def __init__(self, engine: Engine, accept: Accept) -> None:
        self.url: URL = engine.url
        self.process = token_hex(8)  # names this process among all that use the database
        self.marked: Callable[[], None] = lambda: None  # called when keys may have become due
        loop = asyncio.get_running_loop()

        def marked() -> None:
            self.marked()  # whatever it is by then

        self._connections = Connections(
            engine, self.process, lambda: loop.call_soon_threadsafe(marked)
        )
        self._one_writer = engine.dialect.name == "sqlite"
        threads = SQLITE_THREADS if self._one_writer else POSTGRESQL_THREADS
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ghapp-store")
        self._writer = Writer(self._connections, accept)

    @classmethod
    async def open(
        cls, url: str, accept: Accept, *, migrate: bool, clock: Callable[[], float] | None = None
    ) -> Records:
        """Connect, as `Store.open`. accept: stores what the method `accept` is given, in groups."""
        engine = connected(url, MOST_CONNECTIONS, clock)
        try:
            await asyncio.to_thread(migrated, engine, change=migrate)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, accept)

    async def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What the function returns; the function must not change anything."""
        return await self._in_thread(lambda c: function(c, *args, **kwargs), writes=False)

    async def write(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What the function returns, after the commit. On SQLite writes run one after the other."""
        if not self._one_writer:
            return await self._in_thread(lambda c: function(c, *args, **kwargs), writes=True)
        result: T = await self._writer.submit(lambda c: function(c, *args, **kwargs))
        return result

    async def accept(self, item: Any) -> Any:
        """What `accept` returns for the item, after the commit; items are committed in groups."""
        return await self._writer.submit(Batched(item))

    async def close(self) -> None:
        """Finish what was submitted, and disconnect."""

        def close() -> None:
            self._writer.close()
            self._threads.shutdown()
            self._connections.close()

        await asyncio.to_thread(close)

    async def _in_thread(self, function: Callable[[Connection], T], *, writes: bool) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: persistent(lambda: once(self._connections, function, writes=writes)),
        )
