"""Follow-ups as issues: made once, found again, and told whether they are still open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import EditIssue, Effect, Issue, Marks, OpenIssue, Outcome
from ghapp.core.model import Channel, PullKey
from ghapp.core.records import FollowUp, History, PolicySource
from ghapp.core.text.follow_ups import marker
from ghapp.emulator.faults import Fault, broken
from ghapp.emulator.repository import Pull
from ghapp.errors import Lag, Rejected, Retry
from ghapp.github.client import GitHub
from tests.github.world import BOT, World

OPEN = "POST /repos/{owner}/{repo}/issues"
LIST = "GET /repos/{owner}/{repo}/issues"
ONE = "GET /repos/{owner}/{repo}/issues/{number}"
LABEL = ("nfr: follow-up", "d4c5f9", "Put off")
DUE = "2026-12-31"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def wanted(pull: Pull, item: str = "dbm-lock", **more: Any) -> Issue:
    body = f"{marker(pull.number, item)}\nIs the table locked?"
    return Issue(**{"item": item, "due": DUE, "title": f"[NFR] {item}", "body": body,
                    "owner": "ann", "label": LABEL, **more})  # fmt: skip


def apply(world: World, pull: Pull, *effects: Effect) -> list[Outcome]:
    async def story(client: GitHub) -> list[Outcome]:
        return [await client.apply(world.key(pull), effect) for effect in effects]

    return world.run(story)


def follow_up(pull: Pull, issue: int, item: str = "dbm-lock", **more: Any) -> FollowUp:
    made = FollowUp(pull.number, item, "", DUE, "ann", "later", issue)
    return replace(made, **more)


LOST = frozenset({"OpenIssue dbm-lock"})


def deferred(world: World, item: str = "dbm-lock") -> Entry:
    return Entry(f"comment:{item}", 0, Verb.DEFER, "ann", world.now(), Channel.COMMENT, item,
                 note="later", until=DUE, owner="ann")  # fmt: skip


def known(world: World, *follow_ups: FollowUp, **more: Any) -> History:
    source = PolicySource(None, "", world.now())
    return replace(History(marks=Marks(), policy=source, follow_ups=follow_ups), **more)


# --- writes --------------------------------------------------------------------------------


def test_an_issue_is_opened_with_its_label_in_our_looks_and_its_owner(world: World) -> None:
    pull = world.pull()
    (made,) = apply(world, pull, OpenIssue(wanted(pull)))
    issue = world.shop.issues[made.id]
    assert (issue.title, issue.body) == ("[NFR] dbm-lock", wanted(pull).body)
    assert issue.labels == {"nfr: follow-up"}
    assert ([one.login for one in issue.assignees], made.assigned) == (["ann"], True)
    (label,) = issue.label_list
    assert (label.color, label.description) == ("d4c5f9", "Put off")
    assert world.github.calls[OPEN] == 1


def test_an_owner_who_cannot_be_assigned_is_left_out(world: World) -> None:
    pull = world.pull()
    (made,) = apply(world, pull, OpenIssue(wanted(pull, owner="nobody-here")))
    assert (world.shop.issues[made.id].assignees, made.assigned) == ([], False)
    (made,) = apply(world, pull, OpenIssue(wanted(pull, owner="")))
    assert made.assigned
    assert len(world.shop.issues) == 2


def test_where_issues_are_switched_off_there_is_none_and_no_error(world: World) -> None:
    pull = world.pull()
    world.shop.has_issues = False
    for owner in ("ann", "nobody-here"):
        (made,) = apply(world, pull, OpenIssue(wanted(pull, owner=owner)))
        assert made.id == 0


def test_an_issue_that_github_will_not_have_is_rejected(world: World) -> None:
    pull = world.pull()
    with pytest.raises(Rejected, match="422"):
        apply(world, pull, OpenIssue(wanted(pull, title="")))
    world.github.faults.add(Fault(OPEN, 1, status=422, message="<html>"))
    with pytest.raises(Rejected, match="422"):
        apply(world, pull, OpenIssue(wanted(pull)))
    assert world.shop.issues == {}


def test_another_day_changes_title_and_body_and_nothing_else(world: World) -> None:
    pull = world.pull()
    (made,) = apply(world, pull, OpenIssue(wanted(pull)))
    issue = world.shop.issues[made.id]
    issue.add_label("theirs", "ann")
    issue.close("ann")
    (done,) = apply(world, pull, EditIssue(wanted(pull, title="t2", body="b2"), made.id))
    assert (done.id, issue.title, issue.body, issue.state) == (made.id, "t2", "b2", "closed")
    assert issue.labels == {"nfr: follow-up", "theirs"}
    issue.delete("ann")
    (done, _) = apply(world, pull, EditIssue(wanted(pull), made.id), EditIssue(wanted(pull), 999))
    assert done.id == made.id


# --- reads ---------------------------------------------------------------------------------


def test_our_record_is_believed_unless_there_is_a_reason(world: World) -> None:
    pull = world.pull()
    (made,) = apply(world, pull, OpenIssue(wanted(pull)))
    world.shop.issues[made.id].close("ann")
    one, off = follow_up(pull, made.id), follow_up(pull, 0, "dbm-back")
    facts = world.gather(pull, known(world, one, off))
    assert facts.follow_ups == (one, off)
    assert facts.observed.issues == {Issue("dbm-lock", DUE), Issue("dbm-back", DUE)}
    assert world.github.calls[ONE] == world.github.calls[LIST] == 0


def test_reading_back_tells_which_are_still_open(world: World) -> None:
    pull, cart = world.pull(), world.github.repository("acme/cart")
    made = apply(world, pull, *(OpenIssue(wanted(pull, f"i{at}")) for at in range(5)))
    numbers = [one.id for one in made]
    issues = [world.shop.issues[number] for number in numbers]
    issues[1].close("ann")
    issues[2].delete("ann")
    issues[3].transfer(cart, "ann")
    history = [follow_up(pull, number, f"i{at}") for at, number in enumerate(numbers)]
    history[4] = replace(history[4], is_open=False)  # closed when we looked last, and open again
    off = follow_up(pull, 0, "off")
    facts = world.gather(pull, known(world, *history, off, touched=True))
    assert [(one.item, one.is_open) for one in facts.follow_ups] == [
        ("i0", True), ("i1", False), ("i2", False), ("i3", True), ("i4", True), ("off", True),
    ]  # fmt: skip
    assert [replace(one, is_open=True) for one in facts.follow_ups[:4]] == history[:4]
    assert len(facts.observed.issues) == 6
    assert world.github.calls[LIST] == 0


def test_no_more_than_twenty_issues_are_looked_at_open_ones_first(world: World) -> None:
    pull = world.pull()
    history = [follow_up(pull, 900 + at, f"i{at}", is_open=at >= 10) for at in range(35)]
    facts = world.gather(pull, known(world, *history, touched=True, waited=3))
    assert [one.is_open for one in facts.follow_ups] == [False] * 30 + [True] * 5
    assert world.github.calls[ONE] == 20


def test_an_issue_that_is_not_visible_yet_is_waited_for(world: World) -> None:
    pull = world.pull()
    with pytest.raises(Lag, match="opened and is not visible yet"):
        world.gather(pull, known(world, follow_up(pull, 900), touched=True))


@pytest.mark.parametrize("state", ["open", "closed"])
def test_an_issue_whose_answer_was_lost_is_found_and_not_made_again(
    world: World, state: str
) -> None:
    pull = world.pull()
    world.github.faults.add(broken(OPEN, after=True))
    with pytest.raises(Retry):
        apply(world, pull, OpenIssue(wanted(pull)))
    (issue,) = world.shop.issues.values()
    if state == "closed":
        issue.close("ann")
    history = known(world, unresolved=LOST, ledger=(deferred(world),))
    facts = world.gather(pull, history)
    said = {"asked_by": "ann", "asked_at": history.ledger[0].said_at}
    expected = follow_up(pull, issue.number, is_open=state == "open", **said)
    assert facts.follow_ups == (expected,)
    assert facts.observed.issues == {Issue("dbm-lock", DUE)}


def test_what_the_list_does_not_show_is_waited_for_and_then_believed(world: World) -> None:
    pull = world.pull()
    history = known(world, unresolved=LOST, ledger=(deferred(world),))
    for waited, seconds in enumerate((1, 2, 4)):
        with pytest.raises(Lag, match="OpenIssue") as lag:
            world.gather(pull, replace(history, waited=waited))
        assert lag.value.after_seconds == seconds
    assert world.gather(pull, replace(history, waited=3)).follow_ups == ()
    apply(world, pull, OpenIssue(wanted(pull)))
    assert [one.item for one in world.gather(pull, history).follow_ups] == ["dbm-lock"]


def test_a_mark_without_its_follow_up_is_looked_for(world: World) -> None:
    pull = world.pull()
    (made,) = apply(world, pull, OpenIssue(wanted(pull)))
    marks = Marks(issues=frozenset({Issue("dbm-lock", DUE)}))
    history = known(world, marks=marks, ledger=(deferred(world),), touched=True)
    said = {"asked_by": "ann", "asked_at": history.ledger[0].said_at}
    assert world.gather(pull, history).follow_ups == (follow_up(pull, made.id, **said),)


def test_only_our_own_issues_of_this_pull_and_of_what_was_put_off_are_found(world: World) -> None:
    pull = world.pull()
    labels = ["nfr: follow-up"]
    mine = marker(pull.number, "dbm-lock")
    world.shop.open_issue("eve", "t", mine, labels=labels)
    world.shop.open_issue(BOT, "t", marker(pull.number + 1, "dbm-lock"), labels=labels)
    world.shop.open_issue(BOT, "t", marker(pull.number, "never-deferred"), labels=labels)
    world.shop.open_issue(BOT, "t", "no marker", labels=labels)
    history = known(world, unresolved=LOST, ledger=(deferred(world),), waited=3)
    assert world.gather(pull, history).follow_ups == ()
    first = world.shop.open_issue(BOT, "t", mine, labels=labels)
    world.shop.open_issue(BOT, "t", mine, labels=labels)
    (found,) = world.gather(pull, history).follow_ups
    assert (found.issue, found.assigned) == (first.number, False)


def test_where_issues_are_off_none_is_found(world: World) -> None:
    pull = world.pull()
    world.github.faults.add(Fault(LIST, None, status=410, message="Issues are disabled"))
    history = known(world, unresolved=LOST, ledger=(deferred(world),), waited=3)
    assert world.gather(pull, history).follow_ups == ()


def test_each_issue_of_a_lost_run_is_waited_for(world: World) -> None:
    """Of two that were on their way, one to be seen says nothing of the other."""
    pull = world.pull()
    apply(world, pull, OpenIssue(wanted(pull)))
    ways = frozenset({"OpenIssue dbm-lock", "OpenIssue dbm-back"})
    said = (deferred(world), deferred(world, "dbm-back"))
    history = known(world, unresolved=ways, ledger=said)
    with pytest.raises(Lag, match="OpenIssue dbm-back"):
        world.gather(pull, history)
    apply(world, pull, OpenIssue(wanted(pull, "dbm-back")))
    assert {one.item for one in world.gather(pull, history).follow_ups} == {"dbm-lock", "dbm-back"}


def test_pulls_whose_issues_changed_after_a_run_are_found(world: World) -> None:
    pull = world.pull()
    apply(world, pull, OpenIssue(wanted(pull)))
    world.shop.open_issue("eve", "t", marker(pull.number, "dbm-lock"))
    world.shop.open_issue(BOT, "t", "no marker")

    def moved(number: int, seconds: float) -> tuple[PullKey, ...]:
        checked = {number: world.now() + timedelta(seconds=seconds)}

        async def story(client: GitHub) -> tuple[PullKey, ...]:
            return await client.moved_follow_ups(world.repository, checked)

        return world.run(story)

    assert moved(pull.number, 0) == (world.key(pull),)
    assert moved(pull.number, 60) == moved(pull.number + 1, 0) == ()
    world.github.faults.add(Fault(LIST, None, status=410, message="Issues are disabled"))
    assert moved(pull.number, 0) == ()
