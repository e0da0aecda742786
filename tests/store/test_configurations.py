"""The standing review in the store: when a search is due, and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ghapp.core.areas import Text
from ghapp.core.marks import Issue
from ghapp.core.model import ConfigurationKey, Repository, SweepKey
from ghapp.core.records import PolicySource
from ghapp.core.review.configuration import Tracked
from ghapp.core.scan.configuration import Spot
from ghapp.errors import LeaseLost
from ghapp.store import Store, configurations, policies
from ghapp.store.configurations import Outcome, Week, monday_of
from ghapp.store.history import recall
from tests.store.stores import NOON, SHOP, comment, delivery, due, entry, story

KEY = ConfigurationKey(SHOP)
OTHER = Repository(SHOP.installation_id, 502, "acme/other")
ELSEWHERE = Repository(99, 503, "else/where")
ON, OFF = "configuration: {scan: weekly}\n", "version: 1\n"
FOUND = Tracked("a.tf", "IAC-001", 0, 2, "must", "iac", NOON, NOON)
SPOTS = {("s1", "r1"): (Spot("IAC-001", 2),), ("s2", "r1"): None}
ISSUE = Issue("configuration", "", title="t", body="b")


async def installed(store: Store, *repositories: Repository, text: str = ON) -> None:
    """As after a sweep, with this policy."""
    await store.queue.mark_dirty(map(SweepKey, repositories))
    for claim in await store.queue.claim(9):
        await store.queue.finish(claim)
    for one in repositories:
        source = PolicySource(text, '"v"', NOON, text)
        await store.records.write(policies.keep, one.id, source, 0)


async def wanted(store: Store) -> set[int]:
    """Ask for what is due; the repositories of the keys that are claimed then, and given back."""
    await store.records.write(configurations.mark_due)
    claims = await store.queue.claim(9)
    for claim in claims:
        await store.queue.finish(claim)
    return {one.key.repository.id for one in claims if isinstance(one.key, ConfigurationKey)}


@story
async def test_one_repository_of_each_installation_at_a_time(store: Store) -> None:
    await installed(store, SHOP, OTHER, ELSEWHERE)
    assert await store.records.write(configurations.mark_due) == 2
    assert await store.records.write(configurations.mark_due) == 0
    first = await store.queue.claim(9)
    assert {one.key.repository for one in first} == {SHOP, ELSEWHERE}  # type: ignore[union-attr]
    shop = next(one for one in first if one.key == KEY)
    await store.records.write(configurations.end, shop)  # the next one follows at once
    (second,) = await store.queue.claim(9)
    assert second.key == ConfigurationKey(OTHER)


@story
async def test_a_search_is_due_once_a_week(store: Store) -> None:
    await installed(store, SHOP)
    assert await wanted(store) == {SHOP.id}
    assert await wanted(store) == set()
    assert (await store.records.read(configurations.recall, SHOP.id)).wanted


@story
async def test_a_policy_that_does_not_mention_it_costs_nothing(store: Store) -> None:
    await installed(store, SHOP, text=OFF)
    assert await wanted(store) == set()
    source = PolicySource(ON, '"v"', NOON, ON)
    await store.records.write(policies.keep_organisation, "somebody", source, 0)
    assert await wanted(store) == {SHOP.id}


@story
async def test_after_a_change_of_the_policy_it_is_due_soon(store: Store) -> None:
    await installed(store, SHOP, text=OFF)
    await store.records.write(configurations.hasten, SHOP)
    (claim,) = await store.queue.claim(9)
    assert claim.key == KEY
    await store.records.write(configurations.end, claim)
    assert await wanted(store) == set()


@story
async def test_where_it_is_off_it_is_asked_for_again_in_a_day(store: Store) -> None:
    await installed(store, SHOP)
    await store.records.write(configurations.mark_due)
    (claim,) = await store.queue.claim(9)
    await store.records.write(configurations.skip, claim, SHOP.id)
    assert await wanted(store) == set()


@story
async def test_what_was_found_is_known_by_sha_until_it_is_unused(store: Store) -> None:
    await store.records.write(configurations.want, [SHOP])
    claim = await due(store, KEY)
    await store.records.write(configurations.keep_spots, claim, SHOP.id, SPOTS)
    assert await store.records.read(configurations.spots, SHOP.id) == SPOTS
    assert await store.records.read(configurations.spots, OTHER.id) == {}
    known = await store.records.read(configurations.recall, SHOP.id)
    assert (known.wanted, known.read) == (True, 2)
    gone = replace(FOUND, path="b.tf", gone_at=NOON)
    outcome = Outcome(
        known.now, (FOUND, gone), 2, ("big.tf",), False, {"IAC-001": Text("m", "n")},
        unused=(("s2", "r1"),),
    )  # fmt: skip
    await store.records.write(configurations.searched, claim, SHOP.id, outcome)
    assert set(await store.records.read(configurations.spots, SHOP.id)) == {("s1", "r1")}
    assert await store.records.read(configurations.open_paths, SHOP.id) == {"a.tf"}
    after = await store.records.read(configurations.recall, SHOP.id)
    assert set(after.findings) == {FOUND, gone}
    assert (after.wanted, after.searched_at, after.before) == (False, known.now, None)
    assert (after.files, after.unread, after.is_partial) == (2, ("big.tf",), False)
    assert after.legend == {"IAC-001": Text("m", "n")}
    await store.records.write(configurations.want, [SHOP])
    again = await store.records.read(configurations.recall, SHOP.id)
    assert (again.wanted, again.read) == (True, 0)


@story
async def test_each_week_has_its_last_counts(store: Store) -> None:
    for monday, must in (("2026-11-30", 3), ("2026-11-23", 5), ("2026-11-30", 2)):
        counts = {"must": must, "should": 1, "could": 0, "accepted": 4}
        await store.records.write(configurations.count, SHOP.id, monday, counts)
    assert await store.records.read(configurations.weeks, SHOP.id) == (
        Week("2026-11-23", 5, 1, 0, 4),
        Week("2026-11-30", 2, 1, 0, 4),
    )
    assert monday_of(datetime(2026, 12, 6, 23, tzinfo=UTC)) == "2026-11-30"


@story
async def test_what_is_said_on_the_issue_is_judged_once(store: Store) -> None:
    said = comment(1, "/nfr undo A-1 b")
    await store.queue.accept(delivery(KEY, messages=(said,)))
    claim = await due(store, KEY)
    assert (await store.records.read(recall, KEY)).messages == (said,)
    source = PolicySource(ON, '"v"', NOON, ON)
    judged = [entry("comment:1")]
    await store.records.write(configurations.admit, claim, KEY, source, 0, judged, ["comment:1"])
    history = await store.records.read(recall, KEY)
    assert (history.messages, history.ledger) == ((), tuple(judged))
    assert history.policy is not None
    assert history.policy.text == ON


@story
async def test_an_issue_without_a_record_is_unresolved(store: Store) -> None:
    await store.records.write(configurations.want, [SHOP])
    claim = await due(store, KEY)
    await store.records.write(configurations.intend, claim, 0, ISSUE)
    assert (await store.records.read(recall, KEY)).unresolved == {"OpenIssue configuration"}
    await store.records.write(configurations.wrote, claim, SHOP.id, 5, "digest")
    assert not (await store.records.read(recall, KEY)).unresolved
    known = await store.records.read(configurations.recall, SHOP.id)
    assert (known.issue, known.written) == (5, "digest")


@story
async def test_whoever_lost_the_key_records_nothing(store: Store) -> None:
    await store.records.write(configurations.want, [SHOP])
    claim = await due(store, KEY)
    await store.queue.defer(claim, after_seconds=0.0)
    with pytest.raises(LeaseLost):
        await store.records.write(configurations.keep_spots, claim, SHOP.id, SPOTS)
    with pytest.raises(LeaseLost):
        await store.records.write(configurations.wrote, claim, SHOP.id, 5, "digest")
    with pytest.raises(LeaseLost):
        await store.records.write(configurations.end, claim)
    assert await store.records.read(configurations.spots, SHOP.id) == {}
