"""The application over real HTTP, with a store of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ghapp.github.client import Standing
from ghapp.metrics import Metrics
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.web.app import application
from ghapp.web.server import Server, bound
from tests.store.stores import health_of
from tests.support import sqlite_at
from tests.web.posting import APP_ID, SECRET, headers


@dataclass
class Site:
    """A server over a store, and a client."""

    store: Store
    file: Path
    client: httpx.AsyncClient
    port: int
    standing: Standing = Standing.KNOWN
    claim_failing_seconds: float = 0.0

    async def post(self, body: bytes, **more: Any) -> httpx.Response:
        return await self.client.post("/webhook", content=body, headers=headers(body, **more))

    async def dirty(self) -> int:
        return (await health_of(self.store)).dirty

    async def raw(self, *parts: bytes) -> bytes:
        """The whole answer to these bytes, until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()

    def sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement)


def head(body: bytes = b"", **more: str) -> bytes:
    """The head of a request that delivers `body`."""
    named = {"Host": "x", **headers(body), **more}
    lines = [f"{name}: {value}" for name, value in named.items()]
    return "\r\n".join(["POST /webhook HTTP/1.1", *lines, "", ""]).encode()


@pytest.fixture
def works() -> bool:
    """Whether the process also works on keys."""
    return False


@pytest.fixture
async def site(tmp_path: Path, works: bool) -> AsyncIterator[Site]:
    settings = Settings(app_id=APP_ID, webhook_secrets=(SECRET, "the next secret"), pages="local")
    file = tmp_path / "ghapp.sqlite3"
    store = await Store.open(sqlite_at(file))
    stop, metrics = asyncio.Event(), Metrics()
    with bound("127.0.0.1", 0) as listener:
        async with httpx.AsyncClient(timeout=20) as client:
            made = Site(store, file, client, listener.getsockname()[1])
            app = application(
                settings,
                store,
                lambda: "ghapp[bot]",
                lambda: made.standing,
                observer=metrics,
                metrics=metrics,
                claiming=(lambda: made.claim_failing_seconds) if works else None,
            )
            server = Server(app, listener)
            client.base_url = httpx.URL(server.url)
            running = asyncio.create_task(server.until(stop))
            yield made
        stop.set()
        await running
    await store.close()
