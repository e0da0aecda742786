"""Many events while GitHub fails, after a kill, and beside a fork that floods.

    uv run python -m benchmarks.pressure [--events 300] [--only PART]

Parts: faults, kill, flood. Each takes a minute to three. All on loopback, against the emulator,
with 50 ms a call. Printed are, for each part, how long it took until everything was handled, the
calls for an event, and what was doubled or parked. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks.reliability.people import CHECK
from benchmarks.reliability.place import AREAS, Place, placed, until
from benchmarks.temporary import temporary
from ghapp.emulator import faults
from ghapp.emulator.faults import Fault
from ghapp.emulator.repository import Pull, Repository

LATENCY_SECONDS, EVENTS_A_SECOND = 0.05, 20.0
ALL = "* /repos/*"
FAULTS: dict[str, Callable[[], Fault]] = {
    "10 % answered 502": lambda: _at(0.10, faults.broken(ALL, times=None)),
    "5 % secondary limit, 1 s": lambda: _at(
        0.05, faults.secondary_limit(ALL, retry_after=1, times=None)
    ),
    "10 % of writes done and answered 502": lambda: _at(
        0.10, faults.broken("POST /repos/*", after=True, times=None)
    ),
}
MOST_SECONDS, MOST_CALLS, MOST_AFTER_KILL_SECONDS = 60.0, 15.0, 5.0
PATIENCE_SECONDS = 300.0
FLOOD_SECONDS, BIG_FILES, COMMENTS_A_SECOND = 120.0, 3_000, 500 / 3600
# Pull requests of the other repository. More would be more than GitHub lets an App write there.
BETWEEN_SECONDS = 6.0
MOST_SLOWER = 2.0


def _at(rate: float, fault: Fault) -> Fault:
    fault.rate = rate
    return fault


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pressure")
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--flood-seconds", type=float, default=FLOOD_SECONDS)
    parser.add_argument("--only", choices=PARTS)
    given = parser.parse_args()
    missed = False
    for name in [given.only] if given.only else PARTS:
        for line, good in PARTS[name](given):
            print(f"{name}: {line}{'' if good else '  MISSED'}", flush=True)
            missed = missed or not good
    sys.exit(1 if missed else 0)


def failing(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """The events under each fault, which lasts until all are handled."""
    for name, fault in FAULTS.items():
        with placed("sqlite", latency_seconds=LATENCY_SECONDS) as place:
            place.github.calls.clear()
            place.github.faults.add(fault())
            pulls = _opened(place.repositories, given.events)
            seconds = _handled(place, pulls)
            calls = place.github.calls.total() / given.events
            doubled, parked = sum(map(_doubled, pulls)), _parked(place)
            good = seconds <= MOST_SECONDS and calls <= MOST_CALLS and not doubled and not parked
            yield f"{name}: {_told(seconds, calls, doubled, parked)}", good


def killed(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Killed in the middle of the events, once all are accepted, and started again at once."""
    with placed("sqlite", latency_seconds=LATENCY_SECONDS) as place:
        (process,) = place.processes
        place.github.calls.clear()
        pulls = _opened(place.repositories, given.events, given.events)
        taken = "SELECT count(*) FROM deliveries WHERE action = 'opened'"
        until(
            "all accepted",
            lambda: bool(place.database.rows(taken)[0][0] >= given.events),
            PATIENCE_SECONDS,
        )
        process.kill()
        left = given.events - sum(map(_marked, pulls))
        began = time.monotonic()
        process.start()
        until("all marked", lambda: all(map(_marked, pulls)), PATIENCE_SECONDS)
        seconds = time.monotonic() - began
        calls = place.github.calls.total() / given.events
        doubled, parked = sum(map(_doubled, pulls)), _parked(place)
        good = seconds <= MOST_AFTER_KILL_SECONDS and not doubled and not parked
        line = _told(seconds, calls, doubled, parked)
        yield f"{left} left, since the restart: {line}", good


def flooded(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """One pull request of 3,000 files with a push a second, beside another repository."""
    limits = {"GHAPP_GITHUB_LIMITS": "github"}
    with placed("sqlite", latency_seconds=LATENCY_SECONDS, **limits) as place:
        hostile, other = place.repositories[:2]  # of one installation
        quiet = _waits(other, given.flood_seconds / 2, "quiet")
        place.github.calls.clear()
        with _flood(hostile):
            loud = _waits(other, given.flood_seconds, "loud")
        ratio = _p95(loud) / _p95(quiet)
        pages = sum(count for route, count in place.github.calls.items() if "/files" in route)
        line = f"p95 from {_p95(quiet):.2f} s to {_p95(loud):.2f} s, ratio {ratio:.2f}"
        line += f"; {pages - len(loud)} pages of the flood were read"
        yield line, ratio <= MOST_SLOWER


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[tuple[str, bool]]]] = {
    "faults": failing,
    "kill": killed,
    "flood": flooded,
}


@contextmanager
def _flood(repository: Repository) -> Iterator[None]:
    pull = repository.open_big_pull(BIG_FILES, author="bob", branch="flood", lines=1)
    over = threading.Event()

    def flood() -> None:
        number = 0
        while not over.wait(1.0):
            number += 1
            pull.push({f"src/{AREAS[0]}/flood.py": f"x = {number}\n"}, "bob")
            if number * COMMENTS_A_SECOND >= len(pull.comments):
                pull.comment(f"/nfr check {AREAS[0]}-rollback -- {number}", "bob")

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        yield
    finally:
        over.set()
        flooding.join()


def _waits(repository: Repository, seconds: float, name: str) -> list[float]:
    """How long check runs took, of pulls that are opened one after the other."""
    waits, until_then, number = list[float](), time.monotonic() + seconds, 0
    while time.monotonic() < until_then:
        number += 1
        pull = _open(repository, f"{name}-{number}")
        began = time.monotonic()
        until("a check run", lambda pull=pull: _shown(pull), PATIENCE_SECONDS)  # type: ignore[misc]
        waits.append(time.monotonic() - began)
        time.sleep(max(0.0, BETWEEN_SECONDS - waits[-1]))
    return waits


def _p95(waits: Sequence[float]) -> float:
    return statistics.quantiles(waits, n=20, method="inclusive")[-1]


def _opened(
    repositories: Sequence[Repository], events: int, a_second: float = EVENTS_A_SECOND
) -> list[Pull]:
    pulls, began = list[Pull](), time.monotonic()
    for number in range(events):
        time.sleep(max(0.0, began + number / a_second - time.monotonic()))
        pulls.append(_open(repositories[number % len(repositories)], f"event-{number}"))
    return pulls


def _open(repository: Repository, name: str) -> Pull:
    files = {f"src/{AREAS[0]}/{name}.py": f"value = '{name}'\n"}
    return repository.open_pull(author="ann", branch=name, title=f"feat: {name}", files=files)


def _handled(place: Place, pulls: Sequence[Pull]) -> float:
    """How long it takes from now on until all pulls have their marks, and nothing is pending."""
    began = time.monotonic()
    until("all marked", lambda: all(map(_marked, pulls)), PATIENCE_SECONDS)
    seconds = time.monotonic() - began
    place.github.faults.clear()
    until("all worked off", place.quiet, PATIENCE_SECONDS)
    return seconds


def _shown(pull: Pull) -> bool:
    return any(run.name == CHECK for run in pull.check_runs())


def _marked(pull: Pull) -> bool:
    return _shown(pull) and bool(pull.labels) and bool(pull.comments)


def _doubled(pull: Pull) -> int:
    runs = sum(run.name == CHECK for run in pull.check_runs())
    return max(runs - 1, 0) + max(len(pull.comments) - 1, 0)


def _parked(place: Place) -> int:
    found: int = place.database.rows("SELECT count(*) FROM keys WHERE parked_at > 0")[0][0]
    return found


def _told(seconds: float, calls: float, doubled: int, parked: int) -> str:
    return f"{seconds:.1f} s, {calls:.1f} calls an event, {doubled} doubled, {parked} parked"


if __name__ == "__main__":
    with temporary():
        main()
