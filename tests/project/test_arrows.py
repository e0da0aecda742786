"""Imports point one way, each library has its owner, and the core stays pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ghapp"

# part of ghapp -> the parts it may import beside itself
ARROWS = {
    "__init__": set(),
    "__main__": {"cli"},
    "cli": {"catalogue", "core", "demo", "doctor", "errors", "heap", "local", "serve", "settings"},
    "doctor": {"addresses", "core", "errors", "github", "lock", "settings", "store"},
    "demo": {"logs", "serve", "settings", "standin"},
    "serve": {
        "catalogue", "core", "errors", "github", "heap", "lock", "login", "logs", "metrics",
        "redelivery", "settings", "store", "sweep", "watched", "web", "worker",
    },
    "heap": set(),
    "lock": {"errors", "settings"},
    "login": {"errors", "github", "logs", "web"},
    "metrics": {"core", "github", "store"},
    "watched": {"core", "errors", "reconcile"},
    "web": {"core", "errors", "github", "logs", "settings", "store"},
    "sweep": {"core", "errors", "logs", "store", "turns"},
    "redelivery": {"core", "errors", "logs", "store", "turns"},
    "turns": {"errors", "store"},
    "worker": {"core", "errors", "logs", "parking", "reconcile", "slots", "store"},
    "slots": {"core"},
    "parking": {"core", "outcomes", "queueheads", "store"},
    "reconcile": {"core", "errors", "github", "outcomes", "queueheads", "store"},
    "queueheads": {"core", "errors", "store"},
    "outcomes": {"core", "errors"},
    "github": {"addresses", "core", "errors"},
    "store": {"core", "errors", "heap"},
    "local": {"catalogue", "core", "errors"},
    "catalogue": {"core", "errors"},
    "core": {"errors"},
    "settings": {"addresses", "errors"},
    "addresses": set(),
    "logs": {"heap"},
    "errors": set(),
    "standin": set(),
}  # fmt: skip

# folder of the core -> the folders it may import beside itself; the nouns beside them are for all
CORE = {
    "matching": set(),
    "packs": {"matching"},
    "policies": {"matching", "packs"},
    "detection": {"matching", "policies"},
    "words": {"policies"},
    "judging": {"policies"},
}

OWNERS = {
    "aiohttp": {"github"},
    "certifi": {"github"},
    "multidict": {"github"},
    "yarl": {"github"},
    "jwt": {"github", "standin"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "psycopg": {"store"},
    "starlette": {"web", "standin"},
    "uvicorn": {"web", "standin"},
    "jinja2": {"web", "standin"},
    "prometheus_client": {"metrics"},
    "structlog": {"logs"},
    "typer": {"cli"},
}

PURE = {"markdown_it", "msgspec", "pathspec", "pydantic", "pydantic_core", "re2", "yaml"}
IMPURE = {
    "asyncio", "http", "logging", "os", "random", "secrets", "shutil", "socket", "sqlite3",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip

# These hand the environment on to git, and read no setting from it.
HAND_ON = {"standin", "gitrange"}

FILES = sorted(PACKAGE.rglob("*.py"))


def part(file: Path) -> str:
    """The part of ghapp that a file belongs to: a folder's or a module's name."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imported(file: Path) -> Iterator[str]:
    """The dotted names a file imports; `from a import b` is both a and a.b."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_parts(file: Path) -> set[str]:
    ours = {name.split(".")[1] for name in imported(file) if name.startswith("ghapp.")}
    return ours - {part(file)}


def calls(file: Path) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree(file)) if isinstance(node, ast.Call)}


def named(file: Path) -> str:
    return str(file.relative_to(PACKAGE.parent))


@pytest.mark.parametrize("file", FILES, ids=named)
def test_imports_point_one_way(file: Path) -> None:
    assert part(file) in ARROWS, "a new part of ghapp needs a row in ARROWS"
    assert imported_parts(file) <= ARROWS[part(file)]


@pytest.mark.parametrize("folder", CORE)
def test_folders_of_the_core_build_on_each_other(folder: str) -> None:
    names = {name for file in (PACKAGE / "core" / folder).glob("*.py") for name in imported(file)}
    others = {name.split(".")[2] for name in names if name.startswith("ghapp.core.")}
    assert others & set(CORE) <= {folder, *CORE[folder]}


@pytest.mark.parametrize("file", FILES, ids=named)
def test_libraries_have_owners(file: Path) -> None:
    libraries = {name.split(".")[0] for name in imported(file)}
    assert {name for name in libraries if part(file) not in OWNERS.get(name, {part(file)})} == set()


@pytest.mark.parametrize("file", FILES, ids=named)
def test_only_settings_reads_the_environment(file: Path) -> None:
    if part(file) == "settings" or HAND_ON & {part(file), file.stem}:
        return
    read = [name for name in imported(file) if name in ("os.environ", "os.getenv")]
    text = file.read_text(encoding="utf-8")
    assert not read and "os.environ" not in text and "os.getenv" not in text


@pytest.mark.parametrize("file", [file for file in FILES if part(file) == "core"], ids=named)
class TestTheCore:
    def test_imports_only_what_computes(self, file: Path) -> None:
        libraries = {name.split(".")[0] for name in imported(file)}
        assert not libraries & (set(OWNERS) - PURE)
        assert not IMPURE & set(imported(file))

    def test_waits_for_nothing(self, file: Path) -> None:
        waiting = ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith
        assert not [node for node in ast.walk(tree(file)) if isinstance(node, waiting)]

    def test_has_no_clock_and_opens_no_file(self, file: Path) -> None:
        forbidden = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "open"}
        assert not calls(file) & forbidden
