"""What the command line says of itself, on a terminal of 80 columns."""

from __future__ import annotations

from itertools import pairwise

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from ghapp.cli import app

COMMANDS = [(name,) for name in get_group(app).commands] + [("packs", "list"), ("packs", "show")]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_lines_break_where_the_terminal_ends(command: tuple[str, ...]) -> None:
    told = CliRunner().invoke(app, [*command, "--help"]).stdout.partition("╭")[0]
    lines = [line.strip() for line in told.splitlines()]
    broken = [(one, two) for one, two in pairwise(lines) if one and two]
    for one, two in broken:
        assert len(f"{one} {two.split()[0]}") > 78, one


def test_a_range_without_its_base_is_told_what_one_looks_like() -> None:
    assert "--base origin/main" in CliRunner().invoke(app, ["check", "--help"]).stdout


@pytest.mark.parametrize("words", [["packs", "show", "X"], ["packs"], ["doctor"], ["check"]])
def test_a_format_that_is_none_is_told_in_plain_words(words: list[str]) -> None:
    told = CliRunner().invoke(app, [*words, "--format", "html"])
    assert told.exit_code == 2
    assert "'--format': 'html' is not one of 'text'" in told.stderr
