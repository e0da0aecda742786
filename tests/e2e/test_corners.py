"""Corners in which a sign-off might cover what nobody saw, or a review might get stuck."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghapp.core.model import PullKey, Repository
from ghapp.emulator import faults
from tests.e2e.world import (
    ENFORCE,
    MIGRATION,
    RISKY,
    SIGNED,
    WAITING,
    World,
    conclusion,
    in_store,
    ours,
    quiet,
    reactions,
    running,
)

DANGER = RISKY + "DROP TABLE carts;\n"


def test_who_brings_back_an_own_older_head_cannot_sign_it_off(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    pull.push({MIGRATION: DANGER}, by="sam")
    dangerous = pull.head_sha
    world.settle()
    world.clock.forward()
    pull.push({MIGRATION: RISKY}, by="ann")
    world.settle()
    world.say(pull, "/nfr done", "sue")
    world.settle()
    assert conclusion(pull) == "success"
    world.clock.forward()
    world.repository.move("feat/points", dangerous, by="sam")
    world.settle()
    world.say(pull, "/nfr done", "sam")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)


def test_who_pushed_the_branch_before_it_became_a_pull_cannot_sign_it_off(world: World) -> None:
    world.repository.branch("feat/points")
    world.repository.push("feat/points", {MIGRATION: DANGER}, by="sam")
    pull = world.repository.open_pull(author="ann", branch="feat/points", title="feat: points")
    world.settle()
    world.say(pull, "/nfr done", "sam")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
    world.say(pull, "/nfr done", "sue")
    world.settle()
    assert conclusion(pull) == "success"


def test_the_last_word_counts_in_whichever_order_it_arrives(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    with world.github.deliveries.held() as held:
        pull.comment("/nfr done", "sam")
        world.clock.forward()
        pull.comment("/nfr undo", "sam")
    for delivery in reversed(held):
        world.github.deliveries.send(delivery)
        world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)


def test_sign_off_of_any_push_does_not_cover_another_base(tmp_path: Path) -> None:
    with running(tmp_path, ENFORCE + "sign_off: {stale_on: any-push}\n") as world:
        world.repository.branch("stable")
        world.repository.push("main", {"db/migrate/1.sql": "DROP TABLE carts;\n"}, by="sue")
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        assert conclusion(pull) == "success"
        world.clock.forward()
        pull.retarget("stable", by="ann")
        world.settle()
        assert (conclusion(pull), pull.labels) == ("in progress", WAITING)


@pytest.mark.parametrize("status", [403, 422, 500])
@pytest.mark.parametrize("route", ["POST */reactions", "POST */comments", "POST */labels"])
def test_a_best_effort_write_that_fails_does_not_hold_up_the_gate(
    world: World, route: str, status: int
) -> None:
    world.github.faults.add(faults.broken(route, status, times=None))
    pull = world.open()
    world.until("the check run", lambda: conclusion(pull) == "in progress")
    world.say(pull, "/nfr refresh", "eve")
    world.say(pull, "/nfr done")
    world.until("the sign-off", lambda: conclusion(pull) == "success")
    world.github.faults.clear()
    world.clock.forward()
    pull.edit(by="ann", title="feat: loyalty points")
    world.settle()
    assert (conclusion(pull), pull.labels, len(ours(pull))) == ("success", SIGNED, 1)


@pytest.mark.parametrize("route", ["POST */reactions", "POST */comments", "POST */labels"])
def test_a_best_effort_write_refused_for_no_reason_is_made_good_by_itself(
    world: World, route: str
) -> None:
    quiet(world)
    world.github.faults.add(faults.broken(route, 403))
    pull = world.open()
    world.settle()
    assert (pull.labels, len(ours(pull))) == (WAITING, 1)
    said = world.say(pull, "/nfr done")
    world.settle()
    assert (pull.labels, len(ours(pull)), reactions(pull, said)) == (SIGNED, 1, ["+1"])


class TestOneHead:
    def test_closing_a_pull_and_opening_another_gets_stuck_nowhere(self, world: World) -> None:
        first = world.open()
        world.settle()
        world.clock.forward()
        first.close()
        world.settle()
        world.repository.branch("stable")
        second = world.repository.open_pull(
            author="ann", branch="feat/points", base="stable", title="feat: points"
        )
        world.settle()
        assert conclusion(second) == "in progress"
        world.say(second, "/nfr done")
        world.settle()
        assert (conclusion(second), second.labels) == ("success", SIGNED)

    def test_the_newest_run_shows_what_holds_after_an_undo(self, tmp_path: Path) -> None:
        with running(tmp_path, ENFORCE + "pending: action_required\n") as world:
            pull = world.open()
            world.repository.branch("stable", of="feat/points")
            pull.push({"app/orders.py": "total = len\n"})
            world.settle()
            world.say(pull, "/nfr done")
            world.settle()
            clear = world.repository.open_pull(author="ann", branch="feat/points", base="stable")
            world.settle()
            world.clock.forward()
            clear.close()
            world.settle()
            world.say(pull, "/nfr undo")
            world.settle()
            assert (conclusion(pull), pull.labels) == ("action_required", WAITING)


def test_fifty_calls_for_help_are_one_reply(world: World) -> None:
    pull = world.open({"app/orders.py": "total = len\n"})
    world.settle()
    world.say(pull, "/nfr help\n\n" * 50, "eve")
    world.settle()
    assert len(ours(pull)) == 1


def test_a_change_that_github_does_not_show_is_not_green(world: World) -> None:
    padded = "x = 1\n" * 25_000 + "stripe.PaymentIntent.create()\n"
    pull = world.open({"app/pay.py": padded})
    world.settle()
    assert conclusion(pull) == "in progress"
    assert "`app/pay.py` (GitHub shows no diff)" in ours(pull)[0]


def test_labels_that_differ_only_by_case_are_one(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    world.repository.push(
        "main", {".github/nfr.yml": ENFORCE + "labels: {waiting: 'NFR: needs sign-off'}\n"}, "sue"
    )
    world.settle()
    assert {label.casefold() for label in pull.labels} == {"nfr: needs sign-off"}


def test_a_look_without_a_delivery_does_not_believe_reads_older_than_the_last_one(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as world:
        quiet(world)
        pull = world.open()
        world.settle()
        world.clock.forward()
        pull.push(
            {"db/migrate/20260402_more.sql": "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 0;\n"}
        )
        world.settle()
        written = list(world.repository.check_runs)
        world.github.faults.add(faults.stale("GET */pulls/*", times=2, back=3))
        shop = world.repository
        assert shop.installation
        key = PullKey(Repository(shop.installation.id, shop.id, shop.full_name), pull.number)
        in_store(world, lambda store: store.queue.mark_dirty([key], touched=True))
        world.settle()
        pull.edit(by="ann", title="feat: loyalty points")
        world.settle()
    assert list(shop.check_runs) == written
