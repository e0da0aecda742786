"""The emulator's blobs and trees are of the form GitHub describes, and as it refuses them."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from ghapp.emulator.diffs import DiffLimits
from ghapp.emulator.git import Entry
from tests.emulator.world import FILES, World
from tests.emulator.world import world as emulator_world

REPO = "/repos/acme/shop"
RAW = {"accept": "application/vnd.github.raw+json"}


def valid(model: Any, answer: httpx.Response) -> Any:
    """The body, if GitHub's own description admits it."""
    assert answer.status_code == 200
    TypeAdapter(model).validate_python(answer.json())
    return answer.json()


def tree(world: World, name: str, **query: str) -> dict[str, Any]:
    answer = world.client.get(f"{REPO}/git/trees/{name}", params=query)
    found: dict[str, Any] = valid(models.GitTree, answer)
    return found


def sha_of(world: World, path: str) -> str:
    sha: str = world.client.get(f"{REPO}/contents/{path}").json()["sha"]
    return sha


# --- blobs ---------------------------------------------------------------------------------


def test_a_blob_comes_as_base64_or_as_it_is(world: World) -> None:
    path = f"{REPO}/git/blobs/{sha_of(world, 'logo.png')}"
    blob = valid(models.Blob, world.client.get(path))
    assert (blob["encoding"], blob["size"]) == ("base64", len(FILES["logo.png"]))
    assert base64.b64decode(blob["content"]) == FILES["logo.png"]
    raw = world.client.get(path, headers=RAW)
    assert raw.content == FILES["logo.png"]
    assert raw.headers["content-type"].startswith("application/vnd.github.raw")
    again = world.client.get(path, headers={**RAW, "if-none-match": raw.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("fork", [None, "eve"])
def test_a_pulls_files_name_blobs_of_the_base_repository(world: World, fork: str | None) -> None:
    changes = {"app/cart.py": "all new\n", "logo.png": b"\0", "old.txt": None}
    world.repository.open_pull(author="eve", branch="f", fork=fork, files=changes)
    rows = world.client.get(f"{REPO}/pulls/1/files").json()
    found = {
        row["filename"]: world.client.get(f"{REPO}/git/blobs/{row['sha']}", headers=RAW).content
        for row in rows
    }
    assert found == {"app/cart.py": b"all new\n", "logo.png": b"\0", "old.txt": b"gone soon\n"}


@pytest.mark.parametrize("sha", ["main", "abc123", "G" * 40, "f" * 64])
def test_a_sha_of_another_form_is_refused(world: World, sha: str) -> None:
    answer = world.client.get(f"{REPO}/git/blobs/{sha}")
    assert (answer.status_code, answer.json()["message"]) == (
        422,
        "The sha parameter must be exactly 40 characters and contain only [0-9a-f].",
    )


def test_a_sha_that_is_not_a_blob_is_not_found(world: World) -> None:
    commit = world.repository.branches["main"]
    folder = next(row["sha"] for row in tree(world, "main")["tree"] if row["type"] == "tree")
    for sha in ("0" * 40, commit, folder):
        answer = world.client.get(f"{REPO}/git/blobs/{sha}")
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


def test_a_blob_beyond_the_limit_is_refused_raw_or_not() -> None:
    with emulator_world(limits=DiffLimits(blob_bytes=9)) as world:
        world.repository.push("main", {"nine": "x" * 9, "ten": "x" * 10}, "ann")
        for headers in ({}, RAW):
            nine, ten = (
                world.client.get(f"{REPO}/git/blobs/{sha_of(world, name)}", headers=headers)
                for name in ("nine", "ten")
            )
            assert (nine.status_code, ten.status_code) == (200, 403)
            assert ten.json()["errors"] == [
                {"resource": "Blob", "field": "data", "code": "too_large"}
            ]
            assert "x-ratelimit-remaining" in ten.headers


# --- trees ---------------------------------------------------------------------------------


def test_a_tree_is_found_by_branch_commit_and_its_own_sha(world: World) -> None:
    commit = world.repository.branches["main"]
    by_branch = tree(world, "main")
    assert by_branch == tree(world, commit)
    assert (by_branch["sha"], by_branch["truncated"]) == (commit, False)
    rows = {row["path"]: row for row in by_branch["tree"]}
    assert {path: (row["type"], row["mode"]) for path, row in rows.items()} == {
        ".github": ("tree", "040000"),
        "README.md": ("blob", "100644"),
        "app": ("tree", "040000"),
        "logo.png": ("blob", "100644"),
        "old.txt": ("blob", "100644"),
    }
    assert (rows["README.md"]["size"], "size" in rows["app"]) == (len(FILES["README.md"]), False)
    inner = tree(world, rows["app"]["sha"])
    assert [row["path"] for row in inner["tree"]] == ["cart.py", "run.sh"]
    assert rows["app"]["url"].endswith(f"{REPO}/git/trees/{rows['app']['sha']}")


@pytest.mark.parametrize("value", ["1", "true", "0", ""])
def test_recursive_lists_what_is_in_the_folders_whatever_its_value(
    world: World, value: str
) -> None:
    paths = [row["path"] for row in tree(world, "main", recursive=value)["tree"]]
    assert paths == [
        ".github", ".github/nfr.yml", "README.md", "app", "app/cart.py", "app/run.sh",
        "logo.png", "old.txt",
    ]  # fmt: skip


def test_a_slash_in_a_branchs_name_has_to_be_quoted(world: World) -> None:
    world.repository.branch("release/1.0")
    assert tree(world, "release%2F1.0")["sha"] == world.repository.branches["release/1.0"]
    assert world.client.get(f"{REPO}/git/trees/release/1.0").status_code == 404


def test_a_submodule_has_neither_size_nor_address(world: World) -> None:
    world.repository.push("main", {"libs": Entry(b"1" * 40, "160000")}, "ann")
    row = next(row for row in tree(world, "main")["tree"] if row["path"] == "libs")
    assert row == {"path": "libs", "mode": "160000", "type": "commit", "sha": "1" * 40}


def test_a_long_tree_is_marked_as_truncated() -> None:
    with emulator_world(limits=DiffLimits(tree_entries=5)) as world:
        assert tree(world, "main")["truncated"] is False
        found = tree(world, "main", recursive="1")
        assert (len(found["tree"]), found["truncated"]) == (5, True)


@pytest.mark.parametrize("name", ["nowhere", "0" * 40, "main:app"])
def test_a_missing_tree_is_not_found(world: World, name: str) -> None:
    answer = world.client.get(f"{REPO}/git/trees/{name}")
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


@pytest.mark.parametrize("path", ["git/trees/main", "git/blobs/" + "0" * 40])
def test_the_contents_permission_is_needed(world: World, path: str) -> None:
    headers = world.narrowed(metadata="read", pull_requests="write")
    answer = world.client.get(f"{REPO}/{path}", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "Resource not accessible by integration",
    )
