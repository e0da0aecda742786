"""A check run belongs to a head and a base: unguarded bases, new bases, changes in one second."""

from __future__ import annotations

import json
import time

from ghapp.emulator import faults
from ghapp.emulator.faults import Fault
from ghapp.emulator.repository import Pull
from tests.e2e.marks import SIGNED, conclusion, marks, title
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY

PULL, FILES = "GET */pulls/{number}", "GET */pulls/{number}/files"
ADVISE = ENFORCE.replace("mode: enforce", "mode: advise")
NOT_YET = "Not reviewed against main yet"
CLEAR = {"app/orders.py": "total = len\n"}


def own_branch(shop: Shop, name: str = "mine") -> str:
    """A branch of Ann's that has her risky migration already."""
    shop.repository.branch(name)
    shop.repository.push(name, {MIGRATION: RISKY}, by="ann")
    return name


@story()
def test_a_pull_into_a_branch_that_nobody_guards_is_never_green(shop: Shop) -> Steps:
    pull = shop.open(CLEAR, base=own_branch(shop), branch="feat/own")
    yield
    assert (marks(pull), title(pull)) == (("in progress", set()), NOT_YET)
    assert "`mine`, which no rule protects" in (pull.check_runs()[-1].summary or "")
    pull.comment("/nfr hold -- wait", "sam")
    yield
    assert conclusion(pull) == "action_required"
    pull.comment("/nfr undo", "sam")
    yield
    assert (conclusion(pull), title(pull)) == ("in progress", NOT_YET)


@story(ADVISE)
def test_a_pull_into_a_branch_that_nobody_guards_is_neutral_if_nothing_is_enforced(
    shop: Shop,
) -> Steps:
    pull = shop.open(CLEAR, base=own_branch(shop), branch="feat/own")
    yield
    assert conclusion(pull) == "neutral"


@story(cases=["protection", "pull_request"])
def test_a_pull_into_a_guarded_branch_is_reviewed_to_the_end(shop: Shop, case: str) -> Steps:
    base = own_branch(shop)
    if case == "protection":
        shop.repository.protected.add(base)
    else:
        shop.repository.rules[base] = ["branch_name_pattern", case]
    pull = shop.open(CLEAR, base=base, branch="feat/own")
    yield
    assert marks(pull) == ("success", set())


@story()
def test_a_rule_about_names_guards_no_branch(shop: Shop) -> Steps:
    base = own_branch(shop)
    shop.repository.rules[base] = ["branch_name_pattern", "non_fast_forward"]
    pull = shop.open(CLEAR, base=base, branch="feat/own")
    yield
    assert title(pull) == NOT_YET


@story()
def test_a_head_proposed_for_an_unguarded_branch_first_is_not_green_for_another(
    shop: Shop,
) -> Steps:
    decoy = shop.open(CLEAR, base=own_branch(shop), branch="feat/own")
    yield
    real = shop.repository.open_pull(author="ann", branch="feat/own")  # with the migration
    assert conclusion(real) == "in progress"  # before anything is processed
    yield
    assert decoy.head_sha == real.head_sha
    assert conclusion(real) == "in progress"
    assert real.labels == {"nfr: needs sign-off"}
    real.comment("/nfr done", "sam")
    yield
    assert marks(real) == SIGNED  # the other pull does not hold it up


@story()
def test_a_pull_that_turns_to_an_unguarded_branch_loses_its_green(shop: Shop) -> Steps:
    shop.repository.branch("mine")
    pull = shop.open(CLEAR)
    yield
    assert conclusion(pull) == "success"
    pull.retarget("mine", by="ann")
    yield
    assert (conclusion(pull), title(pull)) == ("in progress", NOT_YET)
    pull.retarget("main", by="ann")
    yield
    assert conclusion(pull) == "success"


def at_a_full_second(shop: Shop) -> None:
    """What follows within a second has one time at GitHub."""
    time.sleep(1.0 - shop.world.clock().microsecond / 1e6)


def lagging_files(head_sha: str, path: str, *added: str) -> Fault:
    """GitHub's list of files once, as it was for an earlier head or base."""
    patch = "\n".join([f"@@ -1 +1,{1 + len(added)} @@", " line", *(f"+{line}" for line in added)])
    url = f"https://api.github.example/contents/{path}?ref={head_sha}"
    row = {"filename": path, "status": "modified", "contents_url": url, "sha": "a" * 40}
    row |= {"additions": len(added), "deletions": 0, "patch": patch}
    return Fault(FILES, body=json.dumps([row]).encode())


def reworded(shop: Shop, base: str) -> Pull:
    """Only a comment is new in a migration, against a base that has the rest of it."""
    shop.repository.protected.add(base)
    return shop.open({MIGRATION: f"{RISKY}-- why\n"}, base=base, branch="feat/own")


@story()
def test_files_listed_for_the_base_before_leave_nothing_green(shop: Shop) -> Steps:
    pull = reworded(shop, own_branch(shop))
    yield
    assert conclusion(pull) == "success"
    with shop.alone():
        shop.spoil(lagging_files(pull.head_sha, MIGRATION, "-- why"))
        pull.retarget("main", by="ann")
    yield
    assert marks(pull) == ("in progress", {"needs sign-off"})
    assert [run.conclusion for run in pull.check_runs()].count("success") <= 1


@story()
def test_a_read_behind_a_new_base_of_the_same_second_leaves_nothing_green(shop: Shop) -> Steps:
    base = own_branch(shop)
    at_a_full_second(shop)
    pull = reworded(shop, base)
    shop.world.until("its check run", lambda: bool(pull.check_runs()))
    with shop.alone():
        pull.retarget("main", by="ann")
        shop.spoil(lagging_files(pull.head_sha, MIGRATION, "-- why"), faults.stale(PULL))
    yield
    assert marks(pull) == ("in progress", {"needs sign-off"})


@story()
def test_of_two_pushes_in_one_second_the_newer_gets_its_check_run(shop: Shop) -> Steps:
    at_a_full_second(shop)
    pull = shop.open(CLEAR)
    shop.world.until("its check run", lambda: bool(pull.check_runs()))
    with shop.alone():
        lagging = lagging_files(pull.head_sha, "app/orders.py", "total = min")
        pull.push({"app/orders.py": "# total\n", MIGRATION: RISKY})
        shop.spoil(lagging, faults.stale(PULL))
    yield
    assert marks(pull) == ("in progress", {"needs sign-off"})


@story()
def test_a_sweep_finds_a_push_lost_in_the_second_of_another_change(shop: Shop) -> Steps:
    pull = shop.open(CLEAR)
    yield
    pull.edit(by="ann", title="feat: loyalty points")
    at = pull.updated_at
    yield
    shop.lose("pull_request.synchronize", lambda: pull.push({MIGRATION: RISKY}))
    pull.updated_at = at
    shop.sweep()
    yield
    assert marks(pull) == ("in progress", {"needs sign-off"})
