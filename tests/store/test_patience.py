"""How long a PostgreSQL that does not answer is waited for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from ghapp.errors import WrongDatabase
from ghapp.store import Store
from ghapp.store.engine import LIBPQ, bounds, location
from ghapp.store.work_queue.leases import LEASE_SECONDS

URL = "postgresql+psycopg://ghapp@db.example.com/ghapp"
pytestmark = pytest.mark.anyio


@pytest.fixture
def silent_url() -> Iterator[str]:
    """Where connections are taken and nobody ever says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql+psycopg://ghapp@127.0.0.1:{listener.getsockname()[1]}/ghapp"


async def test_a_server_that_says_nothing_is_given_up_on_at_start(silent_url: str) -> None:
    started = time.monotonic()
    with pytest.raises(WrongDatabase):
        await Store.open(silent_url)
    assert time.monotonic() - started < LEASE_SECONDS


def test_what_a_broken_network_holds_back_is_given_up_before_a_lease_ends() -> None:
    """Else a statement could still be on its way when another worker has taken the key over."""
    assert 0 < int(LIBPQ["tcp_user_timeout"]) < LEASE_SECONDS * 1000
    assert bounds(make_url(URL))["tcp_user_timeout"] == LIBPQ["tcp_user_timeout"]


def test_the_url_decides_where_it_says_so() -> None:
    assert "connect_timeout" not in bounds(make_url(f"{URL}?connect_timeout=2&sslmode=require"))


@pytest.mark.parametrize("password", ["s3cret", "/s3cret", "42/s3cret", "s3%40cret"])
def test_where_a_database_is_told_without_its_password(password: str) -> None:
    url = f"postgresql://ghapp:{password}@db.example.com/ghapp?sslpassword={password}"
    assert location(url) == "postgresql://db.example.com/ghapp"


def test_of_sqlite_the_file_is_told() -> None:
    assert location("sqlite:////srv/gh app/50%/x.db") == "/srv/gh app/50%/x.db"
