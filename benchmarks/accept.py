"""Accepting deliveries durably, against the same endpoint without durability; then nothing lost.

uv run python -m benchmarks.accept [--deliveries 10000] [--connections 32] [--rounds 2]

Prints ratios of one run: the rate of `ghapp serve --no-worker` against the same application whose
store forgets; how soon both answer at 1,000 deliveries a second, none waiting for another; and
then, with the worker, whether every delivery is stored and every pull has its check run. All on
loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from benchmarks.load import Load, Paced, paced, post, send, uncollected
from benchmarks.temporary import temporary
from ghapp import logs
from ghapp.core.model import Delivery
from ghapp.emulator.github import Emulator
from ghapp.emulator.server import EmulatorServer
from ghapp.settings import Settings
from ghapp.web.app import application

SECRET = "a secret for benchmarks"
PULLS = 200
RATE = 1_000.0
TARGET_RATIO, TARGET_MILLISECONDS = 0.40, 10.0


class Forgetful:
    """The store of the baseline: everything is accepted and nothing kept."""

    async def accept(self, _delivery: Delivery) -> bool:
        return True


def baseline() -> None:
    """Serve the real application over the store that forgets, until ended."""
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_format)
    app = application(settings, Forgetful(), str)  # type: ignore[arg-type]
    uvicorn.run(app, host="127.0.0.1", port=settings.port, log_config=None, access_log=False)


@contextmanager
def process(arguments: list[str], environment: dict[str, str]) -> Iterator[str]:
    """A server of ours in a process of its own, ready to answer; with PORT 0 where its log says."""
    command = [sys.executable, *arguments]
    inherited = {name: value for name, value in os.environ.items() if name[:6] != "GHAPP_"}
    log = Path(environment["GHAPP_DATA_DIR"]).with_suffix(".log")
    with (
        log.open("w") as lines,
        subprocess.Popen(command, env={**inherited, **environment}, stderr=lines) as server,
    ):
        try:
            port = environment["PORT"]
            url = _told(log, server) if port == "0" else f"http://127.0.0.1:{port}"
            _await(url)
            yield url
        finally:
            server.terminate()


def _told(log: Path, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 20
    while not (found := re.search(r'"url": ?"(http://[^"]+)"', log.read_text())):
        if server.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError(f"the server did not start:\n{log.read_text()}")
        time.sleep(0.05)
    return found.group(1)


def _await(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def requests(github: Emulator, deliveries: int) -> list[bytes]:
    """Signed deliveries of the pulls' own events, each with an id of its own."""
    sent = [one for one in github.deliveries.all if one.event == "pull_request"]
    made = []
    for number in range(deliveries):
        headers, body = github.signed(sent[number % len(sent)])
        made.append(post("/webhook", {**headers, "X-GitHub-Delivery": str(uuid.uuid4())}, body))
    return made


def describe(name: str, load: Load) -> None:
    wrong = sum(status != 202 for status in load.statuses)
    print(
        f"{name:28} {load.rate:8.0f}/s  p50 {load.percentile(0.5):6.1f} ms  "
        f"p99 {load.percentile(0.99):6.1f} ms  not 202: {wrong}"
    )


def describe_paced(name: str, load: Paced) -> float:
    """Print, and give the p99 in milliseconds."""
    wrong = sum(one.status != 202 for one in load.sent)
    print(
        f"{name:28} {RATE:8.0f}/s  p50 {load.percentile(0.5):6.1f} ms  "
        f"p99 {load.percentile(0.99):6.1f} ms  not 202: {wrong}, each at its own time"
    )
    return load.percentile(0.99)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--baseline", action="store_true")
    given = parser.parse_args()
    if given.baseline:
        baseline()
        return
    github = Emulator(webhook_secret=SECRET)
    server = EmulatorServer(github)
    api_url = server.start()
    files = {"app/orders.py": "total = sum\n", "db/schema.sql": ""}
    repository = github.repository("acme/shop", files)
    with github.deliveries.lost():
        for number in range(PULLS):
            repository.open_pull(
                author="ann",
                branch=f"feat/{number}",
                files={f"db/migrate/{number}.sql": f"ALTER TABLE t{number} ADD c INT;\n"},
            )
    with tempfile.TemporaryDirectory(prefix="ghapp-benchmark-") as folder:
        run(given, github, api_url, Path(folder))
    server.stop()


def run(given: argparse.Namespace, github: Emulator, api_url: str, folder: Path) -> None:
    def environment(name: str, port: int) -> dict[str, str]:
        return {
            "GHAPP_APP_ID": str(github.app.id),
            "GHAPP_PRIVATE_KEY": github.private_key,
            "GHAPP_WEBHOOK_SECRET": SECRET,
            "GHAPP_GITHUB_API_URL": api_url,
            "GHAPP_GITHUB_LIMITS": "off",
            "GHAPP_DATA_DIR": str(folder / name),
            "PORT": str(port),
        }

    def load(url: str) -> Load:
        return asyncio.run(send(url, requests(github, given.deliveries), given.connections))

    def even(url: str) -> Paced:
        with uncollected():
            return asyncio.run(paced(url, requests(github, given.deliveries // 2), RATE))

    bytes_each = len(requests(github, 1)[0])
    print(f"{given.deliveries} deliveries of {bytes_each} bytes, {given.connections} connections")
    ratios, waits = [], []
    for number in range(given.rounds):
        with process(
            ["-m", "benchmarks.accept", "--baseline"], environment(f"b{number}", 18_400)
        ) as url:
            without = load(url)
            describe("without durability", without)
            describe_paced("without durability", even(url))
        serve = ["-m", "ghapp", "serve", "--no-worker"]
        with process(serve, environment(f"d{number}", 18_401)) as url:
            durable = load(url)
            describe("durable", durable)
            waits.append(describe_paced("durable", even(url)))
        ratios.append(durable.rate / without.rate)
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"ratio durable / without: {told} (target >= {TARGET_RATIO:.2f})")
    told = ", ".join(f"{wait:.1f}" for wait in waits)
    print(f"p99 at {RATE:,.0f} a second: {told} ms (target <= {TARGET_MILLISECONDS:.0f})")
    with process(["-m", "ghapp", "serve"], environment("whole", 18_402)) as url:
        describe("durable, with its worker", load(url))
        _worked_off(url)
        _verify(github, given.deliveries, folder / "whole")


def _worked_off(url: str) -> None:
    started = time.monotonic()
    while True:
        with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
            if json.load(answer)["dirty"] == 0:
                break
        if time.monotonic() - started > 120:
            raise TimeoutError("keys are still dirty after 120 s")
        time.sleep(0.1)
    print(f"all keys worked off {time.monotonic() - started:.1f} s after the last answer")


def _verify(github: Emulator, deliveries: int, folder: Path) -> None:
    (file,) = folder.glob("*.sqlite3")
    with sqlite3.connect(file) as connection:
        (stored,) = connection.execute("select count(*) from deliveries").fetchone()
    pulls = [pull for one in github.repositories.values() for pull in one.pulls.values()]
    marked = sum(len(pull.check_runs()) == 1 and len(pull.labels) == 1 for pull in pulls)
    comments = sum(len(pull.comments) for pull in pulls)
    print(
        f"stored {stored} of {deliveries}; pulls with exactly one check run and label: "
        f"{marked} of {len(pulls)}; comments: {comments}"
    )
    if stored != deliveries or marked != len(pulls):
        sys.exit("something was lost or doubled")


if __name__ == "__main__":
    with temporary():
        main()
