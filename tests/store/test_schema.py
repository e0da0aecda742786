"""The schema: migrations make what the tables say, once, whoever comes first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect

from ghapp.errors import WrongDatabase, WrongSetting
from ghapp.store import Store
from ghapp.store.migrate import HEAD, configured
from ghapp.store.schema import metadata
from tests.store.stores import KEY, OTHER, SHOP, changed, delivery, opened


def test_migrations_and_tables_agree(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url):
            pass

    asyncio.run(play())
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_heads() == (HEAD,)
        scripts = ScriptDirectory.from_config(configured(connection))
        assert scripts.get_heads() == [HEAD]
    engine.dispose()


def test_many_that_start_at_once_migrate_once(database_url: str) -> None:
    async def play() -> None:
        stores = await asyncio.gather(*(Store.open(database_url) for _ in range(6)))
        answers = await asyncio.gather(*(store.accept(delivery()) for store in stores))
        assert answers == [True] * 6
        for store in stores:
            await store.close()

    asyncio.run(play())


def test_a_database_is_opened_again_with_all_that_was_in_it(database_url: str) -> None:
    async def play() -> None:
        kept = delivery()
        async with opened(database_url) as store:
            await store.accept(kept)
        store = await Store.open(database_url, migrate=False)
        assert not await store.accept(kept)
        await store.close()

    asyncio.run(play())


def test_a_schema_that_does_not_fit_is_told_with_the_fix(database_url: str) -> None:
    async def play() -> None:
        with pytest.raises(WrongDatabase, match="run `ghapp migrate`"):
            await Store.open(database_url, migrate=False)

    asyncio.run(play())


OLD_REVIEW = """
    INSERT INTO reviews (key, repository_id, number, head_sha, state, marks, written, updated_at)
    VALUES ('pull:501:{number}', 501, {number}, 'a', 'waiting', '{{"comment": "hello"}}', '{{}}', 5)
"""
OLD_ROWS = (
    OLD_REVIEW.format(number=7),
    "INSERT INTO keys (key, kind, installation_id, repository_id, full_name, number, generation)"
    " VALUES ('pull:501:7', 'pull', 11, 501, 'acme/shop', 7, 1)",
    "INSERT INTO utterances (key, id, delivery_id, said, judged)"
    " VALUES ('pull:501:7', 'comment:1', 'd-0', '{}', true)",
)


def test_what_the_first_schema_held_is_there_in_the_newest(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        command.upgrade(configured(connection), "0001")
    for row in OLD_ROWS:
        changed(database_url, row)

    async def play() -> None:
        with pytest.raises(WrongDatabase, match=r"schema 0001, .* run `ghapp migrate`"):
            await Store.open(database_url, migrate=False)
        async with opened(database_url) as store:
            history = await store.recall(KEY)
            assert history.marks and history.marks.comment == "hello"
            assert (history.heard, history.follow_ups, history.debts) == ({"comment:1"}, (), ())
            assert await store.seen(SHOP) == {}  # so that the first sweep looks at what is open
            assert [one.key for one in await store.claim(5)] == [KEY]
            changed(database_url, OLD_REVIEW.format(number=8))  # by a process of the day before
            assert (await store.recall(OTHER)).marks == history.marks

    asyncio.run(play())
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_downgrade_leaves_the_first_schema(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        command.upgrade(configured(connection), "0001")
    first = _described(engine)
    with engine.begin() as connection:
        command.upgrade(configured(connection), "head")
    assert _described(engine) != first
    with engine.begin() as connection:
        command.downgrade(configured(connection), "0001")
    assert _described(engine) == first
    engine.dispose()


def _described(engine: Engine) -> dict[str, set[str]]:
    """Table -> its columns and indexes."""
    found = inspect(engine)
    return {
        table: {str(one["name"]) for one in (*found.get_columns(table), *found.get_indexes(table))}
        for table in found.get_table_names()
    }


def test_a_failed_migration_leaves_nothing(database_url: str) -> None:
    changed(database_url, "CREATE TABLE verdicts (wrong INTEGER)")
    with pytest.raises(WrongDatabase):
        asyncio.run(Store.open(database_url))
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == ["verdicts"]
    engine.dispose()


def test_a_database_may_lie_in_a_folder_yet_to_be_made(tmp_path: Path) -> None:
    async def play() -> None:
        async with opened(f"sqlite:///{tmp_path}/some where/50%/ghapp.db") as store:
            assert await store.accept(delivery())

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
def test_postgresql_is_known_by_all_its_names(name: str, postgres_url: str) -> None:
    async def play() -> None:
        async with opened(postgres_url.replace("postgresql", name, 1)) as store:
            assert await store.accept(delivery())

    asyncio.run(play())
