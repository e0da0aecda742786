"""`ghapp serve`, `work`, `migrate` and `sweep` in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Pull
from ghapp.emulator.server import EmulatorServer
from ghapp.settings import Settings
from ghapp.store import Store, schedule
from ghapp.worker import redelivery
from ghapp.worker.schedule import EVERY_SECONDS
from tests.cli.commands import ghapp
from tests.support import PRIVATE_KEY
from tests.web.posting import SECRET, encoded, headers, payload

PATIENCE_SECONDS = 60.0
PROCESSES = pytest.mark.slow("starts ghapp in one process after the other")


class Serving:
    """`ghapp serve` in a process of its own."""

    def __init__(self, env: dict[str, str], cwd: Path, *options: str) -> None:
        self.log = cwd / f"log-{time.monotonic_ns()}"
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "ghapp", "serve", *options]
            self.process = subprocess.Popen(command, env=env, cwd=cwd, stderr=log)
        self.url = self._url()

    def _url(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(r'"url": ?"([^"]+)"', self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        return found.group(1)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


def logged(server: Serving, event: str) -> dict[str, str]:
    """The first line of the log about it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        lines = [
            line for line in server.log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]
        for line in map(json.loads, lines):
            if line["event"] == event:
                return dict(line)
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.02)


@contextmanager
def foreign_github() -> Iterator[str]:
    """The API of a GitHub that has never heard of our key."""
    github = Emulator(webhook_secret=SECRET)
    server = EmulatorServer(github)
    try:
        yield server.start()
    finally:
        server.stop()
        github.close()


@pytest.fixture
def serving(environment: dict[str, str], tmp_path: Path) -> Iterator[Serving]:
    server = Serving(environment, tmp_path)
    yield server
    server.process.kill()
    server.process.wait()


class TestServe:
    def test_unreachable_github_does_not_stop_it(self, serving: Serving) -> None:
        figures = httpx.get(f"{serving.url}/readyz").json()
        assert figures["status"] == "ready"
        assert figures["github"] in ("asked", "unreachable")
        told = logged(serving, "GitHub does not say who this App is")
        assert "GHAPP_GITHUB_API_URL" in told["fix"]
        answer = httpx.get(f"{serving.url}/readyz")
        assert (answer.status_code, answer.json()["github"]) == (200, "unreachable")

    @PROCESSES
    @pytest.mark.parametrize("path", ["", "/nowhere"])
    def test_app_unknown_to_github_is_not_ready(
        self, environment: dict[str, str], tmp_path: Path, path: str
    ) -> None:
        with foreign_github() as api_url:
            where = {"GHAPP_GITHUB_API_URL": api_url + path}
            server = Serving(environment | where, tmp_path)
            try:
                told = logged(server, "GitHub does not say who this App is")
                answer = httpx.get(f"{server.url}/readyz")
            finally:
                assert server.end() == 0
        assert "check GHAPP_APP_ID and GHAPP_PRIVATE_KEY" in told["fix"]
        assert (answer.status_code, answer.json()["github"]) == (503, "refused")
        assert "GHAPP_PRIVATE_KEY" in answer.json()["reason"]

    @PROCESSES
    def test_no_worker_on_sqlite_is_a_warning(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        server = Serving(environment, tmp_path, "--no-worker")
        assert server.end() == 0
        told = logged(server, "deliveries are not processed")
        assert told["level"] == "warning"
        assert "restarted without `--no-worker`" in told["reason"]
        assert "GHAPP_DATABASE_URL" in told["reason"]

    @PROCESSES
    def test_variables_of_others_do_not_keep_it_from_starting(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        others = {"GHAPP_PORT": "tcp://10.0.0.1:80", "GHAPP_SERVICE_HOST": "10.0.0.1"}
        server = Serving(environment | others | {"GHAPP_IMAGE": "x"}, tmp_path, "--no-worker")
        assert server.end() == 0
        told = logged(server, "unknown variables")
        assert (told["level"], told["names"]) == ("warning", ["GHAPP_IMAGE"])

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signal_ends_it(self, serving: Serving, number: int) -> None:
        assert serving.end(number) == 0
        assert '"stopped"' in serving.log.read_text()
        assert "Traceback" not in serving.log.read_text()

    @PROCESSES
    def test_stored_delivery_survives_a_kill(
        self, serving: Serving, environment: dict[str, str], tmp_path: Path
    ) -> None:
        body = encoded(payload())
        answer = httpx.post(f"{serving.url}/webhook", content=body, headers=headers(body))
        assert answer.status_code == 202
        serving.end(signal.SIGKILL)
        again = Serving(environment, tmp_path, "--no-worker")
        try:
            assert httpx.get(f"{again.url}/readyz").json()["dirty"] == 1
        finally:
            assert again.end() == 0

    @PROCESSES
    def test_log_has_a_line_for_each_delivery_and_no_secret(self, serving: Serving) -> None:
        body = encoded(payload())
        head = headers(body)
        httpx.post(f"{serving.url}/webhook", content=body, headers=head)
        serving.end()
        lines = [json.loads(line) for line in serving.log.read_text().splitlines()]
        (told,) = [line for line in lines if line["event"] == "delivery"]
        assert told["delivery"] == head["X-GitHub-Delivery"]
        assert (told["outcome"], told["keys"]) == ("stored", ["pull:11:3"])
        assert SECRET not in serving.log.read_text()

    @PROCESSES
    def test_log_names_the_database_and_whether_it_is_new(
        self, serving: Serving, environment: dict[str, str], tmp_path: Path
    ) -> None:
        """So that a mistyped folder is seen, where nothing of before is."""
        file = str(tmp_path / "data" / "ghapp.sqlite3")
        started = logged(serving, "started")
        assert (started["database"], started["version"]) == (file, version("ghapp"))
        assert logged(serving, "made a new database")["file"] == file
        serving.end()
        again = ghapp("migrate", env=environment, cwd=tmp_path)
        (migrated,) = map(json.loads, again.stderr.splitlines())
        assert (migrated["event"], migrated["database"]) == ("migrated", file)
        assert migrated["version"] == version("ghapp")

    @PROCESSES
    def test_second_process_on_the_same_sqlite_is_refused(
        self, serving: Serving, environment: dict[str, str], tmp_path: Path
    ) -> None:
        second = ghapp("serve", env=environment, cwd=tmp_path)
        assert second.returncode == 2
        assert second.stderr.startswith("GHAPP_DATA_DIR: another ghapp holds ")
        assert "GHAPP_DATABASE_URL=postgresql://" in second.stderr

    def test_taken_port_is_named(self, environment: dict[str, str], tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            ended = ghapp("serve", env=environment | {"PORT": port}, cwd=tmp_path)
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert line == (
            f"HOST, PORT: cannot listen on 127.0.0.1:{port} (Address already in use); "
            "stop what listens there, or set another HOST or PORT"
        )

    @pytest.mark.parametrize(
        ("name", "value", "what"),
        [
            ("GHAPP_PRIVATE_KEY", "", "is missing"),
            ("GHAPP_PRIVATE_KEY", PRIVATE_KEY[:300], "is not a complete private key"),
            ("GHAPP_WEBHOOK_SECRET", "", "is missing"),
            ("GHAPP_GITHUB_API_URL", "http://ghe.example", "is not an https:// address"),
            (
                "GHAPP_DATABASE_URL",
                "mysql://db.example/ghapp",
                "is not a database that ghapp supports",
            ),
            ("GHAPP_MODE", "enforce", "is not a setting; did you mean GHAPP_DEFAULT_MODE?"),
        ],
    )
    @pytest.mark.parametrize("command", ["serve", "work"])
    def test_wrong_setting_is_named_before_anything_starts(
        self,
        environment: dict[str, str],
        tmp_path: Path,
        command: str,
        name: str,
        value: str,
        what: str,
    ) -> None:
        ended = ghapp(command, env=environment | {name: value}, cwd=tmp_path)
        (line,) = ended.stderr.splitlines()
        assert ended.returncode == 2
        assert line.startswith(f"{name}: ")
        assert what in line


def test_read_only_folder_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    where = {"GHAPP_DATABASE_URL": "sqlite:////sys/x.db"}
    ended = ghapp("serve", env=environment | where, cwd=tmp_path)
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert line.startswith("GHAPP_DATABASE_URL: /sys/x.db.lock cannot be written (")


@PROCESSES
def test_variable_that_was_set_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "data" / "ghapp.sqlite3"
    file.parent.mkdir()
    file.write_text("no database, but of some length" * 40)
    for where in ({}, {"GHAPP_DATABASE_URL": f"sqlite:///{file}"}):
        ended = ghapp("serve", env=environment | where, cwd=tmp_path)
        assert ended.returncode == 2
        assert ended.stderr == (
            f"{next(iter(where), 'GHAPP_DATA_DIR')}: {file} is no SQLite database;"
            " move it away, or restore a backup in its place\n"
        )


@pytest.fixture
def read_only(environment: dict[str, str], tmp_path: Path) -> Path:
    """The database of the environment, in a folder that may be written."""
    assert ghapp("migrate", env=environment, cwd=tmp_path).returncode == 0
    file = tmp_path / "data" / "ghapp.sqlite3"
    file.chmod(0o444)
    return file


def as_anybody(*words: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """By a process that is bound to the permissions of files, as root's are not."""
    command = [sys.executable, "-m", "ghapp", *words]
    if os.geteuid() == 0:
        if not (setpriv := shutil.which("setpriv")):
            pytest.skip("root may write to what is read-only, and setpriv is not there")
        command = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]
    return subprocess.run(
        command, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


@PROCESSES
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_read_only_file_is_named_at_the_start(
    environment: dict[str, str], tmp_path: Path, read_only: Path, command: str
) -> None:
    ended = as_anybody(command, env=environment, cwd=tmp_path)
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert line.startswith(f"GHAPP_DATA_DIR: {read_only} is read-only for this user; chown it to ")
    assert "chmod u+w" in line


@PROCESSES
def test_doctor_names_a_read_only_file(
    environment: dict[str, str], tmp_path: Path, read_only: Path
) -> None:
    ended = as_anybody("doctor", "--format", "json", env=environment, cwd=tmp_path)
    found = {
        one["name"]: (one["verdict"], one["found"])
        for one in json.loads(ended.stdout)["findings"]
        if one["part"] == "Database"
    }
    assert found["file"] == ("problem", "this user may not write to it (mode 444)")
    assert found["writing"] == (
        "problem",
        "it accepts no writes: the database is read-only (SQLITE_READONLY)",
    )
    assert found["schema"][0] == "good"


def test_work_needs_postgresql(environment: dict[str, str], tmp_path: Path) -> None:
    ended = ghapp("work", env=environment, cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("GHAPP_DATABASE_URL: `ghapp work` needs PostgreSQL")


class TestSweep:
    @pytest.fixture
    def pull(self, environment: dict[str, str]) -> Iterator[Pull]:
        """One that was opened while nobody listened; the environment leads to its GitHub."""
        github = Emulator(webhook_secret=SECRET)
        server = EmulatorServer(github)
        environment["GHAPP_GITHUB_API_URL"] = server.start()
        environment["GHAPP_APP_ID"] = str(github.app.id)
        environment["GHAPP_PRIVATE_KEY"] = github.private_key
        try:
            made = github.repository("acme/shop", {"README.md": "# shop"})
            yield made.open_pull(
                author="ann", branch="feat/x", title="feat: x", files={"db/1.sql": "DROP TABLE x;"}
            )
        finally:
            server.stop()
            github.close()

    def test_without_a_server_on_sqlite_it_does_the_work(
        self, environment: dict[str, str], tmp_path: Path, pull: Pull
    ) -> None:
        for _ in range(2):
            ended = ghapp("sweep", env=environment, cwd=tmp_path)
            assert ended.returncode == 0, ended.stderr
            assert ended.stdout == "Installations checked: 1.\nEverything is processed.\n"
            assert [run.name for run in pull.check_runs()] == ["NFR review"]
        assert "Traceback" not in ended.stderr

    async def leave_redelivery_to_it(self, environment: dict[str, str]) -> None:
        """The server's own first round, some seconds after its start, finds its turn taken."""
        store = await Store.open(Settings.from_environment(environment).database_url)
        await store.records.write(schedule.take_turn, redelivery.TURN, EVERY_SECONDS)
        await store.close()

    @PROCESSES
    def test_beside_a_server_on_sqlite_it_only_marks(
        self, environment: dict[str, str], tmp_path: Path, pull: Pull
    ) -> None:
        server = Serving(environment, tmp_path)
        try:
            asyncio.run(self.leave_redelivery_to_it(environment))
            ended = ghapp("sweep", env=environment, cwd=tmp_path)
            assert (ended.returncode, "NFR" in ended.stderr) == (0, False)
            assert ended.stdout == (
                "Installations checked: 1.\nRedeliveries requested: 3.\n"
                "`ghapp serve` or `ghapp work` does the rest.\n"
            )
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not pull.check_runs():
                assert time.monotonic() < deadline, server.log.read_text()
                time.sleep(0.02)
        finally:
            assert server.end() == 0

    @PROCESSES
    def test_on_postgresql_it_only_marks(
        self, environment: dict[str, str], tmp_path: Path, pull: Pull, empty_postgres_url: str
    ) -> None:
        where = {"GHAPP_DATABASE_URL": empty_postgres_url}
        ended = ghapp("sweep", env=environment | where, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert "`ghapp serve` or `ghapp work` does the rest" in ended.stdout
        assert pull.check_runs() == []

    @PROCESSES
    def test_failing_review_is_named(
        self, environment: dict[str, str], tmp_path: Path, pull: Pull
    ) -> None:
        """The last of its attempts; the others would take minutes."""
        data = tmp_path / "data" / "ghapp.sqlite3"
        assert ghapp("migrate", env=environment, cwd=tmp_path).returncode == 0
        with closing(sqlite3.connect(data)) as database, database:
            database.execute(
                "INSERT INTO keys (key, kind, repository_id, number, generation, attempts)"
                " VALUES ('pull:1:1', 'pull', 1, 1, 1, 9)"
            )
        ended = ghapp("sweep", env=environment, cwd=tmp_path)
        assert ended.returncode == 1
        assert ended.stderr.splitlines()[-1].startswith("pull:1:1  is parked: 8 attempts")

    def test_unreachable_github_is_named(self, environment: dict[str, str], tmp_path: Path) -> None:
        ended = ghapp("sweep", env=environment, cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "GHAPP_GITHUB_API_URL" in ended.stderr.splitlines()[-1]
        assert "Traceback" not in ended.stderr

    def test_wrong_setting_is_named(self, environment: dict[str, str], tmp_path: Path) -> None:
        ended = ghapp("sweep", env=environment | {"GHAPP_PRIVATE_KEY": ""}, cwd=tmp_path)
        assert ended.returncode == 2
        assert ended.stderr.startswith("GHAPP_PRIVATE_KEY: is missing")


@PROCESSES
def test_log_names_neither_user_nor_password_of_postgresql(
    environment: dict[str, str], tmp_path: Path, empty_postgres_url: str
) -> None:
    url = empty_postgres_url.replace("ghapp@", "ghapp:hush@")
    ended = ghapp("migrate", env=environment | {"GHAPP_DATABASE_URL": url}, cwd=tmp_path)
    (line,) = map(json.loads, ended.stderr.splitlines())
    assert re.fullmatch("postgresql:///ghapp_[0-9]+", line["database"])
    assert "hush" not in ended.stderr


def test_migrate_needs_no_app(environment: dict[str, str], tmp_path: Path) -> None:
    bare = {name: environment[name] for name in environment if name[:9] != "GHAPP_APP"}
    del bare["GHAPP_PRIVATE_KEY"], bare["GHAPP_WEBHOOK_SECRET"]
    for _ in range(2):
        assert ghapp("migrate", env=bare, cwd=tmp_path).returncode == 0
    assert (tmp_path / "data" / "ghapp.sqlite3").exists()
