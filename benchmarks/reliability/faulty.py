"""A GitHub that fails in every way the emulator knows, one after the other, under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.reliability.calls import Calls
from benchmarks.reliability.oracle import Verdict, judged
from benchmarks.reliability.people import People
from benchmarks.reliability.place import Place, placed
from ghapp.emulator import faults
from ghapp.emulator.faults import Fault

PULLS, ACTS_A_SECOND, LOAD_SECONDS = 30, 4.0, 40.0
RATE, PATIENCE_SECONDS = 0.1, 300.0
ALL, READS = "* /repos/*", "GET /repos/*"
COUNTED = 1_000_000  # more than will ever strike
# ghapp gives a call 15 seconds.
SLOW_SECONDS, SLOW_RATE = 17.0, 0.02

# What is done, and the share of calls that it strikes.
KINDS: Mapping[str, tuple[Fault, float]] = {
    "502, nothing done": (faults.broken(ALL), RATE),
    "502, done all the same": (faults.broken(ALL, after=True), RATE),
    "cut off, nothing done": (faults.cut(ALL), RATE),
    "cut off, done all the same": (faults.cut(ALL, after=True), RATE),
    "secondary limit, wait 1 s": (faults.secondary_limit(ALL, retry_after=1), RATE),
    "primary limit, reset in 1 s": (faults.primary_limit(ALL, reset_in=1), RATE),
    "401 by mistake": (faults.broken(ALL, 401), RATE),
    "403 by mistake": (faults.broken(ALL, 403), RATE / 2),
    "later than anybody waits": (faults.slow(ALL, SLOW_SECONDS), SLOW_RATE),
    "reads that lag behind": (faults.stale(READS), RATE),
}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Faulted:
    """What came of one kind of fault. rate: the share of calls. injected: how many were struck."""

    kind: str
    rate: float
    calls: int
    injected: int
    acts: int
    seconds: float
    verdict: Verdict


def faulty(seed: int, tell: Tell) -> list[Faulted]:
    """Each kind against the same running ghapp, with pulls of its own."""
    found = []
    with placed("sqlite") as place:
        calls = Calls(place)
        place.github.observer = calls
        for number, (kind, (fault, rate)) in enumerate(KINDS.items()):
            one = _one(place, calls, kind, fault, rate, seed * 100 + number)
            tell(f"{kind}: {one.injected} of {one.calls} calls, {len(one.verdict.problems)} wrong")
            found.append(one)
    return found


def _one(place: Place, calls: Calls, kind: str, fault: Fault, rate: float, seed: int) -> Faulted:
    started, before = time.monotonic(), place.github.calls.total()
    people = People(place.repositories, seed, PULLS)
    fault.rate, fault.times = rate, COUNTED
    calls.doubled.clear()
    place.github.faults.add(fault)
    people.live(place, LOAD_SECONDS, ACTS_A_SECOND)
    used = place.github.calls.total() - before
    place.github.faults.clear()
    people.opens = False
    place.settle(PATIENCE_SECONDS)
    verdict = judged(place, people.tales)
    verdict.doubled += calls.doubled.values()
    seconds = time.monotonic() - started
    return Faulted(kind, rate, used, COUNTED - (fault.times or 0), people.acts, seconds, verdict)
