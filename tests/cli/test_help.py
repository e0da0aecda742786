"""Help and wrong use, on a terminal of 80 columns."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from ghapp.cli import app
from tests.cli.commands import ghapp

COMMANDS = [(name,) for name in get_group(app).commands] + [("packs", "list"), ("packs", "show")]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_lines_end_where_the_terminal_ends(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"]).stdout.partition("╭")[0]
    lines = [line.strip() for line in shown.splitlines()]
    broken = [(one, two) for one, two in pairwise(lines) if one and two]
    for one, two in broken:
        assert len(f"{one} {two.split()[0]}") > 78, one


def test_help_has_an_example_of_a_base() -> None:
    assert "--base origin/main" in CliRunner().invoke(app, ["check", "--help"]).stdout


@pytest.mark.parametrize("words", [["packs", "show", "X"], ["packs"], ["doctor"], ["check"]])
def test_unknown_format_is_named(words: list[str]) -> None:
    shown = CliRunner().invoke(app, [*words, "--format", "html"])
    assert shown.exit_code == 2
    assert "'--format': 'html' is not one of 'text'" in shown.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["serve", "--help"], 0),
        ([], 2),
        (["approve"], 2),
        (["check"], 2),
        (["check", "--base", "main", "--format", "xml"], 2),
    ],
)
def test_exit_status(
    environment: dict[str, str], tmp_path: Path, words: list[str], status: int
) -> None:
    assert ghapp(*words, env=environment, cwd=tmp_path).returncode == status


def test_help_loads_nothing_heavy(environment: dict[str, str]) -> None:
    code = "import sys, ghapp.cli; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert not {"pydantic", "sqlalchemy", "aiohttp", "starlette"} & set(done.stdout.split())


def test_check_loads_no_client_of_github(environment: dict[str, str]) -> None:
    code = "import sys, ghapp.cli, ghapp.offline.check; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert not {"githubkit", "httpx", "aiohttp", "sqlalchemy"} & set(done.stdout.split())
