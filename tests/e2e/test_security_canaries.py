"""Secrets with a name of their own, through good and bad times: they turn up nowhere.

Looked through is all that a process prints, what it answers, what it keeps, and what it writes on
GitHub. What people and files say may be kept, and quoted where it was said, but not be printed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.postgres import Cluster
from ghapp.emulator.faults import Fault
from tests.e2e.processes import Process, started
from tests.e2e.world import MIGRATION, RISKY, World, conclusion

OLD, NEW, PASSWORD = "canary-secret-old", "canary-secret-new", "canary-password"
SPOKEN, FILED, BRANCH = "canary-spoken", "canary-filed", "canary-branch"
FILES = {MIGRATION: f"{RISKY}-- {FILED}\n", "config/settings.py": f"PASSWORD = '{FILED}'\n"}
# A signed claim, and a token: also of those that the test does not know.
SHAPES = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.|\bgh[a-z]_[A-Za-z0-9_.-]{16,}|BEGIN [A-Z ]*PRIVATE")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, GHAPP_WEBHOOK_SECRET=f"{NEW},{OLD}")
    made.github.deliveries.hook.secret = OLD
    try:
        yield made
    finally:
        made.close()


class Search:
    """What is looked for, and all that was seen of ghapp, by where."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: dict[str, str] = {}

    def secrets(self) -> list[str]:
        tokens = list(self.world.github.tokens)
        pem = [line for line in self.world.github.private_key.splitlines() if len(line) > 40]
        return [OLD, NEW, PASSWORD, *tokens, *pem]

    def saw(self, where: str, text: str) -> None:
        self.seen[where] = self.seen.get(where, "") + text

    def ask(self, process: Process, path: str, data: bytes | None = None, **head: str) -> int:
        request = urllib.request.Request(f"{process.url}{path}", data, head)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, f"{answer.headers}{answer.read().decode()}"
        except urllib.error.HTTPError as refused:
            status, text = refused.code, f"{refused.headers}{refused.read().decode()}"
        self.saw(f"answer of {path}", text)
        return int(status)

    def pages(self, process: Process) -> None:
        for path in ("/metrics", "/readyz", "/healthz", f"/{SPOKEN}"):
            self.ask(process, path)

    def post(self, process: Process, body: bytes, secret: str) -> int:
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        head = {
            "X-GitHub-Event": "issue_comment",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        return self.ask(process, "/webhook", body, **head)

    def end(self, *, kept: str, on_github: str) -> None:
        for where, text in self.seen.items():
            shown = [one for one in (*self.secrets(), SPOKEN, FILED) if one in text]
            assert (shown, SHAPES.findall(text)) == ([], []), where
        for where, text in (("the database", kept), ("GitHub", on_github)):
            shown = [one for one in self.secrets() if one in text]
            assert (shown, SHAPES.findall(text)) == ([], []), where
        assert FILED not in on_github
        assert len(self.secrets()) > 10 and SPOKEN in kept


def command(world: World, *arguments: str, **more: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ghapp", *arguments],
        env={**world.environment, "GHAPP_LOG_FORMAT": "json", **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def written(world: World) -> str:
    """All that the App wrote on the pulls of the shop."""
    pulls = world.repository.pulls.values()
    runs = [run for pull in pulls for run in pull.check_runs()]
    said = [one.body for pull in pulls for one in pull.comments if one.via_app]
    return repr([runs, said, [pull.labels for pull in pulls]])


def rows(lines: Iterator[tuple[Any, ...]]) -> str:
    """Rows as text, with bodies unpacked."""
    found = []
    for line in lines:
        for value in line:
            packed = isinstance(value, bytes | memoryview)
            found.append(zlib.decompress(bytes(value)).decode() if packed else str(value))
    return "\n".join(found)


def of_sqlite(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [name for (name,) in named.fetchall()]
        return "\n".join(rows(connection.execute(f'SELECT * FROM "{name}"')) for name in tables)


def of_postgresql(url: str) -> str:
    import psycopg

    with psycopg.connect(url) as connection:
        named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = [name for (name,) in connection.execute(named).fetchall()]
        found = (connection.execute(f'SELECT * FROM "{one}"') for one in tables)
        return "\n".join(rows(iter(one.fetchall())) for one in found)


def lived_through(world: World, search: Search, process: Process) -> None:
    """A good run; then GitHub refuses, repeats our token in its words, and is away."""
    world.github.listen(f"{process.url}/webhook")
    pull = world.open(FILES)
    world.until("the check run", lambda: conclusion(pull) == "in progress")
    world.say(pull, f"/nfr done\n\nThank you all. {SPOKEN}")
    world.until("the sign-off", lambda: conclusion(pull) == "success")
    token = list(world.github.tokens)[-1]
    for number, status in enumerate((401, 403, 422, 500)):
        route = "GET *" if status in (401, 403) else "POST *"
        words = f"Bad: Authorization: Bearer {token}\nand eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.AAAA"
        world.github.faults.add(Fault(route, None, status=status, message=words))
        world.open({MIGRATION: f"{RISKY}-- {number}\n"}, branch=f"{BRANCH}-{number}")
        process.wait_for(rf"answers {status}: Bad: Authorization: Bearer \*\*\*")
        world.github.faults.clear()
    body = f'{{"comment": "{SPOKEN}"}}'.encode()
    assert search.post(process, body, "not ours") == 401
    assert search.post(process, body, NEW) == 400
    search.pages(process)


def test_through_good_and_bad_times_on_postgresql(
    world: World, postgres: Cluster, postgres_url: str
) -> None:
    search = Search(world)
    url = postgres_url.replace("ghapp@", f"ghapp:{PASSWORD}@")
    with started(world, "serve", GHAPP_DATABASE_URL=url) as process:
        lived_through(world, search, process)
        kept = of_postgresql(postgres_url)
        name = postgres_url.partition("@/")[2].partition("?")[0]
        # A bug, as it would look: the store is refused what it needs, and the log has a traceback.
        postgres.sql("ALTER TABLE ledger RENAME TO elsewhere", name)
        pull = world.open(branch=f"{BRANCH}-crash")
        process.wait_for("Traceback")
        postgres.sql("ALTER TABLE elsewhere RENAME TO ledger", name)
        world.until("the check run", lambda: conclusion(pull) == "in progress", 60)
        # And the database is away.
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='{name}'"
        )
        opened = [one for one in world.github.deliveries.all if one.action == "opened"]
        headers, sent = world.github.signed(opened[-1])
        headers["X-GitHub-Delivery"] = str(uuid.uuid4())
        assert search.ask(process, "/webhook", sent, **headers) == 503
        search.pages(process)
        status, told = command(world, "migrate", GHAPP_DATABASE_URL=url)
        search.saw("migrate", told)
        assert status == 2 and "GHAPP_DATABASE_URL" in told
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        world.until("stored", lambda: search.ask(process, "/webhook", sent, **headers) == 202)
        process.terminate()
        search.saw("log", process.log)
    assert '"stopped"' in search.seen["log"]
    search.end(kept=kept, on_github=written(world))


def test_through_good_and_bad_times_on_sqlite_in_words_for_people(
    world: World, tmp_path: Path
) -> None:
    search = Search(world)
    with started(world, "serve", GHAPP_LOG_FORMAT="console") as process:
        lived_through(world, search, process)
        process.terminate()
        search.saw("log", process.log)
    search.end(kept=of_sqlite(tmp_path / "ghapp.sqlite3"), on_github=written(world))


def test_wrong_settings_are_named_without_what_they_hold(world: World) -> None:
    key = world.github.private_key
    for name, value in {
        "GHAPP_PRIVATE_KEY": key[: len(key) // 2],
        "GHAPP_APP_ID": OLD,
        "GHAPP_WEBHOOK_SECRETS": OLD,
        "GHAPP_DATABASE_URL": f"postgresql://ghapp:{PASSWORD}@[::1/x",
        "GHAPP_GITHUB_API_URL": f"https://ghapp:{PASSWORD}@github.example",
        "HTTPS_PROXY": f"socks5://ghapp:{PASSWORD}@proxy",
    }.items():
        status, told = command(world, "serve", **{name: value})
        assert status == 2, told
        assert name in told
        hidden = [OLD, NEW, PASSWORD, *key.splitlines()[1:-1]]
        assert [one for one in hidden if one in told] == [], name
