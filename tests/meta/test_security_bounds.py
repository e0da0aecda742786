"""A pull as large as GitHub lists it, and hostile in every line, is looked at within bounds."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace

import pytest

from benchmarks.matching import MEGABYTES
from ghapp.builtin_packs import builtin
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import scan
from tests.fuzz.targets import PULL

POLICY = Policy(areas=builtin(), mode="enforce")
# Beginnings of what the packs look for, so that many patterns go on and none ends soon.
LINES = (
    "ALTER TABLE " * 25,
    "password = 'a' " * 20,
    "SELECT * FROM a WHERE " * 14,
    "((((((((((" * 30,
    "retry(timeout=" * 22,
    "\u3042" * 300,
)


def hostile(number: int) -> File:
    lines = "".join(f"+{line} {number}\n" for line in LINES)
    ending = ("sql", "py", "yml", "ts", "tf", "go")[number % 6]
    path = f"db/migrate/{'d/' * 20}{number}\u202e.{ending}"
    return File(path, "added", len(LINES), patch=f"@@ -0,0 +1,{len(LINES)} @@\n{lines}")


def test_three_thousand_hostile_files_take_bounded_time_and_memory() -> None:
    """Six megabytes of text; a busy machine takes some times as long as a quiet one."""
    files = tuple(hostile(number) for number in range(3_000))
    pull = replace(PULL, files=files, changed_files=3_000)
    began = time.thread_time()
    seen = scan(pull, POLICY)
    found = findings(seen.suspicion, dict.fromkeys(one.path for one in seen.wanted))
    asked = checklist(seen, POLICY, found)
    took = time.thread_time() - began
    assert asked.flagged
    assert len(found) < 3_000
    assert took < 10.0, f"{took:.1f} s"


@pytest.mark.parametrize("name", sorted(MEGABYTES))
def test_a_hostile_megabyte_takes_a_second(name: str) -> None:
    """As `benchmarks.matching` measures it; here with room for a busy machine."""
    pull = replace(PULL, files=(MEGABYTES[name],), changed_files=1)
    began = time.thread_time()
    seen = scan(pull, POLICY)
    checklist(
        seen, POLICY, findings(seen.suspicion, dict.fromkeys(one.path for one in seen.wanted))
    )
    took = time.thread_time() - began
    assert seen.touched or seen.suspicion.sure or seen.unread
    assert took < 4.0, f"{took:.1f} s"


def test_one_hostile_file_leaves_nothing_behind_that_grows() -> None:
    def once(number: int) -> None:
        file = hostile(number)
        scan(replace(PULL, files=(file,), changed_files=1), POLICY)

    for number in range(50):
        once(number)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(50, 250):
        once(number)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 4 << 20
