"""Imports point one way, each library has its owner, and the core stays pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ghapp"

# part of ghapp -> the parts it may import beside itself; see FOR_ALL
ARROWS = {
    "__init__": set(),
    "__main__": {"cli"},
    "cli": {
        "bootstrap", "builtin_packs", "core", "demo", "doctor", "explain", "export", "github",
        "offline", "scan", "terminal",
    },
    "demo": {"bootstrap", "demo_history", "emulator", "logs", "store"},
    "demo_history": {"builtin_packs", "core", "emulator", "github", "store", "worker"},
    "bootstrap": {
        "builtin_packs", "core", "github", "logs", "metrics", "slack", "store", "tracing", "web",
        "worker",
    },
    "doctor": {"builtin_packs", "core", "github", "store", "terminal"},
    "explain": {"builtin_packs", "core", "github", "offline", "store", "terminal", "worker"},
    "scan": {
        "builtin_packs", "core", "explain", "github", "offline", "store", "terminal", "worker",
    },
    "export": {"builtin_packs", "core", "store", "terminal"},
    "metrics": {"core", "github", "store"},
    "tracing": {"core", "metrics"},
    "web": {"builtin_packs", "core", "github", "logs", "store"},
    "worker": {"core", "github", "logs", "slack", "store"},
    "github": {"core", "logs"},
    "store": {"core"},
    "offline": {"builtin_packs", "core", "terminal"},
    "terminal": {"core"},
    "builtin_packs": {"core"},
    "logs": set(),
    "slack": {"github"},
    "settings": {"errors"},
    "errors": set(),
    "observer": {"core"},
    "core": {"errors"},
    "emulator": set(),
}  # fmt: skip
FOR_ALL = {"errors", "observer", "settings"}
CLOSED = {"core", "emulator", "errors", "logs"}  # may not use even those

# The column of the core: what each folder may import of those before it. The nouns beside the
# folders are for all, and `decide` is above them.
COLUMN = ("patterns", "policy", "scan", "review", "text", "decide")

OWNERS = {
    "aiohttp": {"github", "slack"},
    "cachetools": {"github"},
    "certifi": {"github"},
    "githubkit": {"github"},
    "httpx": {"emulator", "github"},
    "yarl": {"github"},
    "jwt": {"github", "emulator"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "psycopg": {"store"},
    "starlette": {"web", "emulator"},
    "uvicorn": {"web", "emulator"},
    "jinja2": {"web", "emulator"},
    "opentelemetry": {"tracing"},
    "prometheus_client": {"metrics"},
    "structlog": {"logs"},
    "pydantic_settings": {"settings"},
    "rich": {"explain", "offline", "terminal"},
    "typer": {"cli"},
}

PURE = {
    "cronsim", "jpholiday", "markdown_it", "msgspec", "pathspec", "pydantic", "pydantic_core",
    "re2", "yaml",
}  # fmt: skip
IMPURE = {
    "asyncio", "http", "logging", "os", "random", "secrets", "shutil", "socket", "sqlite3",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip

# These hand the environment on to git, and read no setting from it.
HAND_ON = {"emulator", "git"}

FILES = sorted(PACKAGE.rglob("*.py"))


def part(file: Path) -> str:
    """The part of ghapp that a file belongs to: a folder's or a module's name."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
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
    closed = part(file) in CLOSED
    assert imported_parts(file) <= ARROWS[part(file)] | (set() if closed else FOR_ALL)


def core_place(name: str) -> str:
    """The folder of the core, or the module beside the folders, that a dotted name is in."""
    return name.split(".")[2] if name.startswith("ghapp.core.") else ""


@pytest.mark.parametrize("file", [file for file in FILES if part(file) == "core"], ids=named)
def test_the_core_is_a_column(file: Path) -> None:
    place = file.relative_to(PACKAGE / "core").parts[0].removesuffix(".py")
    below = COLUMN[: COLUMN.index(place) + 1] if place in COLUMN else ()
    assert {core_place(name) for name in imported(file)} & set(COLUMN) <= set(below)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Also not for types alone: what needs each other is one module."""
    modules = {named(file).removesuffix(".py").replace("/", "."): file for file in FILES}
    arrows = {module: set(imported(file)) & set(modules) for module, file in modules.items()}
    while leaves := {module for module, others in arrows.items() if not others}:
        arrows = {
            module: others - leaves for module, others in arrows.items() if module not in leaves
        }
    assert not arrows


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
