"""Processes killed at random moments under load, and what was lost or doubled by that: nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty

from benchmarks.reliability.calls import Calls, overlaps
from benchmarks.reliability.oracle import Verdict, judged
from benchmarks.reliability.people import People
from benchmarks.reliability.place import Place, placed
from benchmarks.reliability.processes import Process

PULLS, ACTS_A_SECOND = 36, 4.0
# A call takes as long as one to GitHub does at best, so that kills meet runs half way.
LATENCY_SECONDS = 0.03
APART_SECONDS, QUIET_SECONDS = (0.3, 3.5), 8.0
# Every other kill is made right when a write begins; of these, half of the writes are lost.
MOMENTS = ("any", "before", "any", "after")
STRIKE_SECONDS = 300.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Killed:
    """kills: by kind of process and moment. failed: deliveries that met a dead server at first."""

    database: str
    kills: Counter[str]
    seconds: float
    acts: int
    failed: int
    runs: int
    overlapping: list[str]
    verdict: Verdict

    @property
    def problems(self) -> list[str]:
        return [*self.verdict.problems, *self.overlapping]


def killed(kind: str, kills: int, seed: int, tell: Tell) -> Killed:
    """A story of so many kills on this database, judged."""
    started = time.monotonic()
    with placed(kind, latency_seconds=LATENCY_SECONDS) as place:
        calls = Calls(place)
        place.github.observer = calls
        people = People(place.repositories, seed, PULLS)
        people.live(place, PULLS / ACTS_A_SECOND, ACTS_A_SECOND)
        counted: Counter[str] = Counter()
        for number in range(kills):
            name = _one(place, calls, people, MOMENTS[number % len(MOMENTS)])
            counted[name] += 1
            if number % 10 == 9:
                spoken = f"{people.acts} acts on {len(people.tales)} pulls"
                tell(f"{kind}: {number + 1} kills, {spoken}, {time.monotonic() - started:.0f} s")
        for process in place.processes:
            process.await_ready()
        people.opens = False
        people.live(place, QUIET_SECONDS, ACTS_A_SECOND)
        attempts = list(place.github.deliveries.all)
        failed = {one.guid for one in attempts if one.status_code >= 500}
        tell(f"{kind}: {len(failed)} deliveries failed at first; waiting until all is settled")
        place.settle()
        runs, overlapping = overlaps(place, calls)
        verdict = judged(place, people.tales)
        verdict.doubled += calls.doubled.values()
        return Killed(
            place.database.version,
            counted,
            time.monotonic() - started,
            people.acts,
            len(failed),
            runs,
            overlapping,
            verdict,
        )


def _one(place: Place, calls: Calls, people: People, moment: str) -> str:
    """Kill one process, at this moment, and start it again at once; which kind it was, and when."""
    people.live(place, people.chance.uniform(*APART_SECONDS), ACTS_A_SECOND)
    process = people.chance.choice(place.processes)
    if moment == "any":
        process.kill()
    else:
        process = _struck(place, calls, people, moment)
        process.reap()
    calls.forget(process.pid)
    process.start()
    kind = process.name.partition("-")[0]
    return f"{kind} {'at any moment' if moment == 'any' else f'{moment} a write'}"


def _struck(place: Place, calls: Calls, people: People, moment: str) -> Process:
    deadline = time.monotonic() + STRIKE_SECONDS
    while not all(one.is_ready for one in place.processes):
        people.live(place, 0.1, ACTS_A_SECOND)
    calls.armed = moment
    while time.monotonic() < deadline:
        people.live(place, 0.1, ACTS_A_SECOND)
        try:
            pid = calls.struck.get_nowait()
        except Empty:
            continue
        return next(one for one in place.processes if one.pid == pid)
    raise TimeoutError(f"nobody wrote anything within {STRIKE_SECONDS:.0f} s")
