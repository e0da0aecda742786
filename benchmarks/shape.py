"""The shape of the code: how much there is, how finely it is cut, and how long one event's path is.

uv run python -m benchmarks.shape [--static] [FOLDER]

The first table counts files, lines and functions of each package, the second compares them with the
tree before the rebuild of 2026-12 (286 files, 34,182 lines). Then a ghapp in this process checks
pull requests that the emulator opens, and reports which functions and modules of the package took
part, and how many statements and transactions one of them took on SQLite. FOLDER: another checkout,
of which only the first table is printed.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.machine import machine
from benchmarks.temporary import temporary
from ghapp.bootstrap import serving
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Pull
from ghapp.emulator.server import EmulatorServer
from ghapp.settings import Settings

ROOT = Path(__file__).parents[1]
FOLDED = {"core": ("patterns", "policy", "scan", "review", "text")}
# package -> files and lines before the rebuild, and the aim of the rebuild
BEFORE = {
    "core": ((94, 10_773), (65, 9_200)),
    "github": ((41, 4_762), (26, 3_900)),
    "store": ((34, 3_952), (24, 3_000)),
    "worker": ((10, 1_262), (8, 1_050)),
    "web, cli": ((14, 1_051), (8, 820)),
    "offline": ((14, 1_711), (9, 1_350)),
    "doctor": ((9, 1_109), (6, 960)),
    "other": ((13, 1_683), (9, 1_350)),
    "without emulator": ((229, 26_303), (155, 21_500)),
    "emulator": ((57, 7_879), (26, 6_000)),
}
PULLS = 12
PATIENCE_SECONDS = 60.0
SECRET = "a secret for the benchmark"
POLICY = "version: 1\nmode: enforce\nreviewers: {teams: [sre]}\n"
MIGRATION = "ALTER TABLE orders ADD COLUMN points INT NOT NULL DEFAULT 0;\n"


@dataclass
class Shape:
    """What one package is made of. lengths: of its functions, in lines."""

    files: int = 0
    lines: int = 0
    lengths: list[int] = field(default_factory=list)
    single_importer: int = 0  # modules that exactly one other module imports
    single_use: int = 0  # private functions that their module names exactly once

    def __add__(self, other: Shape) -> Shape:
        return Shape(
            self.files + other.files,
            self.lines + other.lines,
            self.lengths + other.lengths,
            self.single_importer + other.single_importer,
            self.single_use + other.single_use,
        )

    def row(self) -> tuple[str, ...]:
        lengths = self.lengths or [0]
        return (
            f"{self.files}",
            f"{self.lines:,}",
            f"{len(self.lengths):,}",
            f"{statistics.median(lengths):.0f}",
            f"{statistics.quantiles([*lengths, 0], n=10)[-1]:.0f}",
            f"{self.single_importer}",
            f"{self.single_use} ({self.single_use / max(len(self.lengths), 1):.0%})",
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--static", action="store_true", help="only count, run nothing")
    given = parser.parse_args()
    shapes = shapes_of(given.folder / "ghapp")
    print_shapes(shapes)
    if given.folder == ROOT:
        print_comparison(shapes)
        if not given.static:
            print(machine())
            print_path()


def shapes_of(package: Path) -> dict[str, Shape]:
    """Each package, as "core" or "core/scan", and "other" for the modules beside them."""
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(package.rglob("*.py"))
        if "migrations" not in path.parts
    }
    modules = {_dotted(package, path): path for path in trees}
    importers: Counter[Path] = Counter()
    for tree in trees.values():
        importers.update({modules[name] for name in _imported(tree) if name in modules})
    shapes: dict[str, Shape] = {}
    for path, tree in trees.items():
        parts = path.relative_to(package).parts
        name = "/".join(parts[: 2 if parts[0] in FOLDED and len(parts) > 2 else 1])
        functions = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        named = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        named.update(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        shape = Shape(
            files=1,
            lines=path.read_text(encoding="utf-8").count("\n"),
            lengths=[(node.end_lineno or 0) - node.lineno + 1 for node in functions],
            single_importer=int(importers[path] == 1),
            single_use=sum(
                node.name.startswith("_") and node.name[:2] != "__" and named[node.name] <= 1
                for node in functions
            ),
        )
        place = name if len(parts) > 1 else "other"
        shapes[place] = shapes.get(place, Shape()) + shape
    return shapes


def _dotted(package: Path, path: Path) -> str:
    name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def print_shapes(shapes: dict[str, Shape]) -> None:
    heads = ("package", "files", "lines", "functions", "median", "p90", "one importer", "used once")
    rows = [(name, *shape.row()) for name, shape in sorted(shapes.items())]
    product = [shape for name, shape in shapes.items() if name not in ("emulator", "standin")]
    rows.append(("without emulator", *sum(product, Shape()).row()))
    rows.append(("all", *sum(shapes.values(), Shape()).row()))
    print_table(heads, rows)


def print_comparison(shapes: dict[str, Shape]) -> None:
    print("\nfiles and lines, before the rebuild, aimed at, and now")
    rows = []
    for name, (before, aim) in BEFORE.items():
        now = sum(
            (
                shape
                for place, shape in shapes.items()
                if place.partition("/")[0] in name.split(", ")
                or (name == "without emulator" and place != "emulator")
            ),
            Shape(),
        )
        pairs = (before, aim, (now.files, now.lines))
        rows.append((name, *(f"{files} / {lines:,}" for files, lines in pairs)))
    print_table(("package", "before", "aim", "now"), rows)


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join([row[0].ljust(widths[0]), *cells]))


def print_path() -> None:
    """What one opened pull request runs through, measured on a ghapp in this process."""
    database = Statements()
    with tempfile.TemporaryDirectory(prefix="ghapp-shape-") as folder, database.counted():
        took, per_pull = asyncio.run(_checked(Path(folder), database))
    sys.setprofile(None)
    functions = {code for code in took if code.co_name[:1] != "<"}
    modules = {code.co_filename for code in took}
    where = f"{len(functions)} functions in {len(modules)} modules"
    print(f"\nan opened pull request runs through {where}")
    print("  (before the rebuild: 698 in 121; aim: below 400 functions)")
    statements, transactions = (statistics.median(one) for one in zip(*per_pull, strict=True))
    print(
        f"and takes {statements:.0f} statements in {transactions:.0f} write transactions on SQLite"
    )
    print("  (before the rebuild: some 40 in 9; aim: 15 in 4)")


class Statements:
    """Counts what is sent to SQLite, in this process."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @contextmanager
    def counted(self) -> Iterator[None]:
        real: Callable[..., sqlite3.Connection] = sqlite3.dbapi2.connect

        def connect(*args: Any, **more: Any) -> sqlite3.Connection:
            made = real(*args, **more)
            made.set_trace_callback(self.sent.append)
            return made

        sqlite3.dbapi2.connect = connect  # type: ignore[assignment]
        try:
            yield
        finally:
            sqlite3.dbapi2.connect = real  # type: ignore[assignment]

    def taken(self) -> tuple[int, int]:
        """Statements and write transactions since the last call, without what brackets them."""
        sent, self.sent[:] = list(self.sent), []
        brackets = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")
        work = [one for one in sent if not one.lstrip().upper().startswith(brackets)]
        return len(work), sum(one.lstrip().upper().startswith("BEGIN IMMEDIATE") for one in sent)


async def _checked(folder: Path, database: Statements) -> tuple[Took, list[tuple[int, int]]]:
    """The code that ran for the last pull request, and what each but the first few took."""
    github = Emulator(webhook_secret=SECRET)
    github.team("acme", "sre", members=["sam"])
    server = EmulatorServer(github)
    server.start()
    repository = github.repository(
        "acme/shop", {".github/nfr.yml": POLICY, "README.md": "# shop\n"}
    )
    repository.collaborator("ann", "write")
    settings = Settings.from_environment(
        {
            "GHAPP_APP_ID": str(github.app.id),
            "GHAPP_PRIVATE_KEY": github.private_key,
            "GHAPP_WEBHOOK_SECRET": SECRET,
            "GHAPP_GITHUB_API_URL": server.api_url,
            "GHAPP_DATA_DIR": str(folder),
            "GHAPP_LOG_FORMAT": "off",
            "PORT": "0",
        }
    )
    took = Took()
    per_pull: list[tuple[int, int]] = []
    took.install()  # before the threads of ghapp start: a profile is per thread
    async with serving(settings) as url:
        github.listen(f"{url}/webhook")
        for number in range(PULLS):
            await asyncio.sleep(0.5)  # until the one before is recorded
            database.taken()
            took.clear()
            pull = await asyncio.to_thread(
                repository.open_pull,
                author="ann",
                branch=f"points-{number}",
                files={f"db/migrate/2026040{number:02}_add_points.sql": MIGRATION},
                title="feat: add points",
            )
            await asyncio.to_thread(_until_marked, pull)
            await asyncio.sleep(0.4)  # the record comes after the marks
            if number >= PULLS // 2:
                per_pull.append(database.taken())
    server.stop()
    return took, per_pull


def _until_marked(pull: Pull) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (pull.check_runs() and pull.labels and pull.comments):
        if time.monotonic() > end:
            raise TimeoutError("the pull request was not marked")
        time.sleep(0.01)


class Took(set[CodeType]):
    """The code of the package, without the emulator's, that ran since it was last cleared."""

    def install(self) -> None:
        package, emulator = str(ROOT / "ghapp"), str(ROOT / "ghapp" / "emulator")

        def note(frame: FrameType, event: str, _: object) -> None:
            name = frame.f_code.co_filename
            if event == "call" and name.startswith(package) and not name.startswith(emulator):
                self.add(frame.f_code)

        threading.setprofile(note)
        sys.setprofile(note)


if __name__ == "__main__":
    with temporary():
        main()
