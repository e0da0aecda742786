"""Whether more workers do more on PostgreSQL, and whether memory stays where it is.

uv run python -m benchmarks.scale [--quick] [--only growth|memory] [--deliveries 100000]

Growth: one process that receives and 1, 2, 4 and 8 that work, at 50 ms a call; it ends where the
cores do, so the share of all cores that was in use stands beside. Memory: so many deliveries to
one process, half of them of events that change nothing, and its memory after every twentieth part.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path

from benchmarks.apart import Apart, apart, built, until
from benchmarks.contestants import (
    OURS,
    POSTGRESQL,
    Place,
    Running,
    free_port,
    ghapp_command,
    ghapp_environment,
    started,
)
from benchmarks.load import fresh, send
from benchmarks.moments import Recording, marks, noise, opened, set_latency
from benchmarks.postgres import cluster
from benchmarks.processes import Server, cpu_seconds
from benchmarks.rounds import database_cpu, settled, through
from benchmarks.temporary import temporary

WORKERS = (1, 2, 4, 8)
LATENCY = 0.05
CONNECTIONS = 16
PARTS = 20
TAKEN = (200, 202)  # 200: it is about nothing that ghapp looks at
DRAIN_SECONDS = 300.0
GROUP, WARM = "work", "warm"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("growth", "memory"))
    parser.add_argument("--deliveries", type=int)
    given = parser.parse_args()
    if given.only != "memory":
        growth(pulls=100 if given.quick else 400)
    if given.only != "growth":
        deliveries = given.deliveries or (4_000 if given.quick else 100_000)
        for name in (OURS, POSTGRESQL):
            memory(name, deliveries)


# --- growth ---------------------------------------------------------------------------------------


def growth(pulls: int) -> None:
    """Print what each number of workers handles a second, and its ratio to one."""
    github = built({WARM: (20, 10), GROUP: (pulls, 10)})
    first = 0.0
    for workers in WORKERS:
        rate, used = handled(github, workers)
        first = first or rate
        print(
            f"{workers} workers: {rate:6.1f} a second, {rate / first:.2f} of one worker, "
            f"{used:4.0%} of {os.cpu_count()} cores in use",
            flush=True,
        )
    github.close()


def handled(github: Recording, workers: int) -> tuple[float, float]:
    """Pulls a second, and the share of all cores that this took, GitHub's emulator included."""
    with apart(github) as emulator, cooperating(emulator, workers) as servers:
        url = servers[0].url
        asyncio.run(send(url, emulator.ask(opened, WARM), CONNECTIONS))
        settled(emulator, WARM, 20)
        emulator.ask(set_latency, LATENCY)
        requests = emulator.ask(opened, GROUP)
        began, before = time.time(), _cpu(emulator, servers)
        asyncio.run(send(url, requests, CONNECTIONS))
        settled(emulator, GROUP, len(requests))
        used = _cpu(emulator, servers) - before
        seconds = max(each.whole_at for each in emulator.ask(marks, GROUP)) - began
    return len(requests) / seconds, used / seconds / (os.cpu_count() or 1)


@contextmanager
def cooperating(emulator: Apart, workers: int) -> Iterator[list[Server]]:
    """The process that receives, then those that work, on one database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ghapp-benchmark-")))
        url = stack.enter_context(cluster().database())

        def launched(*words: str) -> Server:
            port = free_port()
            environment = ghapp_environment(Place(emulator, folder, url, port))
            words = (*words, str(port)) if "work" in words else words
            server = Server(ghapp_command(*words), environment, port=port)
            stack.callback(server.stop)
            return server

        servers = [launched("serve", "--no-worker")]
        with ThreadPoolExecutor() as pool:
            servers += pool.map(lambda _: launched("work", "--metrics-port"), range(workers))
        yield servers


def _cpu(emulator: Apart, servers: Sequence[Server]) -> float:
    return sum(one.cpu() for one in servers) + cpu_seconds(emulator.pid) + database_cpu()


# --- memory ---------------------------------------------------------------------------------------


def memory(name: str, deliveries: int) -> None:
    """Print the memory after every part, and how much the second half added."""
    github = built({WARM: (200, 10)})
    with apart(github) as emulator, started(name, emulator) as running:
        through(emulator, running, WARM)
        requests = [*emulator.ask(opened, WARM), *emulator.ask(noise, WARM)[:200]]
        print(f"{name}: {running.server.rss():.1f} MB before", flush=True)
        seen = []
        for part in range(1, PARTS + 1):
            _poured(running, requests, deliveries // PARTS)
            seen.append(running.server.rss())
            print(
                f"{name}: {part * deliveries // PARTS:>7,} deliveries {seen[-1]:7.1f} MB",
                flush=True,
            )
        half = seen[PARTS // 2 - 1]
        added = (seen[-1] - half) / (deliveries / 2) * 100_000
        print(
            f"{name}: the second half added {seen[-1] / half - 1:.1%}, "
            f"{added:.1f} MB in 100,000 deliveries; at the most {running.server.peak():.1f} MB"
        )
    github.close()


def _poured(running: Running, requests: Sequence[bytes], count: int) -> None:
    """So many deliveries with ids of their own, until every key is worked off."""
    made = [fresh(request) for request in islice(cycle(requests), count)]
    load = asyncio.run(send(running.server.url, made, CONNECTIONS))
    refused = sum(status not in TAKEN for status in load.statuses)
    if refused:
        raise ValueError(f"{refused} of {count} deliveries were not taken")
    if not until(lambda: running.waiting() == 0, DRAIN_SECONDS, 0.1):
        raise TimeoutError(f"{running.waiting()} keys are dirty")


if __name__ == "__main__":
    with temporary():
        main()
