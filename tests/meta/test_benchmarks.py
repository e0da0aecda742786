"""The benchmarks load, are documented, and their peers stay out of the product."""

from __future__ import annotations

import ast
import importlib
import json
import re
from pathlib import Path

import pytest

from benchmarks.figures import Figures
from benchmarks.load import fresh, post

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"
# the dotted names of all modules, without those of the peers, which are no part of this project
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts)
    for folder in (FOLDER, FOLDER / "judged")
    for path in folder.glob("*.py")
    if path.stem != "__init__"
)
FOREIGN = {"benchmarks", "gidgethub"}
EXACT = re.compile(r"\d+\.\d+\.\d+")


@pytest.mark.parametrize("name", MODULES)
def test_each_benchmark_imports(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__


def test_the_product_imports_neither_benchmarks_nor_peers() -> None:
    imported = set()
    for path in (ROOT / "ghapp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    assert "starlette" in imported
    assert not imported & FOREIGN


def test_the_product_does_not_depend_on_the_peers() -> None:
    for name in ("pyproject.toml", "requirements.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"^\s*\"?(gidgethub|probot)\b", text, re.MULTILINE)


def test_the_versions_of_the_peers_are_exact() -> None:
    package = json.loads((FOLDER / "peers/probot/package.json").read_text(encoding="utf-8"))
    contestants = importlib.import_module("benchmarks.contestants")
    versions = [*package["dependencies"].values()]
    versions += [one.partition("==")[2] for one in contestants.REQUIREMENTS]
    assert [one for one in versions if not EXACT.fullmatch(one)] == []


def test_what_npm_leaves_behind_is_not_kept() -> None:
    assert "node_modules/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not (FOLDER / "peers/probot/package-lock.json").exists()  # it holds addresses


def test_each_command_is_documented() -> None:
    told = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    commands = [
        name.removesuffix(".__main__")
        for name in MODULES
        if name != "__main__"
        and '"__main__"' in (FOLDER / f"{name.replace('.', '/')}.py").read_text("utf-8")
    ]
    assert [name for name in commands if f"python -m benchmarks.{name}" not in told] == []


def test_a_fresh_request_has_an_id_of_its_own_and_the_same_body() -> None:
    request = post("/webhook", {"X-GitHub-Delivery": "one", "X-Hub-Signature-256": "s"}, b"{}")
    made = fresh(request)
    assert b": one" not in made
    assert made.endswith(b"X-Hub-Signature-256: s\r\n\r\n{}")
    assert made != fresh(request)


def test_figures_stand_beside_the_first_contestant() -> None:
    figures = Figures(("ours", "theirs"))
    for name, value in (("ours", 2.0), ("theirs", 3.0), ("theirs", 5.0), ("theirs", 4.0)):
        figures.note("CPU", name, value, "<= 6")
    row = figures.text().splitlines()[1]
    assert row.split() == ["CPU", "2", "(1.00)", "4", "(2.00)", "<=", "6"]
