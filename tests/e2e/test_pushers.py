"""Who pushed does not sign off alone, whatever GitHub reports late, twice, or not at all."""

from __future__ import annotations

from ghapp.emulator import faults
from tests.e2e.marks import (
    HELD,
    SIGNED,
    WAITING,
    body,
    comments,
    conclusion,
    marks,
    press,
    reactions,
    refused,
)
from tests.e2e.stories import BUTTONS, Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY, World

BRANCH = "feat/points"
DANGER = RISKY + "DROP TABLE carts;\n"
UNLISTED = faults.broken("GET /repos/{owner}/{repo}/activity", 404, times=None)


@story()
def test_a_commit_that_comes_back_is_not_signed_off_by_who_had_pushed_it(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.push({MIGRATION: DANGER}, by="sam")
    thrown_away = pull.head_sha
    yield
    pull.force_push({MIGRATION: RISKY + "-- without it\n"}, by="ann")
    yield
    pull.comment("/nfr done", "sue")
    yield
    assert marks(pull) == SIGNED
    shop.repository.move(BRANCH, thrown_away, "ann")
    yield
    shop.repository.push("main", {"app/other.py": "x = 1\n"}, by="sue")
    pull.merge_base_in(by="ann")
    yield
    assert marks(pull) == WAITING
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == WAITING
    assert f"you pushed `{thrown_away[:7]}` yourself" in body(pull)
    pull.comment("/nfr done", "sue")
    yield
    assert marks(pull) == SIGNED


@story(ENFORCE, ("the same branch", "another branch"))
def test_commits_under_the_tip_of_another_are_not_signed_off_by_who_pushed_them(
    shop: Shop, case: str
) -> Steps:
    first = BRANCH if case == "the same branch" else "sam/points"
    shop.repository.branch(first)
    under = shop.repository.push(first, {MIGRATION: DANGER}, by="sam")
    yield
    if first != BRANCH:
        shop.repository.branch(BRANCH, of=first)
    shop.repository.push(BRANCH, {"app/orders.py": "total = len\n"}, by="ann")
    pull = shop.repository.open_pull(author="ann", branch=BRANCH, title="feat: points")
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == WAITING
    assert f"you pushed `{under[:7]}` yourself" in body(pull)
    pull.comment("/nfr done", "sue")
    yield
    assert marks(pull) == SIGNED


@story()
def test_a_push_reported_late_is_judged_again(shop: Shop) -> Steps:
    """Meanwhile it is by an unknown person: the next push says which head was before it."""
    shop.spoil(UNLISTED)
    pull = shop.open()
    yield
    with shop.alone() as deliveries, deliveries.held() as held:
        pull.push({MIGRATION: DANGER}, by="sam")
    late = pull.head_sha
    shop.world.clock.forward()
    pull.push({"app/orders.py": "total = len\n"}, by="ann")
    yield
    said = [pull.comment("/nfr done", by) for by in ("sam", "sue")]
    yield
    assert marks(pull) == WAITING
    assert [reactions(pull, one) for one in said] == [["confused"], ["confused"]]
    assert f"not known who pushed `{late[:7]}`" in refused(pull, "sue")
    for delivery in held:
        shop.world.github.deliveries.send(delivery)
    yield
    assert marks(pull) == SIGNED
    assert "Signed off by sue" in body(pull)


@story()
def test_a_sign_off_is_undone_if_it_turns_out_that_the_signer_had_pushed(shop: Shop) -> Steps:
    shop.spoil(UNLISTED)
    with shop.alone() as deliveries, deliveries.held() as held:
        shop.repository.branch(BRANCH)
        shop.repository.push(BRANCH, {MIGRATION: DANGER}, by="sam")
    pull = shop.repository.open_pull(author="ann", branch=BRANCH, title="feat: points")
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED  # by all that was reported, ann had pushed it
    for delivery in held:
        shop.world.github.deliveries.send(delivery)
    yield
    assert marks(pull) == WAITING
    assert f"you pushed `{pull.head_sha[:7]}` yourself" in body(pull)


@story(ENFORCE, ("listed", "not listed"))
def test_a_head_that_nobody_reported_is_by_whom_github_lists_or_by_an_unknown_person(
    shop: Shop, case: str
) -> Steps:
    """As of a pull request that is older than the App, or than its database."""
    if case == "not listed":
        shop.spoil(UNLISTED)
    with shop.alone() as deliveries, deliveries.lost():
        shop.repository.branch(BRANCH)
        shop.repository.push(BRANCH, {MIGRATION: DANGER}, by="sam")
        pull = shop.repository.open_pull(author="ann", branch=BRANCH, title="feat: points")
    shop.sweep()
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == WAITING
    why = "you pushed" if case == "listed" else "it is not known who pushed"
    assert f"{why} `{pull.head_sha[:7]}`" in refused(pull, "sam")
    pull.comment("/nfr done", "sue")
    yield
    assert marks(pull) == (SIGNED if case == "listed" else WAITING)


@story(ENFORCE, ("dependabot[bot]", "bob"))
def test_a_bots_pull_that_nobody_reported_is_ignored_only_if_github_lists_no_other_pusher(
    shop: Shop, case: str
) -> Steps:
    with shop.alone() as deliveries, deliveries.lost():
        tip = shop.repository.branches["main"]
        shop.repository.push(BRANCH, {MIGRATION: DANGER}, by=case, parent=tip)
        pull = shop.repository.open_pull(author="dependabot[bot]", branch=BRANCH, title="Bump")
    shop.sweep()
    yield
    assert marks(pull) == (WAITING if case == "bob" else ("success", set()))


@story()
def test_who_pushed_does_not_lift_the_hold_of_another(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.push({MIGRATION: DANGER}, by="sam")
    yield
    pull.comment("/nfr hold -- wait for the freeze", "sue")
    yield
    assert marks(pull) == HELD
    refused = pull.comment("/nfr undo", "sam")
    yield
    assert (marks(pull), reactions(pull, refused)) == (HELD, ["confused"])
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == WAITING


def test_a_renamed_account_is_still_who_pushed(world: World) -> None:
    pull = world.open()
    pull.push({MIGRATION: DANGER}, by="sam")
    world.settle()
    world.github.rename("sam", "samuel")
    world.say(pull, "/nfr done", "samuel")
    world.settle()
    assert marks(pull) == WAITING
    assert f"you pushed `{pull.head_sha[:7]}` yourself" in comments(pull)[0]


def test_what_was_said_under_an_old_name_counts_for_the_account(world: World) -> None:
    """A review, a button and a label, each by somebody who is renamed before it is judged."""
    policy = BUTTONS + "sign_off: {by: [command, label, review, button]}\n"
    world.repository.push("main", {".github/nfr.yml": policy}, by="sue")
    world.settle()
    pulls = [world.open(branch=f"feat/{number}") for number in range(3)]
    world.settle()
    world.clock.forward(3)
    reviewed, pressed, labelled = pulls
    with world.github.lock, world.github.deliveries.held() as held:
        reviewed.review("sam", "approved")
        press(pressed, "signoff", "sam")
        labelled.add_label("nfr: signed off", "sam")
        world.github.rename("sam", "samuel")
        world.github.user("sam")  # somebody else takes the old name
    for delivery in held:
        world.github.deliveries.send(delivery)
    world.settle()
    assert [conclusion(one) for one in pulls] == ["success"] * 3
    undone = world.say(reviewed, "/nfr undo", "samuel")
    world.settle()
    assert (conclusion(reviewed), reactions(reviewed, undone)) == ("action_required", ["+1"])


def test_whoever_merges_did_not_push_what_they_merge(world: World) -> None:
    first = world.open()
    world.settle()
    world.say(first, "/nfr done")
    world.settle()
    stacked = world.open(branch="feat/next", base="main")
    world.settle()
    world.clock.forward()
    first.merge(by="sam")
    world.settle()
    assert marks(first) == SIGNED
    first.edit(by="ann", title="feat: loyalty points")  # checked again, once it is merged
    world.settle()
    assert marks(first) == SIGNED
    world.say(stacked, "/nfr done")
    world.settle()
    assert marks(stacked) == SIGNED


def test_a_reviewer_who_merged_the_first_of_two_stacked_pulls_signs_off_the_second(
    world: World,
) -> None:
    first = world.open(branch="feat/one")
    world.repository.branch("feat/two", of="feat/one")
    world.repository.push("feat/two", {"db/migrate/2.sql": "DROP TABLE carts;\n"}, by="ann")
    second = world.repository.open_pull(author="ann", branch="feat/two", title="feat: two")
    world.settle()
    for pull in (first, second):
        world.say(pull, "/nfr done")
    world.settle()
    assert marks(second) == SIGNED
    world.clock.forward()
    first.merge(by="sam")
    world.settle()
    second.edit(by="ann", title="feat: two of two")
    world.settle()
    assert marks(second) == SIGNED
