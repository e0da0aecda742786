"""Drafts, forks, shared heads, new bases, closing, findings: what a pull request can be."""

from __future__ import annotations

import json
import re
from itertools import product

from ghapp.bootstrap import swept
from ghapp.core.model import PullKey, Repository
from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from tests.e2e.marks import (
    SIGNED,
    WAITING,
    boxes,
    comments,
    conclusion,
    marks,
    press,
    reactions,
    title,
)
from tests.e2e.stories import BUTTONS, Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY, World, in_store
from tests.store.stores import LONG_AGO, changed

INDEX = "CREATE INDEX i ON orders (points);\n"
SAFE = "CREATE INDEX CONCURRENTLY i ON orders (points);\n"
DANGER = RISKY + "DROP TABLE carts;\n"
BEST_EFFORT = ("POST */reactions", "POST */comments", "POST */labels")


@story()
def test_a_draft_has_a_check_run_but_no_label(shop: Shop) -> Steps:
    pull = shop.open(draft=True)
    yield
    assert marks(pull) == ("in progress", set())
    pull.ready()
    yield
    assert marks(pull) == WAITING


@story()
def test_a_pull_from_a_fork_is_reviewed_like_any_other(shop: Shop) -> Steps:
    pull = shop.open(author="eve", fork="eve")
    yield
    assert marks(pull) == WAITING
    pull.comment("/nfr check dbm-rollback -- rehearsed", "eve")
    yield
    assert boxes(pull)["dbm-rollback"]
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED


@story()
def test_one_head_on_several_pulls_shows_the_worst_and_names_all(shop: Shop) -> Steps:
    flagged = shop.open()
    shop.repository.branch("stable", of="feat/points")
    shop.repository.protected.add("stable")
    flagged.push({"app/orders.py": "total = len\n"})
    yield
    clear = shop.repository.open_pull(author="ann", branch="feat/points", base="stable")
    yield
    assert clear.head_sha == flagged.head_sha
    assert conclusion(clear) == "in progress"
    assert clear.labels == set()
    flagged.comment("/nfr done", "sam")
    yield
    assert conclusion(clear) == "success"


@story()
def test_a_closed_pull_has_no_check_run_in_progress_and_continues_when_reopened(
    shop: Shop,
) -> Steps:
    pull = shop.open()
    yield
    pull.close()
    yield
    assert marks(pull) == ("cancelled", {"needs sign-off"})
    pull.reopen()
    yield
    assert (marks(pull), len(comments(pull))) == (WAITING, 1)


@story()
def test_a_merged_pull_keeps_its_sign_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.merge(by="ann")
    yield
    assert marks(pull) == SIGNED


@story()
def test_a_pull_that_no_longer_touches_an_area_is_green(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.push({MIGRATION: None, "app/orders.py": "total = len\n"})
    yield
    assert marks(pull) == ("success", set())
    assert "no flagged area in this PR any more" in comments(pull)[0]


@story()
def test_a_check_that_is_rerun_gets_a_new_check_run(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    (first,) = pull.check_runs()
    shop.repository.rerequest_run(first.id, by="ann")
    yield
    assert [run.status for run in pull.check_runs()][1:] == ["in_progress"]
    shop.repository.rerequest_suite(pull.head_sha, by="ann")
    yield
    assert len(pull.check_runs()) == 3


@story()
def test_all_checks_of_a_pull_from_a_fork_that_are_rerun_get_a_new_check_run(shop: Shop) -> Steps:
    pull, twin = (shop.open(author="eve", fork="eve", branch=f"feat/{name}") for name in "ab")
    assert pull.head_repository
    pull.head_repository.move("feat/b", pull.head_sha, "eve")  # both pulls have one head
    yield
    (*_, before) = pull.check_runs()
    shop.repository.rerequest_suite(pull.head_sha, by="ann")
    yield
    named = [one for one in shop.world.github.deliveries.all if one.action == "rerequested"]
    suites = [json.loads(one.body)["check_suite"] for one in named if one.event == "check_suite"]
    mine = [one for one in suites if one["head_sha"] == pull.head_sha]
    assert [one["pull_requests"] for one in mine] == [[]]  # of a fork, GitHub names none
    assert pull.check_runs()[-1].id > before.id
    assert (marks(pull), marks(twin)) == (WAITING, WAITING)
    shop.repository.rerequest_suite("0" * 40, by="ann")  # of nobody
    yield
    assert (marks(pull), marks(twin)) == (WAITING, WAITING)


@story()
def test_a_new_base_needs_a_new_sign_off(shop: Shop) -> Steps:
    shop.repository.branch("stable")
    shop.repository.protected.add("stable")
    shop.repository.push("main", {"db/migrate/1.sql": "DROP TABLE carts;\n"}, by="sue")
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert conclusion(pull) == "success"
    pull.retarget("stable", by="ann")  # now the other migration is part of the diff too
    yield
    assert marks(pull) == WAITING
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED


@story()
def test_an_area_label_adds_an_area(shop: Shop) -> Steps:
    pull = shop.open({"app/orders.py": "total = len\n"}, labels=["nfr/area: payments-checkout"])
    yield
    assert title(pull) == "Waiting for SRE sign-off: Payments / checkout"
    pull.remove_label("nfr/area: payments-checkout", "ann")
    yield
    assert conclusion(pull) == "success"


@story()
def test_a_pull_by_a_bot_is_not_reviewed_until_someone_else_pushes(shop: Shop) -> Steps:
    pull = shop.open(author="dependabot[bot]", branch="dependabot/sql")
    yield
    assert marks(pull) == ("success", set())
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"}, by="ann")
    yield
    assert marks(pull) == WAITING


@story()
def test_a_pull_above_githubs_limit_of_files_needs_a_sign_off(shop: Shop) -> Steps:
    pull = shop.repository.open_big_pull(3001, author="ann", branch="big", lines=1)
    yield
    assert conclusion(pull) == "in progress"
    assert "More than 3,000 changed files" in title(pull)
    assert "GitHub lists only 3,000" in (pull.check_runs()[-1].summary or "")
    pull.comment("/nfr done", "sam")
    yield
    assert conclusion(pull) == "success"


def test_open_pulls_are_reviewed_when_the_app_is_installed(world: World) -> None:
    with world.github.deliveries.lost():
        pulls = [world.open(branch=f"feat/{number}") for number in range(3)]
    world.github.notify_installed(1, by="sue")
    world.settle()
    assert [marks(pull) for pull in pulls] == [WAITING] * 3


def marked(pull: Pull) -> list[tuple[str, int, str, list[str]]]:
    """Path, line, level and rules of each annotation of the newest run on the head."""
    return [
        (row["path"], row["start_line"], row["annotation_level"], rules(row["message"]))
        for row in pull.check_runs()[-1].annotations
    ]


def rules(message: str) -> list[str]:
    """The ids of the rules that a message names."""
    return re.findall(r"(?m)^([A-Z0-9]+-\d+), ", message)


@story()
def test_a_risky_line_is_annotated_until_it_is_fixed(shop: Shop) -> Steps:
    pull = shop.open({MIGRATION: INDEX})
    yield
    ((path, line, level, found),) = marked(pull)
    assert (path, line, level) == (MIGRATION, 1, "failure")
    assert "DBM-001" in found
    assert "finding" in title(pull)
    assert "`DBM-001`" in comments(pull)[0]
    pull.push({MIGRATION: SAFE})
    yield
    assert not any("DBM-001" in found for *_, found in marked(pull))
    assert "`DBM-001`" not in comments(pull)[0]


@story()
def test_a_head_whose_findings_are_gone_gets_a_new_check_run(shop: Shop) -> Steps:
    shop.repository.branch("stable")
    shop.repository.protected.add("stable")
    shop.repository.push("main", {MIGRATION: INDEX}, by="sue")
    pull = shop.open({"app/orders.py": "total = len\n"})
    pull.retarget("stable", by="ann")  # the migration is part of the diff
    yield
    found = pull.check_runs()[-1]
    assert marked(pull)
    pull.retarget("main", by="ann")
    yield
    shown = pull.check_runs()[-1]
    assert (shown.head_sha, shown.annotations) == (found.head_sha, [])
    assert shown.id != found.id and found.annotations


@story()
def test_an_accepted_line_is_a_notice_with_its_reason(shop: Shop) -> Steps:
    line = INDEX.replace("\n", " -- nfr:ignore DBM-001 the table is empty\n")
    pull = shop.open({MIGRATION: line})
    yield
    (note,) = [
        row for row in pull.check_runs()[-1].annotations if "DBM-001" in rules(row["message"])
    ]
    assert note["annotation_level"] == "notice"
    assert "the table is empty" in note["message"]
    assert "Accepted because: `the table is empty`" in comments(pull)[0]


def test_a_run_in_progress_is_renewed_once_before_it_goes_stale(world: World) -> None:
    pull = world.open()
    world.settle()
    (first,) = pull.check_runs()
    swept(world.settings)
    world.settle()
    assert len(pull.check_runs()) == 1

    changed(
        world.settings.database_url,
        "UPDATE reviews SET pending_since = pending_since - 1036900,"
        " recheck_at = recheck_at - 1036900",
    )
    changed(world.settings.database_url, LONG_AGO)
    swept(world.settings)
    world.settle()
    _, fresh = pull.check_runs()
    assert fresh.id != first.id
    assert (fresh.conclusion, fresh.title, fresh.external_id) == (
        None, first.title, first.external_id,
    )  # fmt: skip
    changed(world.settings.database_url, LONG_AGO)
    swept(world.settings)
    world.settle()
    assert len(pull.check_runs()) == 2
    world.say(pull, "/nfr done")
    world.settle()
    assert conclusion(pull) == "success"
    assert len(pull.check_runs()) == 2  # the fresh one


@story()
def test_someone_who_restores_their_own_older_head_cannot_sign_it_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.push({MIGRATION: DANGER}, by="sam")
    dangerous = pull.head_sha
    yield
    pull.push({MIGRATION: RISKY}, by="ann")
    yield
    pull.comment("/nfr done", "sue")
    yield
    assert conclusion(pull) == "success"
    shop.repository.move("feat/points", dangerous, by="sam")
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == WAITING


@story()
def test_someone_who_pushed_the_branch_before_the_pull_was_opened_cannot_sign_it_off(
    shop: Shop,
) -> Steps:
    shop.repository.branch("feat/points")
    shop.repository.push("feat/points", {MIGRATION: DANGER}, by="sam")
    pull = shop.repository.open_pull(author="ann", branch="feat/points", title="feat: points")
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == WAITING
    pull.comment("/nfr done", "sue")
    yield
    assert conclusion(pull) == "success"


@story()
def test_the_last_command_counts_in_whichever_order_they_arrive(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    with shop.alone() as deliveries, deliveries.held() as held:
        pull.comment("/nfr done", "sam")
        shop.world.clock.forward()
        pull.comment("/nfr undo", "sam")
    for delivery in reversed(held):
        shop.world.github.deliveries.send(delivery)
        yield
    assert marks(pull) == WAITING


@story(ENFORCE + "sign_off: {stale_on: any-push}\n")
def test_a_sign_off_that_any_push_ends_does_not_cover_another_base(shop: Shop) -> Steps:
    shop.repository.branch("stable")
    shop.repository.protected.add("stable")
    shop.repository.push("main", {"db/migrate/1.sql": "DROP TABLE carts;\n"}, by="sue")
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert conclusion(pull) == "success"
    pull.retarget("stable", by="ann")
    yield
    assert marks(pull) == WAITING


def test_a_failing_best_effort_write_does_not_delay_the_check_run(stopped: World) -> None:
    stopped.environment["GHAPP_GITHUB_LIMITS"] = "off"  # it creates more than GitHub allows
    stopped.start()
    world, pulls = stopped, []
    for number, (route, status) in enumerate(product(BEST_EFFORT, (403, 422, 500))):
        shop = Shop(world, world.shop(f"shop-{number}", ENFORCE))
        shop.spoil(faults.broken(route, status, times=None))
        pulls.append(shop.open())
    for pull in pulls:
        world.until(f"the check run of {pull}", lambda pull=pull: conclusion(pull) == "in progress")
        world.say(pull, "/nfr refresh", "eve")
        world.say(pull, "/nfr done")
    for pull in pulls:
        world.until(f"the sign-off of {pull}", lambda pull=pull: conclusion(pull) == "success")
    world.github.faults.clear()
    world.clock.forward()
    for pull in pulls:
        pull.edit(by="ann", title="feat: loyalty points")
    world.settle()
    assert [(marks(pull), len(comments(pull))) for pull in pulls] == [(SIGNED, 1)] * 9


@story(cases=BEST_EFFORT)
def test_a_best_effort_write_that_was_refused_once_is_repeated(shop: Shop, case: str) -> Steps:
    shop.spoil(faults.broken(case, 403))
    pull = shop.open()
    yield
    assert (marks(pull), len(comments(pull))) == (WAITING, 1)
    said = pull.comment("/nfr done", "sam")
    yield
    assert (marks(pull), len(comments(pull)), reactions(pull, said)) == (SIGNED, 1, ["+1"])


@story()
def test_a_pull_can_be_closed_and_another_opened_with_the_same_head(shop: Shop) -> Steps:
    first = shop.open()
    yield
    first.close()
    yield
    shop.repository.branch("stable")
    shop.repository.protected.add("stable")
    second = shop.repository.open_pull(
        author="ann", branch="feat/points", base="stable", title="feat: points"
    )
    yield
    assert conclusion(second) == "in progress"
    second.comment("/nfr done", "sam")
    yield
    assert marks(second) == SIGNED


@story(BUTTONS)
def test_the_newest_check_run_shows_the_state_after_an_undo(shop: Shop) -> Steps:
    pull = shop.open()
    shop.repository.branch("stable", of="feat/points")
    shop.repository.protected.add("stable")
    pull.push({"app/orders.py": "total = len\n"})
    yield
    pull.comment("/nfr done", "sam")
    yield
    clear = shop.repository.open_pull(author="ann", branch="feat/points", base="stable")
    yield
    clear.close()
    yield
    pull.comment("/nfr undo", "sam")
    yield
    assert marks(pull) == ("action_required", {"needs sign-off"})


@story()
def test_fifty_calls_for_help_get_one_reply_and_one_refusal(shop: Shop) -> Steps:
    pull = shop.open({"app/orders.py": "total = len\n"})
    yield
    pull.comment("/nfr help\n\n" * 50, "eve")
    yield
    assert [one.split()[2] for one in comments(pull)] == ["help:eve", "refused:eve"]


@story(BUTTONS)
def test_each_kind_of_question_has_one_reply_that_is_edited(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr explain", "ann")
    pull.comment("/nfr help", "ann")
    yield
    _, *replies = comments(pull)
    assert sorted(one.split()[2] for one in replies) == ["explain:ann", "help:ann"]
    pull.push({MIGRATION: RISKY + "-- why\nDROP TABLE carts;\n"})
    yield
    press(pull, "explain", "ann")
    pull.comment("/nfr help", "bob")
    yield
    _, *replies = comments(pull)
    assert sorted(one.split()[2] for one in replies) == ["explain:ann", "help:ann", "help:bob"]
    (explained,) = [one for one in replies if "explain:ann" in one]
    assert f"as of `{pull.head_sha[:7]}`" in explained


@story()
def test_a_change_that_github_does_not_show_is_not_green(shop: Shop) -> Steps:
    padded = "x = 1\n" * 25_000 + "stripe.PaymentIntent.create()\n"
    pull = shop.open({"app/pay.py": padded})
    yield
    assert conclusion(pull) == "in progress"
    assert "`app/pay.py` (GitHub shows no diff)" in comments(pull)[0]


@story()
def test_labels_that_differ_only_in_case_are_the_same_label(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    shop.repository.push(
        "main", {".github/nfr.yml": ENFORCE + "labels: {waiting: 'NFR: needs sign-off'}\n"}, "sue"
    )
    yield
    assert {label.casefold() for label in pull.labels} == {"nfr: needs sign-off"}


@story()
def test_a_sweep_does_not_believe_reads_older_than_the_last_run(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.push(
        {"db/migrate/20260402_more.sql": "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 0;\n"}
    )
    yield
    written = list(shop.repository.check_runs)
    shop.spoil(faults.stale("GET */pulls/*", times=2, back=3))
    installation, place = shop.repository.installation, shop.repository
    assert installation
    key = PullKey(Repository(installation.id, place.id, place.full_name), pull.number)
    in_store(shop.world, lambda store: store.queue.mark_dirty([key], touched=True))
    yield
    pull.edit(by="ann", title="feat: loyalty points")
    yield
    assert list(shop.repository.check_runs) == written


NUL = "\0"


@story()
def test_a_nul_hides_no_secret_from_the_review(shop: Shop) -> Steps:
    key = "AKIA" + "QYLPMN5HFIQR7XYA"
    code = f"/*{NUL}*/ stripe.charge(amount);\nconst key = '{key}';\n"
    pull = shop.open({"app/pay.js": code.encode()})
    yield
    assert conclusion(pull) == "in progress"
    (run,) = pull.check_runs()
    assert "`app/pay.js:2` (`APP-009`)" in run.text
    assert key not in run.summary + run.text


@story()
def test_a_migration_that_is_renamed_and_changed_is_not_taken_for_moved(shop: Shop) -> Steps:
    old = {"db/migrate/1.sql": "SELECT 1;\n" * 50}
    shop.repository.push("main", old, "ann")
    moved = shop.open({"db/migrate/1.sql": None, "db/migrate/2.sql": old["db/migrate/1.sql"]})
    drop = old["db/migrate/1.sql"] + f"--{NUL}\nDROP TABLE orders;\n"
    files = {"db/migrate/1.sql": None, "db/migrate/2.sql": drop.encode()}
    changed = shop.open(files, branch="feat/drop")
    yield
    assert conclusion(moved) == "success"
    assert conclusion(changed) == "in progress"
    assert "DBM-006" in changed.check_runs()[0].text


@story()
def test_a_file_that_cannot_be_read_is_signed_off_by_somebody(shop: Shop) -> Steps:
    pull = shop.open({"app/pay.js": b"\0" * ((1 << 20) + 1)})
    yield
    assert conclusion(pull) == "in progress"
    assert "`app/pay.js` (GitHub shows no diff)" in comments(pull)[0]
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED
