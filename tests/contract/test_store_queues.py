"""Heads of merge queues in the store: which ones a verdict concerns, and that they end."""

from __future__ import annotations

import asyncio

import pytest

from ghapp.core.marks import CheckRun, PutCheckRun
from ghapp.core.model import QueueKey, Repository
from ghapp.errors import LeaseLost, Retry
from ghapp.store import Store
from tests.contract.stores import (
    HEAD,
    KEY,
    NEXT_HEAD,
    OTHER,
    SHOP,
    admitted,
    changed,
    delivery,
    dirty,
    due,
    opened,
    story,
    verdict,
    worked_off,
)

FRONT = QueueKey(SHOP, "main", "c" * 40)
OLD = QueueKey(SHOP, "release/1.x", "d" * 40)
ELSEWHERE = QueueKey(Repository(11, 502, "acme/site"), "main", "c" * 40)
RUN = PutCheckRun(CheckRun(FRONT.head_sha, "digest", "success"), 0)


async def answered(store: Store, key: QueueKey) -> None:
    await store.accept(delivery(key))
    claim = await due(store, key)
    await store.intend(claim, (RUN,))
    await store.answered(claim)
    await store.finish(claim)


@story
async def test_a_head_is_a_key_with_a_past_of_its_own(store: Store) -> None:
    await store.accept(delivery(KEY))
    await worked_off(store)
    await store.accept(delivery(FRONT))
    claim = await due(store, FRONT)
    await store.intend(claim, (RUN,))
    past = await store.recall_queue(FRONT, (KEY.number, OTHER.number))
    assert past.verdicts == {KEY.number: verdict(KEY)}
    assert (past.unresolved, past.touched, past.waited) == (True, False, 0)
    assert past.policy and past.policy.text == "mode: advise"
    await store.put_off(claim, after_seconds=0.0, counts=False, lags=True)
    assert (await store.recall_queue(FRONT, ())).waited == 1
    await store.answered(await due(store, FRONT))
    assert not (await store.recall_queue(FRONT, ())).unresolved


@story
async def test_a_changed_verdict_has_the_queues_of_its_repository_looked_at(store: Store) -> None:
    await answered(store, FRONT)
    await answered(store, ELSEWHERE)
    await store.accept(delivery(KEY))
    await worked_off(store)
    assert await dirty(store) == 1
    await store.finish(await due(store, FRONT))
    await store.mark_dirty([KEY])
    await worked_off(store)  # the same verdict is no news
    assert await dirty(store) == 0
    await store.mark_dirty([KEY])
    await worked_off(store, conclusion="action_required")
    assert await dirty(store) == 1


def test_a_head_of_days_ago_is_no_concern_of_a_verdict(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await answered(store, OLD)
            changed(database_url, "UPDATE keys SET started_at = started_at - 90000")
            await store.accept(delivery(KEY))
            await worked_off(store)
            assert await dirty(store) == 0

    asyncio.run(play())


@story
async def test_a_head_that_ended_is_gone_and_who_works_on_it_has_lost_it(store: Store) -> None:
    await store.accept(delivery(FRONT))
    claim = await due(store, FRONT)
    await store.intend(claim, (RUN,))
    await store.accept(delivery(ended=(FRONT,), keys=()))
    with pytest.raises(LeaseLost):
        await store.answered(claim)
    assert await store.renew((claim,)) == frozenset()
    past = await store.recall_queue(FRONT, ())
    assert (past.unresolved, past.waited) == (False, 0)
    await store.accept(delivery(KEY))
    await worked_off(store)
    assert await dirty(store) == 0


@story
async def test_a_verdict_on_an_older_head_is_told_with_that_head(store: Store) -> None:
    await store.accept(delivery(KEY))
    await worked_off(store, head_sha=NEXT_HEAD)
    past = await store.recall_queue(FRONT, (KEY.number,))
    assert past.verdicts[KEY.number].head_sha == NEXT_HEAD != HEAD


@story
async def test_a_pull_with_the_head_that_a_queue_tests_leaves_the_check_to_it(store: Store) -> None:
    await store.accept(delivery(KEY))
    claim = await due(store, KEY)
    await store.accept(delivery(FRONT))
    with pytest.raises(Retry) as retry:
        await admitted(store, claim, head_sha=FRONT.head_sha)
    assert not retry.value.counts
    await admitted(store, claim, head_sha=HEAD)
    await store.accept(delivery(ended=(FRONT,), keys=()))
    await admitted(store, claim, head_sha=FRONT.head_sha)
