"""The schema: migrations make what the tables say, once, whoever comes first."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from ghapp.errors import WrongDatabase, WrongSetting
from ghapp.store import Store
from ghapp.store.migrate import HEAD, configured
from ghapp.store.schema import metadata
from tests.store.stores import KEY, changed, delivery, due, opened


def test_migrations_and_tables_agree(empty_database_url: str) -> None:
    async def play() -> None:
        async with opened(empty_database_url):
            pass

    asyncio.run(play())
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_heads() == (HEAD,)
        scripts = ScriptDirectory.from_config(configured(connection))
        assert scripts.get_heads() == [HEAD]
    engine.dispose()


def test_the_first_migration_is_the_schema_to_the_letter(empty_sqlite_url: str) -> None:
    """Defaults and the conditions of indexes, too, which Alembic does not compare."""

    def made(engine: Engine) -> dict[str, str]:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql > ''"))
            return {name: sql for name, sql in found if name != "alembic_version"}

    async def play() -> None:
        async with opened(empty_sqlite_url):
            pass

    asyncio.run(play())
    migrated, stated = create_engine(empty_sqlite_url), create_engine("sqlite://")
    metadata.create_all(stated)
    assert made(migrated) == made(stated)
    migrated.dispose()
    stated.dispose()


def test_many_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    async def play() -> None:
        stores = await asyncio.gather(*(Store.open(empty_database_url) for _ in range(6)))
        answers = await asyncio.gather(*(store.queue.accept(delivery()) for store in stores))
        assert answers == [True] * 6
        for store in stores:
            await store.close()

    asyncio.run(play())


def test_a_database_is_opened_again_with_all_that_was_in_it(empty_database_url: str) -> None:
    async def play() -> None:
        kept = delivery()
        async with opened(empty_database_url) as store:
            await store.queue.accept(kept)
        store = await Store.open(empty_database_url, migrate=False)
        assert not await store.queue.accept(kept)
        await store.close()

    asyncio.run(play())


def test_a_schema_that_does_not_fit_is_told_with_the_fix(empty_database_url: str) -> None:
    async def play() -> None:
        with pytest.raises(WrongDatabase, match="run `ghapp migrate`"):
            await Store.open(empty_database_url, migrate=False)

    asyncio.run(play())


def test_a_newer_schema_that_works_with_this_code_is_used(empty_database_url: str) -> None:
    async def play() -> None:
        async with opened(empty_database_url):
            pass
        changed(empty_database_url, "UPDATE alembic_version SET version_num = '9999'")
        changed(empty_database_url, "ALTER TABLE keys ADD COLUMN later TEXT NOT NULL DEFAULT 'x'")
        async with opened(empty_database_url) as store:
            await store.queue.accept(delivery())
            assert (await due(store)).key == KEY
        await (await Store.open(empty_database_url, migrate=False)).close()
        engine = create_engine(empty_database_url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
        engine.dispose()

    asyncio.run(play())


@pytest.mark.parametrize("migrate", [True, False])
def test_a_newer_schema_that_does_not_is_told_with_the_fix(
    empty_database_url: str, migrate: bool
) -> None:
    async def play() -> None:
        async with opened(empty_database_url):
            pass
        changed(empty_database_url, "UPDATE alembic_version SET version_num = '9999'")
        changed(empty_database_url, "UPDATE schema SET works_from = '9998'")
        words = f"schema 9999, which works from 9998 on, and this ghapp knows {HEAD}; upgrade ghapp"
        with pytest.raises(WrongDatabase, match=re.escape(words)):
            await Store.open(empty_database_url, migrate=migrate)

    asyncio.run(play())


def test_the_first_schema_works_with_its_own_code(empty_database_url: str) -> None:
    async def play() -> None:
        async with opened(empty_database_url):
            pass

    asyncio.run(play())
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT works_from FROM schema")).all() == [HEAD]
    engine.dispose()


def test_a_failed_migration_leaves_nothing(empty_database_url: str) -> None:
    changed(empty_database_url, "CREATE TABLE reviews (wrong INTEGER)")
    with pytest.raises(WrongDatabase):
        asyncio.run(Store.open(empty_database_url))
    engine = create_engine(empty_database_url)
    assert inspect(engine).get_table_names() == ["reviews"]
    engine.dispose()


def test_a_database_may_lie_in_a_folder_yet_to_be_made(tmp_path: Path) -> None:
    async def play() -> None:
        async with opened(f"sqlite:///{tmp_path}/some where/50%/ghapp.db") as store:
            assert await store.queue.accept(delivery())

    asyncio.run(play())
    assert (tmp_path / "some where" / "50%" / "ghapp.db").exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://u:secret@localhost/x", "neither sqlite:// nor postgresql://"),
        ("sqlite://", "needs a file"),
        ("sqlite:////dev/null/ghapp.db", "no folder"),
    ],
)
def test_an_address_that_is_none_is_told(url: str, told: str) -> None:
    with pytest.raises(WrongSetting, match="GHAPP_DATABASE_URL") as refused:
        asyncio.run(Store.open(url))
    assert told in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_known_by_all_its_names(name: str, empty_postgres_url: str) -> None:
    async def play() -> None:
        async with opened(empty_postgres_url.replace("postgresql", name, 1)) as store:
            assert await store.queue.accept(delivery())

    asyncio.run(play())
