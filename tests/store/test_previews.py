"""Check runs `NFR policy` in the store: what they were written for, and what a kill leaves."""

from __future__ import annotations

import pytest

from ghapp.core.marks import POLICY, CheckRun, PutCheckRun
from ghapp.core.model import PolicyKey
from ghapp.core.records import Previewed
from ghapp.errors import LeaseLost
from ghapp.store import Store, previews, runs
from ghapp.store.work_queue import marking
from ghapp.store.work_queue.marking import FREE_RUNS, Mark
from tests.store.stores import HEAD, KEY, SHOP, changed, delivery, dirty, due, opened, story

FIRST = PolicyKey(SHOP, KEY.number)
RUN = PutCheckRun(CheckRun(HEAD, "digest", "success", name=POLICY), 0)


async def kept(store: Store, basis: str = "b1", content: str = "c1", replay: str = "{}") -> None:
    claim = await due(store, FIRST)
    await store.records.write(runs.intend, claim, (RUN,))
    await store.records.write(previews.keep, claim, basis, content, replay)


@story
async def test_what_a_check_run_was_written_for_is_kept_with_its_replay(store: Store) -> None:
    assert await store.records.read(previews.recall, FIRST) == Previewed()
    assert await store.records.read(previews.basis, FIRST) == ""
    await store.queue.mark_dirty([FIRST])
    await kept(store)
    found = await store.records.read(previews.recall, FIRST)
    assert found == Previewed("b1", "c1", "{}")
    assert await store.records.read(previews.basis, FIRST) == "b1"
    assert await dirty(store) == 0
    await store.queue.accept(delivery(FIRST, touched=True))
    assert (await store.records.read(previews.recall, FIRST)).touched
    await kept(store, "b2", "c2", "")
    assert await store.records.read(previews.recall, FIRST) == Previewed("b2", "c2", "")


@story
async def test_a_write_without_a_record_is_unresolved(store: Store) -> None:
    await store.queue.mark_dirty([FIRST])
    claim = await due(store, FIRST)
    await store.records.write(runs.intend, claim, (RUN,))
    await store.queue.defer(claim, after_seconds=0.0, lags=True)
    found = await store.records.read(previews.recall, FIRST)
    assert (found.unresolved, found.waited, found.basis) == (True, 1, "")


@story
async def test_whoever_lost_the_key_records_nothing(store: Store) -> None:
    await store.queue.mark_dirty([FIRST])
    claim = await due(store, FIRST)
    await store.queue.defer(claim, after_seconds=0.0)
    with pytest.raises(LeaseLost):
        await store.records.write(previews.keep, claim, "b1", "c1", "")
    assert await store.records.read(previews.basis, FIRST) == ""


@story
async def test_the_review_of_the_pull_does_not_wait_for_its_policy_check(store: Store) -> None:
    await store.queue.mark_dirty([FIRST])
    held = await due(store, FIRST)
    await store.queue.accept(delivery(KEY))
    (claim,) = await store.queue.claim(1)
    assert claim.key == KEY
    await store.queue.defer(held, after_seconds=0.0)
    await store.records.write(marking.mark, Mark((KEY,), requested=True))
    await store.queue.defer(claim, after_seconds=0.0)
    (first,) = await store.queue.claim(1)
    assert first.key == KEY  # a delivery asks for it


@pytest.mark.anyio
async def test_a_check_that_is_asked_for_all_the_time_waits(database_url: str) -> None:
    async with opened(database_url) as store:
        await store.queue.mark_dirty([FIRST])
        await kept(store)
        changed(database_url, f"UPDATE keys SET runs = {FREE_RUNS + 60}")
        await store.queue.mark_dirty([FIRST])
        assert await store.queue.claim(1) == ()
