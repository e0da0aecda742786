"""Heads of merge queues in the store: which ones a verdict concerns, and that they end."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import create_engine, text

from ghapp.core.marks import CheckRun, PutCheckRun
from ghapp.core.model import QueueKey, Repository
from ghapp.errors import LeaseLost, Wait
from ghapp.store import MAX_ATTEMPTS, Store, runs
from ghapp.store.history import recall_queue
from ghapp.store.pruning import prune
from ghapp.store.work_queue import marking
from tests.store.stores import (
    HEAD,
    KEY,
    NEXT_HEAD,
    OTHER,
    PATIENCE_SECONDS,
    SHOP,
    admitted,
    changed,
    delivery,
    dirty,
    due,
    health_of,
    opened,
    story,
    verdict,
    worked_off,
)

FRONT = QueueKey(SHOP, "main", "c" * 40)
OLD = QueueKey(SHOP, "release/1.x", "d" * 40)
ELSEWHERE = QueueKey(Repository(11, 502, "acme/site"), "main", "c" * 40)
DAY = 86_400
RUN = PutCheckRun(CheckRun(FRONT.head_sha, "digest", "success"), 0)


async def answered(store: Store, key: QueueKey) -> None:
    await store.queue.accept(delivery(key))
    claim = await due(store, key)
    await store.records.write(runs.intend, claim, (RUN,))
    await store.records.write(runs.answered, claim)
    await store.queue.finish(claim)


@story
async def test_a_head_is_a_key_with_a_past_of_its_own(store: Store) -> None:
    await store.queue.accept(delivery(KEY))
    await worked_off(store)
    await store.queue.accept(delivery(FRONT))
    claim = await due(store, FRONT)
    await store.records.write(runs.intend, claim, (RUN,))
    history = await store.records.read(recall_queue, FRONT, (KEY.number, OTHER.number))
    assert history.verdicts == {KEY.number: verdict(KEY)}
    assert (history.unresolved, history.touched, history.waited) == (True, False, 0)
    assert history.policy and history.policy.text == "mode: advise"
    await store.queue.defer(claim, after_seconds=0.0, lags=True)
    assert (await store.records.read(recall_queue, FRONT, ())).waited == 1
    await store.records.write(runs.answered, await due(store, FRONT))
    assert not (await store.records.read(recall_queue, FRONT, ())).unresolved


@story
async def test_a_changed_verdict_has_the_queues_of_its_repository_looked_at(store: Store) -> None:
    await answered(store, FRONT)
    await answered(store, ELSEWHERE)
    await store.queue.accept(delivery(KEY))
    await worked_off(store)
    assert await dirty(store) == 1
    await store.queue.finish(await due(store, FRONT))
    await store.queue.mark_dirty([KEY])
    await worked_off(store)  # the same verdict is no news
    assert await dirty(store) == 0
    await store.queue.mark_dirty([KEY])
    await worked_off(store, conclusion="action_required")
    assert await dirty(store) == 1


def test_a_head_of_days_ago_is_no_concern_of_a_verdict(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await answered(store, OLD)
            changed(database_url, "UPDATE keys SET started_at = started_at - 90000")
            await store.queue.accept(delivery(KEY))
            await worked_off(store)
            assert await dirty(store) == 0

    asyncio.run(play())


@story
async def test_a_head_that_ended_is_gone_and_who_works_on_it_has_lost_it(store: Store) -> None:
    await store.queue.accept(delivery(FRONT))
    claim = await due(store, FRONT)
    await store.records.write(runs.intend, claim, (RUN,))
    await store.queue.accept(delivery(ended=(FRONT,), keys=()))
    with pytest.raises(LeaseLost):
        await store.records.write(runs.answered, claim)
    assert await store.queue.renew((claim,)) == frozenset()
    history = await store.records.read(recall_queue, FRONT, ())
    assert (history.unresolved, history.waited) == (False, 0)
    await store.queue.accept(delivery(KEY))
    await worked_off(store)
    assert await dirty(store) == 0


@story
async def test_a_verdict_on_an_older_head_is_told_with_that_head(store: Store) -> None:
    await store.queue.accept(delivery(KEY))
    await worked_off(store, head_sha=NEXT_HEAD)
    history = await store.records.read(recall_queue, FRONT, (KEY.number,))
    assert history.verdicts[KEY.number].head_sha == NEXT_HEAD != HEAD


@story
async def test_a_pull_with_the_head_that_a_queue_tests_leaves_the_check_to_it(store: Store) -> None:
    await store.queue.accept(delivery(KEY))
    claim = await due(store, KEY)
    await store.queue.accept(delivery(FRONT))
    with pytest.raises(Wait):
        await admitted(store, claim, head_sha=FRONT.head_sha)
    await admitted(store, claim, head_sha=HEAD)
    await store.queue.accept(delivery(ended=(FRONT,), keys=()))
    await admitted(store, claim, head_sha=FRONT.head_sha)


# --- heads whose end was never told ------------------------------------------------------


def hanging_on(url: str, key: QueueKey) -> tuple[int, int]:
    """How many rows there are of a head: keys and intents."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [
            len(connection.execute(text(f"SELECT 1 FROM {table} WHERE key = '{key}'")).all())
            for table in ("keys", "intents")
        ]
    engine.dispose()
    return found[0], found[1]


def pruned(database_url: str, key: QueueKey, days: float, state: str = "") -> bool:
    """Whether a head on which a write is unresolved goes with the next pruning.

    days: since it was looked at. state: a change of its row after that, as SQL.
    """

    async def play() -> bool:
        async with opened(database_url) as store:
            await store.queue.accept(delivery(KEY, key))
            for claim in await store.queue.claim(2):
                await store.records.write(runs.intend, claim, (RUN,))
                await store.queue.finish(claim)
            changed(database_url, f"UPDATE keys SET started_at = started_at - {days * DAY}")
            if state:
                changed(database_url, f"UPDATE keys SET {state} WHERE key = '{key}'")
            await prune(store.records, 3600)
            assert hanging_on(database_url, KEY) == (1, 1)  # a pull is no head of a queue
            keys, intents = hanging_on(database_url, key)
            assert keys == intents
            return not keys

    return asyncio.run(play())


@pytest.mark.parametrize(("days", "goes"), [(6.9, False), (7.1, True)])
def test_a_head_whose_end_was_never_told_goes_after_a_week(
    database_url: str, days: float, goes: bool
) -> None:
    assert pruned(database_url, FRONT, days) is goes


@pytest.mark.parametrize(
    "state",
    [
        "generation = generation + 1, due = 5",
        "generation = generation + 1, due = 4e9",
        "generation = generation + 1, lease_token = 'x', lease_until = 4e9",
        # The App has left its repository while a worker was at it.
        "lease_token = 'x', lease_until = 4e9",
    ],
)
def test_a_head_that_is_held_or_to_be_looked_at_stays(database_url: str, state: str) -> None:
    assert not pruned(database_url, FRONT, 30, state)


@pytest.mark.parametrize(
    ("arrived_at", "revived", "goes"),
    [
        (f"arrived_at - {6.9 * DAY}", False, False),
        (f"arrived_at - {7.1 * DAY}", False, True),
        (f"arrived_at - {7.1 * DAY}", True, False),
        ("0", False, False),  # ghapp of schema 0003 does not tell
    ],
)
def test_a_head_that_has_failed_for_a_week_is_tried_no_more(
    database_url: str, arrived_at: str, revived: bool, goes: bool
) -> None:
    """By what was delivered: each sweep has what is parked looked at again."""

    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.accept(delivery(FRONT))
            for _ in range(MAX_ATTEMPTS):
                await store.queue.fail(await due(store, FRONT), after_seconds=0, reason="502")
            assert (await health_of(store)).parked == 1
            changed(database_url, f"UPDATE keys SET arrived_at = {arrived_at}")
            if revived:
                await store.records.write(marking.retry_parked)
            await prune(store.records, 3600)
            assert hanging_on(database_url, FRONT) == (0 if goes else 1, 0)

    asyncio.run(play())


def test_a_head_that_is_just_marked_stays_and_pruning_does_not_wait(postgres_url: str) -> None:
    async def play() -> None:
        async with opened(postgres_url) as store:
            await answered(store, FRONT)
            changed(postgres_url, "UPDATE keys SET started_at = 5")
            engine = create_engine(postgres_url)
            with engine.begin() as marking:
                marking.execute(text("UPDATE keys SET generation = generation + 1"))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    assert (await prune(store.records, 3600))["queue_heads"] == 0
            engine.dispose()
            assert (await prune(store.records, 3600))["queue_heads"] == 0
            assert hanging_on(postgres_url, FRONT) == (1, 0)

    asyncio.run(play())
