"""ghapp beside a Probot app and a gidgethub bot that do the same job, in one run.

uv run python -m benchmarks.sidebyside [--quick] [--rounds N] [--only PART...]
    [--contestants NAME...] [--before FOLDER]

The same emulator, in a process of its own, for each; contestants take turns and the order changes
from round to round. Shown are medians of the rounds, in brackets as multiples of the first
contestant. The peers are installed when missing (npm and uv). FOLDER is another checkout of ghapp
with its environment in `.venv` and the same tables; it is measured too, to see what a change saves.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import adversity
from benchmarks.apart import built
from benchmarks.contestants import CONTESTANTS, POSTGRESQL, before
from benchmarks.figures import Figures
from benchmarks.machine import machine, tell
from benchmarks.rounds import THROUGH, WARM, Round, Size
from benchmarks.temporary import temporary

QUICK = Size(rounds=1, paced=20, big=1, through=60, idle_seconds=4.0)
FULL = Size(rounds=2, paced=100, big=4, through=250, idle_seconds=20.0)
PARTS = ("live", "throughput", "adversity")
ADVERSE_PULLS = {True: 20, False: 60}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="four minutes, without PostgreSQL")
    parser.add_argument("--rounds", type=int, help="else 1 with --quick, 2 without")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, help="else all")
    parser.add_argument("--before", type=Path, help="another checkout of ghapp")
    given = parser.parse_args()
    usual = [name for name in CONTESTANTS if not (given.quick and name == POSTGRESQL)]
    size = QUICK if given.quick else FULL
    size = replace(size, rounds=given.rounds or size.rounds)
    names = list(given.contestants or usual)
    if given.before:
        names.insert(1, before(given.before))
    run(names, given.only, size, quick=given.quick)


def run(contestants: Sequence[str], parts: Sequence[str], size: Size, *, quick: bool) -> None:
    """Measure and print."""
    figures = Figures(contestants)
    rounds = Round(figures, size)
    if "live" in parts:
        live(rounds, contestants)
    if "throughput" in parts:
        throughput(rounds, contestants)
    if "adversity" in parts:
        adverse(figures, contestants, quick=quick)
    tell(machine())
    print(figures.text())
    for what, routes in rounds.routes.items():
        print(f"\n{what}:")
        for route, each in sorted(routes.items()):
            print(f"{each:8.2f}  {route}")


def live(rounds: Round, contestants: Sequence[str]) -> None:
    github = built(rounds.groups())
    for number in range(rounds.size.rounds):
        for name in _turned(contestants, number):
            tell(f"round {number + 1} of {rounds.size.rounds}: {name}")
            rounds.live(github, name, idle=number == 0)
    github.close()


def throughput(rounds: Round, contestants: Sequence[str]) -> None:
    github = built({WARM: (20, 10), THROUGH: (rounds.size.through, 300)})
    for number in range(rounds.size.rounds):
        for name in _turned(contestants, number):
            tell(f"throughput on one core, round {number + 1}: {name}")
            rounds.throughput(github, name)
    github.close()


def adverse(figures: Figures, contestants: Sequence[str], *, quick: bool) -> None:
    github = built(adversity.groups(ADVERSE_PULLS[quick]))
    adversity.suffer(github, contestants, figures, tell)
    github.close()


def _turned(contestants: Sequence[str], number: int) -> list[str]:
    """Every second round the other way round."""
    gc.collect()
    return list(contestants) if number % 2 == 0 else list(reversed(contestants))


if __name__ == "__main__":
    with temporary():
        main()
