"""Backups as docs/operations.md has them: taken of a store in use, opened by another one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.postgres import Cluster, programs
from ghapp.core.model import Delivery
from ghapp.core.records import History, Judgement
from ghapp.github.readback import doubtful
from ghapp.store import Store, runs
from tests.store.stores import (
    HEAD,
    KEY,
    OTHER,
    SOURCE,
    changed,
    entry,
    health_of,
    opened,
    recalled,
    run,
    verdict,
)

pytestmark = pytest.mark.anyio


async def filled(store: Store) -> None:
    """A sign-off in the ledger, marks on one pull, another one that waits."""
    await store.queue.mark_dirty([KEY])
    (claim,) = await store.queue.claim(1)
    await store.records.write(runs.admit, claim, HEAD, SOURCE, Judgement((entry("comment:1"),)))
    await store.records.write(runs.record, claim, run(verdict(KEY)))
    await store.queue.finish(claim)
    await store.queue.accept(waiting())


def waiting() -> Delivery:
    return Delivery("d-1", "pull_request", "opened", b"{}", keys=(OTHER,))


async def remembered(url: str) -> tuple[History, int, bool]:
    """The past of the pull, the keys to be worked on, whether the delivery was new."""
    async with opened(url) as store:
        history = await recalled(store, KEY)
        return history, (await health_of(store)).dirty, await store.queue.accept(waiting())


async def goes_on(url: str, copied: Callable[[], str]) -> None:
    """What the copy of a store knows is what that knew when it was taken; it can be worked with."""
    async with opened(url) as store:
        await filled(store)
        before = await recalled(store, KEY)
        copy = copied()
        await store.queue.mark_dirty([KEY])  # too late for the backup
    history, dirty, new = await remembered(copy)
    assert history == before
    assert [one.id for one in history.ledger] == ["comment:1#0"]
    assert (dirty, new) == (1, False)


def by_backup(file: Path, copy: Path) -> None:
    with closing(sqlite3.connect(file)) as ours, closing(sqlite3.connect(copy)) as other:
        ours.backup(other)


def by_vacuum(file: Path, copy: Path) -> None:
    with closing(sqlite3.connect(file)) as ours:
        ours.execute(f"VACUUM INTO '{copy}'")


@pytest.mark.parametrize("copied", [by_backup, by_vacuum])
async def test_of_sqlite(tmp_path: Path, copied: Callable[[Path, Path], None]) -> None:
    file, copy = tmp_path / "ghapp.sqlite3", tmp_path / "backup.sqlite3"

    def taken() -> str:
        copied(file, copy)
        return f"sqlite:///{copy}"

    await goes_on(f"sqlite:///{file}", taken)


async def test_of_postgresql(postgres: Cluster, postgres_url: str, tmp_path: Path) -> None:
    with postgres.database() as restored:

        def taken() -> str:
            dump = tmp_path / "ghapp.dump"
            program("pg_dump", "--format=custom", f"--file={dump}", postgres_url)
            program("pg_restore", f"--dbname={restored}", "--no-owner", str(dump))
            return restored

        await goes_on(postgres_url, taken)


async def test_marks_of_a_pull_that_waited_are_looked_for(database_url: str) -> None:
    """As it is in a copy of some minutes ago: it has its marks by now."""
    async with opened(database_url) as store:
        await store.queue.accept(replace(waiting(), opened=True))
        assert not doubtful(await recalled(store, OTHER))
        changed(database_url, "UPDATE keys SET arrived_at = arrived_at - 180")
        assert doubtful(await recalled(store, OTHER))


def program(name: str, *arguments: str) -> None:
    folder = programs()
    assert folder
    done = subprocess.run(
        [folder / name, *arguments], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
