"""Lost, doubled and reordered deliveries, a GitHub that misbehaves, and the calls it takes."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ghapp.emulator import faults
from tests.e2e.world import (
    MIGRATION,
    RISKY,
    SIGNED,
    WAITING,
    World,
    conclusion,
    ours,
    quiet,
    reactions,
)

CHECK = "POST /repos/{owner}/{repo}/check-runs"
COMMENT = "POST /repos/{owner}/{repo}/issues/{number}/comments"
LABELS = "POST /repos/{owner}/{repo}/issues/{number}/labels"
FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"
PULL = "GET /repos/{owner}/{repo}/pulls/{number}"


def writes(calls: Counter[str]) -> int:
    return sum(
        count
        for route, count in calls.items()
        if not route.startswith("GET ") and "/repos/" in route
    )


def calls_during(world: World, before: Counter[str]) -> Counter[str]:
    return world.github.calls - before


class TestCalls:
    def warm(self, world: World) -> None:
        """A first pull: token, identity and policy are known, the labels exist."""
        quiet(world)  # it would call, too, on a machine so slow that its time comes
        world.say(world.open(branch="feat/first"), "/nfr done")
        world.settle()

    def test_a_new_flagged_feature_pull_takes_five(self, world: World) -> None:
        self.warm(world)
        before = Counter(world.github.calls)
        world.open()
        world.settle()
        used = calls_during(world, before)
        assert used.total() <= 5, used

    def test_a_push_that_changes_nothing_flagged_takes_three(self, world: World) -> None:
        self.warm(world)
        pull = world.open()
        world.settle()
        before = Counter(world.github.calls)
        world.clock.forward()
        pull.push({"app/orders.py": "total = len\n"})
        world.settle()
        used = calls_during(world, before)
        assert used.total() <= 3, used

    def test_a_delivery_that_changes_nothing_writes_nothing(self, world: World) -> None:
        self.warm(world)
        pull = world.open()
        world.settle()
        before = Counter(world.github.calls)
        world.clock.forward()
        pull.edit(by="ann", title="feat: loyalty points")
        world.settle()
        used = calls_during(world, before)
        assert writes(used) == 0, used
        assert used.total() <= 2, used


class TestDeliveries:
    def test_doubled_ones_write_nothing(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        before = Counter(world.github.calls)
        for delivery in list(world.github.deliveries.all):
            world.github.redeliver(delivery.id)
        world.settle()
        assert writes(calls_during(world, before)) == 0
        assert (conclusion(pull), pull.labels, len(ours(pull))) == ("success", SIGNED, 1)

    @pytest.mark.parametrize("seed", range(4))
    def test_in_any_order_and_number_end_in_the_same_marks(self, world: World, seed: int) -> None:
        chance = random.Random(seed)
        with world.github.deliveries.held() as held:
            pull = world.open()
            pull.add_label("feature", "ann")
            pull.push({"app/orders.py": "total = len\n"})
            pull.edit(by="ann", title="feat: loyalty points")
        again = [*held, *chance.sample(held, 2)]
        chance.shuffle(again)
        for delivery in again:
            world.github.deliveries.send(delivery)
        world.settle()
        assert (conclusion(pull), pull.labels - {"feature"}, len(ours(pull))) == (
            "in progress",
            WAITING,
            1,
        )
        world.say(pull, "/nfr done")
        world.settle()
        assert (conclusion(pull), pull.labels - {"feature"}, len(ours(pull))) == (
            "success",
            SIGNED,
            1,
        )

    def test_a_lost_one_is_healed_by_the_next(self, world: World) -> None:
        with world.github.deliveries.lost():
            pull = world.open()
        world.clock.forward()
        pull.edit(by="ann", title="feat: loyalty points")
        world.settle()
        assert (conclusion(pull), pull.labels, len(ours(pull))) == ("in progress", WAITING, 1)


class TestFaults:
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("route", [CHECK, COMMENT, LABELS])
    def test_a_write_answered_502_happens_once(self, world: World, route: str, after: bool) -> None:
        world.github.faults.add(faults.broken(route, 502, after=after))
        pull = world.open()
        world.settle()
        assert (conclusion(pull), pull.labels, len(ours(pull))) == ("in progress", WAITING, 1)
        assert len(pull.check_runs()) == 1

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_a_cut_connection_leads_to_no_second_comment(self, world: World, after: bool) -> None:
        world.github.faults.add(faults.cut(COMMENT, after=after))
        pull = world.open()
        world.settle()
        assert len(ours(pull)) == 1

    def test_a_failed_read_is_repeated(self, world: World) -> None:
        world.github.faults.add(faults.broken(FILES, 500), faults.broken(PULL, 503))
        pull = world.open()
        world.settle()
        assert conclusion(pull) == "in progress"

    def test_a_rate_limit_is_waited_for(self, world: World) -> None:
        world.github.faults.add(faults.secondary_limit(CHECK, retry_after=1))
        pull = world.open()
        world.settle()
        assert (conclusion(pull), pull.labels, len(ours(pull))) == ("in progress", WAITING, 1)

    def test_reads_that_lag_behind_the_delivery_are_not_believed(self, world: World) -> None:
        pull = world.open({"app/orders.py": "total = len\n"})
        world.settle()
        world.clock.forward()
        world.github.faults.add(faults.stale(PULL, times=2))
        pull.push({MIGRATION: RISKY})
        world.settle()
        assert (conclusion(pull), pull.labels) == ("in progress", WAITING)

    def test_a_token_that_expired_is_renewed(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.github.expire_tokens()
        said = world.say(pull, "/nfr done")
        world.settle()
        assert (conclusion(pull), reactions(pull, said)) == ("success", ["+1"])
