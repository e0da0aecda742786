"""Which folders at the top are new with a pull: by the base's own tree, and never by a guess."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ghapp.core.records import History
from ghapp.emulator.diffs import DiffLimits
from ghapp.emulator.faults import Fault, broken, secondary_limit
from ghapp.emulator.git import Entry
from ghapp.emulator.repository import Pull
from ghapp.errors import Retry, Wait
from ghapp.github.client import GitHub
from tests.github.world import RULES, World

TREE = "GET /repos/{owner}/{repo}/git/trees/{tree_sha}"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def new(world: World, pull: Pull) -> frozenset[str]:
    return world.gather(pull).pull.new_folders


def test_a_folder_that_the_base_lacks_is_new_for_one_more_read(world: World) -> None:
    pull = world.pull(files={"payments/app.py": "x = 1\n", "payments/k8s/app.yml": "kind: Pod\n"})
    assert new(world, pull) == {"payments"}
    assert world.github.calls[TREE] == 1


def test_a_folder_that_the_base_has_is_not(world: World) -> None:
    assert new(world, world.pull(files={"db/9.sql": "x\n", "web/a.ts": "x\n"})) == {"web"}
    assert world.github.calls[TREE] == 1


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "# new\n", "app.py": "x = 1\n"},
        {"db/1.sql": "SELECT 1;\n", "db/9.sql": "x\n"},
        {"db/1.sql": None, "db/9.sql": "y\n"},
    ],
    ids=["at the top", "beside a change", "beside a removal"],
)
def test_nothing_is_asked_where_no_folder_can_be_new(
    world: World, files: dict[str, str | None]
) -> None:
    assert new(world, world.pull(files=files)) == frozenset()
    assert world.github.calls[TREE] == 0


def test_the_same_base_is_read_once_and_a_refusal_not_remembered(world: World) -> None:
    pulls = [
        world.pull(branch=f"feat/{name}", files={f"{name}/app.py": "x = 1\n"})
        for name in ("payments", "db", "web")
    ]
    world.github.faults.add(Fault(TREE, status=403, message="Resource not accessible"))

    async def story(client: GitHub) -> list[frozenset[str]]:
        facts = [
            await client.gather(world.key(pull), History(opened=True), RULES)
            for pull in (pulls[0], *pulls)
        ]
        return [one.pull.new_folders for one in facts]

    assert world.run(story) == [frozenset(), {"payments"}, frozenset(), {"web"}]
    assert world.github.calls[TREE] == 2
    world.shop.push("main", {"web/index.html": "x\n"}, "ann")
    pulls[2].push({"web/more.py": "x\n"})
    assert new(world, pulls[2]) == frozenset()


@pytest.mark.parametrize(
    ("base", "expected"), [("release/1.0", {"payments"}), ("main", frozenset())]
)
def test_the_pulls_own_base_counts_whatever_its_name(
    world: World, base: str, expected: frozenset[str]
) -> None:
    world.shop.branch("release/1.0")
    world.shop.push("main", {"payments/old.py": "x = 1\n"}, "ann")
    pull = world.shop.open_pull(
        author="eve", fork="eve", branch="fix", base=base, files={"payments/new.py": "x = 2\n"}
    )
    assert new(world, pull) == expected


def test_a_merged_pull_keeps_what_was_new_with_it(world: World) -> None:
    pull = world.pull(files={"payments/app.py": "x = 1\n"})
    pull.merge("mia")
    assert new(world, pull) == {"payments"}


def test_a_file_of_that_name_is_no_folder_and_a_submodule_is_one(world: World) -> None:
    base = {"tools": "a file\n", "vendored": Entry(b"1" * 40, "160000")}
    world.shop.push("main", base, "ann")
    files = {"tools": None, "tools/a.py": "x\n", "vendored": None, "vendored/a.py": "y\n"}
    assert new(world, world.pull(files=files)) == {"tools"}


def test_of_a_tree_that_is_cut_short_no_folder_is_called_new() -> None:
    world = World(limits=DiffLimits(tree_entries=1))
    try:
        assert new(world, world.pull(files={"payments/app.py": "x = 1\n"})) == frozenset()
        assert world.github.calls[TREE] == 1
    finally:
        world.close()


def test_of_files_that_are_not_all_listed_no_folder_is_called_new(world: World) -> None:
    facts = world.gather(world.shop.open_big_pull(3_000, author="ann", branch="big", lines=1))
    assert (facts.pull.complete, facts.pull.new_folders) == (False, frozenset())
    assert world.github.calls[TREE] == 0


@pytest.mark.parametrize("status", [403, 404, 409, 422])
def test_a_refused_tree_leaves_the_rest_of_the_facts(world: World, status: int) -> None:
    world.github.faults.add(Fault(TREE, status=status, message="No."))
    facts = world.gather(world.pull(files={"payments/app.py": "x = 1\n"}))
    assert (facts.pull.new_folders, len(facts.pull.files)) == (frozenset(), 1)


@pytest.mark.parametrize(
    ("fault", "error"), [(secondary_limit(TREE), Wait), (broken(TREE, times=None), Retry)]
)
def test_a_github_that_is_busy_or_down_is_asked_again(
    world: World, fault: Fault, error: type[Exception]
) -> None:
    world.github.faults.add(fault)
    with pytest.raises(error):
        new(world, world.pull(files={"payments/app.py": "x = 1\n"}))
