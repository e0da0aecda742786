"""What is old goes, a few rows at a time, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from ghapp.core.policy.policy import Rules
from ghapp.store.engine import connected
from ghapp.store.pruning import (
    AT_ONCE,
    COMMITS,
    COUNTED,
    DELIVERIES,
    FEEDS,
    ISSUES,
    PREVIEWS,
    PUSHES,
    QUEUE_HEADS,
    STEPS,
    SUMS,
    TRIALS,
    prune,
)
from ghapp.store.sql import Connection, Connections, Statement
from ghapp.store.transactions import once
from ghapp.worker.worker import Worker
from tests.store.stores import PATIENCE_SECONDS, changed, delivery, opened

OLD = 40 * AT_ONCE
NUMBERS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
"""
FILL = {
    "deliveries": f"""
        INSERT INTO deliveries (id, event, received_at, body) {NUMBERS}
        SELECT 'old-' || n, 'push', 5, CAST('{"x" * 400}' AS BLOB) FROM numbers""",
    "pushes": f"""
        INSERT INTO pushes (key, id, push, seen_at) {NUMBERS}
        SELECT 'repository:' || n, 'a', '', 5 FROM numbers""",
    "commits": f"""
        INSERT INTO pushed_commits (repository_id, sha, user_id, login, seen_at) {NUMBERS}
        SELECT n, 'a', 5, 'ann', 5 FROM numbers""",
    "previews": f"""
        INSERT INTO previews (key, replay, written_at) {NUMBERS}
        SELECT 'policy:501:' || n, 'x', 5 FROM numbers""",
    "issues": f"""
        INSERT INTO issues (reference, issue, read_at) {NUMBERS}
        SELECT 'acme/shop#' || n, 'x', 5 FROM numbers""",
    "queue_heads": f"""
        INSERT INTO keys (key, kind, generation, done_generation, started_at) {NUMBERS}
        SELECT 'queue:501:' || n, 'queue', 1, 1, 5 FROM numbers""",
    "trials": f"""
        INSERT INTO reviews (key, verdict, marks, written, trial, trial_until) {NUMBERS}
        SELECT 'pull:501:' || n, '', '', '', 'old', 5 FROM numbers""",
    "posts": f"""
        INSERT INTO posts (target, id, done_at) {NUMBERS}
        SELECT 'slack::', 'digest:' || n, 5 FROM numbers""",
    "feeds": f"""
        INSERT INTO feeds (hash, allowed_at) {NUMBERS}
        SELECT 'old-' || n, 5 FROM numbers""",
    "area_days": f"""
        INSERT INTO area_days (day, repository_id, area) {NUMBERS}
        SELECT 719163 + n % 9, n, 'db' FROM numbers""",
    "question_days": f"""
        INSERT INTO question_days (day, repository_id, area, item) {NUMBERS}
        SELECT 719163 + n % 9, n, 'db', 'x' FROM numbers""",
    "timings": f"""
        INSERT INTO timings (day, repository_id, area, kind) {NUMBERS}
        SELECT 719163 + n % 9, n, '', 'author' FROM numbers""",
    "counted": f"""
        INSERT INTO counted (key, counted, counted_at) {NUMBERS}
        SELECT 'pull:501:' || n, '', 5 FROM numbers""",
}
FILL_PULLS = (
    f"""
        INSERT INTO pushed_commits (repository_id, sha, user_id, login, seen_at) {NUMBERS}
        SELECT n, 'b', 5, 'ann', 5e9 FROM numbers""",
    f"""
        INSERT INTO pushes (key, id, push, seen_at) {NUMBERS}
        SELECT 'pull:501:' || n, 'a', '', 5 FROM numbers""",
    f"""
        INSERT INTO previews (key, replay, written_at) {NUMBERS}
        SELECT 'policy:502:' || n, '{"x" * 400}', 5e9 FROM numbers""",
    f"""
        INSERT INTO issues (reference, issue, read_at) {NUMBERS}
        SELECT 'acme/batch#' || n, '{"x" * 400}', 5e9 FROM numbers""",
    f"""
        INSERT INTO keys (key, kind, generation, done_generation, started_at) {NUMBERS}
        SELECT 'pull:501:' || n, 'pull', 1, 1, 5 FROM numbers""",
    f"""
        INSERT INTO reviews (key, verdict, marks, written, trial_until) {NUMBERS}
        SELECT 'pull:502:' || n, '', '', '', (n % 2) * 1e11 FROM numbers""",
    f"""
        INSERT INTO feeds (hash, repositories, allowed_at) {NUMBERS}
        SELECT 'new-' || n, '{"x" * 400}', 5e9 FROM numbers""",
    f"""
        INSERT INTO area_days (day, repository_id, area) {NUMBERS}
        SELECT 999999, n, 'db' FROM numbers""",
    f"""
        INSERT INTO question_days (day, repository_id, area, item) {NUMBERS}
        SELECT 999999, n, 'db', 'x' FROM numbers""",
    f"""
        INSERT INTO timings (day, repository_id, area, kind) {NUMBERS}
        SELECT 999999, n, '', 'author' FROM numbers""",
    f"""
        INSERT INTO counted (key, counted, counted_at) {NUMBERS}
        SELECT 'pull:502:' || n, '{"x" * 400}', 5e9 FROM numbers""",
)


def fill(url: str, words: str = FILL["deliveries"], count: int = OLD) -> None:
    words = words.format(count)
    changed(url, words if url.startswith("sqlite") else words.replace("BLOB", "BYTEA"))


def left(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.scalar(text("SELECT count(*) FROM deliveries WHERE id LIKE 'old-%'"))
    engine.dispose()
    return int(count or 0)


@pytest.mark.anyio
async def test_deliveries_are_accepted_in_between(database_url: str) -> None:
    async with opened(database_url) as store:
        for words in FILL.values():
            fill(database_url, words)
        pruning, longest, accepted = asyncio.create_task(prune(store.records, 3600)), 0.0, 0
        while not pruning.done():
            began = time.monotonic()
            assert await store.queue.accept(delivery())
            longest, accepted = max(longest, time.monotonic() - began), accepted + 1
        assert await pruning == dict.fromkeys(STEPS, OLD)
        assert accepted >= 10
        assert longest < 10  # as long as GitHub waits
        assert left(database_url) == 0


@pytest.mark.parametrize("name", STEPS)
def test_so_many_go_at_once(database_url: str, name: str) -> None:
    asyncio.run(_filled(database_url, AT_ONCE + 1))
    made = Connections(connected(database_url, 1))
    gone = [once(made, lambda c: STEPS[name](c, 3600.0), writes=True) for _ in range(3)]
    made.close()
    assert gone == [AT_ONCE, 1, 0]


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


@pytest.mark.parametrize(
    ("statement", "postgresql", "sqlite"),
    [
        (DELIVERIES, r"Index Cond: \(received_at <", r"deliveries_received_at \(received_at<"),
        (PUSHES, r"pushes_to_branches .*\n.*Cond: \(seen_at <", r"pushes_to_branches \(seen_at<"),
        (
            COMMITS,
            r"pushed_commits_seen .*\n.*Cond: \(seen_at <",
            r"pushed_commits_seen \(seen_at<",
        ),
        (
            PREVIEWS,
            r"previews_written_at .*\n.*Cond: \(written_at <",
            r"previews_written_at \(written_at<",
        ),
        (ISSUES, r"issues_read_at .*\n.*Cond: \(read_at <", r"issues_read_at \(read_at<"),
        (QUEUE_HEADS, "Scan using keys_queue", "USING INDEX keys_queue"),
        (
            TRIALS,
            r"reviews_trial .*\n.*Cond: \(trial_until <",
            r"reviews_trial \(trial_until>\? AND trial_until<",
        ),
        (FEEDS, r"feeds_allowed .*\n.*Cond: \(allowed_at <", r"feeds_allowed \(allowed_at<"),
        *((SUMS[name], rf"{name}_day .*\n.*Cond: \(day <", rf"{name}_day \(day<") for name in SUMS),
        (COUNTED, r"counted_at .*\n.*Cond: \(counted_at <", r"counted_at \(counted_at<"),
    ],
    ids=[one for one in STEPS if one != "posts"],  # of which there are a few each day
)
def test_what_is_old_is_found_by_its_index_and_nothing_else_is_read(
    database_url: str, statement: Statement, postgresql: str, sqlite: str
) -> None:
    """Else each hour each worker reads all that there is."""
    asyncio.run(_filled(database_url, 100))
    for words in (FILL["deliveries"].replace("old-", "new-"), *FILL_PULLS):
        fill(database_url, words)
    changed(database_url, "UPDATE deliveries SET received_at = 5e9")
    plan = planned(database_url, statement)
    assert re.search(sqlite if database_url.startswith("sqlite") else postgresql, plan)
    tables = "deliveries|pushes|pushed_commits|previews|issues|keys|reviews|counted|timings"
    tables += "|area_days|question_days|feeds"
    whole = rf"(Seq Scan on|SCAN) ({tables})\b(?! USING INDEX keys_queue)"
    assert not re.search(whole, plan)


def planned(url: str, statement: Statement, **given: float) -> str:
    """How the database goes about it, knowing what it holds."""
    sqlite = url.startswith("sqlite")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ANALYZE" if sqlite else "VACUUM ANALYZE"))
    engine.dispose()
    given = {"age": 3600.0} if statement is DELIVERIES else given

    def explained(one: Connection) -> str:
        words = statement.on(one.dialect, given)
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        return "\n".join(row[-1] for row in one.run(f"{explain} {words.sql}", words.given(given)))

    made = Connections(connected(url, 1))
    plan = once(made, explained)
    made.close()
    return plan


async def _filled(url: str, count: int) -> None:
    async with opened(url):
        for words in FILL.values():
            fill(url, words, count)
