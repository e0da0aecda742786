"""A company's own pack asks its own questions, and a slip in it never lets a pull through."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.world import ENFORCE, SIGNED, WAITING, conclusion, ours, running, title

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


def test_a_pull_is_flagged_by_an_own_pack_and_a_broken_pack_is_bridged(tmp_path: Path) -> None:
    with running(tmp_path, ENFORCE + "packs: ['.github/nfr/*.yml']\n") as world:
        main = world.repository
        main.push("main", {PACK: RANKING}, by="sue")
        world.settle()
        pull = world.open(CHANGE)
        world.settle()
        assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
        assert title(pull).endswith("Waiting for the author: Ranking")
        assert "`rank-latency` **must** Is p99 under 80 ms" in ours(pull)[0]
        (mark,) = pull.check_runs()[-1].annotations
        assert (mark["path"], mark["start_line"]) == ("app/ranking/score.py", 2)

        world.clock.forward()
        main.push("main", {PACK: RANKING.replace("weight: 4", "weight: 9")}, by="sue")
        world.settle()
        run = pull.check_runs()[-1]
        assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
        assert f"{PACK}:3:9: `weight` should be less than or equal to 5" in run.summary
        assert "its last good version holds" in run.summary
        world.say(pull, "/nfr done")
        world.settle()
        assert (conclusion(pull), pull.labels) == ("success", SIGNED)

        world.clock.forward()
        main.push("main", {PACK: RANKING.replace("80 ms", "70 ms")}, by="sue")
        world.settle()
        assert "mistakes" not in (pull.check_runs()[-1].summary or "")
        assert "Is p99 under 70 ms" in ours(pull)[0]


def test_a_pack_broken_from_the_start_keeps_every_pull_from_turning_green(tmp_path: Path) -> None:
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
