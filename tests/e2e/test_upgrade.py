"""An upgrade that changes the schema, with data in it and with processes of both releases.

Nothing is released yet, so the next release is this one with a second migration, which adds.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from ghapp.store.migrate import HEAD
from tests.e2e.marks import SIGNED, WAITING, marks
from tests.e2e.processes import started
from tests.e2e.world import World

ROOT = Path(__file__).parents[2]
NEXT = "0002"
MIGRATION = f'''"""What the next release adds."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{HEAD}"


def upgrade() -> None:
    op.add_column("keys", sa.Column("added", sa.Text(), nullable=False, server_default="constant"))
    op.create_index("keys_added", "keys", ["added"])
    op.create_table("additions", sa.Column("key", sa.Text(), primary_key=True))
'''


@pytest.fixture
def upgraded(tmp_path: Path) -> dict[str, str]:
    """The variables with which `python -m ghapp` is the next release."""
    folder = tmp_path / "next"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ghapp", folder / "ghapp", ignore=ignored)
    shutil.copytree(ROOT / "checklists", folder / "checklists")
    store = folder / "ghapp" / "store"
    (store / "migrations" / "versions" / f"{NEXT}_next.py").write_text(MIGRATION)
    code = (store / "migrate.py").read_text(encoding="utf-8")
    old, new = f'HEAD = "{HEAD}"', f'HEAD = "{NEXT}"'
    assert code.count(old) == 1
    (store / "migrate.py").write_text(code.replace(old, new), encoding="utf-8")
    return {"PYTHONPATH": os.fspath(folder), "PYTHONSAFEPATH": "1"}


def revision(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    engine.dispose()
    return str(found)


def added(url: str) -> set[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = set(connection.scalars(text("SELECT DISTINCT added FROM keys")))
    assert inspect(engine).has_table("additions")
    engine.dispose()
    return found


@pytest.mark.slow("starts ghapp in five processes")
def test_both_releases_work_side_by_side(
    tmp_path: Path, empty_postgres_url: str, upgraded: dict[str, str]
) -> None:
    world = World(tmp_path / "data", GHAPP_DATABASE_URL=empty_postgres_url)
    url = world.settings.database_url
    try:
        with (
            started(world, "serve", "--no-worker") as web,
            started(world, "work") as old,
        ):
            world.github.listen(f"{web.url}/webhook")
            before, waits = world.open(branch="feat/1"), world.open(branch="feat/2")
            world.until("the marks", lambda: marks(before) == marks(waits) == WAITING)
            world.say(before, "/nfr done")
            world.until("the sign-off", lambda: marks(before) == SIGNED)
            assert revision(url) == HEAD
            with started(world, "work", **upgraded) as new:
                new.wait_for('"started"')
                assert revision(url) == NEXT
                # The old release receives; either works, and what was recorded before still holds.
                during = [world.open(branch=f"feat/1{number}") for number in range(4)]
                world.until("their marks", lambda: all(marks(one) == WAITING for one in during))
                old.terminate()
                world.say(waits, "/nfr done")
                world.until("a sign-off by the new one", lambda: marks(waits) == SIGNED)
            # Back to the old release, on the schema of the new one.
            with started(world, "work"):
                again = world.open(branch="feat/3")
                world.until("marks by the old one", lambda: marks(again) == WAITING)
                world.say(before, "/nfr undo")
                world.until("the undo", lambda: marks(before) == WAITING)
        assert (revision(url), added(url)) == (NEXT, {"constant"})
    finally:
        world.close()


@pytest.mark.slow("starts ghapp in three processes, one after the other")
def test_sqlite_is_upgraded_and_goes_back(tmp_path: Path, upgraded: dict[str, str]) -> None:
    world = World(tmp_path / "data")
    url = world.settings.database_url
    try:
        with started(world, "serve") as old:
            world.github.listen(f"{old.url}/webhook")
            pull = world.open()
            world.until("the marks", lambda: marks(pull) == WAITING)
        assert revision(url) == HEAD
        with started(world, "serve", **upgraded) as new:
            world.github.listen(f"{new.url}/webhook")
            world.say(pull, "/nfr done")
            world.until("the sign-off", lambda: marks(pull) == SIGNED)
        assert (revision(url), added(url)) == (NEXT, {"constant"})
        with started(world, "serve") as back:
            world.github.listen(f"{back.url}/webhook")
            world.say(pull, "/nfr undo")
            world.until("the undo", lambda: marks(pull) == WAITING)
        assert revision(url) == NEXT
    finally:
        world.close()
