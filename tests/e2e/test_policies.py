"""Policies and packs of a repository: they change open pulls, and a bad one is never green."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.marks import SIGNED, WAITING, comments, conclusion, marks, title
from tests.e2e.world import ENFORCE, MIGRATION, RISKY, World, running

PACK = ".github/nfr/ranking.yml"
RANKING = """\
area: ranking
title: {en: Ranking, ja: ランキング}
weight: 4
detect: {paths: ['app/ranking/**']}
items:
  - id: rank-latency
    cat: performance
    sev: must
    en: Is p99 under 80 ms at twice the peak?
    ja: ピークの 2 倍で p99 は 80 ms 以内ですか？
    why_en: Slow rankings empty carts.
    why_ja: 遅いランキングは離脱を招きます。
    ev_en: A load test of the last week
    ev_ja: 直近 1 週間の負荷試験
hazards:
  - id: ACME-001
    item: rank-latency
    sev: must
    match: '\\bsleep\\('
    en: It waits while a customer does.
    ja: 利用者を待たせます。
"""
CHANGE = {"app/ranking/score.py": "score = 1\nsleep(2)\n"}


def test_a_new_policy_on_the_default_branch_changes_open_pulls(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    world.repository.push("main", {".github/nfr.yml": "mode: advise\nlanguage: ja\n"}, "sue")
    world.settle()
    assert conclusion(pull) == "neutral"
    assert "DB マイグレーション" in comments(pull)[0]


def test_a_policy_in_the_pull_itself_decides_nothing(world: World) -> None:
    pull = world.open({MIGRATION: RISKY, ".github/nfr.yml": "mode: observe\n"})
    world.settle()
    assert marks(pull) == WAITING


def test_the_last_good_version_of_a_broken_policy_holds(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    world.repository.push("main", {".github/nfr.yml": "mode: enforce\nreviewer: x\n"}, "sue")
    world.settle()
    assert marks(pull) == WAITING
    summary = pull.check_runs()[-1].summary or ""
    assert ".github/nfr.yml:2:1" in summary
    assert "`reviewers`" in summary or "reviewers" in summary
    world.say(pull, "/nfr done")
    world.settle()
    assert conclusion(pull) == "success"


def test_a_policy_that_only_observes_writes_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "observing", "mode: observe\n") as world:
        pull = world.open()
        world.settle()
        assert (marks(pull), comments(pull)) == (("missing", set()), [])


def test_without_a_policy_the_builtin_areas_are_advice(tmp_path: Path) -> None:
    with running(tmp_path / "absent", None) as world:
        pull = world.open()
        world.settle()
        assert marks(pull) == ("neutral", {"needs sign-off"})
        world.repository.collaborator("max", "maintain")
        world.say(pull, "/nfr done", "sam")
        world.settle()
        assert conclusion(pull) == "neutral"
        world.say(pull, "/nfr done", "max")
        world.settle()
        assert marks(pull) == SIGNED


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
def test_a_bad_policy_is_shown_on_every_pull_and_never_green(tmp_path: Path, name: str) -> None:
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
        assert marks(pull) == ("neutral", {"needs sign-off"})


def test_a_repositorys_own_pack_flags_pulls_and_its_last_good_version_holds(tmp_path: Path) -> None:
    with running(tmp_path, ENFORCE + "packs: ['.github/nfr/*.yml']\n") as world:
        main = world.repository
        main.push("main", {PACK: RANKING}, by="sue")
        world.settle()
        pull = world.open(CHANGE)
        world.settle()
        assert marks(pull) == WAITING
        assert title(pull).endswith("Waiting for the author: Ranking")
        assert "`rank-latency` **must** Is p99 under 80 ms" in comments(pull)[0]
        (mark,) = pull.check_runs()[-1].annotations
        assert (mark["path"], mark["start_line"]) == ("app/ranking/score.py", 2)

        world.clock.forward()
        main.push("main", {PACK: RANKING.replace("weight: 4", "weight: 9")}, by="sue")
        world.settle()
        run = pull.check_runs()[-1]
        assert marks(pull) == WAITING
        assert f"{PACK}:3:9: `weight` should be less than or equal to 5" in run.summary
        assert "its last good version applies" in run.summary
        world.say(pull, "/nfr done")
        world.settle()
        assert marks(pull) == SIGNED

        world.clock.forward()
        main.push("main", {PACK: RANKING.replace("80 ms", "70 ms")}, by="sue")
        world.settle()
        assert "mistakes" not in (pull.check_runs()[-1].summary or "")
        assert "Is p99 under 70 ms" in comments(pull)[0]


def test_a_pack_that_never_worked_keeps_every_pull_from_turning_green(tmp_path: Path) -> None:
    with running(tmp_path, ENFORCE + "packs: ['.github/nfr/*.yml']\n") as world:
        world.repository.push("main", {PACK: "area: [\n"}, by="sue")
        pull = world.open({"app/orders.py": "total = len\n"})
        world.settle()
        assert conclusion(pull) == "neutral"
        summary = pull.check_runs()[-1].summary or ""
        assert f"{PACK}:1:1: not YAML" in summary
        assert f"mends `{PACK}` on the default branch" in summary
        world.clock.forward()
        world.repository.push("main", {PACK: RANKING}, by="sue")
        world.settle()
        assert conclusion(pull) == "success"
