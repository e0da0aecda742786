"""What would have blocked a pull: recorded by each run, read by reports, cleared after 400 days."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.model import PullKey, Repository
from ghapp.core.records import Trial, TrialArea, Tried
from ghapp.store import Store, runs, trials
from ghapp.store.pruning import TRIAL_SECONDS, prune
from tests.store.stores import (
    HEAD,
    KEY,
    OTHER,
    SHOP,
    admitted,
    changed,
    claimed,
    opened,
    recalled,
    run,
    stored,
    story,
    verdict,
)
from tests.store.test_prune import NUMBERS, planned

DAY = timedelta(days=1)
API = PullKey(Repository(11, 502, "acme/api"), 3)
AREA = TrialArea("database-migration", "observe", ("dbm-rollback",), ("DBM-001",))


def ago(days: float) -> datetime:
    return (datetime.now(UTC) - timedelta(days=days)).replace(microsecond=0)


def a_trial(since: datetime, until: datetime | None = None) -> Trial:
    ended = "merged" if until else ""
    return Trial(HEAD, "ann", "feat: x", "https://x", (AREA,), since, until, ended, 60.0)


async def ran(store: Store, given: Trial | None, key: PullKey = KEY) -> None:
    """A run of the pull that leaves this."""
    claim, head_sha = await claimed(store, key), f"{key.repository.id + key.number:040x}"
    await admitted(store, claim, head_sha=head_sha)
    left = replace(run(verdict(key, "success", head_sha)), trial=given)
    await store.records.write(runs.record, claim, left)
    await store.queue.finish(claim)


async def tried(store: Store, days: float) -> list[tuple[str, int]]:
    found = await store.records.read(trials.tried, ago(days))
    return [(one.full_name, one.number) for one in found]


@story
async def test_the_next_run_knows_what_the_last_one_recorded(store: Store) -> None:
    assert (await recalled(store)).trial is None
    given = a_trial(ago(3))
    await ran(store, given)
    assert (await recalled(store)).trial == given
    await ran(store, None)
    assert (await recalled(store)).trial is None


@story
async def test_a_report_has_what_lasts_and_what_ended_within_its_days(store: Store) -> None:
    assert await tried(store, 14) == []
    lasting, ended = a_trial(ago(300)), a_trial(ago(40), ago(10))
    await ran(store, lasting, OTHER)
    await ran(store, ended)
    await ran(store, a_trial(ago(40), ago(20)), API)
    assert await tried(store, 14) == [("acme/shop", 7), ("acme/shop", 8)]
    assert await tried(store, 5) == [("acme/shop", 8)]
    assert await tried(store, 30) == [("acme/api", 3), ("acme/shop", 7), ("acme/shop", 8)]
    first, _ = await store.records.read(trials.tried, ago(14))
    assert first == Tried("acme/shop", 7, ended)


@story
async def test_a_repository_is_reported_by_its_present_name(store: Store) -> None:
    await ran(store, a_trial(ago(1)))
    moved = replace(SHOP, full_name="acme/store")
    await store.queue.mark_dirty([PullKey(moved, KEY.number)])
    assert await tried(store, 14) == [("acme/store", 7)]


def test_what_ended_long_ago_is_cleared_and_nothing_else_of_the_pull(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            old = TRIAL_SECONDS / 86_400 + 1
            await ran(store, a_trial(ago(500), ago(old)))
            await ran(store, a_trial(ago(500)), OTHER)
            await ran(store, a_trial(ago(500), ago(old - 2)), API)
            before = await recalled(store)
            assert (await prune(store.records, 3600))["trials"] == 1
            assert (await recalled(store)) == replace(before, trial=None)
            assert await tried(store, 600) == [("acme/api", 3), ("acme/shop", 8)]

    asyncio.run(play())


@pytest.mark.parametrize("count", [2000])
def test_a_report_finds_its_rows_by_their_index(database_url: str, count: int) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await ran(store, a_trial(ago(1)))

    asyncio.run(play())
    numbers = NUMBERS.format(count)
    changed(
        database_url,
        f"INSERT INTO reviews (key, verdict, marks, written) {numbers}"
        " SELECT 'pull:502:' || n, '', '', '' FROM numbers",
    )
    assert stored(database_url, "SELECT count(*) FROM reviews") == count + 1
    assert re.search("reviews_trial", planned(database_url, trials.TRIED, since=5.0))
