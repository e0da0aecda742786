"""Lost, doubled and failed deliveries, failing calls, and installations that go and come back."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from itertools import product

import pytest

from ghapp.bootstrap import swept
from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from tests.e2e.marks import SIGNED, WAITING, comments, conclusion, marks, reactions, title
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY, World, almost_parked, quiet
from tests.store.stores import changed

CHECK = "POST /repos/{owner}/{repo}/check-runs"
COMMENT = "POST /repos/{owner}/{repo}/issues/{number}/comments"
LABELS = "POST /repos/{owner}/{repo}/issues/{number}/labels"
FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"
PULL = "GET /repos/{owner}/{repo}/pulls/{number}"
SWEEPS = "GET /app/installations"


def writes(calls: Counter[str]) -> Counter[str]:
    """The calls that write to a repository."""
    return Counter(
        {name: n for name, n in calls.items() if name[:4] != "GET " and "/repos/" in name}
    )


def warm(world: World) -> None:
    """A first pull: token, identity and policy are known, the labels exist."""
    quiet(world)  # it would call, too, on a machine so slow that its time comes
    world.say(world.open(branch="feat/first"), "/nfr done")
    world.settle()


def test_a_new_flagged_feature_pull_takes_five_calls(world: World) -> None:
    warm(world)
    before = Counter(world.github.calls)
    world.open()
    world.settle()
    used = world.github.calls - before
    assert used.total() <= 5, used


def test_a_push_that_changes_nothing_flagged_takes_three_calls(world: World) -> None:
    warm(world)
    pull = world.open()
    world.settle()
    before = Counter(world.github.calls)
    world.clock.forward()
    pull.push({"app/orders.py": "total = len\n"})
    world.settle()
    used = world.github.calls - before
    assert used.total() <= 3, used


def test_a_delivery_that_changes_nothing_writes_nothing(world: World) -> None:
    warm(world)
    pull = world.open()
    world.settle()
    before = Counter(world.github.calls)
    world.clock.forward()
    pull.edit(by="ann", title="feat: loyalty points")
    world.settle()
    used = world.github.calls - before
    assert not writes(used), used
    assert used.total() <= 2, used


def test_doubled_deliveries_write_nothing(world: World) -> None:
    pull = world.open()
    world.settle()
    world.say(pull, "/nfr done")
    world.settle()
    before = Counter(world.github.calls)
    for delivery in list(world.github.deliveries.all):
        world.github.redeliver(delivery.id)
    world.settle()
    assert not writes(world.github.calls - before)
    assert (marks(pull), len(comments(pull))) == (SIGNED, 1)


@story(cases=range(4))
def test_deliveries_in_any_order_and_number_end_in_the_same_marks(shop: Shop, case: int) -> Steps:
    chance = random.Random(case)
    with shop.alone() as deliveries, deliveries.held() as held:
        pull = shop.open()
        pull.push({"app/orders.py": "total = len\n"})
        pull.edit(by="ann", title="feat: loyalty points")
        pull.add_label("feature", "ann")
    again = [*held, *chance.sample(held, 2)]
    chance.shuffle(again)
    for delivery in again:
        shop.world.github.deliveries.send(delivery)
    yield
    assert (marks(pull), len(comments(pull))) == (WAITING, 1)
    pull.comment("/nfr done", "sam")
    yield
    assert (marks(pull), len(comments(pull))) == (SIGNED, 1)


@story()
def test_the_next_delivery_catches_up_on_a_lost_one(shop: Shop) -> Steps:
    with shop.alone() as deliveries, deliveries.lost():
        pull = shop.open()
    yield
    assert conclusion(pull) == "missing"
    pull.edit(by="ann", title="feat: loyalty points")
    yield
    assert (marks(pull), len(comments(pull))) == (WAITING, 1)


@story(cases=product((CHECK, COMMENT, LABELS), ("before", "after")))
def test_a_write_answered_502_happens_once(shop: Shop, case: tuple[str, str]) -> Steps:
    route, when = case
    shop.spoil(faults.broken(route, 502, after=when == "after"))
    pull = shop.open()
    yield
    assert (marks(pull), len(comments(pull)), len(pull.check_runs())) == (WAITING, 1, 1)


@story(cases=("before", "after"))
def test_a_cut_connection_leads_to_no_second_comment(shop: Shop, case: str) -> Steps:
    shop.spoil(faults.cut(COMMENT, after=case == "after"))
    pull = shop.open()
    yield
    assert len(comments(pull)) == 1


@story()
def test_a_failed_read_is_repeated(shop: Shop) -> Steps:
    shop.spoil(faults.broken(FILES, 500), faults.broken(PULL, 503))
    pull = shop.open()
    yield
    assert conclusion(pull) == "in progress"


@story()
def test_a_rate_limit_is_waited_for(shop: Shop) -> Steps:
    shop.spoil(faults.secondary_limit(CHECK, retry_after=1))
    pull = shop.open()
    yield
    assert (marks(pull), len(comments(pull))) == (WAITING, 1)


@story()
def test_reads_that_lag_behind_the_delivery_are_not_believed(shop: Shop) -> Steps:
    pull = shop.open({"app/orders.py": "total = len\n"})
    yield
    shop.spoil(faults.stale(PULL, times=2))
    pull.push({MIGRATION: RISKY})
    yield
    assert marks(pull) == WAITING


def test_an_expired_token_is_renewed(world: World) -> None:
    pull = world.open()
    world.settle()
    world.github.expire_tokens()
    said = world.say(pull, "/nfr done")
    world.settle()
    assert (conclusion(pull), reactions(pull, said)) == ("success", ["+1"])


def test_deliveries_that_failed_while_ghapp_was_down_are_redelivered_without_a_sweep(
    world: World,
) -> None:
    pull = world.open()
    world.settle()
    assert marks(pull) == WAITING
    world.stop()
    said = world.say(pull, "/nfr done -- read it")
    world.clock.forward()
    new = world.open(branch="feat/other")
    world.github.settle()
    assert {one.status_code for one in world.github.deliveries.all[-2:]} == {502}

    changed(world.settings.database_url, "UPDATE turns SET taken_at = 0")  # five minutes later
    before = world.github.calls[SWEEPS]
    world.start()
    world.until("its sign-off", lambda: conclusion(pull) == "success")
    world.until("the new one's check", lambda: conclusion(new) == "in progress")
    assert world.github.calls[SWEEPS] == before
    world.settle()
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])
    assert (marks(new), len(comments(new))) == (WAITING, 1)


def test_a_sweep_by_hand_redelivers_at_once_and_reports_it(world: World) -> None:
    pull = world.open()
    world.settle()
    world.github.lose_next(1, "issue_comment.created")
    said = world.say(pull, "/nfr done")
    assert swept(world.settings).redelivered == 1
    world.settle()
    assert (conclusion(pull), reactions(pull, said)) == ("success", ["+1"])
    assert swept(world.settings).redelivered == 0


def test_a_sweep_by_hand_without_a_server_redelivers_nothing(stopped: World) -> None:
    pull = stopped.open()
    stopped.github.settle()
    found = swept(stopped.settings)
    assert (found.worked_off, found.redelivered, conclusion(pull)) == (True, 0, "in progress")
    assert not [one for one in stopped.github.deliveries.all if one.redelivery]


def test_a_sweep_works_even_if_github_lists_no_deliveries(world: World) -> None:
    world.github.faults.add(faults.broken("GET /app/hook/deliveries", 404, times=None))
    with world.github.deliveries.lost():
        pull = world.open()
    assert swept(world.settings).redelivered == 0
    world.settle()
    assert conclusion(pull) == "in progress"


def test_a_sign_off_of_a_lost_push_is_refused_and_counts_once_its_delivery_is_there(
    world: World,
) -> None:
    quiet(world)  # what is lost stays lost until it is asked for
    world.github.faults.add(faults.broken("GET /repos/{owner}/{repo}/activity", 404, times=None))
    pull = world.open()
    world.settle()
    world.clock.forward()
    with world.github.deliveries.lost():
        pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"}, by="ann")
        world.github.settle()
    world.say(pull, "/nfr refresh", "ann")
    world.settle()
    refused = world.say(pull, "/nfr done")
    world.settle()
    assert (conclusion(pull), reactions(pull, refused)) == ("in progress", ["confused"])
    assert f"not known who pushed `{pull.head_sha[:7]}`" in comments(pull)[0]
    assert swept(world.settings).redelivered >= 2
    world.settle()
    assert (marks(pull), reactions(pull, refused)[0]) == (SIGNED, "confused")


def push_unrecorded(shop: Shop, pull: Pull) -> None:
    """Push a wider diff; GitHub creates its check run, and the answer is lost."""
    shop.spoil(faults.cut(CHECK, after=True))
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"}, by="ann")
    shop.world.until("its check run", lambda: conclusion(pull) == "in progress")


@story()
def test_a_sign_off_of_an_unrecorded_check_run_survives_a_push_elsewhere(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    push_unrecorded(shop, pull)
    shop.world.clock.forward()
    said = pull.comment("/nfr done", "sam")
    shop.world.clock.forward()
    pull.push({"app/orders.py": "total = sum  # of all\n"}, by="ann")
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])


@story()
def test_a_sign_off_of_an_unrecorded_check_run_does_not_cover_an_older_diff(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    push_unrecorded(shop, pull)
    shop.world.clock.forward()
    pull.comment("/nfr done", "sam")
    shop.world.clock.forward()
    pull.push({MIGRATION: RISKY}, by="ann")
    yield
    assert marks(pull) == WAITING


@story()
def test_a_sign_off_of_an_unrecorded_first_check_run_counts(shop: Shop) -> Steps:
    shop.spoil(faults.cut(CHECK, after=True))
    pull = shop.open()
    shop.world.until("its check run", lambda: conclusion(pull) == "in progress")
    shop.world.clock.forward()
    said = pull.comment("/nfr done", "sam")
    shop.world.clock.forward()
    pull.push({"app/orders.py": "total = sum  # of all\n"}, by="ann")
    yield
    assert reactions(pull, said) == ["+1"]


@pytest.fixture
def enforcing(stopped: World) -> World:
    """A ghapp that enforces even if it cannot read the policy; not started yet."""
    stopped.environment["GHAPP_DEFAULT_MODE"] = "enforce"
    return stopped


def test_a_review_that_keeps_failing_is_shown_on_the_pull_until_the_next_delivery(
    enforcing: World,
) -> None:
    with enforcing.github.deliveries.held() as held:
        pull = enforcing.open()
    asyncio.run(almost_parked(enforcing, [one for one in held if one.event == "pull_request"]))
    enforcing.github.faults.add(faults.broken(PULL, 500, times=None))
    enforcing.start()
    enforcing.until("a run that says so", lambda: conclusion(pull) != "missing")
    assert (conclusion(pull), title(pull)) == ("action_required", "The review failed")
    assert "500" in (pull.check_runs()[-1].summary or "")
    enforcing.until("the parked key", lambda: enforcing.ready()["parked"] == 1)

    enforcing.github.faults.clear()
    pull.edit(by="ann", title="feat: loyalty points")
    enforcing.settle()
    assert (marks(pull), len(comments(pull))) == (WAITING, 1)


def test_a_parked_pull_still_counts_on_a_shared_head(enforcing: World) -> None:
    with enforcing.github.deliveries.held() as held:
        pull = enforcing.open()
        enforcing.repository.branch("stable", of="feat/points")
        enforcing.repository.protected.add("stable")
        enforcing.clock.forward()
        pull.push({"app/orders.py": "total = len\n"})
    asyncio.run(almost_parked(enforcing, [one for one in held if one.event == "pull_request"]))
    enforcing.github.faults.add(faults.broken(PULL, 500, times=None))
    enforcing.start()
    enforcing.until("the parked key", lambda: enforcing.ready()["parked"] == 1)
    enforcing.github.faults.clear()
    clear = enforcing.repository.open_pull(author="ann", branch="feat/points", base="stable")
    enforcing.until("its own marks", lambda: len(clear.check_runs()) > 1)
    assert clear.head_sha == pull.head_sha
    assert conclusion(clear) == "action_required"


def suspend(world: World) -> None:
    world.github.suspend(1, "lea")


def delete(world: World) -> None:
    world.github.uninstall(1)


def remove(world: World) -> None:
    """The repository goes to an account where the App is not installed."""
    world.repository.transfer("elsewhere", "lea")


OUT: list[Callable[[World], None]] = [suspend, delete, remove]


@pytest.mark.parametrize("out", OUT, ids=lambda one: one.__name__)
def test_work_on_a_lost_repository_ends_without_a_write_or_a_failure(
    world: World, out: Callable[[World], None]
) -> None:
    pull = world.open()
    world.settle()
    with world.github.deliveries.held() as held:
        world.say(pull, "/nfr done")
        pull.push({"app/orders.py": "total = len\n"})
    out(world)
    before = Counter(world.github.calls)
    for one in held:
        world.github.deliveries.send(one)
    world.settle()
    swept(world.settings)
    world.settle()
    used = world.github.calls - before
    assert not writes(used)
    assert world.ready()["parked"] == 0
    assert used.total() < 40


@pytest.fixture
def paused(world: World) -> tuple[World, Pull, Pull]:
    """Two pulls that were reviewed before their installation was suspended."""
    first, other = world.open(), world.open(branch="feat/other")
    world.settle()
    world.clock.forward()
    swept(world.settings)  # now it knows what our own writes have moved
    world.settle()
    suspend(world)
    world.settle()
    return world, first, other


def test_messages_and_pushes_during_a_suspension_are_found(
    paused: tuple[World, Pull, Pull],
) -> None:
    world, first, other = paused
    said = world.say(first, "/nfr done -- read")
    other.push({"app/orders.py": "total = len\n"})
    new = world.open(branch="feat/new")
    world.settle()
    assert conclusion(new) == "missing"
    world.github.unsuspend(1, "lea")
    world.settle()
    assert (marks(first), reactions(first, said)) == (SIGNED, ["+1"])
    assert (conclusion(other), conclusion(new)) == ("in progress", "in progress")
    assert (marks(new), len(comments(new))) == (WAITING, 1)


def test_a_policy_changed_during_a_suspension_reaches_all_pulls(
    paused: tuple[World, Pull, Pull],
) -> None:
    world, first, other = paused
    world.clock.forward()
    text = ENFORCE + "language: ja\n"
    world.repository.push("main", {".github/nfr.yml": text}, by="sue")
    world.settle()
    world.github.unsuspend(1, "lea")
    world.settle()
    for pull in (first, other):
        assert "必須" in comments(pull)[0], json.dumps(comments(pull), ensure_ascii=False)
