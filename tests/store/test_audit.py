"""What an audit reads: everything that is recorded, each once, in pages."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Channel, PullKey, Repository
from ghapp.core.records import FollowUp
from ghapp.store import Store, audit, runs
from tests.store.stores import (
    KEY,
    NOON,
    OTHER,
    admitted,
    claimed,
    entry,
    run,
    story,
    verdict,
)

ELSEWHERE = PullKey(Repository(11, 502, "acme/Billing"), 3)


async def judged(
    store: Store, key: PullKey, *entries: Entry, follow_ups: tuple[FollowUp, ...] = ()
) -> None:
    """A whole run; each pull request has a head of its own."""
    head = f"{key.number}" * 40
    claim = await claimed(store, key)
    await admitted(store, claim, *entries, head_sha=head)
    made = replace(run(verdict(key, head_sha=head)), follow_ups=follow_ups)
    await store.records.write(runs.record, claim, made)
    await store.queue.finish(claim)


@story
async def test_pages_of_the_ledger_have_each_entry_once_in_order(store: Store) -> None:
    await judged(store, KEY, *(entry(f"comment:{n}") for n in range(audit.PAGE + 5)))
    await judged(store, OTHER, entry("comment:x"))
    found, row = [], 0
    while page := await store.records.read(audit.entries, row):
        assert len(page) <= audit.PAGE
        found += page
        row = page[-1].row
    expected = [(7, f"comment:{n}#0") for n in range(audit.PAGE + 5)]
    assert [(one.of.number, one.entry.id) for one in found] == [*expected, (8, "comment:x#0")]


@story
async def test_a_repository_is_found_by_any_of_its_names_and_named_by_the_last(
    store: Store,
) -> None:
    await judged(store, KEY, entry("comment:1"))
    await judged(store, ELSEWHERE, entry("comment:2"))
    renamed = replace(OTHER, repository=replace(OTHER.repository, full_name="acme/store"))
    await judged(store, renamed, entry("comment:3"))
    names = await store.records.read(audit.repositories)
    assert names == {501: "acme/store", 502: "acme/Billing"}
    for name in ("acme/shop", "ACME/Store"):
        assert await store.records.read(audit.ids_of, name) == (501,)
    assert await store.records.read(audit.ids_of, "acme/none") == ()
    found = await store.records.read(audit.entries, 0, [502])
    assert [one.entry.message_id for one in found] == ["comment:2"]
    found = await store.records.read(audit.entries, 0, [501])
    assert [one.entry.message_id for one in found] == ["comment:1", "comment:3"]


@story
async def test_a_follow_up_has_the_last_entry_that_deferred_it(store: Store) -> None:
    deferred = [
        Entry(
            f"comment:{n}", 0, Verb.DEFER, "ann", NOON, Channel.COMMENT, "q", until=f"2026-05-0{n}"
        )
        for n in (1, 2)
    ]
    follow_ups = tuple(FollowUp(7, item, "caching", "2026-05-02", "ann") for item in ("p", "q"))
    await judged(store, KEY, *deferred, follow_ups=follow_ups)
    await judged(store, ELSEWHERE, *deferred[:1], follow_ups=(replace(follow_ups[1], number=3),))
    found = await store.records.read(audit.follow_ups, "", "")
    waits = {(one.of.number, one.follow_up.item): one.deferred for one in found}
    assert waits == {(7, "p"): None, (7, "q"): deferred[1], (3, "q"): deferred[0]}
    assert (
        await store.records.read(audit.follow_ups, found[0].key, found[0].follow_up.item)
        == found[1:]
    )
    assert len(await store.records.read(audit.follow_ups, "", "", [502])) == 1


@story
async def test_reviews_are_as_the_last_run_left_them(store: Store) -> None:
    await judged(store, KEY)
    await judged(store, ELSEWHERE)
    found = await store.records.read(audit.reviews, "")
    assert [(one.of.number, one.state, one.verdict) for one in found] == [
        (7, "waiting", verdict(KEY, head_sha="7" * 40)),
        (3, "waiting", verdict(ELSEWHERE, head_sha="3" * 40)),
    ]
    assert await store.records.read(audit.reviews, found[0].key) == found[1:]
    assert await store.records.read(audit.reviews, "", [502]) == found[1:]
