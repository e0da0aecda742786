"""A PostgreSQL that is away or a standby at the start, as while another one takes over."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from benchmarks.postgres import FAST, Cluster
from benchmarks.reliability.processes import free_port
from ghapp import bootstrap, logs
from ghapp.bootstrap import migrated
from ghapp.emulator.github import Emulator
from ghapp.errors import WrongSetting
from ghapp.settings import Settings
from ghapp.store import Store, transactions

OURS = "GHAPP_DATABASE_URL: postgresql://ghapp@/ours"
STANDBY = f"{OURS} is a standby, which takes no writes; promote it"
AWAY = f"{OURS} is out of reach: .*; start it, or correct"
FAILURES = [("demote", "promote", STANDBY), ("stop", "start", AWAY)]


@pytest.fixture(scope="module")
def cluster(postgres: Cluster) -> Iterator[Cluster]:
    """One of its own, with an empty database. postgres: skips where there is none."""
    del postgres
    made = Cluster(options=FAST)
    made.create("ours")
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of the log, and little patience of each transaction."""
    monkeypatch.setattr(logs, "configure", lambda _: None)
    monkeypatch.setattr(transactions, "PATIENCE_SECONDS", 0.2)


def settings(cluster: Cluster) -> Settings:
    return Settings.from_environment(
        {"GHAPP_DATABASE_URL": cluster.url("ours")}, needs_github=False
    )


@pytest.mark.parametrize(("fails", "comes_back", "reason"), FAILURES, ids=["standby", "away"])
def test_it_is_waited_for_and_the_log_tells_for_what_and_how_long(
    cluster: Cluster, fails: str, comes_back: str, reason: str
) -> None:
    getattr(cluster, fails)()
    back: Callable[[], None] = getattr(cluster, comes_back)
    later = threading.Timer(1.0, back)
    later.start()
    with capture_logs() as told:
        migrated(settings(cluster))
    later.join()
    waiting = [one for one in told if one["event"] == "waiting for the database"]
    assert re.match(reason.partition(": ")[2], waiting[0]["reason"])
    assert 25 < waiting[0]["seconds_left"] <= bootstrap.REACHED_SECONDS
    assert len({one["reason"] for one in waiting}) == len(waiting) < 4
    assert told[-1]["event"] == "migrated"


@pytest.mark.parametrize(("fails", "comes_back", "reason"), FAILURES, ids=["standby", "away"])
def test_it_is_given_up_with_what_to_do(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    fails: str,
    comes_back: str,
    reason: str,
) -> None:
    monkeypatch.setattr(bootstrap, "REACHED_SECONDS", 1.0)
    getattr(cluster, fails)()
    began = time.monotonic()
    with pytest.raises(WrongSetting, match=reason):
        migrated(settings(cluster))
    getattr(cluster, comes_back)()
    assert 1 <= time.monotonic() - began < 20


def test_what_does_not_pass_is_told_at_once(cluster: Cluster) -> None:
    wrong = cluster.url("nobodys")
    found = Settings.from_environment({"GHAPP_DATABASE_URL": wrong}, needs_github=False)
    with capture_logs() as told, pytest.raises(WrongSetting, match="has no database nobodys"):
        migrated(found)
    assert told == []


@pytest.mark.anyio
async def test_nobody_is_let_in_before_it_is_there(cluster: Cluster) -> None:
    """So that a proxy tries another server at once, instead of waiting for an answer."""
    port, github = free_port(), Emulator(webhook_secret="a secret of tests")
    given = {
        "GHAPP_APP_ID": str(github.app.id),
        "GHAPP_PRIVATE_KEY": github.private_key,
        "GHAPP_WEBHOOK_SECRET": "a secret of tests",
        "GHAPP_GITHUB_API_URL": "http://127.0.0.1:1",
        "GHAPP_DATABASE_URL": cluster.url("ours"),
        "PORT": str(port),
    }
    cluster.stop()
    with capture_logs() as told:
        async with asyncio.TaskGroup() as group:
            stop = asyncio.Event()
            running = group.create_task(served(Settings.from_environment(given), stop))
            while not any(  # the log tells nobody  # noqa: ASYNC110
                one["event"] == "waiting for the database" for one in told
            ):
                await asyncio.sleep(0.05)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5)
            await asyncio.to_thread(cluster.start)
            stop.set()
    github.close()
    assert running.result() == f"http://127.0.0.1:{port}"


async def served(settings: Settings, stop: asyncio.Event) -> str:
    """The address, once somebody has been let in there."""
    async with bootstrap.serving(settings, worker=False) as url:
        socket.create_connection(("127.0.0.1", settings.port), timeout=5).close()
        await stop.wait()
        return url


def test_one_that_goes_away_before_credentials_are_read_is_waited_for_too(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(cluster)

    async def play() -> None:
        store = await Store.open(found.database_url)

        async def begun() -> Settings:
            return await bootstrap._patiently(found, lambda: bootstrap._begun(found, store))

        cluster.stop()
        later = threading.Timer(0.5, cluster.start)
        later.start()
        assert await begun() == found
        later.join()
        monkeypatch.setattr(bootstrap, "REACHED_SECONDS", 0.3)
        cluster.stop()
        try:
            with pytest.raises(WrongSetting, match=r"^GHAPP_DATABASE_URL: "):
                await begun()
        finally:
            cluster.start()
            await store.close()

    asyncio.run(play())
