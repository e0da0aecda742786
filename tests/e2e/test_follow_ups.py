"""What is put off comes back: one issue each, its life, and the next pull in its area."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import httpx

from ghapp.emulator import faults
from ghapp.emulator.issue import Issue
from ghapp.emulator.repository import Pull
from tests.e2e.marks import (
    body,
    line,
    marks,
    reactions,
    refused,
    title,
)
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import ENFORCE, RISKY, World, quiet, running

OPEN = "POST /repos/{owner}/{repo}/issues"
CLOSE = "PATCH /repos/{owner}/{repo}/issues/{number}"
ITEM, OTHER = "dbm-query-plan", "dbm-online-ddl"
WITH_FOLLOW_UPS = ("success", {"signed off", "follow-ups"})
OBSERVE = "version: 1\nmode: observe\nreviewers: {teams: [sre]}\n"


def day(shop: Shop, days: int) -> str:
    return (shop.world.clock() + timedelta(days=days)).date().isoformat()


@story()
def test_a_sign_off_opens_exactly_one_issue_for_each_deferred_question(shop: Shop) -> Steps:
    pull = shop.open()
    due = day(shop, 20)
    yield
    pull.comment(f"/nfr defer {ITEM} until {due} by @bob -- after launch", "ann")
    pull.comment(f"/nfr defer {OTHER} until {due} -- no window yet", "ann")
    yield
    assert shop.issues == []
    pull.comment("/nfr done", "sam")
    yield
    second, first = sorted(shop.issues, key=lambda one: one.title)
    assert marks(pull) == WITH_FOLLOW_UPS
    assert title(pull) == "Signed off: Database migration · with follow-ups"
    assert first.title.startswith(f"[NFR] {ITEM}: ")
    assert first.title.endswith(f"(from #{pull.number}, due {due})")
    assert (first.labels, [one.login for one in first.assignees]) == ({"nfr: follow-up"}, ["bob"])
    text = first.body or ""
    assert text.startswith(f"<!-- ghapp:follow-up {pull.number}:{ITEM} -->\n")
    assert f"/acme/{shop.repository.name}/pull/{pull.number})" in text
    assert "**Because**: `after launch`" in text
    assert [one.login for one in second.assignees] == ["ann"]
    assert f"#{first.number}" in line(pull, "`after launch`")
    assert line(pull, f"- `{ITEM}` due {due}, owner bob · #{first.number}")
    pull.comment("/nfr refresh\n/nfr undo", "sam")
    yield
    pull.comment("/nfr done", "sue")
    yield
    assert len(shop.issues) == 2
    assert marks(pull) == WITH_FOLLOW_UPS


@story()
def test_a_merge_without_a_sign_off_opens_the_issue_as_well(shop: Shop) -> Steps:
    merged, closed = shop.open(), shop.open(branch="feat/closed")
    yield
    merged.comment(f"/nfr defer {ITEM} -- after launch", "ann")
    closed.comment(f"/nfr defer {ITEM} -- after launch", "ann")
    yield
    merged.merge(by="bob")
    closed.close(by="bob")
    yield
    (issue,) = shop.issues
    assert issue.title.endswith(f"(from #{merged.number}, due {day(shop, 30)})")
    assert f"#{issue.number}" in body(merged)


@story()
def test_closing_the_issue_closes_the_follow_up_and_reopening_opens_it(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment(f"/nfr defer {ITEM} -- after launch", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    (issue,) = shop.issues
    issue.close("bob")
    yield
    assert marks(pull) == ("success", {"signed off"})
    assert line(pull, f"~~`{ITEM}`~~ closed")
    closed = pull.comment(f"/nfr defer {ITEM} until {day(shop, 60)} -- again", "sam")
    yield
    assert reactions(pull, closed) == ["confused"]
    assert "is closed; reopen its issue first" in refused(pull, "sam")
    issue.reopen("bob")
    yield
    assert marks(pull) == WITH_FOLLOW_UPS
    assert f"~~`{ITEM}`~~" not in body(pull)
    assert len(shop.issues) == 1


@story()
def test_due_follow_ups_are_shown_on_the_next_pull_in_the_area(shop: Shop) -> Steps:
    pull = shop.open()
    soon = day(shop, 3)
    yield
    pull.comment(f"/nfr defer {ITEM} until {soon} -- after launch", "ann")
    pull.comment(f"/nfr defer {OTHER} until {day(shop, 60)} -- later", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    issue = next(one for one in shop.issues if ITEM in one.title)
    pull.merge(by="bob")
    yield
    following = shop.open({"db/migrate/2.sql": RISKY}, branch="feat/next")
    apart = shop.open({"app/cache/keys.py": "redis.set(key, value)\n"}, branch="feat/cache")
    yield
    pressed = line(following, "**Due ")
    assert f"**Due {soon}**: `{ITEM}` · #{issue.number} · deferred in #{pull.number}" in pressed
    assert f"`{ITEM}`" in (following.check_runs()[-1].text or "")
    assert OTHER not in pressed
    assert "deferred in" not in body(apart)
    issue.close("bob")
    yield
    following.comment("/nfr refresh", "ann")
    yield
    assert "deferred in" not in body(following)


@story()
def test_a_reviewer_may_extend_a_follow_up_once(shop: Shop) -> Steps:
    pull = shop.open()
    first, second, third = day(shop, 10), day(shop, 40), day(shop, 50)
    yield
    pull.comment(f"/nfr defer {ITEM} until {first} -- after launch", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    (issue,) = shop.issues
    by_author = pull.comment(f"/nfr defer {ITEM} until {second} -- please", "ann")
    yield
    assert reactions(pull, by_author) == ["confused"]
    assert "only a reviewer may extend it" in refused(pull, "ann")
    sooner = pull.comment(f"/nfr defer {ITEM} until {day(shop, 5)} -- now", "sue")
    yield
    assert f"is due on `{first}`; an extension needs a later day" in refused(pull, "sue")
    taken = pull.comment(f"/nfr defer {ITEM} until {second} -- vendor is late", "sam")
    yield
    assert [reactions(pull, one) for one in (sooner, taken)] == [["confused"], ["+1"]]
    assert issue.title.endswith(f"due {second})")
    assert f"**Due**: {second}" in (issue.body or "")
    assert "cannot be moved again" in (issue.body or "")
    again = pull.comment(f"/nfr defer {ITEM} until {third} -- still late", "sam")
    yield
    assert reactions(pull, again) == ["confused"]
    assert "has already been extended once, and that is the limit" in refused(pull, "sam")
    assert issue.title.endswith(f"due {second})")
    assert len(shop.issues) == 1


@story()
def test_a_follow_up_is_kept_and_shown_even_if_issues_are_switched_off(shop: Shop) -> Steps:
    shop.repository.has_issues = False
    pull = shop.open()
    soon = day(shop, 2)
    yield
    pull.comment(f"/nfr defer {ITEM} until {soon} -- after launch", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert (shop.issues, marks(pull)) == ([], WITH_FOLLOW_UPS)
    assert "no issue: issues are switched off" in line(pull, f"- `{ITEM}` due {soon}")
    following = shop.open({"db/migrate/2.sql": RISKY}, branch="feat/next")
    yield
    assert f"`{ITEM}` · no issue: issues are switched off" in line(following, f"**Due {soon}**")


@story()
def test_an_owner_who_cannot_be_assigned_is_named(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment(f"/nfr defer {ITEM} by @nobody-here -- after launch", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    (issue,) = shop.issues
    assert issue.assignees == []
    said = line(pull, f"#{issue.number} · the owner could not be assigned")
    assert "owner nobody-here" in said


@story()
def test_some_questions_may_not_be_deferred(shop: Shop) -> Steps:
    pull = shop.open({"db/migrate/1.sql": "DROP TABLE carts;\n"})
    yield
    said = pull.comment("/nfr defer dbm-rollback -- later", "ann")
    yield
    assert reactions(pull, said) == ["confused"]
    assert "does not allow `dbm-rollback` to be deferred" in refused(pull, "ann")


@story(OBSERVE)
def test_no_issue_is_opened_if_the_policy_only_observes(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment(f"/nfr defer {ITEM} -- after launch\n", "ann")
    yield
    pull.merge(by="bob")
    yield
    assert (shop.issues, pull.labels, pull.check_runs()) == ([], set(), [])


def signed_off(shop: Shop, due: str) -> Generator[None, None, Pull]:
    """A merged pull with one follow-up."""
    pull = shop.open()
    yield
    pull.comment(f"/nfr defer {ITEM} until {due} -- after launch", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.merge(by="bob")
    yield
    return pull


def reacted(issue: Issue, id: int) -> list[str]:
    return [one.content for one in issue.find_comment(id).reactions]


def replies(issue: Issue) -> list[str]:
    return [one.body for one in issue.comments if one.via_app]


@story()
def test_a_reviewer_closes_the_issue_with_evidence(shop: Shop) -> Steps:
    pull = yield from signed_off(shop, day(shop, 20))
    (issue,) = shop.issues
    said = issue.comment("/nfr done -- https://example.com/plan", "sue")
    yield
    assert (issue.state, issue.state_reason) == ("closed", "completed")
    assert (reacted(issue, said), replies(issue)) == (["+1"], [])
    assert marks(pull) == ("success", {"signed off"})
    done = line(pull, f"~~`{ITEM}`~~ done, says sue")
    assert done.endswith(f"`https://example.com/plan` · #{issue.number}")
    issue.reopen("bob")
    yield
    assert (issue.state, marks(pull)) == ("open", WITH_FOLLOW_UPS)
    again = issue.comment(f"/nfr done {ITEM}", "sam")
    yield
    assert (issue.state, reacted(issue, again)) == ("closed", ["+1"])
    assert len(shop.issues) == 1


@story()
def test_nobody_else_closes_it_and_the_issue_says_who_can(shop: Shop) -> Steps:
    pull = yield from signed_off(shop, day(shop, 20))
    (issue,) = shop.issues
    before = body(pull)
    by_bob = issue.comment("/nfr done -- it works", "bob")
    yield
    (reply,) = replies(issue)
    assert (issue.state, reacted(issue, by_bob)) == ("open", ["confused"])
    assert "bob: follow-up: only reviewers (team `sre`) can say that it is done" in reply
    again = issue.comment("/nfr hold -- not yet\n/nfr done other-item", "sam")
    yield
    assert (issue.state, reacted(issue, again)) == ("open", ["confused"])
    assert len(replies(issue)) == 2
    assert f"this is the issue of `{ITEM}` alone" in replies(issue)[1]
    assert body(pull) == before
    by_ann = issue.comment("/nfr done", "ann")
    yield
    assert (issue.state, reacted(issue, by_ann)) == ("open", ["confused"])


@story()
def test_the_day_is_moved_on_the_issue_too(shop: Shop) -> Steps:
    later = day(shop, 40)
    yield from signed_off(shop, day(shop, 20))
    (issue,) = shop.issues
    said = issue.comment(f"/nfr defer {ITEM} until {later} -- vendor is late", "sam")
    yield
    assert reacted(issue, said) == ["+1"]
    assert issue.title.endswith(f"due {later})")


@story()
def test_a_lost_delivery_from_the_issue_is_made_up_for(shop: Shop) -> Steps:
    pull = yield from signed_off(shop, day(shop, 20))
    (issue,) = shop.issues
    shop.lose("issue_comment.created", lambda: issue.comment("/nfr done -- measured", "sam"))
    shop.lose("issue_comment.created", lambda: issue.comment("/nfr done -- me too", "bob"))
    yield
    assert issue.state == "open"
    shop.sweep()
    yield
    assert issue.state == "closed"
    assert "says sam · `measured`" in line(pull, f"~~`{ITEM}`~~")
    assert len(replies(issue)) == 1
    shop.sweep()
    yield
    assert len(replies(issue)) == 1


def listed(world: World) -> list[str]:
    """The open follow-ups of the page, whenever they are due."""
    assert world.ghapp
    page = httpx.get(f"{world.ghapp.url}/api/v1/follow-ups?lang=en", timeout=60).json()
    return [
        row["item"]
        for section in page["sections"]
        if section["id"] != "closed"
        for row in section["follow_ups"]
    ]


def test_an_overdue_promise_of_a_project_comes_back_until_it_is_kept(tmp_path: Path) -> None:
    with running(tmp_path, GHAPP_PAGES="local", GHAPP_GITHUB_LIMITS="off") as world:
        quiet(world)
        _promised(world)


def _promised(world: World) -> None:
    project = world.repository.open_issue("ann", "Checkout", labels=["nfr: project"])
    world.settle()
    pull = world.open(body=f"NFR-Project: #{project.number}")
    due = (world.clock() + timedelta(days=1)).date()
    world.settle()
    world.say(pull, f"/nfr defer {ITEM} until {due} by @bob -- after launch", "ann")
    world.settle()
    world.say(pull, "/nfr done", "sam")
    world.settle()
    pull.merge(by="bob")
    world.settle()
    (issue,) = [one for one in world.repository.issues.values() if one.via_app]
    assert listed(world) == [ITEM]
    world.clock.forward(timedelta(days=10).total_seconds())
    following = world.open({"db/migrate/2.sql": RISKY}, branch="feat/next")
    world.settle()
    pressed = line(following, "**Overdue since ")
    assert f"{due}**: `{ITEM}` · #{issue.number} · deferred in #{pull.number}" in pressed
    issue.comment("/nfr done -- https://example.com/plan", "sam")
    world.settle()
    assert (issue.state, listed(world)) == ("closed", [])
    world.say(following, "/nfr refresh", "ann")
    world.settle()
    assert "Overdue" not in body(following)


def test_a_lost_answer_to_closing_closes_the_issue_once(world: World) -> None:
    pull = world.open()
    world.settle()
    world.say(pull, f"/nfr defer {ITEM} -- after launch", "ann")
    world.settle()
    world.say(pull, "/nfr done", "sam")
    world.settle()
    (issue,) = [one for one in world.repository.issues.values() if one.via_app]
    world.github.faults.add(faults.broken(CLOSE, after=True), faults.cut(CLOSE))
    issue.comment("/nfr done -- measured", "sam")
    world.until("the end", lambda: "says sam" in body(pull))
    world.settle()
    closed = [one for one in issue.events if one.name == "closed"]
    assert (issue.state, len(closed)) == ("closed", 1)


def test_a_lost_answer_to_opening_an_issue_opens_no_second_issue(world: World) -> None:
    pulls = [world.open(branch=f"feat/{number}") for number in range(2)]
    world.settle()
    for pull in pulls:
        world.say(pull, f"/nfr defer {ITEM} -- after launch", "ann")
    world.settle()
    world.github.faults.add(faults.broken(OPEN, after=True), faults.cut(OPEN, after=True))
    for pull in pulls:
        world.say(pull, "/nfr done", "sam")
    named = re.compile("`after launch` · #[34]")
    for pull in pulls:
        world.until("the number", lambda pull=pull: named.search(body(pull)))
    world.settle()
    assert sorted(world.repository.issues) == [3, 4]


def test_an_issue_is_reminded_of_when_it_is_due_and_once_more_when_overdue(world: World) -> None:
    quiet(world)
    pull = world.open()
    due = (world.clock() + timedelta(days=20)).date()
    world.settle()
    for item in (ITEM, OTHER):
        world.say(pull, f"/nfr defer {item} until {due} -- after launch", "ann")
    world.say(pull, "/nfr done", "sam")
    world.settle()
    pull.merge(by="bob")
    world.settle()
    first, second = [one for one in world.repository.issues.values() if one.via_app]
    world.days_pass(17)  # at most a weekend lies before the day
    assert (replies(first), replies(second)) == ([], [])
    second.close("bob")
    world.days_pass(7)
    (reminder,) = replies(first)
    assert f"This follow-up of #{pull.number} is due on **" in reminder
    assert f"/nfr defer {first.title.split()[1].rstrip(':')} until YYYY-MM-DD" in reminder
    world.days_pass(1)
    assert len(replies(first)) == 1
    world.days_pass(8)
    assert "and five working days have passed since" in replies(first)[1]
    for _ in range(2):
        world.days_pass(10)
    assert (len(replies(first)), replies(second)) == (2, [])


def test_a_reminder_comes_again_for_a_later_day_and_not_if_the_policy_wants_none(
    world: World,
) -> None:
    quiet(world)
    pull = world.open()
    first, later = ((world.clock() + timedelta(days=days)).date() for days in (10, 40))
    world.settle()
    world.say(pull, f"/nfr defer {ITEM} until {first} -- after launch", "ann")
    world.say(pull, "/nfr done", "sam")
    world.settle()
    (issue,) = [one for one in world.repository.issues.values() if one.via_app]
    world.days_pass(14)
    assert len(replies(issue)) == 1
    world.clock.forward()
    issue.comment(f"/nfr defer {ITEM} until {later} -- vendor is late", "sam")
    world.settle()
    assert len(replies(issue)) == 1
    world.days_pass(30)
    assert len(replies(issue)) == 2
    assert "cannot be moved again" in replies(issue)[1]
    world.repository.push(
        "main", {".github/nfr.yml": f"{ENFORCE}defer: {{remind: false}}\n"}, "sue"
    )
    world.settle()
    world.days_pass(30)
    assert len(replies(issue)) == 2
