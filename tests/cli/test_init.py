"""`ghapp init` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ghapp
from tests.offline.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.commit(Gemfile="gem 'pg'\n")
    made.commit(**{"db/migrate/1_a.sql": "ALTER TABLE orders ADD COLUMN a INT;\n"})
    return made


def test_what_it_writes_is_good(repo: Repo, environment: dict[str, str]) -> None:
    ended = ghapp("init", env=environment, cwd=repo.folder)
    assert (ended.returncode, ended.stderr) == (0, "")  # no progress without a terminal
    checked = ghapp("lint", env=environment, cwd=repo.folder)
    assert (checked.returncode, checked.stdout) == (0, "1 file, no problems\n")


def test_standard_output_is_the_policy_alone(repo: Repo, environment: dict[str, str]) -> None:
    ended = ghapp("init", "--stdout", env=environment, cwd=repo.folder)
    assert ended.returncode == 0 and not (repo.folder / ".github").exists()
    checked = subprocess.run(
        [sys.executable, "-m", "ghapp", "lint", "-"],
        env=environment, cwd=repo.folder, input=ended.stdout, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout
    assert "PostgreSQL" in ended.stderr


def test_progress_is_shown_on_a_terminal(repo: Repo, environment: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "ghapp", "init", "--stdout"]
    variables = environment | {"TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(
        command, env=variables, cwd=repo.folder, stdout=subprocess.DEVNULL, stderr=theirs
    ) as running:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    assert running.returncode == 0
    assert b"1/1" in shown and b"changes" in shown


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["init", "--stdout", "--pr", "acme/shop"], "--stdout writes nothing"),
        (["init", "--team", "SRE Leads"], "sre-leads"),
        (["init", "--pr", "acme/shop"], "GH_TOKEN: is missing"),
        (["init", "--mode", "strict"], "strict"),
        (["init", "missing"], "not a checkout"),
    ],
)
def test_wrong_use(repo: Repo, environment: dict[str, str], words: list[str], reason: str) -> None:
    bare = {key: value for key, value in environment.items() if not key.endswith("_TOKEN")}
    ended = ghapp(*words, env=bare, cwd=repo.folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert reason in " ".join(ended.stderr.replace("│", " ").split())
    assert not (repo.folder / ".github").exists()
