"""Stories about the store: the values they are told with, and a store to tell them to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import create_engine, text

from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import AddLabels, CheckRun, Marks, PutCheckRun, Written
from ghapp.core.model import Channel, Delivery, Key, Message, PullKey, Repository
from ghapp.core.records import (
    NOBODY,
    Claim,
    Full,
    History,
    Judgement,
    PolicySource,
    Run,
    Shown,
    Verdict,
)
from ghapp.store import Store, history, runs, stats
from ghapp.store.stats import Health, Parked

PATIENCE_SECONDS = 20.0
LONG = 10 * PATIENCE_SECONDS  # polling would take too long to be what ends it
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
SHOP = Repository(11, 501, "acme/shop")
KEY = PullKey(SHOP, 7)
OTHER = PullKey(SHOP, 8)
HEAD, NEXT_HEAD = "a" * 40, "b" * 40
EFFECTS = (
    PutCheckRun(CheckRun(HEAD, "digest"), 0),
    AddLabels((("nfr: signed off", "0e8a16", "done"),)),
)
SOURCE = PolicySource("mode: advise", '"v1"', NOON, "mode: advise")
LONG_AGO = "UPDATE keys SET started_at = 1"  # so that nothing collapses any more
_numbers = count(1)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


def story(test: Callable[[Store], Awaitable[None]]) -> Callable[[str], None]:
    """A test that is told a store, once on each database."""

    def told(database_url: str) -> None:
        async def play() -> None:
            async with opened(database_url) as store:
                await test(store)

        asyncio.run(play())

    told.__name__, told.__module__ = test.__name__, test.__module__
    return told


# --- values ------------------------------------------------------------------------------


def delivery(*keys: Key, **more: Any) -> Delivery:
    """A new delivery about these keys, else about KEY."""
    values: dict[str, Any] = {"id": f"d-{next(_numbers)}", "keys": keys or (KEY,)}
    return Delivery(**{"event": "pull_request", "action": "opened", "body": b"{}"} | values | more)


def comment(id: int, said: str = "/nfr done", minutes: int = 0) -> Message:
    at = NOON + timedelta(minutes=minutes)
    return Message(f"comment:{id}", Channel.COMMENT, "sam", at, said, id)


def entry(id: str, channel: Channel = Channel.COMMENT, note: str = "") -> Entry:
    message, _, part = id.partition("#")
    return Entry(
        message,
        int(part or 0),
        Verb.SIGN_OFF,
        "sam",
        NOON,
        channel,
        "database-migration",
        HEAD,
        note=note,
    )


def verdict(key: PullKey, conclusion: str = "success", head_sha: str = HEAD) -> Verdict:
    words = f"it is {conclusion}"
    return Verdict(key.number, head_sha, conclusion, words, is_open=True, base_ref="main")


def run(given: Verdict, shown: Shown | None = None) -> Run:
    marks = Marks(CheckRun(given.head_sha, "digest", given.conclusion), "hello", frozenset({"x"}))
    return Run(marks, Written(21, 22, "annotated"), given, "waiting", shown)


# --- what a worker does ------------------------------------------------------------------


async def claimed(store: Store, key: PullKey = KEY) -> Claim:
    """The claim on a key that is marked dirty now."""
    await store.queue.mark_dirty([key])
    return await due(store, key)


async def due(store: Store, key: Key = KEY) -> Claim:
    """The claim on a key as soon as it is due; it must be the next one that is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for claim in await store.queue.claim(1, wait_seconds=1.0):
            assert claim.key == key
            return claim
    raise AssertionError(f"{key} is not due")


async def waiting(store: Store, full: Full = NOBODY) -> asyncio.Task[tuple[Claim, ...]]:
    """A worker that has found nothing and waits.

    PostgreSQL's listener wakes whoever waits when it begins to listen, which may be at any time.
    """
    if listener := store.queue._listener:
        await listener.close()
    assert await store.queue.claim(1, full=full) == ()
    task = asyncio.create_task(store.queue.claim(1, full=full, wait_seconds=LONG))
    await asyncio.sleep(0)
    return task


async def worked_off(
    store: Store, key: PullKey = KEY, conclusion: str = "success", head_sha: str = HEAD
) -> None:
    """A whole run of a key that is dirty."""
    claim = await due(store, key)
    await admitted(store, claim, head_sha=head_sha)
    await store.records.write(runs.record, claim, run(verdict(key, conclusion, head_sha)))
    await store.queue.finish(claim)


async def admitted(
    store: Store,
    claim: Claim,
    *entries: Entry,
    head_sha: str = HEAD,
    judged: tuple[str, ...] = (),
    source: PolicySource = SOURCE,
) -> tuple[Verdict, ...]:
    found = await store.records.write(
        runs.admit, claim, head_sha, source, Judgement(entries, judged)
    )
    return found.siblings


async def recalled(store: Store, key: PullKey = KEY) -> History:
    return await store.records.read(history.recall, key)


async def health_of(store: Store) -> Health:
    return await store.records.read(stats.health)


async def parked_in(store: Store) -> tuple[Parked, ...]:
    return await store.records.read(stats.parked)


async def dirty(store: Store) -> int:
    return (await store.records.read(stats.health)).dirty


def changed(url: str, statement: str) -> None:
    """Something that only time would bring about, as a lease that runs out."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def stored(url: str, query: str) -> Any:
    """The one value that the query has."""
    engine = create_engine(url)
    with engine.begin() as connection:
        found = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return found


def later(source: PolicySource, minutes: int, words: str) -> PolicySource:
    assert source.read_at
    return replace(source, text=words, read_at=source.read_at + timedelta(minutes=minutes))
