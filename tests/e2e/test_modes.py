"""A roll-out in steps: observe, advise, a day from which to enforce, enforce."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from ghapp.bootstrap import swept
from ghapp.emulator.repository import Pull
from tests.e2e.marks import SIGNED, WAITING, body, comments, conclusion, marks, title
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import MIGRATION, RISKY, World, command
from tests.store.stores import LONG_AGO, changed

TEAM = "reviewers: {teams: [sre]}\n"
# It touches `database-migration`, and nothing else.
OBSERVED = TEAM + "mode: enforce\nareas: {database-migration: {mode: observe}}\n"
ONLY_ONE = TEAM + "mode: observe\nareas: {background-jobs: {mode: enforce}}\n"
JOB = {"app/jobs/charge.py": "@shared_task\ndef charge(order):\n    pay(order)\n"}


def summary(pull: Pull) -> str:
    return pull.check_runs()[-1].summary or ""


def reported(world: World) -> dict[int, dict[str, Any]]:
    """What `ghapp report` prints while ghapp runs, by number."""
    ended = command(world, "report", "--format", "json")
    assert ended.exit_code == 0, ended.stderr
    return {one["number"]: one for one in json.loads(ended.stdout)["pulls"]}


@story(OBSERVED)
def test_an_observed_area_leaves_no_trace(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert marks(pull) == ("success", frozenset())
    assert title(pull) == "No NFR area touched"
    assert (pull.check_runs()[-1].annotations, comments(pull), shop.issues) == ([], [], [])
    assert "migration" not in summary(pull).lower()
    shop.policy(TEAM + "mode: enforce\n")
    yield
    assert marks(pull) == WAITING


@story(ONLY_ONE)
def test_a_policy_may_observe_all_areas_but_one(shop: Shop) -> Steps:
    pull, job = shop.open(), shop.open(JOB, branch="feat/job")
    both = shop.open({MIGRATION: RISKY, **JOB}, branch="feat/both")
    yield
    assert marks(pull) == ("success", frozenset())
    assert comments(pull) == []
    assert marks(job) == marks(both) == WAITING
    assert title(job) == title(both)
    assert body(job) == body(both)


def step(world: World, text: str) -> None:
    """Put a policy in force."""
    world.repository.push("main", {".github/nfr.yml": TEAM + text}, by="sue")
    world.settle()


def test_observe_first_then_advise_then_enforce_from_a_day_on(world: World) -> None:
    step(world, "mode: observe\n")
    pull, signed = world.open(), world.open(branch="feat/signed")
    world.settle()
    assert marks(pull) == ("missing", frozenset())
    assert comments(pull) == []

    step(world, "mode: advise\n")
    assert marks(pull) == ("neutral", {"needs sign-off"})
    assert "Advice only: this check does not block the merge." in summary(pull)
    world.say(signed, "/nfr done")
    world.settle()

    day = world.clock().date() + timedelta(days=20)
    begins = f"from {day.day} {day:%B} {day.year} this will block the merge."
    step(world, f"mode: enforce\nenforce_from: {day}\n")
    assert marks(pull) == ("neutral", {"needs sign-off"})
    assert begins in summary(pull)
    assert marks(signed) == SIGNED
    assert begins not in summary(signed)

    # A sweep before the day checks nothing, and one after it all open pull requests.
    url, runs = world.settings.database_url, len(pull.check_runs())
    changed(url, LONG_AGO)
    swept(world.settings)
    world.settle()
    assert len(pull.check_runs()) == runs
    world.days_pass(20)
    assert marks(pull) == WAITING
    assert "block the merge" not in summary(pull)
    assert marks(signed) == SIGNED
    world.say(pull, "/nfr done")
    world.settle()
    assert conclusion(pull) == "success"


def test_what_is_observed_and_advised_is_reported_while_ghapp_runs(world: World) -> None:
    step(world, "mode: observe\n")
    pull, signed = world.open(), world.open(branch="feat/signed")
    merged = world.open(branch="feat/merged")
    clear = world.open({"app/orders.py": "total = len\n"}, branch="fix/orders")
    world.settle()
    world.clock.forward(7200)
    merged.merge("bob")
    world.settle()
    found = reported(world)
    assert {number: one["outcome"] for number, one in found.items()} == {
        pull.number: "waiting", signed.number: "waiting", merged.number: "merged",
    }  # fmt: skip
    (area,) = found[merged.number]["areas"]
    assert (area["id"], area["mode"]) == ("database-migration", "observe")
    assert (area["musts"], "DBM-001" in area["hazards"]) == (["dbm-online-ddl"], True)
    assert found[merged.number]["author"] == "ann"
    assert found[merged.number]["blocked_seconds"] >= 7200

    step(world, "mode: advise\n")
    world.say(signed, "/nfr done")
    world.settle()
    found = reported(world)
    assert (found[pull.number]["outcome"], found[signed.number]["outcome"]) == (
        "waiting", "signed_off",
    )  # fmt: skip
    assert found[pull.number]["areas"][0]["mode"] == "advise"
    assert clear.number not in found

    step(world, "mode: enforce\n")
    assert reported(world)[pull.number]["outcome"] == "enforced"
    assert reported(world)[merged.number]["outcome"] == "merged"
