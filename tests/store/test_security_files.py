"""What ghapp leaves on the disk is its owner's alone: bodies of deliveries hold private code."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghapp.settings import Settings
from ghapp.store import Store, stats
from ghapp.store.process_lock import alone


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def opened(url: str) -> dict[str, int]:
    """The files of a database in use, with their permissions."""

    async def story() -> dict[str, int]:
        store = await Store.open(url)
        await store.records.read(stats.health)
        folder = Path(url.removeprefix("sqlite:///")).parent
        found = {one.name: mode(one) for one in folder.iterdir()}
        await store.close()
        return found

    return asyncio.run(story())


def test_nobody_else_reads_the_database_its_log_and_its_lock(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"GHAPP_DATA_DIR": str(tmp_path / "data")}, needs_github=False
    )
    with alone(settings):
        found = opened(settings.database_url)
    names = {"ghapp.sqlite3", "ghapp.sqlite3-wal", "ghapp.sqlite3-shm", "ghapp.sqlite3.lock"}
    assert found == dict.fromkeys(names, 0o600)
    assert mode(tmp_path / "data") == 0o700


def test_a_folder_that_the_address_names_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    opened(f"sqlite:///{tmp_path}/made/ghapp.db")
    assert mode(tmp_path / "made") == 0o700
    assert mode(tmp_path / "made" / "ghapp.db") == 0o600


def test_permissions_that_somebody_gave_are_left_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "ghapp.db"
    file.touch()
    file.chmod(0o640)
    assert opened(f"sqlite:///{file}")["ghapp.db"] == 0o640
