"""Secrets that turn up nowhere and can be rotated, and recorded deliveries that are sent again.

Searched for secrets is all that a process prints, answers, stores and writes on GitHub. What people
and files say may be stored, and quoted where it was said, but not be printed.
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
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.postgres import Cluster
from ghapp.emulator.deliveries import Delivery
from ghapp.emulator.faults import Fault
from ghapp.emulator.github import new_private_key
from ghapp.emulator.repository import Pull
from ghapp.store.pruning import prune
from tests.e2e.marks import comments, conclusion, marks, press
from tests.e2e.processes import Process, started
from tests.e2e.stories import BUTTONS
from tests.e2e.world import MIGRATION, PATIENCE_SECONDS, RISKY, World, in_store, quiet, running

OLD, NEW, PASSWORD = "canary-secret-old", "canary-secret-new", "canary-password"
SPOKEN, FILED, BRANCH = "canary-spoken", "canary-filed", "canary-branch"
FILES = {MIGRATION: f"{RISKY}-- {FILED}\n", "config/settings.py": f"PASSWORD = '{FILED}'\n"}
# A signed claim, and a token: also of those that the test does not know.
SHAPES = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.|\bgh[a-z]_[A-Za-z0-9_.-]{16,}|BEGIN [A-Z ]*PRIVATE")
# A fresh run is asked for, and made: GitHub waits for one. It says what the former one said.
ASKED_AGAIN = {"rerequested"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """GitHub signs with the old secret; ghapp, which is not started yet, accepts both."""
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


@pytest.mark.slow("waits for each kind of failure in a real process")
def test_no_secret_turns_up_anywhere_on_postgresql(
    world: World, postgres: Cluster, empty_postgres_url: str
) -> None:
    search = Search(world)
    url = empty_postgres_url.replace("ghapp@", f"ghapp:{PASSWORD}@")
    with started(world, "serve", GHAPP_DATABASE_URL=url) as process:
        lived_through(world, search, process)
        kept = of_postgresql(empty_postgres_url)
        name = empty_postgres_url.partition("@/")[2].partition("?")[0]
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


def test_no_secret_turns_up_anywhere_on_sqlite_with_console_logs(
    world: World, tmp_path: Path
) -> None:
    search = Search(world)
    with started(world, "serve", GHAPP_LOG_FORMAT="console") as process:
        lived_through(world, search, process)
        process.terminate()
        search.saw("log", process.log)
    search.end(kept=of_sqlite(tmp_path / "ghapp.sqlite3"), on_github=written(world))


def test_a_wrong_setting_is_named_without_its_value(world: World) -> None:
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


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[World]:
    """Its ghapp listens, and its check runs have buttons."""
    with running(tmp_path, BUTTONS) as made:
        yield made


def replay(world: World, sent: Delivery, guid: str) -> None:
    """The very body and signature, under an id of the sender's choice."""
    assert world.ghapp
    headers, body = world.github.signed(sent)
    headers["X-GitHub-Delivery"] = guid
    request = urllib.request.Request(f"{world.ghapp.url}/webhook", body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status in (200, 202)


def writes(world: World) -> Counter[str]:
    """The calls that wrote something, by their routes."""
    return Counter(
        {
            name: count
            for name, count in world.github.calls.items()
            if not name.startswith("GET") and "access_tokens" not in name
        }
    )


def test_a_replayed_press_of_a_button_signs_nothing_off(open_world: World) -> None:
    pull = open_world.open()
    open_world.settle()
    open_world.clock.forward()
    press(pull, "signoff", "sam")
    open_world.settle()
    assert conclusion(pull) == "success"
    pressed = [one for one in open_world.github.deliveries.all if one.action == "requested_action"]
    open_world.say(pull, "/nfr undo")
    open_world.settle()
    for guid in (pressed[-1].guid, str(uuid.uuid4())):
        replay(open_world, pressed[-1], guid)
    open_world.settle()
    assert conclusion(pull) == "action_required"
    open_world.clock.forward()
    press(pull, "signoff", "sam")  # pressed in earnest it counts once more
    open_world.settle()
    assert conclusion(pull) == "success"


def test_a_delivery_replayed_after_it_was_pruned_writes_nothing(open_world: World) -> None:
    quiet(open_world)
    pull = open_world.open()
    open_world.settle()
    open_world.say(pull, "/nfr done")
    open_world.settle()
    open_world.say(pull, "/nfr undo")
    open_world.settle()
    open_world.clock.forward()  # in the second of the undo, Sam could not have seen it
    pull.add_label("nfr: signed off", "sam")
    open_world.settle()
    pull.remove_label("nfr: signed off", "sam")
    open_world.settle()
    before = (marks(pull), pull.comments[0].body)
    sent = [one for one in open_world.github.deliveries.all if one.action not in ASKED_AGAIN]
    in_store(open_world, lambda store: prune(store.records, 0.0))
    made = writes(open_world)
    for one in sent:
        for guid in (one.guid, str(uuid.uuid4())):
            replay(open_world, one, guid)
    open_world.settle()
    assert (marks(pull), pull.comments[0].body) == before
    assert writes(open_world) == made


class Fleet:
    """Two servers on one database, behind an address that leads to one that runs."""

    def __init__(self, world: World, stack: ExitStack, **settings: str) -> None:
        self.world = world
        self.pulls: list[Pull] = []
        self._stack = stack
        self._running = [self._started(settings) for _ in range(2)]
        self._leads_to(self._running[0])
        self.open()

    def roll(self, **settings: str) -> None:
        """Restart one after the other with these settings, while people open pulls."""
        for place in range(2):
            self._leads_to(self._running[1 - place])
            former, self._running[place] = self._running[place], self._started(settings)
            self.open()
            former.terminate()
            self._leads_to(self._running[place])
            self.open()

    def open(self) -> None:
        number = len(self.pulls)
        self.pulls.append(self.world.open(branch=f"feat/{number}"))
        self.world.github.settle(PATIENCE_SECONDS)

    def opening(self) -> tuple[dict[str, str], bytes]:
        """Headers and body of the newest pull's delivery; what ghapp writes is delivered, too."""
        every = self.world.github.deliveries.all
        opened = [one for one in every if (one.event, one.action) == ("pull_request", "opened")]
        return self.world.github.signed(opened[-1])

    def answers(self, body: bytes, headers: dict[str, str]) -> list[int]:
        """What each of them says to this delivery."""
        told = []
        for one in self._running:
            sent = {**headers, "X-GitHub-Delivery": str(uuid.uuid4())}
            where = f"{one.url}/webhook"
            answer = httpx.post(where, content=body, headers=sent, timeout=PATIENCE_SECONDS)
            told.append(answer.status_code)
        return told

    def _leads_to(self, process: Process) -> None:
        self.world.github.listen(f"{process.url}/webhook")

    def _started(self, settings: dict[str, str]) -> Process:
        process = Process(self.world, "serve", **settings)
        self._stack.callback(process.end)
        return process


def role(postgres: Cluster, url: str) -> tuple[str, str, str]:
    """A user that owns the database, another who acts as it, and that one's address."""
    name = url.partition("@/")[2].partition("?")[0]
    postgres.sql(f"CREATE ROLE {name}_user LOGIN PASSWORD 'first'")
    postgres.sql(f"ALTER DATABASE {name} OWNER TO {name}_user")
    return f"{name}_user", f"{name}_next", url.replace("ghapp@", f"{name}_next:second@")


def marked(pull: Pull) -> bool:
    return conclusion(pull) == "in progress"


@pytest.mark.slow("restarts several processes")
def test_no_delivery_is_lost_while_all_secrets_are_rotated(
    world: World, postgres: Cluster, empty_postgres_url: str
) -> None:
    github = world.github
    user, following, next_url = role(postgres, empty_postgres_url)
    url = empty_postgres_url.replace("ghapp@", f"{user}:first@")
    with ExitStack() as stack:
        fleet = Fleet(world, stack, GHAPP_WEBHOOK_SECRET=OLD, GHAPP_DATABASE_URL=url)
        # Both secrets sign, both keys and both users are valid; ghapp goes over to the new ones.
        github.former_key, github.private_key = github.private_key, new_private_key()
        postgres.sql(f"CREATE ROLE {following} LOGIN PASSWORD 'second' IN ROLE {user}")
        postgres.sql(f"ALTER ROLE {following} SET role TO {user}")
        new = {"GHAPP_PRIVATE_KEY": github.private_key, "GHAPP_DATABASE_URL": next_url}
        fleet.roll(GHAPP_WEBHOOK_SECRET=f"{NEW},{OLD}", **new)
        headers, body = fleet.opening()
        assert fleet.answers(body, headers) == [202, 202]
        github.deliveries.hook.secret = NEW
        fleet.open()
        # And the old ones end.
        fleet.roll(GHAPP_WEBHOOK_SECRET=NEW, **new)
        github.former_key = ""
        postgres.sql(f"ALTER ROLE {user} NOLOGIN")
        github.expire_tokens()
        fleet.open()
        assert fleet.answers(body, headers) == [401, 401]
        for pull in fleet.pulls:
            world.until("the marks", partial(marked, pull))
        github.settle(PATIENCE_SECONDS)
        lost = [one for one in github.deliveries.all if one.status_code // 100 != 2]
        assert [(one.event, one.action, one.status) for one in lost] == []
    assert [len(comments(pull)) for pull in fleet.pulls] == [1] * len(fleet.pulls)
    assert len(fleet.pulls) == 11
