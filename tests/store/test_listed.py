"""What runs record for the pages alone: their notes, since when a pull is flagged, what is open."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.model import PullKey
from ghapp.core.records import Hours, Overview, RunNote
from ghapp.store import Store, runs
from tests.store.stores import (
    HEAD,
    KEY,
    NOON,
    claimed,
    delivery,
    due,
    recalled,
    run,
    story,
    verdict,
)

NOTE = RunNote(NOON, "waiting_author", HEAD, "pull_request.opened d", 0.5, 0.25, 4, ("PutComment",))
SHOWN = Overview("add a column", "ann", is_draft=False, hours=Hours(("mon",), "09:00-18:00"))


async def recorded(store: Store, state: str, key: PullKey = KEY, **more: object) -> None:
    claim = await claimed(store, key)
    left = replace(run(verdict(key)), **({"state": state, "overview": SHOWN} | more))  # type: ignore[arg-type]
    await store.records.write(runs.record, claim, left, finished=True)


@story
async def test_notes_of_runs_come_back_as_they_were(store: Store) -> None:
    notes = (replace(NOTE, error="GitHub is down"), NOTE)
    await recorded(store, "waiting_author", runs=notes)
    assert (await recalled(store, KEY)).runs == notes


@story
async def test_a_run_knows_the_newest_delivery_that_it_covers(store: Store) -> None:
    await store.queue.accept(delivery(id="first"))
    await store.queue.accept(delivery(id="second", action="synchronize"))
    claim = await due(store)
    assert (await recalled(store, KEY)).delivery == "pull_request.synchronize second"
    await store.queue.accept(delivery(id="third", action=""))
    await store.queue.finish(claim)
    assert (await recalled(store, KEY)).delivery == "pull_request third"
    claim = await due(store)
    await store.queue.finish(claim)
    assert (await recalled(store, KEY)).delivery == ""
