"""How long all packs take over a diff, and whether that is linear in files and lines.

Three pulls of 300, 1,000 and 3,000 files (the last one with a megabyte of added lines) are held
against the paths, lines and hazards of all packs. The files are made of this repository's own
lines and of the samples in the packs, so that some of everything fires. Printed are milliseconds
and, as ratios within this run, the cost of a file relative to the smallest pull.

    uv run python -m benchmarks.matching
"""

from __future__ import annotations

import random
import time
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
