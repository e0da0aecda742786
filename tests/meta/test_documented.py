"""What users can set or say is written where they look it up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from ghapp.cli import app
from ghapp.settings import FIXES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FIXES)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", typer.main.get_group(app).commands)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"ghapp {name}" in README


def test_the_procfile_names_commands_that_exist() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    assert {line.split(":")[0] for line in lines} == {"web", "worker", "release"}
    named = {command for line in lines for command in re.findall(r"\bghapp (\w+)", line)}
    assert named == {"serve", "work", "migrate"} <= set(typer.main.get_group(app).commands)
