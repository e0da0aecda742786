"""Kills, faults, a partition and hours of load: that nothing is lost, doubled or grows.

uv run python -m benchmarks.reliability [--kills 50] [--soak-seconds 3600] [--only PART]
    [--seed 1] [--write]

Parts: kills, faults, partition, soak. All on this machine, with processes of its own. Exit status
1 where anything was lost or doubled, is wrong, overlaps or grows. `--write` puts the tables into
docs/reliability.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from benchmarks.reliability import report
from benchmarks.reliability.databases import KINDS
from benchmarks.reliability.faulty import faulty
from benchmarks.reliability.kills import killed
from benchmarks.reliability.partition import partitions
from benchmarks.reliability.report import Section
from benchmarks.reliability.soak import soaked
from benchmarks.temporary import temporary

T = TypeVar("T")
ACTS_A_SECOND = 2.0


def tell(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


def kills(given: argparse.Namespace) -> Section:
    """So many on each database, on both at once."""
    return report.kills(_each(lambda kind: killed(kind, given.kills, given.seed, tell)))


def faults(given: argparse.Namespace) -> Section:
    return report.faults(faulty(given.seed, tell))


def partition(given: argparse.Namespace) -> Section:
    return report.partitions(partitions(tell))


def soak(given: argparse.Namespace) -> Section:
    """For so long, on all databases at once."""
    seconds, rate = given.soak_seconds, ACTS_A_SECOND
    return report.soak(_each(lambda kind: soaked(kind, seconds, rate, given.seed, tell)))


def _each(scenario: Callable[[str], T]) -> list[T]:
    """What it came to with each database, all at once."""

    def told(kind: str) -> T:
        try:
            return scenario(kind)
        except Exception as error:
            tell(f"{kind}: ended by {error!r}")  # now, and not when the others have ended
            raise

    with ThreadPoolExecutor(len(KINDS)) as pool:
        return list(pool.map(told, KINDS))


PARTS: dict[str, Callable[[argparse.Namespace], Section]] = {
    "kills": kills,
    "faults": faults,
    "partition": partition,
    "soak": soak,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability")
    parser.add_argument("--kills", type=int, default=50, help="on each database")
    parser.add_argument("--soak-seconds", type=float, default=3600.0)
    parser.add_argument("--only", choices=PARTS, help="one part instead of all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md")
    given = parser.parse_args()
    failed = False
    for name in [given.only] if given.only else PARTS:
        section = PARTS[name](given)
        print(f"\n{section.text}\n", flush=True)
        for problem in section.problems:
            print(f"PROBLEM {name}: {problem}", flush=True)
        failed = failed or bool(section.problems)
        if given.write:
            report.write(name, section, sys.argv[1:])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    with temporary():
        main()
