"""Changed files come from git, and look as GitHub shows them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from ghapp.emulator.diffs import DiffLimits
from ghapp.emulator.git import Entry
from ghapp.emulator.repository import Pull
from tests.emulator.world import FILES, World
from tests.emulator.world import world as emulator_world

REPO = "/repos/acme/shop"


def files(world: World, pull: Pull, **query: int) -> list[dict[str, Any]]:
    path = f"{REPO}/pulls/{pull.number}/files"
    rows: list[dict[str, Any]] = world.client.get(path, params=query).json()
    TypeAdapter(list[models.DiffEntry]).validate_python(rows)
    return rows


def opened(world: World, changes: Any) -> Pull:
    return world.repository.open_pull(author="ann", branch="f", files=changes)


def ref(row: dict[str, Any]) -> str:
    return str(urlsplit(row["contents_url"]).query).removeprefix("ref=")


def test_a_changed_line(world: World) -> None:
    text = str(FILES["app/cart.py"]).replace("line 20\n", "line twenty\n")
    pull = opened(world, {"app/cart.py": text})
    [row] = files(world, pull)
    assert row["patch"] == (
        "@@ -18,7 +18,7 @@ line 16\n line 17\n line 18\n line 19\n-line 20\n+line twenty\n"
        " line 21\n line 22\n line 23"
    )
    assert (row["status"], row["additions"], row["deletions"], row["changes"]) == (
        "modified",
        1,
        1,
        2,
    )
    assert ref(row) == pull.head_sha


def test_a_rename_with_a_change(world: World) -> None:
    text = str(FILES["app/cart.py"]) + "more\n"
    [row] = files(world, opened(world, {"app/cart.py": None, "app/basket.py": text}))
    assert (row["status"], row["filename"], row["previous_filename"]) == (
        "renamed",
        "app/basket.py",
        "app/cart.py",
    )
    assert row["patch"].endswith("+more")


def test_a_rename_alone_has_no_patch(world: World) -> None:
    moved = {"app/cart.py": None, "app/basket.py": FILES["app/cart.py"]}
    [row] = files(world, opened(world, moved))
    assert (row["status"], row["changes"]) == ("renamed", 0)
    assert "patch" not in row


def test_a_binary_file_has_no_patch_and_no_counts(world: World) -> None:
    [row] = files(world, opened(world, {"logo.png": b"\x89PNG\0\3"}))
    assert (row["status"], row["changes"]) == ("modified", 0)
    assert "patch" not in row


def test_a_deletion_names_the_base(world: World) -> None:
    pull = opened(world, {"old.txt": None})
    [row] = files(world, pull)
    assert (row["status"], row["deletions"], ref(row)) == (
        "removed",
        1,
        pull.merge_base(),
    )
    assert world.client.get(row["contents_url"]).json()["sha"] == row["sha"]


def test_a_change_of_mode(world: World) -> None:
    [row] = files(world, opened(world, {"app/run.sh": Entry(b"echo hi\n", "100755")}))
    assert (row["status"], row["changes"]) == ("changed", 0)
    assert "patch" not in row


def test_a_link_a_submodule_and_a_file_without_line_end(world: World) -> None:
    head = world.repository.branches["main"]
    link = Entry(b"README.md", "120000")
    module = Entry(head.encode(), "160000")
    rows = files(world, opened(world, {"old.txt": link, "sub": module, "z.txt": "no end"}))
    assert [row["status"] for row in rows] == ["changed", "added", "added"]
    assert rows[1]["patch"] == f"@@ -0,0 +1 @@\n+Subproject commit {head}"
    assert rows[2]["patch"].endswith("+no end\n\\ No newline at end of file")


def test_a_name_that_is_not_utf8_and_a_name_with_punctuation(world: World) -> None:
    rows = files(world, opened(world, {b"caf\xe9 #1.txt": "x\n", "日本 ?.md".encode(): "y\n"}))
    assert [row["filename"] for row in rows] == ["caf\ufffd #1.txt", "日本 ?.md"]
    for row, text in zip(rows, (b"x\n", b"y\n"), strict=True):
        raw = {"accept": "application/vnd.github.raw+json"}
        assert world.client.get(row["contents_url"], headers=raw).content == text


def test_text_in_another_encoding_still_reads(world: World) -> None:
    [row] = files(world, opened(world, {"latin.txt": b"caf\xe9\n"}))
    assert row["patch"] == "@@ -0,0 +1 @@\n+caf\ufffd"


def test_a_patch_that_is_too_large_is_left_out() -> None:
    with emulator_world(limits=DiffLimits(file_lines=10)) as world:
        rows = files(world, opened(world, {"big": "x\n" * 10, "small": "x\n" * 9}))
        assert [("patch" in row, row["additions"]) for row in rows] == [
            (False, 10),
            (True, 9),
        ]


def test_a_patch_may_be_cut_short() -> None:
    with emulator_world(limits=DiffLimits(cut_lines=3)) as world:
        [row] = files(world, opened(world, {"a": "x\n" * 9}))
        assert (row["patch"], row["additions"]) == ("@@ -0,0 +1,9 @@\n+x\n+x", 9)


def test_no_more_than_so_many_files_are_listed() -> None:
    with emulator_world(limits=DiffLimits(files=120)) as world:
        pull = world.repository.open_big_pull(150, author="ann", branch="big")
        assert world.client.get(f"{REPO}/pulls/1").json()["changed_files"] == 150
        pages = [files(world, pull, per_page=100, page=page) for page in (1, 2, 3)]
        assert [len(page) for page in pages] == [100, 20, 0]


def test_three_hundred_files_come_on_three_pages(world: World) -> None:
    pull = world.repository.open_big_pull(300, author="ann", branch="big")
    first = world.client.get(f"{REPO}/pulls/{pull.number}/files", params={"per_page": 100})
    assert first.links["last"]["url"].endswith("page=3")
    names = [row["filename"] for row in first.json()]
    for page in (2, 3):
        names += [row["filename"] for row in files(world, pull, per_page=100, page=page)]
    assert (len(set(names)), names) == (300, sorted(names))


def test_a_push_between_two_pages_shows_in_their_addresses(world: World) -> None:
    pull = opened(world, {f"f{number}": "1\n" for number in range(4)})
    before = pull.head_sha
    first = files(world, pull, per_page=2, page=1)
    after = pull.push({"f9": "1\n"})
    second = files(world, pull, per_page=2, page=2)
    assert {ref(row) for row in first} == {before}
    assert {ref(row) for row in second} == {after} != {before}


def test_the_diff_is_against_the_commit_that_the_branch_left(world: World) -> None:
    pull = opened(world, {"mine": "1\n"})
    world.repository.push("main", {"theirs": "1\n", "old.txt": "changed\n"}, "bob")
    assert [row["filename"] for row in files(world, pull)] == ["mine"]
    pull.merge_base_in()
    assert [row["filename"] for row in files(world, pull)] == ["mine"]
    assert pull.commits == 2


def test_a_rebase_keeps_the_patch_and_moves_the_head(world: World) -> None:
    pull = opened(world, {"mine": "1\n"})
    before, patch = pull.head_sha, files(world, pull)[0]["patch"]
    tip = world.repository.push("main", {"theirs": "1\n"}, "bob")
    pull.rebase()
    assert (pull.head_sha != before, pull.merge_base()) == (True, tip)
    assert [row["patch"] for row in files(world, pull)] == [patch]
    assert [event.name for event in pull.events] == ["head_ref_force_pushed"]


def test_two_pulls_may_have_one_head(world: World) -> None:
    one = opened(world, {"mine": "1\n"})
    world.repository.branch("v1")
    two = world.repository.open_pull(author="ann", branch="f", base="v1")
    head = one.push({"more": "1\n"})
    assert (one.head_sha, two.head_sha) == (head, head)
    with pytest.raises(ValueError, match="open already"):
        world.repository.open_pull(author="ann", branch="f", base="v1")


def test_a_merge_brings_the_files_to_the_base(world: World) -> None:
    pull = opened(world, {"mine": "1\n"})
    world.repository.push("main", {"theirs": "1\n"}, "bob")
    sha = pull.merge("bob")
    assert world.client.get(f"{REPO}/contents/mine").status_code == 200
    one = world.client.get(f"{REPO}/pulls/1").json()
    TypeAdapter(models.PullRequest).validate_python(one)
    assert (one["state"], one["merged"], one["merge_commit_sha"]) == (
        "closed",
        True,
        sha,
    )
