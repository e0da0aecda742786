"""What a preview reads: what a pull proposes, and samples of pulls and repositories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ghapp.core.model import PolicyKey, Repository
from ghapp.core.records import History, PackFile, PolicySource
from ghapp.core.review.preview import Proposed
from ghapp.emulator.faults import Fault
from ghapp.emulator.git import Entry
from ghapp.emulator.repository import Pull
from ghapp.errors import Rejected, Retry
from tests.github.world import World

POLICY, PACK = ".github/nfr.yml", ".github/nfr/a.yml"
NAMED = "packs: ['.github/nfr/*.yml']\n"
FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def proposed(world: World, pull: Pull, known: PolicySource) -> Proposed | None:
    key = PolicyKey(world.repository, pull.number)
    return world.run(lambda client: client.proposed(key, History(), known))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({POLICY: Entry(b"../app.py", "120000")}, f"{POLICY}:0:0: is a symbolic link"),
        ({POLICY: Entry(b"a" * 40, "160000")}, f"{POLICY}:0:0: is a submodule"),
        ({POLICY: None, f"{POLICY}/inside.yml": "x: 1\n"}, f"{POLICY}:0:0: is a folder"),
    ],
)
def test_what_is_no_file_is_not_followed(
    world: World, files: dict[str, str | Entry | None], words: str
) -> None:
    world.shop.push("main", {POLICY: "mode: enforce\n"}, by="ann")
    known = PolicySource("mode: enforce\n", good="mode: enforce\n")
    found = proposed(world, world.pull(files=files), known)
    assert found
    assert found.source is None
    assert [str(one)[: len(words)] for one in found.unreadable] == [words]


def test_a_folder_that_is_a_link_is_not_followed(world: World) -> None:
    world.shop.push("main", {POLICY: "mode: enforce\n"}, by="ann")
    files = {POLICY: None, ".github": Entry(b"laxer", "120000"), "laxer/nfr.yml": "mode: observe\n"}
    found = proposed(world, world.pull(files=files), PolicySource("mode: enforce\n"))
    assert found
    assert found.source is None
    assert [one.path for one in found.unreadable] == [".github"]


def test_packs_are_those_of_the_default_branch_with_what_the_pull_changes(world: World) -> None:
    others = {f".github/nfr/{name}.yml": f"area: {name}\n" for name in "abcde"}
    world.shop.push("main", {POLICY: NAMED, **others}, by="ann")
    link = Entry(b"b.yml", "120000")
    changes = {
        PACK: "area: changed\n",
        ".github/nfr/b.yml": None,
        ".github/nfr/d.yml": link,
        ".github/nfr/e.yml": Entry(b"a" * 40, "160000"),
        ".github/nfr/f.yml": "area: f\n" + "# " + "x" * 300_000,
    }
    known = PolicySource(NAMED, packs=(PackFile(PACK, "known", 8, text="area: a\n"),))
    found = proposed(world, world.pull(files=changes), known)
    assert found and found.source
    packs = {one.path[-5:]: (one.kind, one.text) for one in found.source.packs}
    assert packs == {
        "a.yml": ("file", "area: changed\n"),
        "c.yml": ("file", "area: c\n"),
        "d.yml": ("symlink", None),
        "f.yml": ("file", None),
    }
    assert next(one.size for one in found.source.packs if one.path.endswith("f.yml")) > 300_000
    assert [one.text for one in found.unreadable] == ["is a submodule: put the file itself here"]


def test_a_pull_that_edits_no_policy_proposes_nothing(world: World) -> None:
    assert proposed(world, world.pull(), PolicySource(NAMED)) is None


def test_merged_pulls_are_listed_without_those_that_were_only_closed(world: World) -> None:
    merged, closed, own = (world.pull(branch=name) for name in ("merged", "closed", "own"))
    merged.merge("ann")
    closed.close("ann")
    found = world.run(lambda client: client.sample(world.repository, "closed", 50))
    assert [(one.key.number, one.is_merged, one.is_open) for one in found] == [
        (merged.number, True, False)
    ]
    assert world.run(lambda client: client.sample(world.repository, "open", 50, own.number)) == ()


def test_the_files_of_a_head_are_read_once(world: World) -> None:
    made = world.pull()

    async def twice(client: object) -> int:
        (pull,) = await client.sample(world.repository, "open", 50)  # type: ignore[attr-defined]
        before = await client.first_files(pull)  # type: ignore[attr-defined]
        assert await client.first_files(pull) == before  # type: ignore[attr-defined]
        other = replace(pull, head_sha="f" * 40)  # as if somebody had pushed meanwhile
        await client.first_files(other)  # type: ignore[attr-defined]
        await client.first_files(other)  # type: ignore[attr-defined]
        return len(before)

    assert world.run(twice) == len(made.changes())
    assert world.github.calls[FILES] == 3


def test_a_sample_that_is_refused_is_a_best_effort(world: World) -> None:
    world.pull()
    world.github.faults.add(Fault("GET /repos/{owner}/{repo}/pulls", times=None, status=403))
    with pytest.raises((Rejected, Retry)):
        world.run(lambda client: client.sample(world.repository, "open", 50))


@pytest.mark.parametrize(("is_private", "names"), [(True, ["b", "c"]), (False, ["c"])])
def test_a_public_repository_shows_nothing_of_private_ones(
    world: World, *, is_private: bool, names: list[str]
) -> None:
    def row(id: int, name: str, pushed: str, **more: object) -> dict[str, object]:
        return {"id": id, "full_name": f"acme/{name}", "pushed_at": pushed, **more}

    rows = [
        row(1, ".github", "2026-01-01", private=is_private),
        row(2, "a", "2026-01-09", private=False, archived=True),
        row(3, "c", "2026-01-02", private=False),
        row(4, "b", "2026-01-03", private=True),
    ]
    body = json.dumps({"total_count": 4, "repositories": rows}).encode()
    world.github.faults.add(Fault("GET /installation/repositories", body=body))
    own = Repository(world.repository.installation_id, 1, "acme/.github")
    found, hides = world.run(lambda client: client.newest_repositories(own, 10))
    assert [one.full_name.partition("/")[2] for one in found] == names
    assert hides is not is_private
