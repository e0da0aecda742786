"""Connections to PostgreSQL: what they wait for has an end, and a lost ear is no lost work."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import create_engine, make_url, text

from ghapp.core.model import Key
from ghapp.store import Store
from ghapp.store.engine import LIBPQ, connected
from ghapp.store.notify import CHANNEL, arguments
from tests.store.stores import KEY, PATIENCE_SECONDS, changed, delivery, opened

LISTENING = (
    f"FROM pg_stat_activity WHERE query = 'LISTEN {CHANNEL}' AND datname = current_database()"
)


def told_libpq(url: str) -> dict[str, str]:
    engine = connected(url, 1)
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        told: dict[str, str] = driver.info.get_parameters()
    engine.dispose()
    return told


@pytest.fixture
def reached(empty_postgres_url: str) -> dict[str, str]:
    """What libpq was told for a connection of the store."""
    return told_libpq(empty_postgres_url)


def test_a_server_that_is_cut_off_is_noticed(reached: dict[str, str]) -> None:
    assert {name: reached[name] for name in LIBPQ} == LIBPQ
    seconds = {name: int(value) for name, value in LIBPQ.items()}
    silent = (
        seconds["keepalives_idle"] + seconds["keepalives_interval"] * seconds["keepalives_count"]
    )
    assert max(silent, seconds["tcp_user_timeout"] / 1000, seconds["connect_timeout"]) <= 15


def test_what_the_url_says_itself_stays(empty_postgres_url: str) -> None:
    told = told_libpq(f"{empty_postgres_url}&connect_timeout=9&keepalives_idle=60")
    assert (told["connect_timeout"], told["keepalives_idle"]) == ("9", "60")
    assert told["tcp_user_timeout"] == LIBPQ["tcp_user_timeout"]


def test_the_listener_is_told_the_same() -> None:
    url = make_url("postgresql://ann:secret@db:5433/ghapp?sslmode=require&connect_timeout=9")
    known = conninfo_to_dict(make_conninfo(**arguments(url)))
    expected = {"host": "db", "port": "5433", "user": "ann", "password": "secret"}
    assert known == {
        **expected,
        "dbname": "ghapp",
        "sslmode": "require",
        **LIBPQ,
        "connect_timeout": "9",
    }


def test_a_transaction_that_is_left_alone_is_ended_by_the_server(empty_postgres_url: str) -> None:
    engine = connected(empty_postgres_url, 1)
    for _ in range(2):  # also of a connection that was rolled back and used again
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "10s"
            connection.rollback()
    engine.dispose()


def listeners(url: str) -> set[int]:
    """The server's processes that listen."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = set(connection.scalars(text(f"SELECT pid {LISTENING}")))
    engine.dispose()
    return found


async def until_listening(url: str, but: frozenset[int] = frozenset()) -> frozenset[int]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := listeners(url) - but):
        assert time.monotonic() < deadline, "nobody listens"
        await asyncio.sleep(0.02)
    return frozenset(found)


async def looked(store: Store, poll_seconds: float) -> list[Key]:
    """What a worker's rounds of claiming and waiting come to."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (claims := await store.queue.claim(9, wait_seconds=poll_seconds)):
            pass
        return [claim.key for claim in claims]


def test_without_an_ear_polling_finds_the_work(empty_postgres_url: str) -> None:
    async def play() -> None:
        async with opened(empty_postgres_url) as worker, opened(empty_postgres_url) as other:
            await until_listening(empty_postgres_url)
            looking = asyncio.create_task(looked(worker, poll_seconds=0.2))
            changed(empty_postgres_url, f"SELECT pg_terminate_backend(pid) {LISTENING}")
            await other.queue.accept(delivery(KEY))
            assert await looking == [KEY]

    asyncio.run(play())


def test_an_ear_that_was_lost_is_there_again(empty_postgres_url: str) -> None:
    async def play() -> None:
        async with opened(empty_postgres_url) as worker:
            lost = await until_listening(empty_postgres_url)
            changed(empty_postgres_url, f"SELECT pg_terminate_backend(pid) {LISTENING}")
            await until_listening(empty_postgres_url, but=lost)
            looking = asyncio.create_task(looked(worker, poll_seconds=600.0))
            async with opened(empty_postgres_url) as other:
                await other.queue.accept(delivery(KEY))
                assert await looking == [KEY]

    asyncio.run(play())
