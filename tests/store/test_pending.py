"""When a pull is checked again though nothing happens: recorded by each run, found by the sweep."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.decide import RENEWED_AFTER, Decision
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
    done = left(decided(), *effects, there=PENDING)
    assert (done.pending_since, done.recheck_at) == (since, since and since + RENEWED_AFTER)


def test_a_run_asks_for_another_one_at_the_first_of_several_times() -> None:
    soon, late = OLD + timedelta(days=1), OLD + timedelta(days=30)
    assert left(replace(decided(), recheck_at=soon), there=PENDING).recheck_at == soon
    renewed = left(replace(decided(), recheck_at=late), there=PENDING)
    assert renewed.recheck_at == OLD + RENEWED_AFTER


@story
async def test_a_run_records_the_state_and_since_when_it_holds(store: Store) -> None:
    claim = await claimed(store)
    await admitted(store, claim)
    done = replace(run(verdict(KEY, "", "1" * 40)), state="on_hold", state_since=START)
    await store.records.write(runs.record, claim, done)
    known = await recalled(store)
    assert (known.state, known.state_since) == ("on_hold", START)


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


async def waits(store: Store, until: datetime | None, key: PullKey = KEY) -> None:
    """The last run of the pull asked for another one then."""
    claim, head_sha = await claimed(store, key), f"{key.number:040x}"
    await admitted(store, claim, head_sha=head_sha)
    done = run(verdict(key, "", head_sha))
    await store.records.write(runs.record, claim, replace(done, recheck_at=until))
    await store.queue.finish(claim)


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def test_the_sweep_marks_those_whose_time_has_come(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await waits(store, ago(-0.1), OTHER)
            await waits(store, ago(0.1))
            # The last run began later than that, and left it as it was.
            assert await store.records.write(marking.mark_rechecks) == 0
            changed(database_url, LONG_AGO)
            assert await store.records.write(marking.mark_rechecks) == 1
            assert await store.records.write(marking.mark_rechecks) == 0
            (claim,) = await store.queue.claim(9)
            assert claim.key == KEY
            assert not (await recalled(store, KEY)).touched
            await store.queue.finish(claim)
            assert await store.records.write(marking.mark_rechecks) == 0

    asyncio.run(play())


def test_a_pull_is_marked_as_soon_as_its_time_comes_after_a_run(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await waits(store, ago(-0.1))
            assert await store.records.write(marking.mark_rechecks) == 0
            changed(database_url, "UPDATE keys SET started_at = started_at - 9000")
            changed(database_url, "UPDATE reviews SET recheck_at = recheck_at - 8641")
            assert await store.records.write(marking.mark_rechecks) == 1

    asyncio.run(play())


@pytest.mark.parametrize("since", [None, ago(40)])
def test_what_asks_for_no_run_and_a_key_that_is_parked_are_left_alone(
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
            assert await store.records.write(marking.mark_rechecks) == 0
            assert await dirty(store) == 0
            assert len(await parked_in(store)) == (1 if since else 0)

    asyncio.run(play())
