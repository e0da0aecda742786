"""Hours under an even load: what every process takes, and whether that grows."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

from benchmarks.reliability.oracle import Verdict, judged
from benchmarks.reliability.people import People, Tale
from benchmarks.reliability.place import Place, placed
from benchmarks.reliability.processes import Size, size

PULLS = 24
SAMPLE_SECONDS, TOLD_SECONDS = 10.0, 300.0
# What is filled once is full by then: prepared statements and pages of each connection, lists of
# folders, threads.
WARM_SHARE, MOST_WARM_SECONDS = 0.5, 1800.0
RUSH_SHARE = 0.15  # of the whole, at its beginning: bursts
KINDS = {"sqlite": ("serve",), "postgresql": ("web", "work", "work")}
# The emulator keeps all there ever was; what is so old nobody asks it for any more.
KEPT_DELIVERIES, KEPT_TALES, PRUNE_SECONDS = 4_000, 150, 60.0
FLAT_BYTES_AN_HOUR = 1_000_000

Tell = Callable[[str], None]


@dataclass(slots=True)
class Grown:
    """One process over time: seconds since the start, and what it took then."""

    name: str
    at: list[float] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)

    def after(self, seconds: float) -> Grown:
        first = next((place for place, at in enumerate(self.at) if at >= seconds), 0)
        return Grown(self.name, self.at[first:], self.sizes[first:])

    def growth(self) -> float:
        """Bytes an hour: the mean of the last quarter of the samples against that of the first.

        A process takes memory in steps and gives it back each minute: a line through neighbouring
        samples, which tell nearly the same, would be unsure by more than there is to be seen.
        """
        quarter = len(self.at) // 4
        if not quarter:
            return math.inf
        first, last = self.sizes[:quarter], self.sizes[-quarter:]
        more = fmean(one.resident for one in last) - fmean(one.resident for one in first)
        return more / (fmean(self.at[-quarter:]) - fmean(self.at[:quarter])) * 3600


@dataclass(slots=True)
class Soaked:
    """pruned: tales that were judged before and forgotten. warm: seconds left out of growth."""

    database: str
    seconds: float
    warm: float
    acts: int
    deliveries: int
    database_bytes: tuple[int, int]
    processes: list[Grown]
    verdict: Verdict

    @property
    def problems(self) -> list[str]:
        grown = [one for one in self.processes if not is_flat(one.after(self.warm))]
        return [*self.verdict.problems, *(f"{one.name} grows" for one in grown)]


def is_flat(grown: Grown) -> bool:
    """Whether it grows by less than the bound."""
    return grown.growth() < FLAT_BYTES_AN_HOUR


def soaked(kind: str, seconds: float, acts_a_second: float, seed: int, tell: Tell) -> Soaked:
    """So long on this database; the load is even, so that only time can make anything grow.

    At first everybody acts at once, each minute: what a burst takes is taken before it counts.
    """
    with placed(kind, kinds=KINDS[kind]) as place:
        people = People(place.repositories, seed, PULLS)
        processes = [Grown(one.name) for one in place.processes]
        pruner = Pruner(place, people)
        before, stop = place.database.bytes, threading.Event()
        sampling = threading.Thread(target=_sampled, args=(place, processes, stop, tell, kind))
        sampling.start()
        started_at, warm = time.monotonic(), min(MOST_WARM_SECONDS, seconds * WARM_SHARE)
        try:
            while (left := started_at + seconds - time.monotonic()) > 0:
                if left > seconds * (1 - RUSH_SHARE):
                    people.rush()
                people.live(place, min(left, PRUNE_SECONDS), acts_a_second)
                pruner.prune()
        finally:
            stop.set()
            sampling.join()
        took = time.monotonic() - started_at
        people.opens = False
        verdict = _settled(place, people)
        return Soaked(
            place.database.version,
            took,
            warm,
            people.acts,
            place.database.rows("SELECT count(*) FROM deliveries")[0][0],
            (before, place.database.bytes),
            processes,
            verdict,
        )


def _settled(place: Place, people: People) -> Verdict:
    """What was measured for hours is told even where the end does not come."""
    try:
        place.settle()
    except TimeoutError as error:
        return Verdict(wrong=[str(error)])
    return judged(place, people.tales)


class Pruner:
    """Takes from the emulator what is over and was delivered, so that it stays as fast."""

    def __init__(self, place: Place, people: People) -> None:
        self.place, self.people = place, people
        self._closed: list[Tale] = []

    def prune(self) -> None:
        over = [one for one in self.people.tales if one.is_over]
        with self.place.github.lock:
            kept = self.place.github.deliveries.all
            missing = self.place.undelivered()
            kept[:-KEPT_DELIVERIES] = [
                one for one in kept[:-KEPT_DELIVERIES] if one.guid in missing
            ]
            for tale in self._closed:
                _forget(tale)
            self._closed = over[:-KEPT_TALES]
            for tale in self._closed:  # first: it is forgotten once that was worked off
                self.people.forget(tale)
                if not tale.is_merged:
                    tale.pull.close("ann")


def _forget(tale: Tale) -> None:
    repository, pull = tale.pull.repository, tale.pull
    repository.pulls.pop(pull.number, None)
    repository.branches.pop(pull.head_ref, None)
    for comment in pull.comments:
        repository.messages.pop(comment.id, None)
    for run in list(repository.check_runs.values()):
        if run.external_id.startswith(f"v1:{pull.number}:"):
            del repository.check_runs[run.id]


def _sampled(
    place: Place, processes: list[Grown], stop: threading.Event, tell: Tell, kind: str
) -> None:
    began, told = time.monotonic(), 0.0
    while not stop.wait(SAMPLE_SECONDS):
        now = time.monotonic() - began
        for process, grown in zip(place.processes, processes, strict=True):
            grown.at.append(now)
            grown.sizes.append(size(process.pid))
        if now - told > TOLD_SECONDS:
            told = now
            sizes = ", ".join(f"{one.name} {one.sizes[-1].resident / 1e6:.1f}" for one in processes)
            tell(f"{kind}: {now / 60:.0f} min, MB: {sizes}; dirty {place.dirty()}")
