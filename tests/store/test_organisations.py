"""The policy of an organisation: stored once, for all of its repositories."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ghapp.core.model import OrganisationKey, PullKey, Repository, RepositoryKey
from ghapp.core.records import PackFile, PolicySource
from ghapp.store import Store, policies, runs, stats
from ghapp.store.work_queue.marking import MOST_BEHIND, mark_behind
from tests.store.stores import (
    KEY,
    LONG_AGO,
    NOON,
    OTHER,
    SHOP,
    SOURCE,
    admitted,
    changed,
    claimed,
    delivery,
    due,
    later,
    opened,
    recalled,
    run,
    story,
    verdict,
)

PACK = PackFile(".github/nfr/a.yml", "1" * 40, 7, text="area: a")
BELOW = PolicySource("mode: enforce", '"o1"', NOON, "mode: enforce", (PACK,), (PACK,))
BOTH = replace(SOURCE, organisation=BELOW)
ACME = OrganisationKey(11, "acme")
CART = PullKey(Repository(11, 502, "ACME/cart"), 3)


async def stored(store: Store, owner: str = "acme") -> policies.Layer:
    return await store.records.read(policies.organisation, owner)


def dropping(*owners: str) -> dict[str, object]:
    return {"event": "push", "organisations": owners}


@story
async def test_all_repositories_of_an_owner_share_its_policy(store: Store) -> None:
    await admitted(store, await claimed(store), source=BOTH)
    assert (await recalled(store, KEY)).policy == BOTH
    # Another one was never read itself, and logins ignore case.
    cart = (await recalled(store, CART)).policy
    assert cart == PolicySource(organisation=BELOW)
    reinstalled = PullKey(replace(SHOP, installation_id=99), KEY.number)
    assert (await recalled(store, reinstalled)).policy == BOTH
    beta = PullKey(Repository(12, 503, "beta/cart"), 1)
    assert (await recalled(store, beta)).policy is None


@story
async def test_a_repository_that_moves_has_the_policy_of_its_new_owner_only(store: Store) -> None:
    await admitted(store, await claimed(store), source=BOTH)
    moved = PullKey(Repository(12, SHOP.id, "beta/shop"), KEY.number)
    assert (await recalled(store, moved)).policy == SOURCE
    of_beta = replace(BELOW, text="mode: observe", good="mode: observe")
    await store.records.write(policies.keep_organisation, "beta", of_beta, 0)
    assert (await recalled(store, moved)).policy == replace(SOURCE, organisation=of_beta)
    assert (await recalled(store, KEY)).policy == BOTH


@story
async def test_a_push_to_it_has_it_read_again_but_keeps_what_was_good(store: Store) -> None:
    await admitted(store, await claimed(store), source=BOTH)
    await store.queue.accept(delivery(ACME, **dropping("acme", "beta")))
    history = await recalled(store, KEY)
    assert history.policy == replace(BOTH, organisation=replace(BELOW, read_at=None))
    assert history.organisation_drops == 1
    assert await stored(store, "beta") == policies.Layer(None, 1)


@story
async def test_a_push_during_the_run_has_it_read_again(store: Store) -> None:
    claim = await claimed(store)
    seen = (await recalled(store, KEY)).organisation_drops
    await store.queue.accept(delivery(ACME, **dropping("acme")))
    await store.records.write(policies.keep_organisation, "acme", BELOW, seen)
    assert (await stored(store)).source == replace(BELOW, read_at=None)
    await store.records.write(policies.keep_organisation, "acme", later(BELOW, 1, "x"), seen + 1)
    newer = await stored(store)
    assert newer.source == later(BELOW, 1, "x")
    await admitted(store, claim, source=replace(BOTH, organisation=BELOW))  # which read it before
    assert await stored(store) == newer


@story
async def test_it_counts_as_changed_only_when_its_content_does(store: Store) -> None:
    keep = policies.keep_organisation
    await store.records.write(keep, "acme", BELOW, 0)
    assert (await stored(store)).changed_at == 0
    await store.records.write(keep, "acme", later(BELOW, 1, "mode: enforce"), 0)
    assert (await stored(store)).changed_at == 0
    before = (await store.records.read(stats.now)).timestamp()
    await store.records.write(keep, "acme", later(BELOW, 2, "mode: advise"), 0)
    first = (await stored(store)).changed_at
    assert first >= before - 1
    packless = replace(later(BELOW, 3, "mode: advise"), packs=())
    await store.records.write(keep, "acme", packless, 0)
    second = (await stored(store)).changed_at
    assert second >= first
    vanished = replace(packless, text=None, read_at=later(BELOW, 4, "").read_at)
    await store.records.write(keep, "acme", vanished, 0)
    found = await stored(store)
    assert found.changed_at >= second
    assert found.source == vanished


def test_it_survives_a_restart(database_url: str) -> None:
    vanished = replace(BELOW, text=None, etag="", packs=())

    async def before() -> None:
        async with opened(database_url) as store:
            await store.records.write(policies.keep_organisation, "acme", vanished, 0)

    async def after() -> None:
        async with opened(database_url) as store:
            assert (await recalled(store, KEY)).policy == PolicySource(organisation=vanished)

    asyncio.run(before())
    asyncio.run(after())


# --- the pulls to check again --------------------------------------------------------------------


async def checked(store: Store, key: PullKey, minutes: int = 0, *, is_open: bool = True) -> None:
    """A run of the pull has ended, which had changed then."""
    claim, head_sha = await claimed(store, key), f"{key.number:040x}"
    await admitted(store, claim, head_sha=head_sha)
    asked = replace(verdict(key, head_sha=head_sha), is_open=is_open)
    seen_at = later(SOURCE, minutes, "").read_at
    ended = replace(run(asked), seen_at=seen_at)
    await store.records.write(runs.record, claim, ended, finished=True)


def test_open_pulls_are_marked_a_few_at_a_time_newest_first(database_url: str) -> None:
    numbers = range(1, 2 * MOST_BEHIND + 2)

    async def play() -> None:
        async with opened(database_url) as store:
            for number in numbers:
                await checked(store, PullKey(SHOP, number), minutes=number)
            await checked(store, PullKey(SHOP, 90), minutes=90, is_open=False)
            await checked(store, PullKey(Repository(12, 503, "beta/x"), 91), minutes=91)
            changed(database_url, LONG_AGO)
            names = [f"pull:501:{number}" for number in reversed(numbers)]
            since = (await store.records.read(stats.now)).timestamp()
            while part := names[:MOST_BEHIND]:
                more = await store.records.write(mark_behind, ACME, since)
                assert more is (len(part) == MOST_BEHIND)
                if more:  # while these wait, no others are marked
                    assert await store.records.write(mark_behind, ACME, since)
                claims = await store.queue.claim(20)
                assert {str(one.key) for one in claims} == set(part)
                for one in claims:
                    await store.queue.finish(one)
                del names[:MOST_BEHIND]
            assert not await store.records.write(mark_behind, ACME, since)

    asyncio.run(play())


@story
async def test_a_pull_that_runs_meanwhile_is_checked_once_more(store: Store) -> None:
    await checked(store, KEY)
    claim = await claimed(store)
    now = (await store.records.read(stats.now)).timestamp() + 1
    assert not await store.records.write(mark_behind, ACME, now)
    await store.queue.finish(claim)
    again = await due(store)
    assert again.arrived_at is None


@story
async def test_a_parked_pull_gets_another_chance(store: Store) -> None:
    await checked(store, OTHER)
    await store.queue.mark_dirty([OTHER])
    for _ in range(8):
        await store.queue.fail(await due(store, OTHER), after_seconds=0.0, reason="x")
    assert (await store.records.read(stats.health)).parked == 1
    now = (await store.records.read(stats.now)).timestamp() + 1
    assert not await store.records.write(mark_behind, ACME, now)
    assert (await store.records.read(stats.health)).parked == 0


def test_what_a_delivery_asks_for_comes_before_the_pulls_of_an_organisation(
    database_url: str,
) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await checked(store, KEY)
            changed(database_url, LONG_AGO)
            now = (await store.records.read(stats.now)).timestamp()
            await store.records.write(mark_behind, ACME, now)
            await store.queue.accept(delivery(OTHER))
            (first,) = await store.queue.claim(1)
            (second,) = await store.queue.claim(1)
            assert (first.key, second.key) == (OTHER, KEY)

    asyncio.run(play())


@story
async def test_the_key_of_an_organisation_is_claimed_and_given_back(store: Store) -> None:
    await store.queue.accept(delivery(ACME, RepositoryKey(SHOP), **dropping("acme")))
    claims = await store.queue.claim(5)
    assert {claim.key for claim in claims} == {ACME, RepositoryKey(SHOP)}
    for claim in claims:
        await store.queue.finish(claim)
    assert await store.queue.claim(5) == ()
