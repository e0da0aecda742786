"""`ghapp init --pr` opens a pull request for a person, over HTTP, and never a second one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ghapp.cli import app
from ghapp.core.policy.policy import POLICY_PATH
from ghapp.emulator.faults import Fault
from ghapp.emulator.repository import Repository
from ghapp.github.proposal import BRANCH
from ghapp.offline.lint import linted
from tests.e2e.marks import conclusion
from tests.e2e.world import World
from tests.offline.repositories import Repo

WRITE = {"contents": "write", "pull_requests": "write"}
NAME = "acme/bare"


@pytest.fixture
def bare(stopped: World) -> Repository:
    """A repository without a policy."""
    return stopped.shop("bare", None)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    repo = Repo(tmp_path / "clone")
    repo.commit("start", **{"compose.yml": "image: postgres\n"})
    repo.commit("more", **{"db/migrate/1.sql": "ALTER TABLE orders ADD COLUMN a INT;\n"})
    return repo.folder


def init(world: World, clone: Path, token: str, *more: str, name: str = NAME) -> Result:
    unset = dict.fromkeys(("GITHUB_TOKEN", "GITHUB_API_URL", "HTTPS_PROXY", "https_proxy"))
    variables = {"GHAPP_GITHUB_API_URL": world.api_url, "GH_TOKEN": token, "COLUMNS": "100"}
    ended = CliRunner().invoke(
        app, ["init", str(clone), "--pr", name, *more], env={**unset, **variables}
    )
    assert not token or token not in ended.output
    return ended


def text_on(repository: Repository, branch: str) -> str:
    blob = repository.network.git.blob(f"{repository.branches[branch]}:{POLICY_PATH}")
    return blob.data.decode() if blob else ""


def test_the_policy_becomes_a_pull_request(
    world: World, bare: Repository, clone: Path, tmp_path: Path
) -> None:
    token = world.github.personal_token("ann", WRITE)
    ended = init(world, clone, token, "--team", "sre")
    assert ended.exit_code == 0, ended.output
    [pull] = bare.pulls.values()
    assert f"opened {world.html_url}/{NAME}/pull/{pull.number}" in ended.output
    assert (pull.author.login, pull.base_ref, pull.head_ref) == ("ann", "main", BRANCH)
    assert [change.path.decode() for change in pull.changes()] == [POLICY_PATH]
    assert "- Database: PostgreSQL: compose" in (pull.body or "").replace("\\", "")
    assert not (clone / POLICY_PATH).exists() and not text_on(bare, "main")
    (tmp_path / "nfr.yml").write_text(text_on(bare, BRANCH), encoding="utf-8")
    assert linted([tmp_path / "nfr.yml"]).problems == ()
    world.settle()
    assert conclusion(pull) == "neutral"  # somebody has to sign off the policy


def test_a_second_call_names_the_open_pull_request(
    stopped: World, bare: Repository, clone: Path
) -> None:
    token = stopped.github.personal_token("ann", WRITE)
    init(stopped, clone, token)
    tip = bare.branches[BRANCH]
    again = init(stopped, clone, token, "--mode", "observe")
    assert again.exit_code == 0, again.output
    assert "/pull/1 is open already, and was left as it is" in again.output
    assert len(bare.pulls) == 1 and bare.branches[BRANCH] == tip


def test_a_branch_that_is_left_over_is_used(stopped: World, bare: Repository, clone: Path) -> None:
    """The call before was cut off, or somebody closed the pull request."""
    token = stopped.github.personal_token("ann", WRITE)
    bare.branch(BRANCH)
    assert init(stopped, clone, token).exit_code == 0
    [pull] = bare.pulls.values()
    pull.close("ann")
    tip = bare.branches[BRANCH]
    assert init(stopped, clone, token).exit_code == 0
    assert len(bare.pulls) == 2 and bare.branches[BRANCH] == tip  # the same file once more
    bare.pulls[2].close("ann")
    assert init(stopped, clone, token, "--mode", "observe").exit_code == 0
    assert "mode: observe" in text_on(bare, BRANCH)


def test_a_policy_that_exists_is_replaced_only_by_force(stopped: World, clone: Path) -> None:
    token = stopped.github.personal_token("ann", WRITE)
    refused = init(stopped, clone, token, name="acme/shop")
    assert refused.exit_code == 2 and "--force" in refused.output
    assert BRANCH not in stopped.repository.branches and not stopped.repository.pulls
    assert init(stopped, clone, token, "--force", name="acme/shop").exit_code == 0
    assert "yaml-language-server" in text_on(stopped.repository, BRANCH)


@pytest.mark.parametrize(
    ("login", "permissions", "name", "words"),
    [
        ("ann", {"contents": "read", "pull_requests": "write"}, NAME, "Contents and Pull requests"),
        ("ann", {"contents": "write"}, NAME, "Contents and Pull requests"),
        ("eve", WRITE, NAME, "may push to it"),
        ("mallory", WRITE, NAME, "no such repository"),
        ("ann", WRITE, "acme/none", "no such repository"),
        ("ann", WRITE, "acme/../shop", "write OWNER/REPO"),
        ("ann", WRITE, "acme/..", "write OWNER/REPO"),
        ("", {}, NAME, "GH_TOKEN: is missing"),
        ("nobody", {}, NAME, "GH_TOKEN is not valid"),
    ],
)
def test_a_refusal_says_what_is_needed(
    stopped: World,
    bare: Repository,
    clone: Path,
    login: str,
    permissions: dict[str, str],
    name: str,
    words: str,
) -> None:
    token = stopped.github.personal_token(login, permissions) if permissions else login
    ended = init(stopped, clone, token, name=name)
    assert ended.exit_code == 2, ended.output
    assert words in ended.output.replace("\n", " ")
    assert not bare.pulls


def test_a_github_that_fails_is_named(stopped: World, bare: Repository, clone: Path) -> None:
    token = stopped.github.personal_token("ann", WRITE)
    stopped.github.faults.add(Fault("PUT *", status=502))
    failed = init(stopped, clone, token)
    assert failed.exit_code == 2 and "502" in failed.output and "try again" in failed.output
    assert init(stopped, clone, token).exit_code == 0
    assert len(bare.pulls) == 1


def test_a_token_that_github_repeats_is_not_shown(
    stopped: World, bare: Repository, clone: Path
) -> None:
    token = stopped.github.personal_token("ann", WRITE)
    stopped.github.faults.add(Fault("POST *", status=403, message=f"{token} may not"))
    refused = init(stopped, clone, token)  # which checks that it is not in the output
    assert refused.exit_code == 2 and "*** may not" in " ".join(refused.output.split())


def test_an_answer_that_is_not_githubs_is_named(
    stopped: World, bare: Repository, clone: Path
) -> None:
    token = stopped.github.personal_token("ann", WRITE)
    stopped.github.faults.add(Fault("GET *", body=b"<html>"))
    failed = init(stopped, clone, token)
    assert failed.exit_code == 2 and "cannot be read" in failed.output


def test_a_github_that_is_away_is_named(stopped: World, clone: Path) -> None:
    stopped.api_url = "http://127.0.0.1:9"
    gone = init(stopped, clone, "github_pat_abc")
    assert gone.exit_code == 2 and "does not answer" in gone.output


def test_the_person_need_not_have_installed_the_app(stopped: World, clone: Path) -> None:
    other = stopped.github.repository("acme/other", {"a": "a"}, installation_id=None)
    other.collaborator("ann", "write")
    token = stopped.github.personal_token("ann", WRITE)
    assert init(stopped, clone, token, name="acme/other").exit_code == 0
    assert len(other.pulls) == 1 and os.environ.get("GH_TOKEN") != token
