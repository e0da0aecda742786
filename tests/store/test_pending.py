"""How old a check run in progress is: recorded by each run, found by the sweep."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.decide import Decision
from ghapp.core.marks import CheckRun, Marks, Outcome, PutCheckRun, Written
from ghapp.core.model import PullKey
from ghapp.core.records import Run
from ghapp.store import MAX_ATTEMPTS, Store, runs
from ghapp.store.work_queue import marking
from ghapp.worker.effects import Applied, recorded
from tests.core.build import START, area, facts, policy
from tests.core.test_decide_renewal import OLD, PENDING, decided
from tests.store.stores import (
    KEY,
    LONG_AGO,
    OTHER,
    admitted,
    changed,
    claimed,
    dirty,
    opened,
    parked_in,
    recalled,
    run,
    story,
    verdict,
)

DAY = 24 * 3600.0
AGE = 12 * DAY
WRITTEN = Written(check_run_id=21)


def left(decision: Decision, *effects: tuple[PutCheckRun, int], there: CheckRun) -> Run:
    seen = facts(policy(area("db", "enforce"), mode="enforce"), observed=Marks(there))
    applied = Applied(done=tuple((effect, Outcome(id, START)) for effect, id in effects))
    return recorded(decision, replace(seen, written=WRITTEN), applied, found=False)


@pytest.mark.parametrize(
    ("effects", "since"),
    [
        ((), OLD),
        (((PutCheckRun(PENDING, 21), 21),), OLD),  # patched, it is as old as before
        (((PutCheckRun(PENDING, 0), 22),), START),
        (((PutCheckRun(replace(PENDING, conclusion="success"), 21), 21),), None),
    ],
    ids=["no write", "patched", "new", "completed"],
)
def test_a_run_remembers_since_when_its_check_run_is_in_progress(
    effects: tuple[tuple[PutCheckRun, int], ...], since: datetime | None
) -> None:
    assert left(decided(), *effects, there=PENDING).pending_since == since


@story
async def test_a_run_records_since_when_labels_are_late(store: Store) -> None:
    for since in (START, None):
        claim = await claimed(store)
        await admitted(store, claim)
        seen = replace(facts(policy(area("db", "enforce"))), late_since=since)
        done = recorded(decided(), seen, Applied(), found=False)
        await store.records.write(runs.record, claim, done)
        await store.queue.finish(claim)
        assert (await recalled(store)).late_since == since


def test_a_closed_pull_has_no_run_to_renew() -> None:
    seen = facts(policy(area("db", "enforce")), observed=Marks(PENDING), is_open=False)
    assert recorded(decided(is_open=False), seen, Applied(), found=False).pending_since is None


async def waits(store: Store, since: datetime | None, key: PullKey = KEY) -> None:
    """The last run of the pull left a check run that is in progress since then."""
    claim, head_sha = await claimed(store, key), f"{key.number:040x}"
    await admitted(store, claim, head_sha=head_sha)
    done = run(verdict(key, "", head_sha))
    await store.records.write(runs.record, claim, replace(done, pending_since=since))
    await store.queue.finish(claim)


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def test_the_sweep_marks_old_ones_and_each_once_a_day(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            since = ago(12.1)
            await waits(store, since)
            await waits(store, ago(11.9), OTHER)
            known = (await recalled(store, KEY)).pending_since
            assert known and abs(known - since) < timedelta(milliseconds=1)
            assert (
                await store.records.write(marking.mark_pending, AGE) == 0
            )  # it was looked at just now
            changed(database_url, LONG_AGO)
            assert await store.records.write(marking.mark_pending, AGE) == 1
            assert await store.records.write(marking.mark_pending, AGE) == 0
            (claim,) = await store.queue.claim(9)
            assert claim.key == KEY
            assert not (await recalled(store, KEY)).touched
            await store.queue.finish(claim)
            assert await store.records.write(marking.mark_pending, AGE) == 0

    asyncio.run(play())


@pytest.mark.parametrize("since", [None, ago(40)])
def test_a_check_run_that_is_done_or_a_key_that_is_parked_is_left_alone(
    database_url: str, since: datetime | None
) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await waits(store, since)
            if since:
                await store.queue.mark_dirty([KEY])
                for _ in range(MAX_ATTEMPTS):
                    changed(database_url, f"{LONG_AGO}, due = 1")
                    (claim,) = await store.queue.claim(1)
                    await store.queue.fail(claim, after_seconds=0, reason="500")
            changed(database_url, LONG_AGO)
            assert await store.records.write(marking.mark_pending, AGE) == 0
            assert await dirty(store) == 0
            assert len(await parked_in(store)) == (1 if since else 0)

    asyncio.run(play())
