"""The hooks of `.pre-commit-hooks.yaml`, run as pre-commit runs them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from tests.cli.commands import ghapp
from tests.offline.own_packs import with_own_pack
from tests.offline.repositories import Repo

HOOKS = {
    hook["id"]: hook
    for hook in yaml.safe_load(
        (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    )
}
PACK = ".github/nfr/ranking.yml"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return with_own_pack(tmp_path / "repo")


def run(hook: str, repo: Repo, environment: dict[str, str]) -> CompletedProcess[str] | None:
    """How the hook ends; None if no file of the repository starts it."""
    found = HOOKS[hook]
    names = repo.git("ls-files").splitlines()
    if not any(re.search(found["files"], name) for name in names):
        return None
    command, *words = shlex.split(found["entry"]) + found.get("args", [])
    assert (command, found["language"], found["pass_filenames"]) == ("ghapp", "python", False)
    return ghapp(*words, env=environment, cwd=repo.folder)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_good_policy_with_good_packs_passes(
    hook: str, repo: Repo, environment: dict[str, str]
) -> None:
    ended = run(hook, repo, environment)
    assert ended is not None and ended.returncode == 0, ended


@pytest.mark.parametrize("hook", HOOKS)
def test_a_broken_pack_fails(hook: str, repo: Repo, environment: dict[str, str]) -> None:
    repo.write(PACK, (repo.folder / PACK).read_text().replace("weight: 4", "weight: 9"))
    ended = run(hook, repo, environment)
    assert ended is not None and ended.returncode == 1
    assert f"{PACK}:3:" in ended.stdout + ended.stderr


def test_a_broken_policy_fails(repo: Repo, environment: dict[str, str]) -> None:
    repo.write(".github/nfr.yml", "mode: strict\n")
    ended = run("ghapp-lint", repo, environment)
    assert ended is not None and ended.returncode == 1


def test_a_sample_that_fails_fails(repo: Repo, environment: dict[str, str]) -> None:
    text = (repo.folder / PACK).read_text()
    repo.write(PACK, text + "    hit: ['wait()']\n")
    ended = run("ghapp-test", repo, environment)
    assert ended is not None and ended.returncode == 1


@pytest.mark.parametrize("hook", HOOKS)
def test_other_files_start_no_hook(hook: str, tmp_path: Path, environment: dict[str, str]) -> None:
    other = Repo(tmp_path / "other")
    other.commit(**{".github/workflows/ci.yml": "", "nfr.yml": "", ".github/nfr.yml.bak": ""})
    assert run(hook, other, environment) is None
