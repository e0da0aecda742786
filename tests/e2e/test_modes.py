"""A roll-out in steps: observe, advise, a day from which to enforce, enforce."""

from __future__ import annotations

from datetime import timedelta

from ghapp.bootstrap import swept
from ghapp.emulator.repository import Pull
from tests.e2e.marks import SIGNED, WAITING, body, comments, conclusion, marks, title
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import MIGRATION, RISKY, World
from tests.store.stores import LONG_AGO, changed

TEAM = "reviewers: {teams: [sre]}\n"
# It touches `database-migration`, and nothing else.
OBSERVED = TEAM + "mode: enforce\nareas: {database-migration: {mode: observe}}\n"
ONLY_ONE = TEAM + "mode: observe\nareas: {background-jobs: {mode: enforce}}\n"
JOB = {"app/jobs/charge.py": "@shared_task\ndef charge(order):\n    pay(order)\n"}


def summary(pull: Pull) -> str:
    return pull.check_runs()[-1].summary or ""


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


def test_observe_first_then_advise_then_enforce_from_a_day_on(world: World) -> None:
    def step(text: str) -> None:
        world.repository.push("main", {".github/nfr.yml": TEAM + text}, by="sue")
        world.settle()

    step("mode: observe\n")
    pull, signed = world.open(), world.open(branch="feat/signed")
    world.settle()
    assert marks(pull) == ("missing", frozenset())

    step("mode: advise\n")
    assert marks(pull) == ("neutral", {"needs sign-off"})
    assert "Advice only: this check does not block the merge." in summary(pull)
    world.say(signed, "/nfr done")
    world.settle()

    today = world.clock().date()
    day = today + timedelta(days=20)
    begins = f"from {day.day} {day:%B} {day.year} this will block the merge."
    step(f"mode: enforce\nenforce_from: {day}\n")
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
    world.clock.forward(timedelta(days=20).total_seconds())
    changed(url, "UPDATE reviews SET recheck_at = 1 WHERE recheck_at > 0")
    changed(url, "UPDATE keys SET started_at = 0")
    swept(world.settings)
    world.settle()
    assert marks(pull) == WAITING
    assert "block the merge" not in summary(pull)
    assert marks(signed) == SIGNED
    world.say(pull, "/nfr done")
    world.settle()
    assert conclusion(pull) == "success"
