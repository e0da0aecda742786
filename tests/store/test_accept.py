"""Accepting: what is acknowledged is stored, once, and its keys are dirty."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.postgres import Cluster
from ghapp.core.model import (
    Account,
    Channel,
    Delivery,
    InstallationKey,
    Lookup,
    Message,
    PullKey,
    Push,
    Repository,
    RepositoryKey,
    Via,
)
from ghapp.core.records import Judgement, Shown
from ghapp.errors import Busy, GhappError, StoreFailed
from ghapp.store import Store, pushes, runs
from ghapp.store import writer as writing
from ghapp.store.pruning import prune
from tests.store.stores import (
    HEAD,
    KEY,
    LONG_AGO,
    NEXT_HEAD,
    NOON,
    OTHER,
    SHOP,
    SOURCE,
    admitted,
    changed,
    claimed,
    comment,
    delivery,
    dirty,
    due,
    entry,
    opened,
    recalled,
    run,
    story,
    verdict,
    waiting,
    worked_off,
)

ACCEPTING = """
import asyncio, sys
from ghapp.store import Store
from tests.store.stores import delivery

async def main(url):
    store = await Store.open(url)
    number = 0
    async def one():
        nonlocal number
        while True:
            number += 1
            id = f"kill-{number}"
            await store.queue.accept(delivery(id=id))
            print(id, flush=True)
    await asyncio.gather(*(one() for _ in range(8)))

asyncio.run(main(sys.argv[1]))
"""


def test_what_was_accepted_survives_a_kill(database_url: str) -> None:
    command = [sys.executable, "-c", ACCEPTING, database_url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    ) as process:
        assert process.stdout
        acknowledged = [process.stdout.readline().strip() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]

    async def play() -> None:
        async with opened(database_url) as store:
            again = [await store.queue.accept(delivery(id=id)) for id in acknowledged]
            assert acknowledged[0].startswith("kill-")
            assert again == [False] * len(acknowledged)
            assert (await due(store)).key == KEY

    asyncio.run(play())


@story
async def test_a_known_delivery_changes_nothing_not_even_the_generation(store: Store) -> None:
    first = delivery(messages=(comment(1),))
    assert await store.queue.accept(first)
    claim = await due(store)
    assert not await store.queue.accept(first)
    again = (store.queue.accept(first), store.queue.accept(first))
    assert await asyncio.gather(*again) == [False, False]
    await store.queue.finish(claim)
    assert (claim.generation, await dirty(store)) == (1, 0)
    assert len((await recalled(store, KEY)).messages) == 1


@story
async def test_a_delivery_sent_twice_at_once_is_new_once(store: Store) -> None:
    twice = delivery()
    answers = await asyncio.gather(*(store.queue.accept(twice) for _ in range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    assert (await due(store)).generation == 1


def test_a_delivery_sent_to_two_processes_at_once_is_new_once(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            for _ in range(20):
                same = delivery()
                answers = await asyncio.gather(one.queue.accept(same), two.queue.accept(same))
                assert sorted(answers) == [False, True]
            assert (await due(one)).generation == 20

    asyncio.run(play())


@story
async def test_hints_are_joined_over_deliveries(store: Store) -> None:
    newer, older = NOON + timedelta(seconds=5), NOON
    await store.queue.accept(delivery(fresh_at=newer, opened=True, changed_files=3))
    await store.queue.accept(delivery(fresh_at=older, touched=True, changed_files=4))
    await store.queue.accept(delivery())
    history = await recalled(store, KEY)
    assert (history.fresh_at, history.opened, history.touched, history.changed_files) == (
        newer,
        True,
        True,
        4,
    )


@story
async def test_a_pull_nobody_heard_of_has_an_empty_past(store: Store) -> None:
    history = await recalled(store, KEY)
    assert (history.marks, history.policy, history.ledger, history.messages) == (None, None, (), ())


@story
async def test_messages_wait_oldest_first_for_each_pull_they_concern(store: Store) -> None:
    await store.queue.accept(delivery(KEY, OTHER, messages=(comment(2, minutes=2),)))
    await store.queue.accept(delivery(KEY, messages=(comment(1, minutes=1), comment(2, minutes=2))))
    history = await recalled(store, KEY)
    assert history.messages == (comment(1, minutes=1), comment(2, minutes=2))
    assert (await recalled(store, OTHER)).messages == (comment(2, minutes=2),)


@story
async def test_every_push_is_kept_by_itself_every_time(store: Store) -> None:
    minute = timedelta(minutes=1)
    there = Push(HEAD, "ann", NOON, 5, Via.OPENED, branch="feat", id="one")
    away = Push(NEXT_HEAD, "bob", NOON + minute, 6, before=HEAD, branch="feat", id="two")
    back = Push(HEAD, "ann", NOON + 2 * minute, 5, before=NEXT_HEAD, branch="feat", id="three")
    for push in (back, there, away, back):
        await store.queue.accept(delivery(push=push, pushed_to=KEY))
    assert (await recalled(store, KEY)).pushes == (there, away, back)
    assert (await recalled(store, OTHER)).pushes == ()


@story
async def test_who_pushed_to_a_branch_is_known_of_the_heads_of_the_pull(store: Store) -> None:
    shown, elsewhere = "c" * 40, "d" * 40

    def pushed(head: str, login: str, via: Via = Via.PUSH) -> Push:
        return Push(head, login, NOON, via=via, id=f"{login}-{head}")

    for head in (HEAD, shown, elsewhere):
        branch = {"keys": (), "pushed_to": RepositoryKey(SHOP)}
        await store.queue.accept(delivery(**branch, push=pushed(head, "eve")))
    opening = pushed(HEAD, "ann", Via.OPENED)
    await store.queue.accept(delivery(push=opening, pushed_to=KEY))
    assert await dirty(store) == 1
    await store.records.write(runs.record, await due(store), run(verdict(KEY), Shown(shown, NOON)))
    assert (await recalled(store, KEY)).pushes == (
        opening,
        pushed(HEAD, "eve"),
        pushed(shown, "eve"),
    )
    assert (await recalled(store, OTHER)).pushes == ()


@story
async def test_who_pushed_commits_to_any_branch_is_known_of_the_heads_to_be_settled(
    store: Store,
) -> None:
    under = "c" * 40
    pushed = Push(under, "eve", NOON, 9, Via.PUSH, before=HEAD, id="one", commits=(under,))
    for id in ("one", "two"):
        push = replace(pushed, id=id)
        await store.queue.accept(delivery(keys=(), push=push, pushed_to=RepositoryKey(SHOP)))
    known = await store.records.read(pushes.pushers, SHOP, [HEAD, under])
    assert known == {under: {Account("eve", 9)}}
    await store.queue.accept(delivery())
    read = runs.Pushed(commits={NEXT_HEAD: (under, NEXT_HEAD)})
    await store.records.write(
        *(runs.admit, await due(store), NEXT_HEAD, None, Judgement(), (), (), None, read)
    )
    history = await recalled(store, KEY)
    assert history.commits == {NEXT_HEAD: (under, NEXT_HEAD)}
    assert history.pushers == known
    assert [one.id for one in history.pushes] == ["one", "two"]


@story
async def test_a_push_that_comes_late_makes_the_pulls_dirty_that_were_judged_without_it(
    store: Store,
) -> None:
    under, branch = "c" * 40, {"keys": (), "pushed_to": RepositoryKey(SHOP)}
    opening = Push(HEAD, "ann", NOON, 5, Via.OPENED, id="opened")
    await store.queue.accept(delivery(push=opening, pushed_to=KEY))
    claim, read = await due(store), runs.Pushed(frozenset({5}), commits={HEAD: (under, HEAD)})
    found = await store.records.write(
        *(runs.admit, claim, HEAD, None, Judgement(), (), (), None, read)
    )
    assert not found.is_late
    await store.queue.finish(claim)
    for user, sha, dirties in ((5, HEAD, False), (6, "d" * 40, False), (6, HEAD, True)):
        push = Push(sha, "sam", NOON, user, Via.PUSH, id=f"{user}-{sha}", commits=(sha,))
        await store.queue.accept(delivery(**branch, push=replace(push, commits=())))
        assert (await dirty(store) == 1) is dirties
    claim = await due(store)
    again = (runs.admit, claim, HEAD, None, Judgement(), (), (), None, read)
    assert (await store.records.write(*again)).is_late
    await store.queue.finish(claim)
    push = Push("e" * 40, "sam", NOON, 6, Via.PUSH, id="more", commits=(under, "e" * 40))
    await store.queue.accept(delivery(**branch, push=push))
    assert await dirty(store) == 1


@story
async def test_pushes_to_branches_are_forgotten_after_90_days(store: Store) -> None:
    now, branch = datetime.now(UTC), RepositoryKey(SHOP)
    old = Push(HEAD, "ann", now - timedelta(days=91), id="opened")
    await store.queue.accept(delivery(push=old, pushed_to=KEY))
    for login, days in (("eve", 91), ("bob", 89)):
        push = Push(HEAD, login, now - timedelta(days=days), id=login, commits=(login,))
        await store.queue.accept(delivery(push=push, pushed_to=branch))
    await prune(store.records, 3600)
    assert [one.login for one in (await recalled(store, KEY)).pushes] == ["ann", "bob"]
    assert set(await store.records.read(pushes.pushers, SHOP, ["eve", "bob"])) == {"bob"}


@story
async def test_keys_of_every_kind_come_back_as_they_went_in(store: Store) -> None:
    kinds = {KEY, RepositoryKey(SHOP), InstallationKey(SHOP.installation_id)}
    await store.queue.accept(delivery(*kinds))
    assert {claim.key for claim in await store.queue.claim(9)} == kinds


@story
async def test_a_renamed_repository_is_reached_by_its_new_name(store: Store) -> None:
    await store.queue.accept(delivery(KEY))
    renamed = PullKey(replace(SHOP, full_name="acme/store", installation_id=12), KEY.number)
    await store.queue.accept(delivery(renamed))
    (claim,) = await store.queue.claim(9)
    assert claim.key == renamed


@story
async def test_a_delivery_that_cannot_be_stored_does_not_spoil_the_others(store: Store) -> None:
    broken = delivery(body=None)
    answers = await asyncio.gather(
        *(store.queue.accept(one) for one in (delivery(), broken, delivery())),
        return_exceptions=True,
    )
    assert (answers[0], answers[2]) == (True, True)
    assert isinstance(answers[1], Exception)
    assert (await due(store)).generation == 2


def test_what_the_database_refuses_is_told_in_our_own_words(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            changed(database_url, "DROP TABLE pushes")
            with pytest.raises((StoreFailed, Busy)):
                await store.queue.accept(delivery(push=Push(HEAD, "ann", NOON), pushed_to=KEY))
            assert await store.queue.accept(delivery())

    asyncio.run(play())


@story
async def test_a_full_queue_is_busy_and_what_it_took_is_stored(store: Store) -> None:
    too_many = writing.MOST_QUEUED + 2 * writing.MOST_IN_A_GROUP
    answers = await asyncio.gather(
        *(store.queue.accept(delivery()) for _ in range(too_many)), return_exceptions=True
    )
    refused = sum(isinstance(answer, Busy) for answer in answers)
    assert refused + sum(answer is True for answer in answers) == too_many
    assert (await due(store)).generation == too_many - refused
    assert await store.queue.accept(delivery())


def test_a_server_that_restarts_is_found_again(postgres: Cluster, postgres_url: str) -> None:
    async def play() -> None:
        async with opened(postgres_url) as store:
            await store.queue.accept(delivery())
            await asyncio.to_thread(postgres.stop)
            waiting = asyncio.gather(
                store.queue.accept(delivery()), store.queue.mark_dirty([OTHER])
            )
            await asyncio.to_thread(postgres.start)
            assert (await waiting)[0]
            assert {claim.key for claim in await store.queue.claim(9)} == {KEY, OTHER}

    asyncio.run(play())


def test_a_server_that_stays_away_is_busy(postgres: Cluster, postgres_url: str) -> None:
    async def play() -> None:
        async with opened(postgres_url) as store:
            await asyncio.to_thread(postgres.stop)
            try:
                calls = (store.queue.accept(delivery()), store.queue.claim(1), recalled(store, KEY))
                answers = await asyncio.gather(*calls, return_exceptions=True)
            finally:
                await asyncio.to_thread(postgres.start)
            assert [type(answer) for answer in answers] == [Busy] * 3
            assert await store.queue.accept(delivery())

    asyncio.run(play())


def test_a_closed_store_takes_nothing(sqlite_url: str) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            pass
        with pytest.raises(GhappError):
            await store.queue.accept(delivery())

    asyncio.run(play())


@story
async def test_old_deliveries_are_pruned_and_what_was_said_in_them_is_still_judged(
    store: Store,
) -> None:
    """Else those of a pull that is out of reach, where nothing is judged, would stay for ever."""
    await asyncio.gather(*(store.queue.accept(delivery()) for _ in range(600)))
    await store.queue.accept(delivery(id="spoken", messages=(comment(1),)))
    assert (await prune(store.records, 3600))["deliveries"] == 0
    assert not await store.queue.accept(delivery(id="spoken"))
    assert (await prune(store.records, -1))["deliveries"] == 601
    assert (await recalled(store, KEY)).messages == (comment(1),)
    await store.queue.accept(delivery(id="spoken", messages=(comment(1, "said anew"),)))
    assert (await recalled(store, KEY)).messages == (comment(1),)
    await admitted(store, await due(store), entry("comment:1#0"), judged=("comment:1",))
    history = await recalled(store, KEY)
    assert (history.messages, history.ledger) == ((), (entry("comment:1#0"),))


# --- keys that only the record knows ---------------------------------------------------------


AGAIN = Message("rerun:d-1", Channel.RERUN, "ann", NOON, "")


def of_head(head_sha: str = HEAD, repository: Repository = SHOP) -> Delivery:
    """A request for a re-run that names no pull."""
    lookup = Lookup(repository, head_sha)
    return replace(delivery(), keys=(), lookup=lookup, messages=(AGAIN,), touched=True)


@story
async def test_a_delivery_about_a_head_is_about_the_pulls_recorded_on_it(store: Store) -> None:
    third = PullKey(SHOP, 9)
    await store.queue.mark_dirty([KEY])
    await worked_off(store)
    await admitted(store, await claimed(store, OTHER))  # no run of it has ended yet
    await store.queue.mark_dirty([third])
    await worked_off(store, third, head_sha=NEXT_HEAD)
    before = await dirty(store)
    assert await store.queue.accept(of_head("c" * 40))
    assert await store.queue.accept(of_head(repository=replace(SHOP, id=9)))
    assert (await dirty(store), before) == (1, 1)
    assert await store.queue.accept(again := of_head())
    assert not await store.queue.accept(again)
    assert await dirty(store) == 2
    for key, messages in ((KEY, (AGAIN,)), (OTHER, (AGAIN,)), (third, ())):
        past = await recalled(store, key)
        assert (past.messages, past.touched) == (messages, bool(messages))


def test_a_waiting_worker_gets_the_pulls_of_a_head_at_once(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await store.queue.mark_dirty([KEY])
            await worked_off(store)
            changed(database_url, LONG_AGO)
            worker = await waiting(store)
            assert await store.queue.accept(of_head())
            (claim,) = await worker
            assert (claim.key, claim.touched) == (KEY, True)

    asyncio.run(play())


def of_labels(*names: str, repository: Repository = SHOP) -> Delivery:
    lookup = Lookup(repository, labels=frozenset(names))
    return replace(delivery(), event="label", keys=(), lookup=lookup)


@story
async def test_only_a_label_of_ghapp_leads_to_a_check_of_its_repository(store: Store) -> None:
    elsewhere = Repository(11, 502, "acme/site")
    policy = replace(SOURCE, text="labels: {waiting: 'Look, please'}", good="labels: {hold: stop}")
    claim = await claimed(store)
    await admitted(store, claim, source=policy)
    await store.queue.finish(claim)
    assert await store.queue.accept(of_labels("bug", "please"))
    assert await store.queue.accept(of_labels("look, please", repository=elsewhere))
    assert await dirty(store) == 0
    for place, name in (
        (SHOP, "look, PLEASE"), (SHOP, "stop"), (elsewhere, "NFR: signed off"),
    ):  # fmt: skip
        assert await store.queue.accept(of_labels("bug", name, repository=place))
        key = RepositoryKey(place)
        claim = await due(store, key)
        assert not claim.touched  # labels are read in every run
        await store.queue.finish(claim)


@story
async def test_only_the_open_pulls_of_a_milestone_are_checked_when_it_changes(store: Store) -> None:
    others = Repository(11, 502, "acme/site")
    for number, place, changes in (
        (1, SHOP, {"milestone": 3}),
        (2, SHOP, {"milestone": 3, "is_open": False}),
        (3, SHOP, {"milestone": 4}),
        (4, SHOP, {}),
        (5, others, {"milestone": 3}),
        (6, SHOP, {"milestone": 3}),
    ):
        key, head_sha = PullKey(place, number), f"{number:040x}"
        claim = await claimed(store, key)
        found = replace(verdict(key, "", head_sha), is_open=changes.get("is_open", True))
        left = replace(run(found), milestone=changes.get("milestone", 0))
        await store.records.write(runs.admit, claim, head_sha, SOURCE, Judgement((), ()))
        await store.records.write(runs.record, claim, left, finished=True)
    changed = replace(delivery(), event="milestone", action="edited", keys=())
    for number, expected in ((9, set()), (3, {1, 6}), (0, set())):
        lookup = Lookup(SHOP, milestone=number)
        assert await store.queue.accept(replace(changed, id=f"milestone-{number}", lookup=lookup))
        found = set()
        while await dirty(store):
            for claim in await store.queue.claim(1, wait_seconds=1.0):
                found.add(claim.key)
                await store.queue.finish(claim)
        assert found == {PullKey(SHOP, number) for number in expected}
