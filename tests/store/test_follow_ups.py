"""Follow-ups, what was heard, and what was last seen: kept for as long as someone may ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.model import Channel, PullKey, Repository
from ghapp.core.records import FollowUp, RunNote
from ghapp.store import Store, history, pages, runs
from ghapp.store.history import MOST_DEBTS
from tests.store.stores import (
    KEY,
    NOON,
    OTHER,
    SHOP,
    admitted,
    claimed,
    comment,
    delivery,
    due,
    entry,
    recalled,
    run,
    story,
    verdict,
)

PLAN = FollowUp(7, "dbm-plan", "database-migration", "2026-05-01", "ann", "後で\x00", 31)
TTL = FollowUp(7, "cache-ttl", "caching", "2026-04-20", "bob", assigned=False)
ELSEWHERE = PullKey(Repository(11, 502, "acme/other"), 7)


async def recorded(store: Store, key: PullKey, *follow_ups: FollowUp) -> None:
    claim = await claimed(store, key)
    await store.records.write(runs.record, claim, replace(run(verdict(key)), follow_ups=follow_ups))
    await store.queue.finish(claim)


# --- follow-ups --------------------------------------------------------------------------


@story
async def test_follow_ups_come_back_by_item_as_they_were_recorded(store: Store) -> None:
    await recorded(store, KEY, PLAN, TTL)
    history = await recalled(store, KEY)
    assert (history.follow_ups, history.debts) == ((TTL, PLAN), ())


@story
async def test_a_follow_up_is_replaced_and_never_forgotten(store: Store) -> None:
    await recorded(store, KEY, PLAN, TTL)
    extended = replace(PLAN, due="2026-06-01", extended=True)
    await recorded(store, KEY, extended)
    await recorded(store, KEY)
    assert (await recalled(store, KEY)).follow_ups == (TTL, extended)


@story
async def test_other_pulls_of_the_repository_see_what_is_open_soonest_first(store: Store) -> None:
    await recorded(store, KEY, PLAN, TTL, replace(PLAN, item="closed", is_open=False))
    own = replace(PLAN, number=8)
    await recorded(store, OTHER, own)
    history = await recalled(store, OTHER)
    assert (history.follow_ups, history.debts) == ((own,), (TTL, PLAN))
    assert (await recalled(store, ELSEWHERE)).debts == ()


@story
async def test_a_closed_follow_up_is_no_debt_any_more(store: Store) -> None:
    await recorded(store, KEY, PLAN)
    await recorded(store, KEY, replace(PLAN, is_open=False))
    assert (await recalled(store, OTHER)).debts == ()


@story
async def test_of_very_many_debts_those_due_soonest_are_seen(store: Store) -> None:
    many = [replace(PLAN, item=f"i-{n:03}", due=f"{2300 - n}-01-01") for n in range(MOST_DEBTS + 9)]
    await recorded(store, KEY, *many)
    assert (await recalled(store, OTHER)).debts == tuple(many[: -MOST_DEBTS - 1 : -1])
    assert len((await recalled(store, KEY)).follow_ups) == MOST_DEBTS + 9


# --- what was heard ----------------------------------------------------------------------


@story
async def test_all_that_was_judged_is_heard_through_whichever_channel(store: Store) -> None:
    await store.queue.accept(delivery(messages=(comment(1), comment(2))))
    claim = await due(store)
    spoken = (
        entry("label:5#0", Channel.LABEL),
        entry("label:5#1", Channel.LABEL),
        entry("review:6#0"),
    )
    await admitted(store, claim, *spoken, judged=("comment:1", "review:7:approved"))
    history = await recalled(store, KEY)
    assert history.judged == {"label:5", "review:6", "comment:1", "review:7:approved"}
    assert history.messages == (comment(2),)
    assert (await recalled(store, OTHER)).judged == frozenset()


@story
async def test_what_was_read_and_judged_is_not_judged_again_when_its_delivery_comes(
    store: Store,
) -> None:
    await admitted(store, await claimed(store), judged=("comment:1",))
    await store.queue.accept(delivery(KEY, OTHER, messages=(comment(1),)))
    assert (await recalled(store, KEY)).messages == ()
    assert (await recalled(store, OTHER)).messages == (comment(1),)


@story
async def test_what_is_in_the_ledger_does_not_wait(store: Store) -> None:
    await store.queue.accept(delivery(messages=(comment(1),)))
    await admitted(store, await due(store), entry("comment:1#0"))
    assert (await recalled(store, KEY)).messages == ()


# --- what was last seen ------------------------------------------------------------------


@story
async def test_each_pull_is_seen_as_its_last_run_read_it(store: Store) -> None:
    assert await store.records.read(history.seen, SHOP) == {}
    for key, at in (
        (KEY, NOON),
        (KEY, NOON + timedelta(hours=1)),
        (OTHER, NOON),
        (ELSEWHERE, NOON),
    ):
        claim = await claimed(store, key)
        await store.records.write(runs.record, claim, replace(run(verdict(key)), seen_at=at))
        await store.queue.finish(claim)
    assert await store.records.read(history.seen, SHOP) == {7: NOON + timedelta(hours=1), 8: NOON}


@pytest.mark.parametrize("before", [True, False])
def test_a_run_that_did_not_read_the_pull_changes_nothing_of_that(
    database_url: str, before: bool
) -> None:
    @story
    async def told(store: Store) -> None:
        claim = await claimed(store)
        if before:
            await store.records.write(runs.record, claim, replace(run(verdict(KEY)), seen_at=NOON))
        await store.records.write(runs.record, claim, run(verdict(KEY)))
        assert await store.records.read(history.seen, SHOP) == ({7: NOON} if before else {})

    told(database_url)


@story
async def test_what_is_due_on_a_day_off_is_listed_by_the_next_working_day(store: Store) -> None:
    now = datetime.now(UTC)
    past, later = ((now + timedelta(days=days)).date().isoformat() for days in (-3, 3))
    await recorded(store, KEY, replace(PLAN, due=past, counts_on=later), replace(TTL, due=past))
    found = await store.records.read(pages.follow_ups, None, UTC, 7)
    assert {
        part: [one.follow_up.item for one in rows] for part, (_, rows) in found.parts.items()
    } == {
        "overdue": ["cache-ttl"],
        "soon": ["dbm-plan"],
    }


@story
async def test_pulls_with_follow_ups_are_known_with_when_a_run_read_them(store: Store) -> None:
    assert await store.records.read(history.followed, SHOP) == {}
    for key, made in ((KEY, (PLAN,)), (OTHER, ()), (ELSEWHERE, (PLAN,))):
        claim = await claimed(store, key)
        notes = (RunNote(NOON, "signed_off", ""), RunNote(NOON - timedelta(days=1), "", ""))
        done = replace(run(verdict(key)), follow_ups=made, runs=notes)
        await store.records.write(runs.record, claim, done)
        await store.queue.finish(claim)
    assert await store.records.read(history.followed, SHOP) == {7: NOON}
