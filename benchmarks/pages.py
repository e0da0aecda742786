"""The pages over a large database, and webhooks while pages are read.

uv run python -m benchmarks.pages [--reviews 10000] [--entries 1000000] [--reads 9]

Prints, for SQLite and PostgreSQL, the CPU (that of the database included) and the time by the wall
that each page and each answer of the API takes, and its bytes: for who is on this machine, and for
a visitor who may see 500 repositories. Then the p99 of accepting deliveries, with and without
readers, in turns. The reviews are those that the history of `ghapp demo` leaves open, many times
over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sqlalchemy import create_engine, text
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.accept import process
from benchmarks.load import paced, post, uncollected
from benchmarks.machine import machine, tell
from benchmarks.postgres import cluster
from benchmarks.rounds import database_cpu
from benchmarks.temporary import temporary
from ghapp.demo_history import played
from ghapp.emulator import Emulator
from ghapp.settings import Settings
from ghapp.store import Store, copying
from ghapp.web.pages import Pages
from ghapp.web.visitor import HERE, Visitor

SECRET = "a secret for benchmarks"
REPOSITORIES, FIRST_REPOSITORY, OF_VISITOR = 1_000, 5_000_000, 500
DAYS, FIRST_NUMBER = 14, 100_000
AGES = 90 * 86_400  # seconds within which the reviews came to where they are
MOST_MILLISECONDS, MOST_BYTES = 100, 200_000
# What people ask for; `{…}` are those of one of the reviews.
ASKED: Mapping[str, str] = {
    "queue": "",
    "queue of an area": "area={area}",
    "queue of a team": "team=dba",
    "queue of a repository": "repository={repository}",
    "follow-ups": "",
    "pull": "",
}
RATE, SECONDS, ROUNDS = 100.0, 8, 3
READERS_A_SECOND = 2.0


# --- the database ---------------------------------------------------------------------------------


def filled(url: str, rows: copying.Rows, reviews: int, entries: int) -> None:
    """Store the history, and its open reviews so often that there are so many, with their ledger.

    Each has a repository of `REPOSITORIES`, and follow-ups are due over three months.
    """

    async def stored() -> None:
        store = await Store.open(url)
        await store.records.write(copying.put, rows)
        await store.close()

    asyncio.run(stored())
    waiting = [one for one in rows["reviews"] if one["turn"]]
    keys = {one["key"]: one for one in rows["keys"]}
    added: dict[str, list[dict[str, Any]]] = {"reviews": [], "keys": [], "follow_ups": []}
    now = time.time()
    for number in range(reviews):
        like, repository = waiting[number % len(waiting)], FIRST_REPOSITORY + number % REPOSITORIES
        key = f"pull:{repository}:{FIRST_NUMBER + number}"
        place = {"key": key, "repository_id": repository, "number": FIRST_NUMBER + number}
        since = now - number * 7_919 % AGES
        added["reviews"].append({**like, **place, "state_since": since, "head_sha": key})
        name = f"acme/service-{number % REPOSITORIES}"
        added["keys"].append({**keys[like["key"]], **place, "full_name": name})
        due = rows["follow_ups"][number % len(rows["follow_ups"])]
        day = f"2026-{10 + number % 3}-{1 + number % 28:02}"
        is_open = {"key": key, "repository_id": repository, "due": day, "is_open": True}
        added["follow_ups"].append({**due, **is_open})
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for table, some in added.items():
            columns = ", ".join(some[0])
            values = ", ".join(f":{column}" for column in some[0])
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), some)  # noqa: S608
        entry = rows["ledger"][0]["entry"]
        connection.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :each) "
                "INSERT INTO ledger (key, id, entry) "
                "SELECT key, 'comment:' || i || '#0', :entry FROM n, reviews "
                "WHERE number >= :first ORDER BY i, key"
            ),
            {"each": entries // reviews, "entry": entry, "first": FIRST_NUMBER},
        )
    if engine.dialect.name == "postgresql":  # as autovacuum does
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


# --- reading --------------------------------------------------------------------------------------


def measure(name: str, url: str, reads: int) -> dict[str, str]:
    """Print a line for each page and visitor. The review that was read."""
    settings = Settings(app_id=1, webhook_secrets=(SECRET,), pages="local")
    seen = frozenset(range(FIRST_REPOSITORY, FIRST_REPOSITORY + OF_VISITOR))
    visitors = {"local": HERE, f"{OF_VISITOR} repositories": Visitor("sam", seen)}

    async def measured() -> dict[str, str]:
        store = await Store.open(url)
        try:
            pages = Pages(store, settings)
            given = await _one_review(pages, Visitor("sam", seen))
            for of, visitor in visitors.items():
                for asked, query in ASKED.items():
                    for api in (False, True):
                        answer = _answer(pages, asked, query.format(**given), given, api, visitor)
                        await _timed(f"{name:10} {of:16} {asked:21}", answer, api, reads)
            return given
        finally:
            await store.close()

    return asyncio.run(measured())


async def _one_review(pages: Pages, visitor: Visitor) -> dict[str, str]:
    found = await pages._queue(_request("/api/v1/queue", "", {}), visitor)
    first = json.loads(bytes(found.body))["sections"][0]["reviews"][0]
    repository, number, areas = first["repository"], str(first["number"]), first["areas"]
    return {"repository": repository, "number": number, "area": areas[0]}


def _answer(
    pages: Pages, asked: str, query: str, given: Mapping[str, str], api: bool, visitor: Visitor
) -> Callable[[], Awaitable[Response]]:
    kind, _, _ = asked.partition(" ")
    handler = {"queue": pages._queue, "follow-ups": pages._follow_ups, "pull": pages._pull}[kind]
    owner, _, name = given["repository"].partition("/")
    path = {"owner": owner, "repository": name, "number": given["number"]}
    request = _request(f"/api/v1/{kind}" if api else f"/{kind}", query, path)
    return lambda: handler(request, visitor)


def _request(path: str, query: str, parameters: Mapping[str, str]) -> Request:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    return Request({**scope, "query_string": query.encode(), "path_params": dict(parameters)})


async def _timed(
    words: str, answer: Callable[[], Awaitable[Response]], api: bool, reads: int
) -> None:
    await answer()  # statements and templates are compiled once
    walls, processors, size = [], [], 0
    of_database = database_cpu()
    for _ in range(reads):
        wall, processor = time.perf_counter(), time.process_time()
        response = await answer()
        walls.append((time.perf_counter() - wall) * 1000)
        processors.append((time.process_time() - processor) * 1000)
        assert response.status_code == 200, words
        size = len(response.body)
    of_database = (database_cpu() - of_database) * 1000 / reads
    cpu = statistics.median(processors) + of_database
    good = cpu < MOST_MILLISECONDS and size < MOST_BYTES
    print(
        f"{words} {'JSON' if api else 'page'}  CPU {cpu:6.1f} ms ({of_database:.1f} of the "
        f"database)  wall {statistics.median(walls):6.1f} ms (least {min(walls):.1f})  "
        f"{size / 1000:6.1f} KB{'' if good else '  above the limit'}",
        flush=True,
    )


# --- webhooks beside readers ----------------------------------------------------------------------


def beside_readers(name: str, url: str, folder: Path, given: Mapping[str, str]) -> None:
    """Print the p99 of accepting deliveries without and with readers, and their ratio."""
    github = Emulator(webhook_secret=SECRET)
    with closing(github):
        repository = github.repository("acme/accepting")
        for number in range(20):
            files = {f"db/migrate/{number}.sql": f"ALTER TABLE t{number} ADD c INT;\n"}
            repository.open_pull(author="ann", branch=f"f{number}", files=files)
        sent = [one for one in github.deliveries.all if one.event == "pull_request"]

        def deliveries() -> list[bytes]:
            made = []
            for at in range(int(RATE * SECONDS)):
                headers, body = github.signed(sent[at % len(sent)])
                made.append(
                    post("/webhook", {**headers, "X-GitHub-Delivery": str(uuid.uuid4())}, body)
                )
            return made

        environment = {
            "GHAPP_APP_ID": str(github.app.id),
            "GHAPP_PRIVATE_KEY": github.private_key,
            "GHAPP_WEBHOOK_SECRET": SECRET,
            "GHAPP_DATABASE_URL": url,
            "GHAPP_DATA_DIR": str(folder / f"data-{name}"),
            "GHAPP_PAGES": "local",
            "PORT": "0",
        }
        with process(["-m", "ghapp", "serve", "--no-worker"], environment) as server:
            waits: dict[bool, list[float]] = {False: [], True: []}
            for number in range(2 * ROUNDS + 1):
                reads = number % 2 == 0
                with _readers(server, given) if reads else _nobody() as count, uncollected():
                    load = asyncio.run(paced(server, deliveries(), RATE))
                wrong = {one.status for one in load.sent} - {202}
                assert not wrong, f"answered with {wrong}"
                if number:  # the first is to warm up
                    waits[reads].append(load.percentile(0.99))
                tell(f"{name}: p99 {load.percentile(0.99):.1f} ms, {len(count)} pages read")
    without, beside = (statistics.median(waits[reads]) for reads in (False, True))
    print(
        f"{name}: p99 at {RATE:.0f} deliveries a second {without:.1f} ms, "
        f"with {READERS_A_SECOND:.0f} pages a second {beside:.1f} ms, ratio {beside / without:.2f}",
        flush=True,
    )


@contextmanager
def _nobody() -> Iterator[list[float]]:
    yield []


@contextmanager
def _readers(server: str, given: Mapping[str, str]) -> Iterator[list[float]]:
    """While inside, the pages are read in turns; when each was."""
    stop, count = Event(), list[float]()
    paths = ["/", "/follow-ups", f"/pulls/{given['repository']}/{given['number']}", "/api/v1/queue"]

    def read() -> None:
        while not stop.wait(1 / READERS_A_SECOND):
            path = paths[len(count) % len(paths)]
            with urllib.request.urlopen(f"{server}{path}", timeout=30) as answer:
                answer.read()
            count.append(time.time())

    thread = Thread(target=read, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        stop.set()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--reads", type=int, default=9)
    given = parser.parse_args()
    print(machine())
    with temporary() as folder, cluster().database() as postgresql:
        tell("playing the history")
        github = Emulator(webhook_secret=SECRET)
        with closing(github):
            rows = played(github, "https://github.example", "en", days=DAYS).rows
        for name, url in {"SQLite": f"sqlite:///{folder}/g.db", "PostgreSQL": postgresql}.items():
            tell(f"{name}: storing {given.reviews:,} reviews and {given.entries:,} entries")
            filled(url, rows, given.reviews, given.entries)
            review = measure(name, url, given.reads)
            beside_readers(name, url, folder, review)


if __name__ == "__main__":
    main()
