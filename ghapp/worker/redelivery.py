"""Requests failed deliveries again, because GitHub itself never tries a second time."""

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

# A proxy in front of ghapp needs a moment to notice that ghapp is back.
FIRST_SECONDS = 10.0
TURN = "redelivery"

log = logs.logger()


class Hook(Protocol):
    """Lists attempts at deliveries and requests new ones. Raises Retry and Wait; listing, Gone."""

    async def attempts(self, cursor: str) -> Page: ...
    async def redeliver(self, attempt_id: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one round; the next round goes on from there.

    pages: of the list. asked: how many deliveries are requested, two a second. That is well within
    GitHub's 900 points a minute, of which a write takes 5.
    Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """

    pages: int = 100
    asked: int = 400
    pause_seconds: float = 0.5


BOUNDS = Bounds()


@dataclass(slots=True)
class Round:
    """What a round has done so far, as the log shows it.

    lost: deliveries that were requested too often, or that GitHub no longer keeps.
    left: whether more were due when the round ended.
    """

    pages: int = 0
    redelivered: int = 0
    lost: int = 0
    left: bool = False


async def redeliveries(
    store: Store, github: Hook, observer: Observer, *, first_seconds: float = FIRST_SECONDS
) -> None:
    """Request failed deliveries every few minutes, for ever; all processes take turns."""

    async def redeliver() -> None:
        await redelivered(store, github, observer)

    def failed(error: Busy | StoreFailed) -> None:
        log.error("cannot redeliver", reason=str(error))

    await in_turn(store, TURN, redeliver, failed, first_seconds)


async def redelivered(
    store: Store, github: Hook, observer: Observer, bounds: Bounds = BOUNDS
) -> int:
    """Do one round and log one line about it; how many deliveries were requested.

    If GitHub is away, or an Enterprise Server too old to list them, the round ends early. Raises
    Busy and StoreFailed.
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
    """Record what is new in the list: the pages that an earlier round left, then the newest."""
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
    """Request what is due, oldest first, so that messages are judged in their order."""
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
