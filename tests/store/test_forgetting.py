"""Nothing that is stored of an installation is left once it is forgotten, in no table."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Boolean, Double, LargeBinary, Table, Text, create_engine, insert, select

from ghapp.store.forgetting import AT_ONCE, BY_KEY, BY_REPOSITORY, OF_NONE, Found, find, forget
from ghapp.store.schema import keys, metadata, posts
from tests.store.stores import changed, opened, stored
from tests.store.test_prune import NUMBERS

TABLES = [table for table in metadata.sorted_tables if table not in OF_NONE]
GONE, STAYS = 11, 12


def row(table: Table, installation: int) -> dict[str, Any]:
    """A row of this installation, as far as the names of the columns say what they are for."""
    known = {
        "key": f"pull:{installation}01:7",
        "repository_id": installation * 100 + 1,
        "installation_id": installation,
        "owner": f"owner-{installation}",
        "full_name": f"Owner-{installation}/shop",
        "body": zlib.compress(json.dumps({"installation": {"id": installation}}).encode()),
        "place": None if table is keys else installation,
    }
    if table is posts:
        known |= {"target": f"issue:Owner-{installation}/sre#1:", "id": f"digest:{installation}"}
    found = {}
    for column in table.c:
        value = known.get(column.name)
        if column.name not in known:
            value = f"of {installation}" if isinstance(column.type, Text) else installation
            value = False if isinstance(column.type, Boolean) else value
            value = b"" if isinstance(column.type, LargeBinary) else value
            value = float(installation) if isinstance(column.type, Double) else value
        if value is not None:
            found[column.name] = value
    return found


def filled(url: str) -> None:
    """A row of each of two installations in every table."""

    async def play() -> None:
        async with opened(url):
            pass

    asyncio.run(play())
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(insert(table), [row(table, GONE), row(table, STAYS)])
    engine.dispose()


def rows(url: str) -> Mapping[str, list[str]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: [
                str([zlib.decompress(v) if isinstance(v, bytes) and v else v for v in one])
                for one in connection.execute(select(table))
            ]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return found


def forgotten(url: str, installation: int, times: int = 1) -> Found:
    async def play() -> Found:
        async with opened(url) as store:
            for _ in range(times):
                found = await find(store.records, installation)
                await forget(store.records, found)
            return found

    return asyncio.run(play())


def found_of(url: str, installation: int) -> Found:
    async def play() -> Found:
        async with opened(url) as store:
            return await find(store.records, installation)

    return asyncio.run(play())


def test_no_table_holds_anything_of_it_and_others_stay(database_url: str) -> None:
    """A new table fails here until `forgetting` names it."""
    filled(database_url)
    before = rows(database_url)
    assert all(len(before[table.name]) == 2 for table in TABLES)
    counts = found_of(database_url, GONE).counts
    assert counts == dict.fromkeys((table.name for table in TABLES), 1)
    assert rows(database_url) == before
    forgotten(database_url, GONE)
    after = rows(database_url)
    for table in TABLES:
        (left,) = after[table.name]
        assert left in before[table.name], table.name
        assert str(STAYS) in left
        assert str(GONE) not in left.replace(f"{STAYS}", ""), table.name
    assert set(found_of(database_url, GONE).counts.values()) == {0}


@pytest.mark.parametrize("table", OF_NONE, ids=str)
def test_what_is_not_searched_names_no_installation(table: Table) -> None:
    names = {"key", "repository_id", "installation_id", "owner", "full_name", "body"}
    assert not names & set(table.c.keys())


def test_every_table_has_its_place() -> None:
    places = {*BY_KEY, *BY_REPOSITORY, *OF_NONE} | {
        metadata.tables[name] for name in ("organisations", "deliveries", "posts")
    }
    assert places == {*metadata.sorted_tables}


def test_all_kinds_of_keys_are_found_without_a_row_of_their_own(database_url: str) -> None:
    filled(database_url)
    kinds = ("repository:1101", "sweep:1101", "policy:1101:7", "queue:1101:abc:main", "pull:1101:8")
    for key in kinds:
        changed(database_url, f"INSERT INTO pushes (key, id, push) VALUES ('{key}', 'x', '')")
    for key in ("pull:11010:7", "installation:1101", "pull:x:1101"):
        changed(database_url, f"INSERT INTO pushes (key, id, push) VALUES ('{key}', 'x', '')")
    forgotten(database_url, GONE)
    assert stored(database_url, "SELECT count(*) FROM pushes") == 4


def test_messages_about_its_pulls_go_from_every_channel(database_url: str) -> None:
    filled(database_url)
    ids = ("alert:waived:pull:1101:7:comment:1#0", "alert:policy:1101", "alert:policy:11010")
    for id in ids:
        changed(database_url, f"INSERT INTO posts (target, id) VALUES ('slack::', '{id}')")
    forgotten(database_url, GONE)
    assert stored(database_url, "SELECT id FROM posts WHERE target = 'slack::'") == ids[-1]


def test_keys_of_the_installation_itself_go_too(database_url: str) -> None:
    filled(database_url)
    for key in (f"installation:{GONE}", "organisation:owner-11"):
        words = f"INSERT INTO keys (key, installation_id, kind) VALUES ('{key}', {GONE}, 'x')"
        changed(database_url, words)
    forgotten(database_url, GONE)
    assert stored(database_url, "SELECT count(*) FROM keys") == 1


def test_a_repository_that_moved_to_another_installation_is_kept(database_url: str) -> None:
    filled(database_url)
    words = "INSERT INTO keys (key, installation_id, kind, repository_id, full_name)"
    changed(database_url, f"{words} VALUES ('pull:1101:8', {STAYS}, 'pull', 1101, 'new/shop')")
    found = forgotten(database_url, GONE)
    assert found.kept == ("Owner-11/shop",)
    assert stored(database_url, "SELECT count(*) FROM ledger") == 2


def test_many_rows_go_and_it_may_be_repeated(database_url: str) -> None:
    filled(database_url)
    many = 2 * AT_ONCE + 1
    for words in (
        "INSERT INTO pushed_commits (repository_id, sha, user_id, login) {} "
        "SELECT 1101, CAST(n AS TEXT), 5, 'ann' FROM numbers",
        "INSERT INTO pushes (key, id, push) {} SELECT 'pull:1101:' || n, 'y', '' FROM numbers",
    ):
        changed(database_url, words.format(NUMBERS.format(many)))
    assert found_of(database_url, GONE).counts["pushed_commits"] == many + 1
    forgotten(database_url, GONE, times=2)
    assert stored(database_url, "SELECT count(*) FROM pushed_commits") == 1
    assert stored(database_url, "SELECT count(*) FROM pushes") == 1


def test_a_body_that_cannot_be_read_stays(database_url: str) -> None:
    filled(database_url)
    empty = zlib.compress(b"[]").hex()
    for id, body in (("broken", "00"), ("list", empty)):
        value = f"decode('{body}', 'hex')" if "postgresql" in database_url else f"x'{body}'"
        changed(database_url, f"INSERT INTO deliveries (id, body) VALUES ('{id}', {value})")
    forgotten(database_url, GONE)
    assert stored(database_url, "SELECT count(*) FROM deliveries") == 3
