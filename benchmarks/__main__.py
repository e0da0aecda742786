"""All benchmarks, one after the other: `uv run python -m benchmarks [--quick]`.

Each part is a command of its own, named in docs/benchmarks.md, and prints as it goes. Ends with
status 1 where a part failed, once all have run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.machine import machine, tell

# part -> what it is told with --quick
PARTS: dict[str, tuple[str, ...]] = {
    "matching": (),
    "accept": ("--deliveries", "2000", "--rounds", "1"),
    "review": ("--pushes", "5", "--comments", "20", "--areas", "4"),
    "sidebyside": ("--quick",),
    "scale": ("--quick",),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a few minutes, rougher figures")
    given = parser.parse_args()
    failed = []
    print(machine())
    for number, (part, quick) in enumerate(PARTS.items(), 1):
        tell(f"{number} of {len(PARTS)}: benchmarks.{part}")
        began = time.monotonic()
        words = quick if given.quick else ()
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *words], check=False)
        if done.returncode:
            failed.append(part)
        tell(f"benchmarks.{part} took {time.monotonic() - began:.0f} s")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
