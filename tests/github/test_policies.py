"""The policy and the packs it names, as GitHub has them at the tip of the default branch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ghapp.core.records import History, PolicySource
from ghapp.core.review.facts import Facts
from ghapp.emulator.faults import Fault, looping, unchanged
from ghapp.emulator.git import Entry
from ghapp.emulator.repository import Pull
from ghapp.errors import Retry
from tests.github.world import World

CONTENTS = "GET /repos/{owner}/{repo}/contents/{path}"
BLOB = "GET /repos/{owner}/{repo}/git/blobs/{sha}"
POLICY = "packs: ['.github/nfr/*.yml']\n"
RANKING = """\
area: ranking
title: {en: Ranking, ja: ランキング}
weight: 4
detect: {paths: ['src/ranking/**']}
items:
  - id: rank-latency
    cat: performance
    sev: must
    en: p99 under 80 ms?
    ja: p99 は 80 ms 以内ですか？
    why_en: Slow rankings empty carts.
    why_ja: 遅いランキングは離脱を招きます。
    ev_en: A load test
    ev_ja: 負荷試験
"""
BROKEN = RANKING.replace("weight: 4", "weight: 9")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.shop.push("main", {".github/nfr.yml": POLICY, ".github/nfr/ranking.yml": RANKING}, "ann")
    yield made
    made.close()


@pytest.fixture
def pull(world: World) -> Pull:
    return world.pull()


def push(world: World, **files: Any) -> None:
    """Files of `.github/nfr` by their stem."""
    world.shop.push(
        "main", {f".github/nfr/{name}.yml": text for name, text in files.items()}, "ann"
    )


def reads(world: World) -> tuple[int, int]:
    """So far: of files and folders, and of blobs."""
    return world.github.calls[CONTENTS], world.github.calls[BLOB]


def again(world: World, pull: Pull, source: PolicySource) -> Facts:
    """The facts once the policy may have changed."""
    return world.gather(pull, History(opened=True, policy=replace(source, read_at=None)))


def test_packs_are_read_from_the_default_branch(world: World, pull: Pull) -> None:
    world.shop.open_pull(author="eve", branch="evil", files={".github/nfr/ranking.yml": "area: x"})
    facts = world.gather(pull)
    assert [area.id for area in facts.policy.areas] == ["ranking"]
    (pack,) = facts.source.packs
    assert (pack.path, pack.text, pack.size) == (
        ".github/nfr/ranking.yml", RANKING, len(RANKING.encode()),
    )  # fmt: skip
    assert facts.source.good_packs == (pack,)


def test_a_policy_without_packs_costs_no_further_call(world: World, pull: Pull) -> None:
    world.shop.push("main", {".github/nfr.yml": "mode: enforce\n"}, "ann")
    facts = world.gather(pull)
    assert (facts.source.packs, reads(world)) == ((), (1, 0))


def test_a_young_policy_is_not_read_again(world: World, pull: Pull) -> None:
    source = world.gather(pull).source
    assert reads(world) == (2, 1)
    assert world.gather(pull, History(opened=True, policy=source)).policy.areas[0].id == "ranking"
    assert reads(world) == (2, 1)


def test_a_pack_is_read_again_only_when_it_has_changed(world: World, pull: Pull) -> None:
    source = world.gather(pull).source
    same = again(world, pull, source).source
    assert reads(world) == (4, 1)
    assert same == replace(source, read_at=same.read_at)
    push(world, ranking=RANKING.replace("80 ms", "70 ms"), other=RANKING.replace("rank", "sort"))
    facts = again(world, pull, source)
    assert reads(world) == (6, 3)
    assert {area.id: area.items[0].question.en for area in facts.policy.areas} == {
        "ranking": "p99 under 70 ms?",
        "sorting": "p99 under 80 ms?",
    }


def test_a_broken_pack_is_bridged_by_the_last_good_version_of_all(world: World, pull: Pull) -> None:
    source = world.gather(pull).source
    world.shop.push("main", {".github/nfr.yml": POLICY + "mode: enforce\n"}, "ann")
    push(world, ranking=BROKEN)
    facts = again(world, pull, source)
    assert (facts.policy.standing, facts.policy.mode) == ("bridged", "advise")
    assert [area.id for area in facts.policy.areas] == ["ranking"]
    assert [(one.path, one.line) for one in facts.policy.problems] == [
        (".github/nfr/ranking.yml", 3)
    ]
    push(world, ranking=RANKING)
    mended = again(world, pull, facts.source)
    assert (mended.policy.standing, mended.policy.mode) == ("good", "enforce")
    assert reads(world) == (6, 2)  # the good text was still known


def test_a_pack_that_is_gone_is_told_where_it_is_named(world: World, pull: Pull) -> None:
    source = world.gather(pull).source
    push(world, ranking=None)
    facts = again(world, pull, source)
    assert (facts.policy.standing, [area.id for area in facts.policy.areas]) == (
        "bridged", ["ranking"],
    )  # fmt: skip
    (problem,) = facts.policy.problems
    assert (problem.path, problem.line) == (".github/nfr.yml", 1)
    assert "matches no file" in problem.text


def test_a_file_where_the_folder_should_be_holds_no_packs(world: World, pull: Pull) -> None:
    changes = {".github/nfr/ranking.yml": None, ".github/nfr": "x\n"}
    world.shop.push("main", changes, "ann")
    assert "matches no file" in world.gather(pull).policy.problems[0].text


def test_what_is_no_plain_file_or_too_large_is_told_and_not_read(world: World, pull: Pull) -> None:
    head = world.shop.branches["main"]
    push(
        world,
        link=Entry(b"ranking.yml", "120000"),
        module=Entry(head.encode(), "160000"),
        large="# " + "x" * (256 << 10),
    )
    facts = world.gather(pull)
    assert [(one.path, one.text.partition(":")[0]) for one in facts.policy.problems] == [
        (".github/nfr/large.yml", "the file has 262,146 bytes, more than 262,144"),
        (".github/nfr/link.yml", "is a symbolic link"),
    ]
    assert reads(world)[1] == 1


def test_a_folder_that_github_cuts_short_is_told(world: World, pull: Pull) -> None:
    world.shop.push("main", {f".github/nfr/{n:04}.txt": "x" for n in range(1_000)}, "ann")
    facts = world.gather(pull)
    told = {one.path: one.text for one in facts.policy.problems}
    assert "GitHub lists no others" in told[".github/nfr"]


def test_a_pack_that_is_not_utf8_or_holds_a_nul_has_a_problem_on_its_line(
    world: World, pull: Pull
) -> None:
    push(world, a=b"area: caf\xe9\n", b=b"area: x\n\0\n", ranking=None)
    facts = world.gather(pull)
    assert [(one.path[-5:], one.line) for one in facts.policy.problems] == [
        ("a.yml", 1),
        ("b.yml", 2),
    ]


def test_references_beside_the_packs_come_with_them(world: World, pull: Pull) -> None:
    push(
        world,
        ranking=RANKING + "    refs: [runbook]\n",
        references="runbook: [Runbook, 'https://docs.example/']\n",
    )
    (item,) = world.gather(pull).policy.areas[0].items
    assert item.links == (("Runbook", "https://docs.example/"),)


def test_a_pack_listed_and_not_there_is_waited_for(world: World, pull: Pull) -> None:
    world.github.faults.add(Fault(BLOB, None, status=404, message="Not Found"))
    with pytest.raises(Retry, match="listed, but not there"):
        world.gather(pull)


def test_an_old_policy_is_asked_about_and_its_folder_listed(world: World, pull: Pull) -> None:
    source = world.gather(pull).source
    assert source.read_at
    old = replace(source, read_at=source.read_at - timedelta(minutes=61))
    facts = world.gather(pull, History(opened=True, policy=old))
    assert facts.source.read_at and facts.source.read_at > old.read_at
    assert (facts.source.packs, reads(world)) == (source.packs, (4, 1))


@pytest.mark.parametrize("kind", [unchanged, looping])
def test_an_answer_to_another_question_is_not_the_policy(
    world: World, pull: Pull, kind: Callable[[str], Fault]
) -> None:
    """Nobody asked whether it had changed: a policy of which nothing is known is not "none"."""
    fault = kind(CONTENTS)
    fault.times = 2
    world.github.faults.add(fault)
    with pytest.raises(Retry, match=str(fault.status)):
        world.gather(pull)


def test_one_404_does_not_take_the_policy_away(world: World, pull: Pull) -> None:
    known = world.gather(pull).source
    assert known.text == POLICY
    world.github.faults.add(Fault(CONTENTS, None, status=404, message="Not Found"))
    kept = world.gather(pull, History(policy=replace(known, read_at=None))).source
    assert (kept.text, kept.good) == (POLICY, POLICY)


@pytest.mark.parametrize(
    "gone", [{".github/nfr.yml": None}, {".github/nfr.yml": None, ".github/nfr/ranking.yml": None}]
)
def test_a_policy_that_the_tree_lacks_as_well_is_gone(
    world: World, pull: Pull, gone: dict[str, None]
) -> None:
    known = world.gather(pull).source
    world.shop.push("main", gone, "ann")
    found = world.gather(pull, History(policy=replace(known, read_at=None))).source
    assert (found.text, found.good) == (None, None)
