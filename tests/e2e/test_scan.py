"""`ghapp scan OWNER/REPO`: the default branch as the App reads it, without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World, command

OPEN = 'resource "aws_security_group_rule" "ssh" {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n'
BLOBS = "GET /repos/{owner}/{repo}/git/blobs/{sha}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "data", GHAPP_GITHUB_LIMITS="off")
    try:
        made.repository.push("main", {"infra/ssh.tf": OPEN, "infra/all.tf": OPEN}, by="sue")
        yield made
    finally:
        made.close()


def test_the_default_branch_is_scanned_and_nothing_is_written(world: World) -> None:
    done = command(world, "scan", "acme/shop", "--format", "json", "--fail-on", "must")
    assert (done.exit_code, done.stderr) == (1, "")
    outcome = json.loads(done.stdout)
    places = [(one["path"], one["line"], one["hazard"]) for one in outcome["findings"]]
    assert places == [("infra/all.tf", 2, "IAC-001"), ("infra/ssh.tf", 2, "IAC-001")]
    assert (outcome["name"], outcome["policy"]) == ("acme/shop", ".github/nfr.yml")
    assert world.github.calls[BLOBS] == 1  # both files are one content
    assert not [one for one in world.github.calls if one.startswith(("PATCH", "PUT", "DELETE"))]
    assert world.repository.issues == {}
    assert command(world, "scan", "acme/shop").exit_code == 0


def test_what_is_out_of_reach_is_named(world: World) -> None:
    done = command(world, "scan", "acme/nothing")
    assert done.exit_code == 1
    assert "acme/nothing: the App is not installed there" in done.stderr
    wrong = command(world, "scan", "acme/shop", "--policy", "x.yml")
    assert wrong.exit_code == 2
    assert command(world, "scan", "a/b/c").exit_code == 2
