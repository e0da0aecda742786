"""What one contestant does in one round: latency, calls, CPU, no-ops, idle, memory, throughput."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.apart import Apart, apart, until
from benchmarks.contestants import Running, started
from benchmarks.figures import Figures
from benchmarks.load import Sent, paced, percentile, send
from benchmarks.moments import Marks, Recording, calls, marked, marks, noise, opened, set_latency
from benchmarks.postgres import cluster
from benchmarks.processes import cpu_seconds, family

RATE = 20.0
PATIENCE_SECONDS = 60.0
SERVER_CORE, OTHER_CORE = 0, 1
CONNECTIONS = 16
WRITES = ("POST /repos/", "PATCH ", "PUT ", "DELETE ")
LATENCIES = (0.0, 0.05)
WARM, THROUGH = "warm", "through"
TARGETS: Mapping[str, str] = {
    "50 ms, 300 files: webhook to check run p50 (ms)": "<= 130",
    "0 ms, 300 files: CPU an event (ms)": "<= 6, then 2.8",
    "handled a second on one core, 300 files": ">= 150, then 300",
    "idle: % of a core": "<= 0.3",
    "start to ready (s)": "<= 1.5",
    "peak memory (MB)": "<= 120",
    "no-op: writes each": "0",
    "calls an event": "<= 5 up to 100 files",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it. paced: pulls of each cell at 20/s. big: pulls of 3,000 files, one by one."""

    rounds: int
    paced: int
    big: int
    through: int
    idle_seconds: float


class Round:
    """figures: noted to. routes: what -> calls of an event by route."""

    def __init__(self, figures: Figures, size: Size) -> None:
        self.figures, self.size = figures, size
        self.routes: dict[str, dict[str, float]] = {}

    def groups(self) -> dict[str, tuple[int, int]]:
        """What `built` has to build."""
        made = {WARM: (20, 10)}
        for latency in LATENCIES:
            for files, count in ((10, self.size.paced), (300, self.size.paced)):
                made[_cell(latency, files)] = (count, files)
            made[_cell(latency, 3000)] = (self.size.big, 3000)
        return made

    def live(self, github: Recording, name: str, *, idle: bool) -> None:
        """All but throughput. idle: whether to wait and see what doing nothing costs.

        The first start compiles what is imported and makes the database, as after an installation.
        """
        with apart(github) as emulator, started(name, emulator) as running:
            running.stop()
            running.restart()
            self._note("start to ready (s)", name, running.server.start_seconds)
            warmed(emulator, running)
            for latency in LATENCIES:
                emulator.ask(set_latency, latency)
                for files in (10, 300):
                    self._paced(emulator, running, latency, files)
                self._one_by_one(emulator, running, latency)
            emulator.ask(set_latency, 0.0)
            self._noise(emulator, running)
            self._note("peak memory (MB)", name, running.server.peak())
            if idle:
                self._idle(running)

    def _paced(self, emulator: Apart, running: Running, latency: float, files: int) -> None:
        name, group = running.contestant.name, _cell(latency, files)
        requests = emulator.ask(opened, group)
        emulator.ask(calls)
        mine, databases = running.server.cpu(), database_cpu()
        sent = asyncio.run(paced(running.server.url, requests, RATE)).sent
        settled(emulator, group, len(requests))
        mine, databases = running.server.cpu() - mine, database_cpu() - databases
        self._waits(name, group, sent, emulator.ask(marks, group))
        self._note(f"{group}: CPU an event (ms)", name, mine / len(requests) * 1000)
        if running.contestant.needs_database:
            row = f"{group}: CPU of the database beside (ms)"
            self._note(row, name, databases / len(requests) * 1000)
        made: Counter[str] = emulator.ask(calls)
        self._note(f"{group}: calls an event", name, made.total() / len(requests))
        if files == 300:
            self._routes(f"calls of an event of 300 files, {name}", made, len(requests))

    def _waits(self, name: str, group: str, sent: Sequence[Sent], found: Sequence[Marks]) -> None:
        """From when each delivery was due."""
        pairs = list(zip(sent, found, strict=True))
        waits = {
            "webhook to check run": [each.run_at - one.due_at for one, each in pairs],
            "webhook to all marks": [each.whole_at - one.due_at for one, each in pairs],
            "answer to the delivery": [one.seconds for one in sent],
        }
        for what, seconds in waits.items():
            for share, title in ((0.5, "p50"), (0.99, "p99")):
                row = f"{group}: {what} {title} (ms)"
                self._note(row, name, percentile(seconds, share) * 1000)

    def _one_by_one(self, emulator: Apart, running: Running, latency: float) -> None:
        """Each pull of 3,000 files once the one before carries its marks."""
        name, group = running.contestant.name, _cell(latency, 3000)
        requests = emulator.ask(opened, group)
        due = []
        before = running.server.cpu()
        for number, request in enumerate(requests, 1):
            due.append(asyncio.run(paced(running.server.url, [request], RATE)).sent[0].due_at)
            settled(emulator, group, number)
        cpu = running.server.cpu() - before
        found = emulator.ask(marks, group)
        runs = [(each.run_at - at) * 1000 for each, at in zip(found, due, strict=True)]
        self._note(f"{group}: webhook to check run p50 (ms)", name, percentile(runs, 0.5))
        self._note(f"{group}: CPU an event (ms)", name, cpu / len(requests) * 1000)

    def _noise(self, emulator: Apart, running: Running) -> None:
        name = running.contestant.name
        requests = emulator.ask(noise, _cell(0.0, 10))
        emulator.ask(calls)
        before = running.server.cpu()
        asyncio.run(paced(running.server.url, requests, RATE * 10))
        quiet(emulator)
        cpu = (running.server.cpu() - before) / len(requests)
        made = emulator.ask(calls)
        writes = sum(count for route, count in made.items() if route.startswith(WRITES))
        self._routes(f"calls of a delivery that changes nothing, {name}", made, len(requests))
        self._note("no-op: CPU each (ms)", name, cpu * 1000)
        self._note("no-op: calls each", name, made.total() / len(requests))
        self._note("no-op: writes each", name, writes / len(requests))

    def _idle(self, running: Running) -> None:
        name, before, began = running.contestant.name, running.server.cpu(), time.monotonic()
        time.sleep(self.size.idle_seconds)
        share = (running.server.cpu() - before) / (time.monotonic() - began)
        self._note("idle: % of a core", name, share * 100)
        self._note("idle: memory after the load (MB)", name, running.server.rss())

    def throughput(self, github: Recording, name: str) -> None:
        """As fast as it can on one core; GitHub and whoever sends have the other one."""
        with apart(github, OTHER_CORE) as emulator, started(name, emulator, SERVER_CORE) as running:
            warmed(emulator, running)
            requests = emulator.ask(opened, THROUGH)
            mine, theirs = running.server.cpu(), cpu_seconds(emulator.pid)
            began = time.time()
            asyncio.run(send(running.server.url, requests, CONNECTIONS))
            settled(emulator, THROUGH, len(requests))
            mine, theirs = running.server.cpu() - mine, cpu_seconds(emulator.pid) - theirs
            seconds = max(each.whole_at for each in emulator.ask(marks, THROUGH)) - began
            each = len(requests) / seconds
            self._note("handled a second on one core, 300 files", name, each)
            self._note("  its share of that core (%)", name, mine / seconds * 100)
            self._note("  the emulator's share of the other (%)", name, theirs / seconds * 100)
            self._note("  by its CPU alone (a second)", name, len(requests) / mine)

    def _routes(self, what: str, made: Counter[str], events: int) -> None:
        self.routes[what] = {route: count / events for route, count in made.items()}

    def _note(self, row: str, name: str, value: float) -> None:
        self.figures.note(row, name, value, TARGETS.get(row, ""))


def _cell(latency: float, files: int) -> str:
    return f"{latency * 1000:.0f} ms, {files:,} files"


def warmed(emulator: Apart, running: Running) -> None:
    asyncio.run(running.undisturbed())
    through(emulator, running, WARM)


def through(emulator: Apart, running: Running, group: str) -> None:
    """The group as fast as it goes, and then all is quiet."""
    requests = emulator.ask(opened, group)
    asyncio.run(send(running.server.url, requests, CONNECTIONS))
    settled(emulator, group, len(requests))
    quiet(emulator)


def settled(emulator: Apart, group: str, count: int) -> None:
    """Raises TimeoutError (so many pulls of the group do not get their marks)."""
    if not until(lambda: emulator.ask(marked, group) >= count, PATIENCE_SECONDS, 0.02):
        found = emulator.ask(marked, group)
        raise TimeoutError(f"{found} of {count} pulls ({group}) are marked")


def quiet(
    emulator: Apart, seconds: float = 0.5, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until no call came for so long."""
    deadline = time.monotonic() + patience_seconds
    seen, since = -1, time.monotonic()
    while time.monotonic() < min(deadline, since + seconds):
        count = emulator.ask(_total)
        if count != seen:
            seen, since = count, time.monotonic()
        time.sleep(0.05)


def _total(github: Recording) -> int:
    return github.calls.total()


def database_cpu() -> float:
    """Seconds of CPU of PostgreSQL so far, 0.0 before it was needed."""
    if not cluster.cache_info().currsize:
        return 0.0
    return sum(cpu_seconds(pid) for pid in family(cluster().pid))
