"""How long all packs take over a diff, and whether that is linear in files and lines.

Three pulls of 300, 1,000 and 3,000 files (the last one with a megabyte of added lines) are held
against the paths, lines and hazards of all packs. The files are made of this repository's own
lines and of the samples in the packs, so that some of everything fires. Printed are milliseconds
and, as ratios within this run, the cost of a file relative to the smallest pull. Then single files
of up to a megabyte that are made to take long: each should take a second at most.

    uv run python -m benchmarks.matching
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import scan

ROOT = Path(__file__).parents[1]
SIZES = (300, 1_000, 3_000)
BYTES_A_FILE = 280
ROUNDS = 5
TARGET_MILLISECONDS = 100
FOLDERS = (
    *("src/shop", "src/shop/orders", "app/models", "app/controllers/api", "lib/util", "web/ui"),
    *("internal/cart", "cmd/server", "db/migrate", "terraform/prod", "k8s/base", "tests/unit"),
    *(".github/workflows", "docs/guides", "src/payments", "jobs/nightly", "config"),
)
ENDINGS = ("py", "rb", "go", "ts", "tsx", "php", "sql", "tf", "yml", "json", "md", "html")

HOSTILE_SECONDS, HOSTILE_BYTES, HOSTILE_LINES = 1.0, (1 << 20) - 2_000, 99_000


def filled(path: str, line: Callable[[int], str], most: int = HOSTILE_LINES) -> File:
    """A new file with as many of these lines as are still searched. line: by its number."""
    lines, size = list[str](), 0
    while size < HOSTILE_BYTES and len(lines) < most:
        lines.append(line(len(lines)))
        size += len(lines[-1]) + 2
    patch = f"@@ -0,0 +1,{len(lines)} @@\n" + "\n".join(f"+{line}" for line in lines)
    return File(path, "added", len(lines), 0, patch, "0" * 40)


MEGABYTES: Mapping[str, File] = {
    "16,000 distinct tables": filled(
        "db/migrate/1.sql",
        lambda n: f"create table t{n} (id int);" if n % 2 else f"alter table u{n} drop column a;",
        16_000,
    ),
    "changes of 16,000 tables": filled(
        "db/migrate/1.sql",
        lambda n: f"alter table u{n} drop column a;" if n else "create table x (id int);",
        16_000,
    ),
    "100,000 findings": filled("db/migrate/1.sql", lambda _: "drop table x;"),
    "one statement": filled("db/migrate/1.sql", lambda _: "alter table x drop column y,"),
    "nested builders": filled("db/migrate/1.rb", lambda n: "  " * (n % 90) + "t.remove :a"),
    "open brackets": filled("infra/main.tf", lambda _: 'resource "aws_db_instance" "a" {'),
    "changing indents": filled("infra/k8s/d.yaml", lambda n: " " * (n % 199) + "image: a:latest"),
    "long lines": filled("db/migrate/1.sql", lambda _: "alter table " + "a " * 990),
}


def main() -> None:
    """Measure and print."""
    areas = tuple(replace(area, enabled=True) for area in builtin_packs.builtin())
    policy = Policy(areas=areas)
    hazards = sum(len(area.hazards) for area in areas)
    print(f"{len(areas)} areas, {hazards} hazards, best of {ROUNDS}")
    base = 0.0
    for size in SIZES:
        pull = made(size)
        best, found = min(measured(pull, policy) for _ in range(ROUNDS))
        each = best / size
        base = base or each
        added = sum(len(file.patch) for file in pull.files)
        print(
            f"{size:>6,} files, {added / 1e6:.2f} MB: {best * 1e3:7.1f} ms, "
            f"{each / base:.2f} of the smallest a file, {found} findings"
        )
    print(f"target {TARGET_MILLISECONDS} ms, ratio {best * 1e3 / TARGET_MILLISECONDS:.2f}")
    for name, file in MEGABYTES.items():
        seconds, found = measured(replace(pull, files=(file,), changed_files=1), policy)
        ratio = seconds / HOSTILE_SECONDS
        print(
            f"{name}: {seconds:.2f} s of {HOSTILE_SECONDS:.0f}, ratio {ratio:.2f}, {found} findings"
        )


def measured(pull: Pull, policy: Policy) -> tuple[float, int]:
    """Seconds of CPU from the pull to its checklist, and how many findings that gave."""
    start = time.process_time()
    seen = scan(pull, policy)
    found = findings(seen.suspicion, {})
    checklist(seen, policy, found)
    return time.process_time() - start, len(found)


def made(size: int) -> Pull:
    """A pull of so many files, the same at every call."""
    chance = random.Random(7)  # noqa: S311 - the same pull at every call
    code = [
        line
        for path in sorted((ROOT / "ghapp").rglob("*.py"))
        for line in path.read_text(encoding="utf-8").split("\n")
    ]
    risky = [
        line
        for path in sorted((ROOT / "checklists").glob("*.yml"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line.startswith('      - "')
    ]
    return Pull(
        PullKey(Repository(1, 1, "acme/shop"), 1),
        title="Rework the shop",
        author="ann",
        head_sha="a" * 40,
        head_ref="topic",
        base_ref="main",
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        changed_files=size,
        files=tuple(_file(number, code, risky, chance) for number in range(size)),
    )


def _file(number: int, code: list[str], risky: list[str], chance: random.Random) -> File:
    lines: list[str] = []
    at = chance.randrange(len(code))
    while sum(map(len, lines)) < BYTES_A_FILE:
        lines.append(chance.choice(risky)[9:] if chance.random() < 0.01 else code[at % len(code)])
        at += 1
    patch = f"@@ -1,1 +1,{len(lines)} @@\n" + "\n".join(f"+{line}" for line in lines)
    path = f"{chance.choice(FOLDERS)}/m{number % 97}/f{number}.{chance.choice(ENDINGS)}"
    return File(path, "modified", len(lines), 0, patch, f"{number:040x}")


if __name__ == "__main__":
    main()
