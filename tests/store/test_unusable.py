"""A database that cannot be used is told when it is opened: which, what is wrong, what to do."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ghapp.errors import WrongDatabase
from ghapp.store import Store, engine, transactions
from ghapp.store.transactions import PATIENCE_SECONDS
from tests.store.stores import changed, opened


def refused(url: str) -> WrongDatabase:
    with pytest.raises(WrongDatabase) as wrong:
        asyncio.run(Store.open(url))
    assert "\n" not in str(wrong.value)
    assert "psycopg" not in str(wrong.value)
    assert "secret" not in str(wrong.value)
    return wrong.value


async def left(url: str) -> None:
    """With the newest schema, so that nothing has to be changed at the start."""
    async with opened(url):
        pass


def test_a_file_that_is_read_only_is_told_with_the_remedy(
    empty_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(left(empty_sqlite_url))
    monkeypatch.setattr(engine, "PRAGMAS", (*engine.PRAGMAS, "PRAGMA query_only = ON"))
    told = refused(empty_sqlite_url)
    assert told.found == f"{empty_sqlite_url.removeprefix('sqlite:///')} is read-only for this user"
    assert re.search("chown it .* chmod u\\+w it", told.fix)


def test_a_server_that_is_read_only_is_found_out_by_a_write(empty_postgres_url: str) -> None:
    asyncio.run(left(empty_postgres_url))
    (name,) = re.findall(r"ghapp@/(\w+)", empty_postgres_url)
    changed(empty_postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    told = refused(empty_postgres_url)
    assert told.found == f"postgresql://ghapp@/{name} is read-only"
    assert "default_transaction_read_only" in told.fix


def test_the_write_that_is_tried_is_undone(empty_sqlite_url: str) -> None:
    asyncio.run(left(empty_sqlite_url))
    changed(empty_sqlite_url, "CREATE TABLE seen (number INTEGER)")
    changed(
        empty_sqlite_url,
        "CREATE TRIGGER see AFTER UPDATE ON alembic_version BEGIN INSERT INTO seen VALUES (1); END",
    )
    asyncio.run(left(empty_sqlite_url))
    with closing(sqlite3.connect(empty_sqlite_url.removeprefix("sqlite:///"))) as database:
        assert database.execute("SELECT * FROM seen").fetchall() == []


def test_on_a_full_disk_room_is_what_is_asked_for(
    empty_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(engine, "PRAGMAS", (*engine.PRAGMAS, "PRAGMA max_page_count = 2"))
    told = refused(empty_sqlite_url)
    assert told.found == f"{empty_sqlite_url.removeprefix('sqlite:///')} lies on a full disk"
    assert told.fix == "make room there"


def test_what_is_no_database_is_not_started_but_moved(tmp_path: Path) -> None:
    file = tmp_path / "ghapp.db"
    file.write_text("no database, but of some length" * 40)
    told = refused(f"sqlite:///{file}")
    assert told.found == f"{file} is no SQLite database"
    assert told.fix == "move it away, or restore a backup in its place"


def test_a_damaged_file_is_restored(empty_sqlite_url: str) -> None:
    asyncio.run(left(empty_sqlite_url))
    file = Path(empty_sqlite_url.removeprefix("sqlite:///"))
    page = 4096
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"\xff" * (page - 100) + whole[page:])
    assert refused(empty_sqlite_url).found == f"{file} is damaged"


def test_a_folder_is_no_file() -> None:
    told = refused("sqlite:////proc")
    assert told.found == "/proc cannot be opened as a file"


def test_a_file_that_another_process_holds(
    empty_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PRAGMAS", ("PRAGMA busy_timeout = 10",))
    holder = engine.connected(empty_sqlite_url, 1)
    with holder.begin():
        told = refused(empty_sqlite_url)
    holder.dispose()
    assert "database is locked" in told.found
    assert told.fix.startswith("end what else uses it")


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_out_of_reach_is_told_as_people_write_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ghapp.store.transactions.PATIENCE_SECONDS", PATIENCE_SECONDS / 50)
    told = refused(f"{name}://u:secret@127.0.0.1:1/x?application_name=secret")
    assert told.found.startswith("postgresql://u:***@127.0.0.1:1/x is out of reach: connection ")
    assert "Is the server running" not in told.found
    assert told.fix == "start it, or correct host, port, user, password and name"


def test_a_database_that_the_server_does_not_have_is_to_be_made(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ghapp.store.transactions.PATIENCE_SECONDS", PATIENCE_SECONDS / 50)
    told = refused(re.sub(r"@/\w+", "@/gone", empty_postgres_url))
    assert told.found == (
        "postgresql://ghapp@/gone cannot be opened: its server has no database gone"
    )
    assert told.fix == "make it by `createdb`, or correct the name"


@pytest.mark.parametrize("user", ["guarded", "guarded:wrong", "nobody"])
def test_a_user_that_the_server_does_not_let_in(
    user: str, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ghapp.store.transactions.PATIENCE_SECONDS", PATIENCE_SECONDS / 50)
    changed(empty_postgres_url, "CREATE ROLE guarded LOGIN PASSWORD 'right'")
    try:
        told = refused(empty_postgres_url.replace("ghapp@", f"{user}@", 1))
    finally:
        changed(empty_postgres_url, "DROP ROLE guarded")
    assert " does not let its user in: connection " in told.found
    assert "wrong" not in told.found
    assert told.fix.startswith("correct user and password")
    assert not told.passes


def test_a_user_without_rights_is_told_to_get_them(empty_postgres_url: str) -> None:
    changed(empty_postgres_url, "CREATE ROLE guest LOGIN")
    try:
        told = refused(empty_postgres_url.replace("ghapp@", "guest@", 1))
    finally:
        changed(empty_postgres_url, "DROP ROLE guest")
    assert "InsufficientPrivilege (42501" in told.found
    assert told.fix.startswith("let its user make and change tables")
