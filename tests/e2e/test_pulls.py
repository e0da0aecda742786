"""Drafts, forks, shared heads, new bases, closing, findings: what a pull request can be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ghapp.bootstrap import swept
from ghapp.core.model import PullKey, Repository
from ghapp.emulator import faults
from ghapp.emulator.repository import Pull
from tests.e2e.marks import SIGNED, WAITING, comments, conclusion, marks, reactions, title
from tests.e2e.world import ENFORCE, MIGRATION, RISKY, World, in_store, quiet, running
from tests.store.stores import LONG_AGO, changed

INDEX = "CREATE INDEX i ON orders (points);\n"
SAFE = "CREATE INDEX CONCURRENTLY i ON orders (points);\n"
DANGER = RISKY + "DROP TABLE carts;\n"


def test_a_draft_has_a_check_run_but_no_label(world: World) -> None:
    pull = world.open(draft=True)
    world.settle()
    assert marks(pull) == ("in progress", set())
    world.clock.forward()
    pull.ready()
    world.settle()
    assert marks(pull) == WAITING


def test_a_pull_from_a_fork_is_reviewed_like_any_other(world: World) -> None:
    pull = world.open(author="eve", fork="eve")
    world.settle()
    assert marks(pull) == WAITING
    world.say(pull, "/nfr check dbm-rollback -- rehearsed", "eve")
    world.settle()
    assert "- [x] `dbm-rollback`" in comments(pull)[0]
    world.say(pull, "/nfr done")
    world.settle()
    assert marks(pull) == SIGNED


def test_one_head_on_several_pulls_shows_the_worst_and_names_all(world: World) -> None:
    flagged = world.open()
    world.repository.branch("stable", of="feat/points")
    flagged.push({"app/orders.py": "total = len\n"})
    world.settle()
    clear = world.repository.open_pull(author="ann", branch="feat/points", base="stable")
    world.settle()
    assert clear.head_sha == flagged.head_sha
    assert conclusion(clear) == "in progress"
    assert clear.labels == set()
    world.say(flagged, "/nfr done")
    world.settle()
    assert conclusion(clear) == "success"


class TestClosing:
    def test_leaves_no_check_run_in_progress_and_reopening_continues(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        pull.close()
        world.settle()
        assert marks(pull) == ("cancelled", {"needs sign-off"})
        world.clock.forward()
        pull.reopen()
        world.settle()
        assert marks(pull) == WAITING
        assert len(comments(pull)) == 1

    def test_by_merging_keeps_the_sign_off(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        world.clock.forward()
        pull.merge(by="ann")
        world.settle()
        assert marks(pull) == SIGNED


def test_a_pull_that_no_longer_touches_an_area_is_green(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    pull.push({MIGRATION: None, "app/orders.py": "total = len\n"})
    world.settle()
    assert marks(pull) == ("success", set())
    assert "no flagged area in this PR any more" in comments(pull)[0]


def test_a_check_that_is_rerun_gets_a_new_check_run(world: World) -> None:
    pull = world.open()
    world.settle()
    (first,) = pull.check_runs()
    world.clock.forward()
    world.repository.rerequest_run(first.id, by="ann")
    world.settle()
    assert [run.status for run in pull.check_runs()][1:] == ["in_progress"]
    world.clock.forward()
    world.repository.rerequest_suite(pull.head_sha, by="ann")
    world.settle()
    assert len(pull.check_runs()) == 3


def test_a_new_base_needs_a_new_sign_off(world: World) -> None:
    world.repository.branch("stable")
    world.repository.push("main", {"db/migrate/1.sql": "DROP TABLE carts;\n"}, by="sue")
    pull = world.open()
    world.settle()
    world.say(pull, "/nfr done")
    world.settle()
    assert conclusion(pull) == "success"
    world.clock.forward()
    pull.retarget("stable", by="ann")  # now the other migration is part of the diff too
    world.settle()
    assert marks(pull) == WAITING
    world.say(pull, "/nfr done")
    world.settle()
    assert marks(pull) == SIGNED


def test_an_area_label_adds_an_area(world: World) -> None:
    pull = world.open({"app/orders.py": "total = len\n"}, labels=["nfr/area: payments-checkout"])
    world.settle()
    assert title(pull) == "Waiting for SRE sign-off: Payments / checkout"
    world.clock.forward()
    pull.remove_label("nfr/area: payments-checkout", "ann")
    world.settle()
    assert conclusion(pull) == "success"


def test_a_pull_by_a_bot_is_not_reviewed_until_someone_else_pushes(world: World) -> None:
    pull = world.open(author="dependabot[bot]", branch="dependabot/sql")
    world.settle()
    assert marks(pull) == ("success", set())
    world.clock.forward()
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"}, by="ann")
    world.settle()
    assert marks(pull) == WAITING


def test_a_pull_above_githubs_limit_of_files_needs_a_sign_off(world: World) -> None:
    pull = world.repository.open_big_pull(3001, author="ann", branch="big", lines=1)
    world.settle()
    assert conclusion(pull) == "in progress"
    assert "More than 3,000 changed files" in title(pull)
    assert "GitHub lists only 3,000" in (pull.check_runs()[-1].summary or "")
    world.say(pull, "/nfr done")
    world.settle()
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


def test_a_risky_line_is_annotated_until_it_is_fixed(world: World) -> None:
    pull = world.open({MIGRATION: INDEX})
    world.settle()
    ((path, line, level, found),) = marked(pull)
    assert (path, line, level) == (MIGRATION, 1, "failure")
    assert "DBM-001" in found
    assert "finding" in title(pull)
    assert "`DBM-001`" in comments(pull)[0]
    world.clock.forward()
    pull.push({MIGRATION: SAFE})
    world.settle()
    assert not any("DBM-001" in found for *_, found in marked(pull))
    assert "`DBM-001`" not in comments(pull)[0]


def test_a_head_whose_findings_are_gone_gets_a_new_check_run(world: World) -> None:
    world.repository.branch("stable")
    world.repository.push("main", {MIGRATION: INDEX}, by="sue")
    pull = world.open({"app/orders.py": "total = len\n"})
    pull.retarget("stable", by="ann")  # the migration is part of the diff
    world.settle()
    found = pull.check_runs()[-1]
    assert marked(pull)
    world.clock.forward()
    pull.retarget("main", by="ann")
    world.settle()
    shown = pull.check_runs()[-1]
    assert (shown.head_sha, shown.annotations) == (found.head_sha, [])
    assert shown.id != found.id and found.annotations


def test_an_accepted_line_is_a_notice_with_its_reason(world: World) -> None:
    line = INDEX.replace("\n", " -- nfr:ignore DBM-001 the table is empty\n")
    pull = world.open({MIGRATION: line})
    world.settle()
    (note,) = [
        row for row in pull.check_runs()[-1].annotations if "DBM-001" in rules(row["message"])
    ]
    assert note["annotation_level"] == "notice"
    assert "the table is empty" in note["message"]
    assert "Accepted because: `the table is empty`" in comments(pull)[0]


def test_a_run_in_progress_is_renewed_before_it_goes_stale_and_only_once(
    world: World, tmp_path: Path
) -> None:
    pull = world.open()
    world.settle()
    (first,) = pull.check_runs()
    swept(world.settings)
    world.settle()
    assert len(pull.check_runs()) == 1

    changed(
        world.settings.database_url, "UPDATE reviews SET pending_since = pending_since - 1036900"
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


def test_someone_who_restores_their_own_older_head_cannot_sign_it_off(world: World) -> None:
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
    assert marks(pull) == WAITING


def test_someone_who_pushed_the_branch_before_the_pull_was_opened_cannot_sign_it_off(
    world: World,
) -> None:
    world.repository.branch("feat/points")
    world.repository.push("feat/points", {MIGRATION: DANGER}, by="sam")
    pull = world.repository.open_pull(author="ann", branch="feat/points", title="feat: points")
    world.settle()
    world.say(pull, "/nfr done", "sam")
    world.settle()
    assert marks(pull) == WAITING
    world.say(pull, "/nfr done", "sue")
    world.settle()
    assert conclusion(pull) == "success"


def test_the_last_command_counts_in_whichever_order_they_arrive(world: World) -> None:
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
    assert marks(pull) == WAITING


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
        assert marks(pull) == WAITING


@pytest.mark.parametrize("status", [403, 422, 500])
@pytest.mark.parametrize("route", ["POST */reactions", "POST */comments", "POST */labels"])
def test_a_failing_best_effort_write_does_not_delay_the_check_run(
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
    assert (marks(pull), len(comments(pull))) == (SIGNED, 1)


@pytest.mark.parametrize("route", ["POST */reactions", "POST */comments", "POST */labels"])
def test_a_best_effort_write_that_was_refused_once_is_repeated(world: World, route: str) -> None:
    quiet(world)
    world.github.faults.add(faults.broken(route, 403))
    pull = world.open()
    world.settle()
    assert (marks(pull), len(comments(pull))) == (WAITING, 1)
    said = world.say(pull, "/nfr done")
    world.settle()
    assert (marks(pull), len(comments(pull)), reactions(pull, said)) == (SIGNED, 1, ["+1"])


class TestOneHead:
    def test_closing_a_pull_and_opening_another_works(self, world: World) -> None:
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
        assert marks(second) == SIGNED

    def test_the_newest_check_run_shows_the_state_after_an_undo(self, tmp_path: Path) -> None:
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
            assert marks(pull) == ("action_required", {"needs sign-off"})


def test_fifty_calls_for_help_get_one_reply(world: World) -> None:
    pull = world.open({"app/orders.py": "total = len\n"})
    world.settle()
    world.say(pull, "/nfr help\n\n" * 50, "eve")
    world.settle()
    assert len(comments(pull)) == 1


def test_a_change_that_github_does_not_show_is_not_green(world: World) -> None:
    padded = "x = 1\n" * 25_000 + "stripe.PaymentIntent.create()\n"
    pull = world.open({"app/pay.py": padded})
    world.settle()
    assert conclusion(pull) == "in progress"
    assert "`app/pay.py` (GitHub shows no diff)" in comments(pull)[0]


def test_labels_that_differ_only_in_case_are_the_same_label(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    world.repository.push(
        "main", {".github/nfr.yml": ENFORCE + "labels: {waiting: 'NFR: needs sign-off'}\n"}, "sue"
    )
    world.settle()
    assert {label.casefold() for label in pull.labels} == {"nfr: needs sign-off"}


def test_a_sweep_does_not_believe_reads_older_than_the_last_run(
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
