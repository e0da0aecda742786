"""Every module has a noun."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def modules() -> list[Path]:
    return sorted((ROOT / "ghapp").rglob("*.py"))


def test_no_module_is_a_drawer() -> None:
    assert [file for file in modules() if file.stem.lower() in NAMELESS] == []


def test_the_licence_is_the_whole_text() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License") and "WITHOUT WARRANTY OF ANY KIND" in text
