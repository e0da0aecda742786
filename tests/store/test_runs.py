"""Runs: what one leaves is what the next one finds, and other pulls hear of it once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ghapp.core.marks import Annotation, CheckRun, Marks, Reaction, Reply, Written
from ghapp.core.model import Channel, PullKey, Repository, RepositoryKey
from ghapp.core.records import PackFile, PolicySource, Shown
from ghapp.errors import Wait
from ghapp.store import Store, runs
from ghapp.store.runs import MOST_SHOWN_OF_HEAD
from tests.store.stores import (
    EFFECTS,
    HEAD,
    KEY,
    NEXT_HEAD,
    NOON,
    OTHER,
    SHOP,
    SOURCE,
    admitted,
    claimed,
    comment,
    delivery,
    dirty,
    due,
    entry,
    later,
    recalled,
    run,
    story,
    verdict,
    worked_off,
)

CHECK_RUN = CheckRun(
    HEAD,
    "digest",
    "neutral",
    "Waiting",
    "why",
    "text",
    (Annotation("a.sql", 3, "warning", "t", "m"),),
    "x",
)


@story
async def test_marks_come_back_as_they_were_recorded(store: Store) -> None:
    marks = Marks(
        CHECK_RUN,
        "待ち\n- [ ] `item`",
        frozenset({"nfr: signed off"}),
        frozenset({Reaction(3, "+1"), Reaction(4, "eyes")}),
        frozenset({Reply("help:eve", "comment:3", "help\x00")}),
    )
    claim = await claimed(store)
    await store.records.write(runs.record, claim, replace(run(verdict(KEY)), marks=marks))
    history = await recalled(store, KEY)
    assert (history.marks, history.written) == (marks, Written(21, 22, "annotated"))
    assert history.marks and history.marks.check_run
    assert history.marks.check_run.annotations == CHECK_RUN.annotations
    assert {reply.body for reply in history.marks.replies} == {"help\x00"}


@story
async def test_a_second_record_replaces_the_first(store: Store) -> None:
    claim = await claimed(store)
    await store.records.write(runs.record, claim, run(verdict(KEY)))
    await store.records.write(
        runs.record, claim, replace(run(verdict(KEY)), marks=Marks(), written=Written())
    )
    history = await recalled(store, KEY)
    assert (history.marks, history.written) == (Marks(), Written())


@story
async def test_what_was_shown_is_remembered_oldest_first(store: Store) -> None:
    claim = await claimed(store)
    early = Shown(HEAD, NOON, {"database-migration": "f1"})
    late = Shown(NEXT_HEAD, NOON + timedelta(minutes=1), {})
    await store.records.write(runs.record, claim, run(verdict(KEY), late))
    await store.records.write(runs.record, claim, run(verdict(KEY), early))
    await store.records.write(runs.record, claim, run(verdict(KEY)))
    assert (await recalled(store, KEY)).shown == (early, late)
    assert (await recalled(store, OTHER)).shown == ()


@story
async def test_an_intent_is_unresolved_until_the_run_is_recorded(store: Store) -> None:
    claim = await claimed(store)
    await store.records.write(runs.intend, claim, ())
    assert not (await recalled(store, KEY)).unresolved
    await store.records.write(runs.intend, claim, EFFECTS)
    await store.records.write(runs.intend, claim, EFFECTS[:1])
    history = await recalled(store, KEY)
    assert history.unresolved == {"PutCheckRun", "AddLabels"}
    await asyncio.sleep(0.05)
    waited = (await recalled(store, KEY)).unresolved_seconds - history.unresolved_seconds
    assert 0.04 < waited < 20 and history.unresolved_seconds < 20
    assert not (await recalled(store, OTHER)).unresolved
    await store.queue.fail(claim, after_seconds=0, reason="502")
    claim = await due(store)
    assert (await recalled(store, KEY)).unresolved
    await store.records.write(runs.record, claim, run(verdict(KEY)))
    assert not (await recalled(store, KEY)).unresolved


# --- the ledger --------------------------------------------------------------------------


@story
async def test_the_ledger_grows_in_order_and_is_never_changed(store: Store) -> None:
    claim = await claimed(store)
    one, two, three = entry("comment:9#0"), entry("comment:1#0"), entry("comment:1#1")
    await admitted(store, claim, one)
    assert (await recalled(store, KEY)).ledger == (one,)
    await admitted(store, claim, two, three)
    await admitted(store, claim, replace(one, speaker="eve"))
    assert (await recalled(store, KEY)).ledger == (one, two, three)
    assert (await recalled(store, OTHER)).ledger == ()


@story
async def test_one_message_may_be_judged_for_several_pulls(store: Store) -> None:
    await store.queue.mark_dirty([KEY, OTHER])
    for number, claim in enumerate(await store.queue.claim(2)):
        same = entry("rerun:d-1#0", Channel.RERUN)
        await admitted(store, claim, same, head_sha=str(number) * 40)
        assert isinstance(claim.key, PullKey)
        assert (await recalled(store, claim.key)).ledger == (same,)


@story
async def test_judged_messages_do_not_wait_any_more(store: Store) -> None:
    await store.queue.accept(delivery(messages=(comment(1), comment(2, minutes=1))))
    claim = await due(store)
    await admitted(store, claim, entry("comment:1#0"), judged=("comment:1", "label:5"))
    assert (await recalled(store, KEY)).messages == (comment(2, minutes=1),)


@story
async def test_a_refused_admission_leaves_nothing(store: Store) -> None:
    await store.queue.accept(delivery(KEY, OTHER, messages=(comment(1),)))
    one, two = await store.queue.claim(2)
    await admitted(store, one)
    with pytest.raises(Wait):
        await admitted(store, two, entry("comment:1#0"), judged=("comment:1",))
    assert isinstance(two.key, PullKey)
    history = await recalled(store, two.key)
    assert (history.ledger, history.messages) == ((), (comment(1),))


# --- the policy --------------------------------------------------------------------------


@story
async def test_the_policy_is_kept_for_the_repository(store: Store) -> None:
    claim = await claimed(store)
    assert (await recalled(store, KEY)).policy is None
    await admitted(store, claim)
    elsewhere = PullKey(Repository(11, 502, "acme/other"), 7)
    assert (await recalled(store, OTHER)).policy == SOURCE
    assert (await recalled(store, elsewhere)).policy is None


@story
async def test_a_repository_without_a_policy_file_is_remembered_too(store: Store) -> None:
    absent = PolicySource(None, "", NOON, None)
    await admitted(store, await claimed(store), source=absent)
    assert (await recalled(store, KEY)).policy == absent


@story
async def test_the_packs_that_a_policy_names_are_kept_with_it(store: Store) -> None:
    pack = PackFile(".github/nfr/a.yml", "1" * 40, 7, text="area: ランキング\x01")
    link = PackFile(".github/nfr/b.yml", "2" * 40, 9, "symlink")
    same = replace(SOURCE, packs=(pack, link), good_packs=(pack, link))
    claim = await claimed(store)
    await admitted(store, claim, source=same)
    assert (await recalled(store, KEY)).policy == same
    bridged = replace(later(same, 1, "mode: x"), packs=(link,), good_packs=(pack,))
    await admitted(store, claim, source=bridged)
    assert (await recalled(store, KEY)).policy == bridged
    none = replace(later(same, 2, "mode: y"), packs=(), good_packs=(pack,))
    await admitted(store, claim, source=none)
    assert (await recalled(store, KEY)).policy == none


@story
async def test_a_push_to_the_policy_has_it_read_again_but_keeps_what_was_good(store: Store) -> None:
    await admitted(store, await claimed(store))
    await store.queue.accept(delivery(RepositoryKey(SHOP), event="push", policy_changed=True))
    assert (await recalled(store, KEY)).policy == replace(SOURCE, read_at=None)


@story
async def test_a_policy_read_after_the_push_is_in_force(store: Store) -> None:
    await store.queue.accept(delivery(RepositoryKey(SHOP), event="push", policy_changed=True))
    assert (await recalled(store, KEY)).policy is None
    await store.queue.finish(await due(store, RepositoryKey(SHOP)))
    await admitted(store, await claimed(store))
    assert (await recalled(store, KEY)).policy == SOURCE


@story
async def test_a_push_during_the_run_has_the_policy_read_again(store: Store) -> None:
    claim = await claimed(store)
    await store.queue.accept(delivery(OTHER, event="push", policy_changed=True))
    await admitted(store, claim)
    assert (await recalled(store, KEY)).policy == replace(SOURCE, read_at=None)


@story
async def test_an_older_reading_never_replaces_a_newer_one(store: Store) -> None:
    newer, older = later(SOURCE, 5, "mode: enforce"), SOURCE
    claim = await claimed(store)
    await admitted(store, claim, source=newer)
    await admitted(store, claim, source=older)
    assert (await recalled(store, KEY)).policy == newer


# --- verdicts ----------------------------------------------------------------------------


async def both_on_one_head(store: Store) -> None:
    """Two pulls of one head, worked off until nothing is dirty."""
    await store.queue.mark_dirty([KEY])
    await worked_off(store, KEY)
    await store.queue.mark_dirty([OTHER])
    await worked_off(store, OTHER)
    await worked_off(store, KEY)
    assert await dirty(store) == 0


@story
async def test_pulls_that_share_a_head_hear_of_each_other_once(store: Store) -> None:
    await both_on_one_head(store)
    claim = await claimed(store, OTHER)
    assert await admitted(store, claim) == (verdict(KEY),)
    await store.records.write(runs.record, claim, run(verdict(OTHER)))
    await store.queue.finish(claim)
    assert await dirty(store) == 0


@story
async def test_a_changed_verdict_has_the_others_looked_at_exactly_once(store: Store) -> None:
    await both_on_one_head(store)
    await store.queue.mark_dirty([KEY])
    await worked_off(store, KEY, "action_required")
    claim = await due(store, OTHER)
    assert await admitted(store, claim) == (verdict(KEY, "action_required"),)
    await store.records.write(runs.record, claim, run(verdict(OTHER)))
    await store.queue.finish(claim)
    assert await dirty(store) == 0


@story
async def test_a_pull_that_left_the_head_is_no_concern_of_the_others(store: Store) -> None:
    await both_on_one_head(store)
    await store.queue.mark_dirty([KEY])
    await worked_off(store, KEY, head_sha=NEXT_HEAD)
    claim = await due(store, OTHER)
    assert await admitted(store, claim) == ()
    await store.records.write(runs.record, claim, run(verdict(OTHER)))
    await store.queue.finish(claim)
    assert await dirty(store) == 0


@story
async def test_heads_of_other_repositories_are_other_heads(store: Store) -> None:
    await store.queue.mark_dirty([KEY])
    await worked_off(store, KEY)
    fork = PullKey(Repository(11, 502, "acme/other"), 8)
    claim = await claimed(store, fork)
    assert await admitted(store, claim) == ()
    await store.records.write(runs.record, claim, run(verdict(fork)))
    await store.queue.finish(claim)
    assert await dirty(store) == 0


@story
async def test_what_check_runs_of_one_head_showed_is_kept_up_to_a_bound(store: Store) -> None:
    claim = await claimed(store)
    await admitted(store, claim)
    for number in range(MOST_SHOWN_OF_HEAD + 5):
        seen = Shown(HEAD, NOON + timedelta(seconds=number), {"db": str(number)})
        left = replace(run(verdict(KEY), seen), shown_before=number)
        await store.records.write(runs.record, claim, left)
    known = (await recalled(store)).shown
    assert [one.fingerprints["db"] for one in known] == [
        str(number) for number in range(5, MOST_SHOWN_OF_HEAD + 5)
    ]
