"""A copy shows what was recorded, and leaves what is known as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ghapp.core.ledger import Verb
from ghapp.core.records import FollowUp
from ghapp.store import Store, copying, pages, stats
from tests.store.stores import NOON, opened
from tests.web.reviews import entry, overview, recorded

LATER = FollowUp(1, "dbm-rollback", "database-migration", "2026-12-31", "bob")
SAID = tuple(entry(verb, "dbm-rollback", minute) for minute, verb in enumerate(Verb))


async def shown(store: Store, number: int) -> object:
    """What the page of a pull of acme/shop shows, without when it was read."""
    found = await store.records.read(pages.pull, None, "acme/shop", number)
    assert found
    return found.entries, found.overview, found.since, found.follow_ups, found.checked_at


def test_a_copy_shows_the_same_beside_what_was_there(database_url: str, tmp_path: Path) -> None:
    async def copied() -> None:
        async with opened(f"sqlite:///{tmp_path}/other.db") as other:
            await recorded(other, 1, "on_hold", overview("one"), *SAID, follow_ups=(LATER,))
            await recorded(other, 9, "on_hold", overview("theirs"))
            first = await shown(other, 1)
            rows = await other.records.read(copying.rows)
        async with opened(database_url) as store:
            await recorded(store, 9, "waiting_author", overview("ours"), entry(Verb.HOLD))
            ours = await shown(store, 9)
            await store.records.write(copying.put, rows)
            assert await shown(store, 1) == first
            assert await shown(store, 9) == ours

    asyncio.run(copied())


def test_a_database_with_a_clock_of_its_own_records_by_it(tmp_path: Path) -> None:
    async def played() -> None:
        url = f"sqlite:///{tmp_path}/history.db"
        store = await Store.open(url, clock=NOON.timestamp)
        try:
            await recorded(store, 1)
            found = await store.records.read(pages.pull, None, "acme/shop", 1)
            assert found
            apart = [abs((at - NOON).total_seconds()) for at in (found.now, found.checked_at)]
            assert max(apart) < 0.001
        finally:
            await store.close()
        async with opened(url) as later:
            assert await later.records.read(stats.now) > NOON

    asyncio.run(played())
