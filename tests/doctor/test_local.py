"""This machine, judged and read; the database, on both kinds of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread

import pytest

from ghapp.doctor import examine
from ghapp.doctor.local import Disk, InForce, KeyFile, Served, Stored, database, server, settings
from ghapp.doctor.report import Checked, CheckVerdict, duration
from ghapp.settings import Settings, named
from ghapp.store import Health, Parked, Store
from tests.support import PRIVATE_KEY
from tests.web.posting import SECRET

GOOD, WARNING, PROBLEM = CheckVerdict.GOOD, CheckVerdict.WARNING, CheckVerdict.PROBLEM
DISK = Disk("/data", 5 << 30, 0o600)
STORED = Stored(health=Health(60.0, None, 0, 0))
FORCED = InForce(
    ("GHAPP_APP_ID",), 7, "SHA256:x", 1, "https://api.github.com", "github",
    proxied=False, is_sqlite=True, database="/data/ghapp.sqlite3",
)  # fmt: skip


def bad(found: Iterable[Checked]) -> dict[str, CheckVerdict]:
    return {one.name: one.verdict for one in found if one.verdict is not GOOD}


class TestJudging:
    def test_two_secrets_are_a_warning(self) -> None:
        assert bad(settings(FORCED)) == {}
        assert bad(settings(replace(FORCED, secrets=2))) == {"webhook secret": WARNING}

    @pytest.mark.parametrize(("secrets", "short"), [(1, 1), (2, 1)])
    def test_a_short_secret_is_a_warning(self, secrets: int, short: int) -> None:
        found = [*settings(replace(FORCED, secrets=secrets, short_secrets=short))]
        first = next(one for one in found if one.name == "webhook secret")
        assert (first.verdict, "fewer than 16 characters" in first.found) == (WARNING, True)
        assert "openssl rand -hex 32" in first.fix
        assert not [one for one in found if one.found == "one is accepted"]

    @pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o400, True), (0o640, False),
                                                (0o604, False), (0o644, False)])  # fmt: skip
    def test_a_key_that_others_can_read_is_a_warning(self, mode: int, good: bool) -> None:
        found = replace(FORCED, key_file=KeyFile("/etc/ghapp/key.pem", mode))
        assert bad(settings(found)) == ({} if good else {"private key": WARNING})
        text = str([*settings(found)])
        assert good or ("/etc/ghapp/key.pem" in text and f"(mode {mode:o})" in text)

    def test_unknown_variables_are_a_warning(self) -> None:
        found = replace(FORCED, unknown=("GHAPP_IMAGE",))
        assert bad(settings(found)) == {"unknown": WARNING}

    @pytest.mark.parametrize(
        ("stored", "disk", "expected"),
        [
            (STORED, DISK, {}),
            (STORED, None, {}),
            (STORED, replace(DISK, free_bytes=500 << 20), {"disk": WARNING}),
            (STORED, replace(DISK, free_bytes=50 << 20), {"disk": PROBLEM}),
            (STORED, replace(DISK, mode=0o666), {"file": WARNING}),
            (STORED, replace(DISK, mode=0o644), {}),
            (STORED, replace(DISK, mode=0o644, is_writable=False), {"file": PROBLEM}),
            (Stored(), replace(DISK, mode=None), {"schema": WARNING}),
            (Stored("run `ghapp migrate`"), DISK, {"schema": PROBLEM}),
            (replace(STORED, read_only="disk full"), None, {"writing": PROBLEM}),
            (replace(STORED, ahead_seconds=-60.0), None, {"clock": WARNING}),
            (Stored(health=Health(None, None, 0, 0)), None, {"newest delivery": WARNING}),
            (Stored(health=Health(9e5, None, 0, 0)), None, {"newest delivery": WARNING}),
            (Stored(health=Health(1.0, 700.0, 3, 0)), None, {"queue": PROBLEM}),
            (Stored(health=Health(1.0, 5.0, 3, 0)), None, {}),
        ],
    )
    def test_the_database(
        self, stored: Stored, disk: Disk | None, expected: dict[str, CheckVerdict]
    ) -> None:
        assert bad(database(stored, disk)) == expected

    def test_read_only_file_is_writable_by_root_only(self) -> None:
        found = {one.name: one.found for one in database(STORED, replace(DISK, mode=0o444))}
        assert found["file"] == "only root may write to it (mode 444)"

    def test_fix_of_a_broken_database_is_not_a_start(self) -> None:
        """Only a start upgrades an old schema; each other problem has its own fix."""
        for stored, disk in (
            (Stored(), replace(DISK, mode=None)),
            (Stored("it is no SQLite database", "move it away"), DISK),
            (Stored("the database refused: OperationalError"), None),
        ):
            found = {one.name: one.fix for one in database(stored, disk)}
            assert found["schema"] and "`ghapp serve`" not in found["schema"]

    def test_some_parked_keys_are_named(self) -> None:
        at = datetime(2026, 4, 1, tzinfo=UTC)
        parked = tuple(Parked(f"pull:1:{n}", "acme/shop", f"error {n}", at) for n in range(9))
        found = {one.name: one for one in database(replace(STORED, parked=parked), None)}
        assert found["parked"].verdict is WARNING
        assert "pull:1:2 acme/shop (error 2) and 6 more" in found["parked"].found

    @pytest.mark.parametrize(
        ("served", "verdict", "stopped"),
        [
            (Served(True), GOOD, False),
            (Served(True, "http://x", ""), GOOD, False),
            (Served(None, "http://x", ""), GOOD, False),
            (Served(True, "http://x", "the database fails"), PROBLEM, False),
            (Served(False), WARNING, True),
            (Served(False, "http://x"), WARNING, True),
            (Served(None, "http://x"), CheckVerdict.UNKNOWN, False),
        ],
    )
    def test_server(self, served: Served, verdict: CheckVerdict, stopped: bool) -> None:
        assert (server(served).verdict, served.is_stopped) == (verdict, stopped)

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(0, "0 seconds"), (1, "1 second"), (119, "1 minute"), (7200, "2 hours"), (1e6, "11 days")],
    )
    def test_durations(self, seconds: float, words: str) -> None:
        assert duration(seconds) == words


def of(folder: Path, **more: str) -> Settings:
    given = {
        "GHAPP_APP_ID": "7",
        "GHAPP_PRIVATE_KEY": PRIVATE_KEY,
        "GHAPP_WEBHOOK_SECRET": SECRET,
        "GHAPP_DATA_DIR": str(folder),
    }
    return Settings.from_environment(given | more)


def stored(found: Settings) -> Stored:
    async def read() -> Stored:
        async with examine.store(found) as kept:
            return kept.found

    return asyncio.run(read())


def migrate(found: Settings) -> None:
    async def opened() -> None:
        await (await Store.open(found.database_url)).close()

    asyncio.run(opened())


class TestReading:
    def test_good_database(self, tmp_path: Path) -> None:
        migrate(of(tmp_path))
        found = stored(of(tmp_path))
        assert (found.error, found.read_only, found.parked) == ("", "", ())
        assert found.health == Health(None, None, 0, 0)
        assert abs(found.ahead_seconds) < 2

    def test_postgresql_and_its_schema(self, tmp_path: Path, empty_postgres_url: str) -> None:
        given = of(tmp_path, GHAPP_DATABASE_URL=empty_postgres_url)
        assert stored(given).error.startswith("the database has schema none")
        assert "start `ghapp serve`" in stored(given).fix
        migrate(given)
        assert stored(given).health == Health(None, None, 0, 0)
        assert examine.disk(given.file) is None

    def test_password_is_not_shown(self, tmp_path: Path) -> None:
        url = "postgresql://ghapp:hush@db.example:5432/ghapp?sslmode=require"
        shown = examine.in_force(of(tmp_path, GHAPP_DATABASE_URL=url), ())
        assert shown.database == "postgresql://db.example:5432/ghapp"

    def test_file_that_is_not_a_database(self, tmp_path: Path) -> None:
        (tmp_path / "ghapp.sqlite3").write_text("no database, but of some length" * 40)
        told = stored(of(tmp_path))
        assert told.error == f"{tmp_path}/ghapp.sqlite3 is no SQLite database"
        assert told.fix.startswith("move it away")

    def test_unreachable_server(self, tmp_path: Path) -> None:
        url = "postgresql://ghapp:hush@127.0.0.1:1/ghapp"
        told = stored(of(tmp_path, GHAPP_DATABASE_URL=url))
        assert told.error.startswith("postgresql://ghapp:***@127.0.0.1:1/ghapp is out of reach: ")
        assert told.fix.startswith("start it, or correct host, port, user, password")

    def test_missing_database(self, tmp_path: Path, empty_postgres_url: str) -> None:
        url = empty_postgres_url.replace("?", "_gone?")
        told = stored(of(tmp_path, GHAPP_DATABASE_URL=url))
        assert re.search(r"its server has no database \w+_gone$", told.error)
        assert "createdb" in told.fix

    def test_disk_and_mode_of_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "ghapp.sqlite3"
        before = examine.disk(file)
        assert before
        assert (before.folder, before.mode) == (str(tmp_path), None)
        file.touch()
        file.chmod(0o620)
        found = examine.disk(file)
        assert found
        assert (found.mode, found.free_bytes > 0) == (0o620, True)

    def test_only_set_variables_are_named(self) -> None:
        given = {"GHAPP_APP_ID": "1", "PORT": " ", "PATH": "/bin", "HTTPS_PROXY": "http://p:1"}
        assert named(given) == ("GHAPP_APP_ID", "HTTPS_PROXY")

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b'{"status": "ready"}', ""),
            (b'{"status": "not ready", "reason": "the database fails"}', "the database fails"),
            (b"<html>", None),
            (b"[]", None),
        ],
    )
    def test_only_a_ghapp_counts_as_a_server(
        self, tmp_path: Path, body: bytes, reason: str | None
    ) -> None:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if b'"ready"' in body else 503)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Answer) as site:
            Thread(target=site.handle_request, daemon=True).start()
            found = examine.served(of(tmp_path, PORT=str(site.server_port), HOST="0.0.0.0"))
        assert (found.locked, found.reason) == (False, reason)
        assert found.url == f"http://127.0.0.1:{site.server_port}"

    def test_another_protocol_is_not_a_server(self, tmp_path: Path) -> None:
        class Banner(StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

        with TCPServer(("127.0.0.1", 0), Banner) as other:
            Thread(target=other.handle_request, daemon=True).start()
            found = examine.served(of(tmp_path, PORT=str(other.server_address[1])))
        assert found.reason is None

    def test_no_server_runs_if_nothing_listens(self, tmp_path: Path) -> None:
        assert examine.served(of(tmp_path, PORT="9")).is_stopped
