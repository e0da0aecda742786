"""Failed deliveries are asked for again: GitHub itself never tries a second time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Protocol

from ghapp import logs
from ghapp.core.redelivery import Page, moved
from ghapp.errors import Busy, Gone, Retry, StoreFailed, Wait
from ghapp.observer import Observer
from ghapp.store import Store, failed_deliveries
from ghapp.worker.schedule import in_turn

# Whatever stands between GitHub and us needs a moment to see that we are there again.
FIRST_SECONDS = 10.0
TURN = "redelivery"

log = logs.logger()


class Hook(Protocol):
    """Lists attempts at deliveries and makes new ones. Raises Retry and Wait, listing also Gone."""

    async def attempts(self, cursor: str) -> Page: ...
    async def redeliver(self, attempt_id: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one round; the next one goes on where they end it.

    pages: of the list. asked: deliveries asked for, two a second: well within GitHub's 900 points
    a minute, of which a write takes 5.
    Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """

    pages: int = 100
    asked: int = 400
    pause_seconds: float = 0.5


BOUNDS = Bounds()


@dataclass(slots=True)
class Round:
    """What a round has come to so far. left: whether it ended with more of them due.

    lost: asked for too often, or no longer kept by GitHub.
    """

    pages: int = 0
    redelivered: int = 0
    lost: int = 0
    left: bool = False


async def redeliveries(
    store: Store, github: Hook, observer: Observer, *, first_seconds: float = FIRST_SECONDS
) -> None:
    """Redeliver what failed, every few minutes, for ever; of all processes one at a time."""

    async def redeliver() -> None:
        await redelivered(store, github, observer)

    def failed(error: Busy | StoreFailed) -> None:
        log.error("cannot redeliver", reason=str(error))

    await in_turn(store, TURN, redeliver, failed, first_seconds)


async def redelivered(
    store: Store, github: Hook, observer: Observer, bounds: Bounds = BOUNDS
) -> int:
    """One round, and its one line in the log; how many deliveries were asked for again.

    If GitHub is away, or too old to list them, the next round does it. The observer is notified
    also of a round that breaks off. Raises Busy and StoreFailed.
    """
    started, done = time.perf_counter(), Round()
    try:
        await _read(store, github, bounds, done)
        await _ask(store, github, bounds, done)
    except (Retry, Wait, Gone) as error:
        log.error("cannot redeliver", reason=str(error), redelivered=done.redelivered)
    else:
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        log.info("redelivery", **asdict(done), milliseconds=milliseconds)
    finally:
        observer.redelivered(done.redelivered, done.lost)
    return done.redelivered


async def _read(store: Store, github: Hook, bounds: Bounds, done: Round) -> None:
    """Note what is new in the list: what an earlier round left, then from the newest one down."""
    position = await store.records.read(failed_deliveries.position)
    from_newest = False
    while done.pages < bounds.pages and (position.cursor or not from_newest):
        from_newest = from_newest or not position.cursor
        page = await github.attempts(position.cursor)
        position = moved(position, page)
        note = failed_deliveries.note
        done.lost += await store.records.write(note, page.attempts, position)
        done.pages += 1


async def _ask(store: Store, github: Hook, bounds: Bounds, done: Round) -> None:
    """Ask for what is due, oldest first, so that messages are judged in their order."""
    for _ in range(bounds.asked):
        failed = await store.records.write(failed_deliveries.take)
        if failed is None:
            return
        kept = await github.redeliver(failed.attempt_id)
        await store.records.write(failed_deliveries.asked, failed, kept=kept)
        done.redelivered += kept
        done.lost += not kept
        await asyncio.sleep(bounds.pause_seconds)
    done.left = True
