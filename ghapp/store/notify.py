"""Announces that keys were marked: in this process at the commit, to others through PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import URL, bindparam, func, select

from ghapp.store.engine import bounds
from ghapp.store.sql import Connection, Statement

CHANNEL = "ghapp_dirty"
AGAIN_SECONDS = 2.0
_ANNOUNCE = Statement(select(func.pg_notify(CHANNEL, bindparam("process"))))


def announce(connection: Connection) -> None:
    """Wake those who wait for keys, once this transaction is committed."""
    connection.marks = True
    if connection.is_postgresql:
        connection.rows(_ANNOUNCE, {"process": connection.process})


def arguments(url: URL) -> dict[str, str]:
    """The driver's parameters to connect to that URL, with the bounds that all connections have."""
    given = url.translate_connect_args(username="user", database="dbname")
    given.update({name: str(value) for name, value in url.query.items()})
    return given | bounds(url)


class Listener:
    """Calls `marked` when another process announces keys; polling finds what it misses."""

    def __init__(self, url: URL, process: str, marked: Callable[[], None]) -> None:
        self._arguments = arguments(url)
        self._process = process
        self._marked = marked
        self._task = asyncio.create_task(self._listen(), name="ghapp-listener")

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        import psycopg  # noqa: PLC0415 -- an extra; SQLite does without
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415

        while True:
            with suppress(psycopg.Error):  # the server is away: connect again
                connection = await psycopg.AsyncConnection.connect(
                    make_conninfo(**self._arguments), autocommit=True
                )
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._marked()  # announcements before this were missed
                    async for one in connection.notifies():
                        if one.payload != self._process:
                            self._marked()
            await asyncio.sleep(AGAIN_SECONDS)
