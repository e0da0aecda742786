"""Word between processes, on PostgreSQL only, that something became dirty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import URL, text

from ghapp.store.connection import Connection
from ghapp.store.engine import bounds
from ghapp.store.statements import Statement

CHANNEL = "ghapp_dirty"
AGAIN_SECONDS = 2.0
_ANNOUNCE = Statement(text(f"SELECT pg_notify('{CHANNEL}', '')"))


def announce(connection: Connection) -> None:
    """Tell other processes, once this transaction is committed."""
    if connection.is_postgresql:
        connection.rows(_ANNOUNCE)


def arguments(url: URL) -> dict[str, str]:
    """What the driver is told to connect to that URL by itself, with the same bounds as others."""
    given = url.translate_connect_args(username="user", database="dbname")
    given.update({name: str(value) for name, value in url.query.items()})
    return given | bounds(url)


class Listener:
    """Calls `heard` when some process announced; what it misses, polling finds."""

    def __init__(self, url: URL, heard: Callable[[], None]) -> None:
        self._arguments = arguments(url)
        self._heard = heard
        self._task = asyncio.create_task(self._listen(), name="ghapp-listener")

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        import psycopg  # an extra; SQLite does without  # noqa: PLC0415  # an extra; SQLite does without  # noqa: PLC0415
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415  # noqa: PLC0415

        while True:
            with suppress(psycopg.Error):  # the server is away: connect again
                connection = await psycopg.AsyncConnection.connect(
                    make_conninfo(**self._arguments), autocommit=True
                )
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._heard()  # who knows what was announced before
                    async for _ in connection.notifies():
                        self._heard()
            await asyncio.sleep(AGAIN_SECONDS)
