"""Drafts, forks, shared heads, closing, policies: what a pull request can be, as stories."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.world import (
    ENFORCE,
    MIGRATION,
    RISKY,
    SIGNED,
    WAITING,
    World,
    conclusion,
    ours,
    running,
    title,
)


def test_a_draft_has_the_check_of_the_ready_pull_but_no_label(world: World) -> None:
    pull = world.open(draft=True)
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", set())
    world.clock.forward()
    pull.ready()
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)


def test_a_pull_from_a_fork_is_reviewed_like_any_other(world: World) -> None:
    pull = world.open(author="eve", fork="eve")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
    world.say(pull, "/nfr check dbm-rollback -- rehearsed", "eve")
    world.settle()
    assert "- [x] `dbm-rollback`" in ours(pull)[0]
    world.say(pull, "/nfr done")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)


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
    def test_leaves_no_check_in_progress_and_reopening_goes_on(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        pull.close()
        world.settle()
        assert (conclusion(pull), pull.labels) == ("cancelled", WAITING)
        world.clock.forward()
        pull.reopen()
        world.settle()
        assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
        assert len(ours(pull)) == 1

    def test_a_merged_pull_stays_as_it_was_signed(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        world.clock.forward()
        pull.merge(by="ann")
        world.settle()
        assert (conclusion(pull), pull.labels) == ("success", SIGNED)


def test_what_touches_nothing_any_more_collapses(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    pull.push({MIGRATION: None, "app/orders.py": "total = len\n"})
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", set())
    assert "no flagged area in this PR any more" in ours(pull)[0]


def test_asking_for_the_check_again_gives_a_fresh_run(world: World) -> None:
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


def test_another_base_is_another_diff_of_the_same_head(world: World) -> None:
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
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
    world.say(pull, "/nfr done")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", SIGNED)


def test_a_label_forces_an_area_in(world: World) -> None:
    pull = world.open({"app/orders.py": "total = len\n"}, labels=["nfr/area: payments-checkout"])
    world.settle()
    assert title(pull) == "Waiting for SRE sign-off: Payments / checkout"
    world.clock.forward()
    pull.remove_label("nfr/area: payments-checkout", "ann")
    world.settle()
    assert conclusion(pull) == "success"


def test_a_bots_pull_is_left_alone_until_someone_else_pushes(world: World) -> None:
    pull = world.open(author="dependabot[bot]", branch="dependabot/sql")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("success", set())
    world.clock.forward()
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"}, by="ann")
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)


def test_above_githubs_limit_of_files_an_sre_is_asked(world: World) -> None:
    pull = world.repository.open_big_pull(3001, author="ann", branch="big", lines=1)
    world.settle()
    assert conclusion(pull) == "in progress"
    assert "More than 3,000 changed files" in title(pull)
    assert "GitHub lists only 3,000" in (pull.check_runs()[-1].summary or "")
    world.say(pull, "/nfr done")
    world.settle()
    assert conclusion(pull) == "success"


def test_open_pulls_are_looked_at_when_the_app_is_installed(world: World) -> None:
    with world.github.deliveries.lost():
        pulls = [world.open(branch=f"feat/{number}") for number in range(3)]
    world.github.notify_installed(1, by="sue")
    world.settle()
    assert [(conclusion(pull), pull.labels) for pull in pulls] == [("in progress", WAITING)] * 3


class TestPolicy:
    def test_a_push_to_the_default_branch_changes_open_pulls(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        world.repository.push("main", {".github/nfr.yml": "mode: advise\nlanguage: ja\n"}, "sue")
        world.settle()
        assert conclusion(pull) == "neutral"
        assert "DB マイグレーション" in ours(pull)[0]

    def test_in_the_pull_itself_decides_nothing(self, world: World) -> None:
        pull = world.open({MIGRATION: RISKY, ".github/nfr.yml": "mode: observe\n"})
        world.settle()
        assert (conclusion(pull), pull.labels) == ("in progress", WAITING)

    def test_that_breaks_is_bridged_by_its_last_good_version(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        world.repository.push("main", {".github/nfr.yml": "mode: enforce\nreviewer: x\n"}, "sue")
        world.settle()
        assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
        summary = pull.check_runs()[-1].summary or ""
        assert ".github/nfr.yml:2:1" in summary
        assert "`reviewers`" in summary or "reviewers" in summary
        world.say(pull, "/nfr done")
        world.settle()
        assert conclusion(pull) == "success"

    def test_that_only_observes_writes_nothing(self, tmp_path: Path) -> None:
        with running(tmp_path / "observing", "mode: observe\n") as world:
            pull = world.open()
            world.settle()
            assert (conclusion(pull), pull.labels, ours(pull)) == ("missing", set(), [])

    def test_absent_means_the_built_in_areas_as_advice(self, tmp_path: Path) -> None:
        with running(tmp_path / "absent", None) as world:
            pull = world.open()
            world.settle()
            assert (conclusion(pull), pull.labels) == ("neutral", WAITING)
            world.repository.collaborator("max", "maintain")
            world.say(pull, "/nfr done", "sam")
            world.settle()
            assert conclusion(pull) == "neutral"
            world.say(pull, "/nfr done", "max")
            world.settle()
            assert (conclusion(pull), pull.labels) == ("success", SIGNED)


BAD_POLICIES = {
    "a list": "- mode: enforce\n",
    "300 KB": "# " + "x" * 300_000 + "\nmode: enforce\n",
    "deeply nested": "[" * 50_000 + "]" * 50_000,
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nareas: *b\n",
    "duplicate keys": "mode: enforce\nmode: observe\n",
    "an on: key": "on: enforce\n",
    "broken syntax": "mode: [enforce\n",
    "an unknown mode": "mode: observ\n",
}


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_a_bad_policy_is_said_where_people_look_and_never_green(tmp_path: Path, name: str) -> None:
    with running(tmp_path, BAD_POLICIES[name], GHAPP_DEFAULT_MODE="enforce") as world:
        flagged = world.open()
        clear = world.open({"app/orders.py": "total = len\n"}, branch="fix/orders", title="fix")
        world.settle()
        for pull in (flagged, clear):
            assert conclusion(pull) == "action_required"
            assert title(pull) == "Policy file unreadable"
            assert ".github/nfr.yml:" in (pull.check_runs()[-1].summary or "")
        world.say(flagged, "/nfr done")
        world.settle()
        assert conclusion(flagged) == "action_required"
        world.clock.forward()
        world.repository.push("main", {".github/nfr.yml": ENFORCE}, "sue")
        world.settle()
        assert (conclusion(flagged), conclusion(clear)) == ("in progress", "success")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "version: 1\n"])
def test_an_empty_policy_is_the_default_one(tmp_path: Path, text: str) -> None:
    with running(tmp_path, text) as world:
        pull = world.open()
        world.settle()
        assert (conclusion(pull), pull.labels) == ("neutral", WAITING)
