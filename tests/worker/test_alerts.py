"""What a channel hears of at once: each thing once, a few messages a day."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp import builtin_packs
from ghapp.core.ledger import Verb
from ghapp.core.records import Note
from ghapp.core.text.places import Place
from ghapp.observer import Observer
from ghapp.settings import Endpoint
from ghapp.slack import Slack
from ghapp.store import Store, pages
from ghapp.worker.alerts import Alerts
from ghapp.worker.digest import Sender
from tests.store.stores import NOON, changed, opened
from tests.web.reviews import BATCH, SHOP, entry, overview, recorded
from tests.worker.digest_process import TOKYO
from tests.worker.slack_server import SILENT, SlackServer

LEASES_END = "UPDATE posts SET lease_until = 0"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    server = SlackServer()
    yield server
    server.close()


async def looked(store: Store, server: SlackServer, times: int = 1) -> list[str]:
    """The lists of the messages that were sent."""
    async with Slack({"": server.url}, Endpoint("https://api.github.com")) as slack:
        place, rules = Place(TOKYO, "https://github.example"), builtin_packs.rules("advise", TOKYO)
        for _ in range(times):
            sender = Sender(store, None, slack, Observer())  # type: ignore[arg-type]
            await Alerts(store, sender, slack.names, rules, place).look()
    return [one["blocks"][1]["text"]["text"] for one in server.taken]


async def waived(store: Store, number: int, hours_ago: float = 0.5) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    said = entry(Verb.WAIVE, "batch", number, said_at=at, note="<!here> hot fix")
    await recorded(store, number, "waived", overview(), said)


def test_each_thing_is_said_once(database_url: str, slack: SlackServer) -> None:
    async def play() -> list[str]:
        async with opened(database_url) as store:
            await waived(store, 1)
            await waived(store, 2, hours_ago=30)
            await recorded(store, 3, shown=overview("for a sign-off"))
            held = overview("load", holds=(Note(Verb.HOLD, "suzuki", NOON, "load test first"),))
            await recorded(store, 4, "on_hold", held, repository=BATCH, since=NOON)
            await recorded(store, 5, "on_hold", held, since=datetime.now(UTC))
            return await looked(store, slack, times=3)

    messages = asyncio.run(play())
    assert len(messages) == 2
    first, second = messages
    assert "acme/shop#1> waived by sam · batch · &lt;!here&gt; hot fix" in first
    assert "acme/batch#4> on hold for" in second
    assert "load test first" in second


@pytest.mark.anyio
async def test_waivers_are_found_whatever_was_said_and_decided_since(database_url: str) -> None:
    at = datetime.now(UTC)
    async with opened(database_url) as store:
        await waived(store, 1)
        await waived(store, 2, hours_ago=30)
        words = entry(Verb.CHECK, "db", 3, said_at=at, note='"verb":"waive"')
        both = (entry(Verb.WAIVE, area, 4, said_at=at) for area in "ab")
        twice = (replace(one, part=part) for part, one in enumerate(both))
        await recorded(store, 3, "waiting_author", overview(), words, *twice)
        elsewhere = entry(Verb.WAIVE, "c", 5, said_at=at)
        await recorded(store, 4, "waived", overview(), elsewhere, repository=BATCH)
        read, since = store.records.read, at - timedelta(days=1)
        found = await read(pages.waivers, frozenset({SHOP.id}), since)
        all_of_them = await read(pages.waivers, None, since)
    assert [(one.number, one.entry.subject) for one in found] == [(3, "b"), (3, "a"), (1, "batch")]
    assert [one.number for one in all_of_them] == [4, 3, 3, 1]


def test_the_last_message_of_a_day_names_all_that_is_left(
    sqlite_url: str, slack: SlackServer
) -> None:
    async def play() -> list[str]:
        async with opened(sqlite_url) as store:
            for number in range(1, 9):
                await waived(store, number)
            await looked(store, slack, times=2)
            await waived(store, 9)
            return await looked(store, slack)

    messages = asyncio.run(play())
    assert [one.count("acme/shop#") for one in messages] == [1, 1, 1, 1, 4]


def test_nothing_is_lost_if_slack_fails(sqlite_url: str, slack: SlackServer) -> None:
    slack.answers = [(500, 0), (SILENT, 0)]

    async def play() -> list[str]:
        async with opened(sqlite_url) as store:
            await waived(store, 1)
            for _ in range(5):
                await looked(store, slack)
                changed(sqlite_url, LEASES_END)
            return await looked(store, slack)

    messages = asyncio.run(play())
    assert len(messages) == 2  # the first may have arrived
    assert len(set(messages)) == 1


def test_an_unreadable_policy_is_said_once(sqlite_url: str, slack: SlackServer) -> None:
    async def play() -> list[str]:
        async with opened(sqlite_url) as store:
            await recorded(store, 1, "clear", overview(areas=()))
            changed(sqlite_url, "UPDATE policies SET text = 'mode: [', good = NULL")
            return await looked(store, slack, times=2)

    (message,) = asyncio.run(play())
    assert "acme/shop> its policy cannot be read" in message
