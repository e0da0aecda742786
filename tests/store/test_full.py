"""A database that takes nothing more: deliveries are refused, nothing is lost, workers live on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from ghapp.core.model import InstallationKey, PullKey, Repository
from ghapp.core.policy.policy import Rules
from ghapp.errors import Busy, StoreFailed
from ghapp.store import Store
from ghapp.store.sql import Connection, Connections
from ghapp.store.work_queue.leases import LEASE_SECONDS
from ghapp.worker.worker import Worker
from tests.store.stores import PATIENCE_SECONDS, delivery, health_of, opened

pytestmark = pytest.mark.anyio

PLENTY, LARGE = 1_000_000, 100_000


class Nothing:
    """A GitHub whose installations have no repositories."""

    async def repositories(self, installation_id: int) -> tuple[Repository, ...]:
        return ()


class Disk:
    """How many pages SQLite may have in its file, for each connection as it is put to use."""

    pages = PLENTY

    @contextmanager
    def mounted(self) -> Iterator[Disk]:
        take = Connections.take

        def limited(connections: Connections) -> Connection:
            connection = take(connections)
            connection.run(f"PRAGMA max_page_count = {self.pages}")
            return connection

        with patch.object(Connections, "take", limited):
            yield self


@asynccontextmanager
async def working(store: Store) -> AsyncIterator[Worker]:
    """A worker that is alive to the end."""
    stop = asyncio.Event()
    worker = Worker(store, Nothing(), Rules((), "advise"))  # type: ignore[arg-type]
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
        assert not running.done()
    finally:
        stop.set()
        await running


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """A run whose end could not be recorded is made again once its lease has run out."""
    async with asyncio.timeout(LEASE_SECONDS + PATIENCE_SECONDS):
        while not await true():  # only the database can tell  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def worked_off(store: Store) -> bool:
    return (await health_of(store)).dirty == 0


def new(number: int) -> Any:
    return delivery(InstallationKey(number), id=f"full-{number}", body=os.urandom(LARGE))


async def test_what_sqlite_took_before_its_disk_was_full_is_there_and_the_rest_comes_later(
    empty_sqlite_url: str,
) -> None:
    with Disk().mounted() as disk:
        async with opened(empty_sqlite_url) as store, working(store):
            taken = [number for number in range(20) if await store.queue.accept(new(number))]
            disk.pages = 1  # as many as there are
            answers = await asyncio.gather(
                *(store.queue.accept(new(number)) for number in range(20, 60)),
                return_exceptions=True,
            )
            refused = [
                number
                for number, answer in zip(range(20, 60), answers, strict=True)
                if isinstance(answer, Exception)
            ]
            assert refused
            assert all(isinstance(one, Busy) for one in answers if one is not True)
            assert all("is full" in str(one) for one in answers if one is not True)
            taken += [number for number in range(20, 60) if number not in refused]
            disk.pages = PLENTY
            assert [await store.queue.accept(new(number)) for number in refused] == [True] * len(
                refused
            )
            assert [await store.queue.accept(new(number)) for number in taken] == [False] * len(
                taken
            )
            await until(lambda: worked_off(store))


async def test_what_fails_for_want_of_room_takes_no_delivery_with_it_that_was_acknowledged(
    empty_sqlite_url: str,
) -> None:
    """They are one transaction, which SQLite takes back as a whole."""
    large = Repository(11, 501, "x" * 3_000_000)
    with Disk().mounted() as disk:
        async with opened(empty_sqlite_url) as store:
            await store.queue.accept(new(0))
            disk.pages = 1
            answers: dict[str, bool | BaseException] = {}
            for number in range(20):
                ids = [f"small-{number}-{part}" for part in range(4)]
                told = await asyncio.gather(
                    *(store.queue.accept(delivery(id=id)) for id in ids[:3]),
                    marked(store, large),
                    store.queue.accept(delivery(id=ids[3])),
                    return_exceptions=True,
                )
                assert isinstance(told.pop(3), Busy)
                answers |= dict(zip(ids, told, strict=True))  # type: ignore[arg-type]
            disk.pages = PLENTY
            for id, answer in answers.items():
                assert await store.queue.accept(delivery(id=id)) is (answer is not True)
            assert any(answer is True for answer in answers.values())


async def marked(store: Store, repository: Repository) -> None:
    await store.queue.mark_dirty([PullKey(repository, 7)])


REFUSES = {
    "no room": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION refuse()""",
    "read only": "ALTER DATABASE {database} SET default_transaction_read_only = on",
}
TAKES = {
    "no room": "DROP FUNCTION refuse CASCADE",
    "read only": "ALTER DATABASE {database} SET default_transaction_read_only = off",
}
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("why", REFUSES)
async def test_a_postgresql_that_takes_no_writes_is_told_and_waited_for(
    empty_postgres_url: str, why: str
) -> None:
    async with opened(empty_postgres_url) as store:
        assert await store.queue.accept(new(1))
        tell(empty_postgres_url, REFUSES[why])
        with capture_logs() as logs:
            async with working(store) as worker:
                await until(lambda: said(logs, "cannot claim"))
                with pytest.raises((Busy, StoreFailed)):
                    await store.queue.accept(new(2))
                assert worker.failing_seconds() > 0
                tell(empty_postgres_url, TAKES[why])
                assert await store.queue.accept(new(2))
                await until(lambda: worked_off(store))
                assert worker.failing_seconds() == 0
        assert not await store.queue.accept(new(1))


async def said(logs: list[Any], event: str) -> bool:
    return any(line["event"] == event and line["log_level"] == "error" for line in logs)


def tell(url: str, words: str) -> None:
    """Change what the server takes; connections that are open hear of it by being cut."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # So that the very connection that takes it back may write.
        connection.execute(text("SET default_transaction_read_only = off"))
        database = connection.scalar(text("SELECT current_database()"))
        for statement in _statements(words, str(database)):
            connection.exec_driver_sql(statement)
        connection.execute(text(CUT))
    engine.dispose()


def _statements(words: str, database: str) -> list[str]:
    if "CREATE TRIGGER" not in words:
        return [words.format(database=database)]
    function, trigger = words.rsplit(";", 1)
    return [function, *(trigger.format(table=table) for table in ("deliveries", "keys"))]
