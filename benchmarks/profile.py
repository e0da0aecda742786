"""Where ghapp's CPU goes on a flagged pull of 300 files, at no latency.

uv run python -m benchmarks.profile [--pulls 300] [--files 300]

First the CPU of one event without a profiler, then the functions by their own time and by that of
all they call, as shares and as milliseconds of an event. py-spy looks from outside, 500 times a
second, at who holds the interpreter's lock: SQLite's writing, for one, runs beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.apart import Apart, apart, built, until
from benchmarks.contestants import CONTESTANTS, OURS, Running, started
from benchmarks.load import send
from benchmarks.moments import Recording, calls, marked, opened
from benchmarks.processes import cpu_seconds, threads
from benchmarks.temporary import temporary

WARM_UP = 50
TOP = 40
RECORD = ("uv", "tool", "run", "py-spy", "record", "--gil", "-f", "raw", "-r", "500", "-o")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pulls", type=int, default=300)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--contestant", choices=CONTESTANTS, default=OURS)
    given = parser.parse_args()
    github = built({"warm": (WARM_UP, given.files), "pull": (given.pulls, given.files)})
    each = worked(github, given)
    with tempfile.TemporaryDirectory(prefix="ghapp-profile-") as folder:
        raw = Path(folder) / "raw"
        worked(github, given, [*RECORD, str(raw)])
        told(raw.read_text(), each)
    github.close()


def worked(github: Recording, given: argparse.Namespace, spy: list[str] | None = None) -> float:
    """Milliseconds of CPU for each event."""
    with apart(github) as emulator, started(given.contestant, emulator) as running:
        server = running.server
        _through(emulator, running, "warm", given.connections)
        emulator.ask(calls)
        if spy:
            command = [*spy, "--pid", str(server.pid)]
            watching = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
            _through(emulator, running, "pull", given.connections)
            os.killpg(watching.pid, signal.SIGINT)
            watching.wait(60)
            return 0.0
        kept, before, others = threads(server.pid), server.cpu(), cpu_seconds(emulator.pid)
        _through(emulator, running, "pull", given.connections)
        each: float = (server.cpu() - before) / given.pulls * 1000
        theirs = (cpu_seconds(emulator.pid) - others) / given.pulls * 1000
        print(f"{each:.2f} ms of CPU an event, the emulator's {theirs:.2f} ms beside")
        for name, (user, system) in sorted(threads(server.pid).items()):
            was_user, was_system = kept.get(name, (0.0, 0.0))
            _tell_thread(name, user - was_user, system - was_system, given.pulls)
        for route, count in sorted(emulator.ask(calls).items()):
            print(f"{count / given.pulls:6.2f} calls an event  {route}")
        return each


def _tell_thread(name: str, user: float, system: float, events: int) -> None:
    if user + system > 0.01:
        each = f"{user / events * 1000:6.2f} ms user {system / events * 1000:6.2f} ms system"
        print(f"{each} an event  thread {name}")


def _through(emulator: Apart, running: Running, group: str, connections: int) -> None:
    requests = emulator.ask(opened, group)
    asyncio.run(send(running.server.url, requests, connections))
    if not until(lambda: emulator.ask(marked, group) == len(requests), 120):
        raise TimeoutError(f"{emulator.ask(marked, group)} of {len(requests)} pulls are marked")


def told(raw: str, each: float) -> None:
    """Print the functions of py-spy's stacks: `caller;callee COUNT` a line."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] or frame for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            below[frame] += int(count)
    total = own.total()
    print(f"{total} samples")
    ours = Counter({frame: count for frame, count in below.items() if "(ghapp/" in frame})
    for name, counted in (("own", own), ("with all it calls, ours", ours), ("with all", below)):
        print(f"\n{name}:")
        for frame, samples in counted.most_common(TOP):
            print(f"{samples / total:6.1%} {samples / total * each:7.3f} ms  {frame}")


if __name__ == "__main__":
    with temporary():
        main()
