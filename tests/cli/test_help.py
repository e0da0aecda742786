"""Help and wrong use, on a terminal of 80 columns."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from ghapp.cli import LOCAL, SERVER, app
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


@pytest.mark.parametrize("words", [[], *(list(one) for one in COMMANDS)], ids=" ".join)
def test_h_is_short_for_help(words: list[str]) -> None:
    short, full = (CliRunner().invoke(app, [*words, one]) for one in ("-h", "--help"))
    assert short.exit_code == 0
    assert short.stdout == full.stdout


def test_commands_are_grouped_by_who_needs_them() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    panels = re.split(r"╭─ (.+?) ─+╮", shown)[1:]
    groups = {
        title: set(re.findall(r"^│ (\w+) ", text, re.MULTILINE))
        for title, text in zip(panels[::2], panels[1::2], strict=True)
    }
    local, server = (groups[title] for title in (LOCAL, SERVER))
    assert local == {"demo", "check", "init", "measure", "lint", "schema", "test", "packs", "scan"}
    assert server == {
        "serve",
        "work",
        "migrate",
        "sweep",
        "credentials",
        "digest",
        "doctor",
        "explain",
        "export",
        "report",
        "forget",
    }
    assert local | server == {*get_group(app).commands}


EXAMPLES = [
    (name, example)
    for name, command in {"": get_group(app), **get_group(app).commands}.items()
    for example in re.findall(r"^- `ghapp ([^`]+)`", command.epilog or "", re.MULTILINE)
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_a_command_with_options_that_exist(name: str, example: str) -> None:
    words = shlex.split(re.sub(r" [<>] \S+|#.*", "", example))
    command = get_group(app).commands.get(words[0])
    assert command or words == ["COMMAND", "-h"]
    assert name in ("", words[0])
    known = {option for one in command.params for option in one.opts} if command else {"-h"}
    assert {word for word in words[1:] if word.startswith("-") and word != "-"} <= known


def test_a_shell_completes_commands(environment: dict[str, str], tmp_path: Path) -> None:
    script = ghapp("--show-completion", "bash", env=environment, cwd=tmp_path)
    if script.returncode:  # typer can also read the shell from the processes above
        script = ghapp("--show-completion", env=environment | {"SHELL": "bash"}, cwd=tmp_path)
    assert "_GHAPP_COMPLETE=complete_bash" in script.stdout
    asking = {"_GHAPP_COMPLETE": "complete_bash", "COMP_WORDS": "ghapp che", "COMP_CWORD": "1"}
    found = subprocess.run(
        [sys.executable, "-c", "from ghapp.cli import app; app(prog_name='ghapp')"],
        env=environment | asking,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.split() == ["check"]


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
