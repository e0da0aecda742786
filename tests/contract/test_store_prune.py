"""Old deliveries go a few at a time, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from ghapp.core.policies.policy import Rules
from ghapp.store.deliveries import PRUNE, PRUNED_AT_ONCE
from ghapp.worker import Worker
from tests.contract.stores import PATIENCE_SECONDS, changed, delivery, opened

OLD = 40 * PRUNED_AT_ONCE
FILL = f"""
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {OLD})
    INSERT INTO deliveries (id, event, received_at, body)
    SELECT 'old-' || n, 'push', 5, CAST('{"x" * 400}' AS %s) FROM numbers
"""


def fill(url: str) -> None:
    changed(url, FILL % ("BLOB" if url.startswith("sqlite") else "BYTEA"))


def left(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.scalar(text("SELECT count(*) FROM deliveries WHERE id LIKE 'old-%'"))
    engine.dispose()
    return int(count or 0)


@pytest.mark.anyio
async def test_deliveries_are_accepted_in_between(database_url: str) -> None:
    async with opened(database_url) as store:
        fill(database_url)
        pruning, longest, accepted = asyncio.create_task(store.prune(3600)), 0.0, 0
        while not pruning.done():
            began = time.monotonic()
            assert await store.accept(delivery())
            longest, accepted = max(longest, time.monotonic() - began), accepted + 1
        assert await pruning == OLD
        assert accepted >= 10
        assert longest < 2.0  # GitHub waits for ten
        assert left(database_url) == 0


@pytest.mark.anyio
async def test_a_worker_that_is_stopped_meanwhile_does_not_go_on_to_the_end(
    database_url: str,
) -> None:
    async with opened(database_url) as store:
        fill(database_url)
        stop = asyncio.Event()
        worker = Worker(store, None, Rules((), "advise"))  # type: ignore[arg-type]
        with capture_logs() as logs:
            running = asyncio.create_task(worker.run(stop))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while left(database_url) == OLD:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            stop.set()
            await running
    assert 0 < left(database_url) < OLD
    assert "pruned" not in {line["event"] for line in logs}


def test_what_is_old_is_found_by_its_index_and_nothing_else_is_read(postgres_url: str) -> None:
    """Else each hour each worker reads all that came in a week."""
    engine = create_engine(postgres_url)
    asyncio.run(_filled(postgres_url))
    given = {"age": 3600}
    words = PRUNE.on(engine.dialect, given)
    with engine.begin() as connection:
        explained = connection.exec_driver_sql(f"EXPLAIN {words.sql}", words.given(given))
        plan = "\n".join(explained.scalars())
    engine.dispose()
    assert "Index Cond: (received_at <" in plan


async def _filled(url: str) -> None:
    async with opened(url):
        fill(url)
    changed(url, "UPDATE deliveries SET received_at = 5e9")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE deliveries"))
    engine.dispose()
