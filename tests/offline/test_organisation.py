"""The file of an organisation below the policy: `--organisation` of lint, check and explain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ghapp.cli import app
from tests.offline.repositories import Repo

LOCKS = "mode: enforce\nlanguage: en\nlocked: [mode]\n"
WEAKER = "mode: advise\nareas: {caching: off}\n"
REFUSED = (
    ".github/nfr.yml:1:1: `mode` is weaker than what the organisation locks (`mode`): "
    "`enforce` holds, take it out"
)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    repo = Repo(tmp_path / "shop")
    repo.commit("first", **{".github/nfr.yml": WEAKER, "org.yml": LOCKS})
    monkeypatch.chdir(repo.folder)
    return repo


def ghapp(*words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--organisation", "org.yml"])


def test_lint_names_what_a_lock_refuses(repo: Repo) -> None:
    found = ghapp("lint")
    assert (found.exit_code, found.stdout) == (1, f"{REFUSED}\n")
    repo.write(".github/nfr.yml", "max_items: 9\n")
    found = ghapp("lint")
    assert (found.exit_code, found.stdout) == (0, "2 files, no problems\n")


def test_lint_checks_the_file_of_the_organisation(repo: Repo) -> None:
    repo.write("org.yml", "locked: [moed]\n")
    found = ghapp("lint")
    assert found.exit_code == 1
    assert "org.yml:1:10: `moed` in `locked` is no key" in found.stdout
    assert ".github/nfr.yml" not in found.stdout


def test_lint_checks_the_file_of_the_organisation_alone_where_it_is(repo: Repo) -> None:
    repo.write(".github/nfr.yml", LOCKS)
    alone = CliRunner().invoke(app, ["lint", "--organisation", ".github/nfr.yml"])
    assert (alone.exit_code, alone.stdout) == (0, "1 file, no problems\n")
    assert CliRunner().invoke(app, ["lint"]).exit_code == 1  # as the file of a repository


def test_check_uses_both_layers(repo: Repo) -> None:
    repo.commit("second", **{"src/cache/keys.py": "cache.set(key, value)\n"})
    found = ghapp("check", "--base", "HEAD~1", "--format", "json")
    assert found.exit_code == 0
    assert f"ghapp check: {REFUSED}" in found.stderr
    assert json.loads(found.stdout)["areas"] == []
    on = "areas: {caching: on}\n"
    repo.write("org.yml", f"{on}locked: [areas.caching]\n")
    locked = ghapp("check", "--base", "HEAD~1", "--format", "json")
    assert [one["id"] for one in json.loads(locked.stdout)["areas"]] == ["caching"]
    repo.write(".github/other.yml", "max_items: 9\n")
    other = ghapp("check", "--base", "HEAD~1", "--policy", ".github/other.yml")
    assert (other.exit_code, other.stderr) == (0, "")


def test_check_stops_at_a_broken_file_of_the_organisation(repo: Repo) -> None:
    repo.git("rm", "-q", ".github/nfr.yml")
    repo.commit("without a policy")
    repo.commit("second", **{"src/a.py": "a = 1\n"})
    repo.write("org.yml", "mode: [\n")
    found = ghapp("check", "--base", "HEAD~1")
    assert found.exit_code == 2
    assert "org.yml:1:" in found.stderr


def test_explain_prints_every_value_with_its_origin(repo: Repo) -> None:
    found = ghapp("explain", "--policy")
    assert found.exit_code == 1
    first, _, *lines = found.stdout.splitlines()
    assert first == REFUSED
    assert [line.split() for line in lines if line.startswith(("mode ", "areas.caching"))] == [
        ["mode", "organisation,", "line", "1", "enforce"],
        ["areas.caching", "repository,", "line", "2", "off"],
    ]
    japanese = ghapp("explain", "--policy", "--lang", "ja").stdout
    assert "組織、1 行目" in japanese


def test_explain_is_for_programs_too(repo: Repo) -> None:
    told = json.loads(ghapp("explain", ".github/nfr.yml", "--policy", "--format", "json").stdout)
    assert told["standing"] == "good"
    assert [(one["line"], one["column"]) for one in told["refused"]] == [(1, 1)]
    mode = {"key": "mode", "value": "enforce", "layer": "organisation", "line": 1}
    assert mode in told["values"]


def test_explain_without_a_policy_of_the_repository(repo: Repo) -> None:
    (repo.folder / ".github/nfr.yml").unlink()
    found = ghapp("explain", "--policy")
    assert found.exit_code == 0
    assert "repository, line" not in found.stdout
    alone = CliRunner().invoke(app, ["explain", "--policy"])
    assert alone.exit_code == 0 and "organisation, line" not in alone.stdout


def test_explain_used_wrongly(repo: Repo) -> None:
    assert CliRunner().invoke(app, ["explain"]).exit_code == 2
    assert CliRunner().invoke(app, ["explain", "gone.yml", "--policy"]).exit_code == 2


def test_a_checkout_called_dot_github_has_the_file_of_the_organisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = Repo(tmp_path / ".github")
    repo.commit("first", **{".github/nfr.yml": LOCKS + "areas: {caching: off}\n"})
    repo.commit("second", **{"src/cache/keys.py": "cache.set(key, value)\n"})
    monkeypatch.chdir(repo.folder)
    lint = CliRunner().invoke(app, ["lint"])
    assert (lint.exit_code, lint.stdout) == (0, "1 file, no problems\n")
    check = CliRunner().invoke(app, ["check", "--base", "HEAD~1", "--format", "json"])
    assert (check.exit_code, json.loads(check.stdout)["areas"]) == (0, [])
