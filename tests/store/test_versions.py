"""Old and new ghapp on one database: what is kept, what goes on, who is told to upgrade."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from ghapp.errors import WrongDatabase
from ghapp.store import Store
from ghapp.store.migrate import HEAD, configured
from tests.store.recorded import recorded, revisions, say
from tests.store.stores import KEY, OTHER, changed, delivery, due, opened, worked_off

OLDER = revisions()
Rows = dict[str, list[dict[str, Any]]]


def _engine(url: str) -> Engine:
    return create_engine(url, **({"paramstyle": "named"} if url.startswith("sqlite") else {}))


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """In one transaction, committed at the end."""
    engine = _engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def upgraded(url: str, revision: str) -> None:
    with connected(url) as connection:
        command.upgrade(configured(connection), revision)


def spoken(url: str, revision: str) -> None:
    """All that a ghapp of that revision said, each in a transaction of its own."""
    engine = _engine(url)
    for statement in recorded(revision, engine.dialect.name):
        with engine.begin() as connection:
            say(connection, statement)
    engine.dispose()


def rows(connection: Connection) -> Rows:
    """All that is stored, by table."""
    tables = set(inspect(connection).get_table_names()) - {"alembic_version", "schema"}
    return {
        table: [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]
        for table in sorted(tables)
    }


def scripts() -> ScriptDirectory:
    config: Config = configured(None)  # type: ignore[arg-type]  # it connects to nothing here
    return ScriptDirectory.from_config(config)


def works_from(revision: str) -> str:
    """As the migration says; those that said nothing only add."""
    script = scripts().get_revision(revision)
    return str(getattr(script.module, "works_from", OLDER[0]))


def all_revisions() -> list[str]:
    return sorted(script.revision for script in scripts().walk_revisions())


# --- what is kept ------------------------------------------------------------------------


@pytest.mark.parametrize("revision", OLDER)
def test_what_an_older_ghapp_wrote_is_kept_to_the_last_row(
    database_url: str, revision: str
) -> None:
    upgraded(database_url, revision)
    spoken(database_url, revision)
    with connected(database_url) as connection:
        before = rows(connection)
    assert {table for table, found in before.items() if found} >= {
        *("deliveries", "keys", "ledger", "policies", "pushes"),
        *("reviews", "shown", "utterances", "verdicts"),
    }
    asyncio.run(_opened_and_closed(database_url))
    with connected(database_url) as connection:
        after = rows(connection)
    for table, found in before.items():
        names = list(found[0]) if found else []
        assert [{name: row[name] for name in names} for row in after[table]] == found


@pytest.mark.parametrize("revision", OLDER)
def test_the_newest_goes_on_from_what_an_older_one_wrote(database_url: str, revision: str) -> None:
    upgraded(database_url, revision)
    spoken(database_url, revision)

    async def play() -> None:
        async with opened(database_url) as store:
            history = await store.recall(KEY)
            assert history.marks and history.marks.comment == "hello"
            assert history.heard == frozenset({"comment:1"})
            assert len(history.ledger) == 1
            claims = {claim.key: claim for claim in await _all_due(store)}
            assert OTHER in claims and KEY not in claims
            assert not await store.accept(delivery(id="old-1"))

    asyncio.run(play())


async def _opened_and_closed(url: str) -> None:
    async with opened(url):
        pass


async def _all_due(store: Store) -> list[Any]:
    """Of the two that the older one put off; what it marked twice is due a second later."""
    claims: list[Any] = []
    async with asyncio.timeout(20):
        while len(claims) < 2:
            claims += await store.claim(9)
            await store.wait(0.1)
    return claims


# --- side by side ------------------------------------------------------------------------


@pytest.mark.parametrize("revision", [one for one in OLDER if one >= works_from(HEAD)])
def test_an_older_ghapp_goes_on_writing_while_the_newest_runs(
    database_url: str, revision: str
) -> None:
    """The newest one has a word after each of its statements."""

    async def play() -> None:
        engine = _engine(database_url)
        async with opened(database_url) as store:
            for number, statement in enumerate(recorded(revision, engine.dialect.name)):
                with engine.begin() as connection:
                    say(connection, statement)
                await store.accept(delivery(OTHER, id=f"new-{number}"))
                await store.health()
            engine.dispose()
            history = await store.recall(KEY)
            assert history.marks and history.marks.comment == "hello"
            assert (len(history.ledger), history.heard) == (1, frozenset({"comment:1"}))
            assert (await store.health()).dirty == 2
            claims = {claim.key: claim for claim in await _all_due(store)}
            assert claims[OTHER].arrived_at
            for claim in claims.values():
                await store.finish(claim)
            assert (await store.health()).dirty == 0
            await store.accept(delivery())
            await worked_off(store)

    asyncio.run(play())


def test_every_older_revision_has_left_its_words() -> None:
    assert [one for one in all_revisions() if one < HEAD] == OLDER


# --- who may start -----------------------------------------------------------------------


def test_a_newer_schema_that_works_with_us_is_worked_with(database_url: str) -> None:
    async def play() -> None:
        await _opened_and_closed(database_url)
        changed(database_url, "UPDATE alembic_version SET version_num = '9999'")
        changed(database_url, f"UPDATE schema SET works_from = '{HEAD}'")
        changed(database_url, "ALTER TABLE keys ADD COLUMN later TEXT NOT NULL DEFAULT 'x'")
        async with opened(database_url) as store:
            await store.accept(delivery())
            assert (await due(store)).key == KEY
        await (await Store.open(database_url, migrate=False)).close()
        with connected(database_url) as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
            assert found == "9999"

    asyncio.run(play())


@pytest.mark.parametrize("migrate", [True, False])
def test_a_newer_schema_that_does_not_is_told_with_the_fix(
    database_url: str, migrate: bool
) -> None:
    async def play() -> None:
        await _opened_and_closed(database_url)
        changed(database_url, "UPDATE alembic_version SET version_num = '9999'")
        changed(database_url, "UPDATE schema SET works_from = '9998'")
        words = f"schema 9999, which works from 9998 on, and this ghapp knows {HEAD}; upgrade ghapp"
        with pytest.raises(WrongDatabase, match=re.escape(words)):
            await Store.open(database_url, migrate=migrate)

    asyncio.run(play())


def test_each_migration_leaves_word_with_whose_code_it_works(database_url: str) -> None:
    said = OLDER[0]
    for revision in [one for one in all_revisions() if one > "0003"]:
        assert said <= works_from(revision) <= revision
        said = works_from(revision)
        upgraded(database_url, revision)
        with connected(database_url) as connection:
            assert connection.scalars(text("SELECT works_from FROM schema")).all() == [said]
