"""What is remembered: deliveries, dirty keys, the ledger, the last runs. SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

from ghapp.core.ledger import Entry
from ghapp.core.marks import Effect
from ghapp.core.model import Delivery, Key, PullKey, QueueKey, Repository
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
from ghapp.core.redelivery import Attempt, Position
from ghapp.core.review.merge_queue import QueueHistory
from ghapp.store import (
    deliveries,
    failed_deliveries,
    merge_queue,
    pruning,
    reviews,
    runs,
    schedule,
    stats,
)
from ghapp.store.db import Database
from ghapp.store.failed_deliveries import Failed
from ghapp.store.notify import Listener
from ghapp.store.stats import Health, Parked
from ghapp.store.work_queue import claiming, leases, marking
from ghapp.store.work_queue.leases import MAX_ATTEMPTS

__all__ = ["MAX_ATTEMPTS", "Failed", "Health", "Parked", "Store"]


class Store:
    """Each call is one short transaction off the event loop, committed when it returns.

    All raise Busy (queue full, database out of reach: wait and go on) and StoreFailed. What
    takes a claim raises LeaseLost where its lease ran out or passed to another worker.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dirty = asyncio.Event()
        self._next_due_at: float | None = None  # by our own clock; None where nothing will be
        self._listener: Listener | None = None
        if database.url.drivername.startswith("postgresql"):
            self._listener = Listener(database.url, self._dirty.set)

    @classmethod
    async def open(cls, url: str, *, migrate: bool = True) -> Store:
        """Connected, its schema up to date. Raises WrongSetting (the URL) and WrongDatabase.

        url: sqlite:////absolute/path or postgresql://...; migrate: else the schema must fit, and
        whether it takes writes is not looked at.
        """
        return cls(await Database.open(url, deliveries.accept, migrate=migrate))

    async def close(self) -> None:
        """End when all that was asked for is done."""
        if self._listener:
            await self._listener.close()
        await self._database.close()

    # --- what comes in -------------------------------------------------------------------

    async def accept(self, delivery: Delivery) -> bool:
        """Store it and make its keys dirty; False where its id was known: then nothing changes."""
        early = self._database.in_turn  # a claim that is asked for meanwhile comes behind it
        if delivery.keys and early:
            self._dirty.set()
        new = await self._database.accept(delivery)
        if delivery.keys and new and not early:
            self._dirty.set()
        return new

    async def mark_dirty(
        self, found: Iterable[Key], *, touched: bool = False, requested: bool = False
    ) -> None:
        """Have these keys looked at again. requested: somebody waits for it, as for a delivery.

        touched: on the suspicion that what GitHub has is not what we remember; those that wait
        after a failure, or are parked, then stay so.
        """
        marked = tuple(found)
        await self._database.write(
            lambda c: marking.mark(c, marked, touched=touched, requested=requested)
        )
        self._dirty.set()

    async def take_turn(self, name: str, every_seconds: float) -> bool:
        """Whether the caller may: true for one of all processes in each period, by one clock."""
        return await self._database.write(lambda c: schedule.take(c, name, every_seconds))

    async def prune(self, older_than_seconds: float) -> Mapping[str, int]:
        """Delete what is old, a few rows at a time; how many it were by `pruning.STEPS`.

        older_than_seconds: of deliveries. What people said is kept.
        """
        return {name: await self._pruned(name, older_than_seconds) for name in pruning.STEPS}

    async def _pruned(self, name: str, older_than_seconds: float) -> int:
        step, total = pruning.STEPS[name], 0
        while deleted := await self._database.write(lambda c: step(c, older_than_seconds)):
            total += deleted
        return total

    # --- what failed to come in ----------------------------------------------------------

    async def attempts_read(self) -> Position:
        """How far GitHub's list of attempts at deliveries was read."""
        return await self._database.read(failed_deliveries.position)

    async def note_attempts(self, listed: tuple[Attempt, ...], reached: Position) -> int:
        """Keep what a page of that list tells; how many deliveries are given up by now."""
        return await self._database.write(lambda c: failed_deliveries.note(c, listed, reached))

    async def take_failed(self) -> Failed | None:
        """The oldest delivery that failed and is due to be asked for again, for this caller only.

        None of those that came after all, were refused, or were asked for often enough.
        """
        return await self._database.write(failed_deliveries.take)

    async def asked_again(self, failed: Failed, *, kept: bool) -> None:
        """It was asked for. kept: False where GitHub has it no more."""
        await self._database.write(lambda c: failed_deliveries.asked(c, failed.guid, kept=kept))

    # --- leases --------------------------------------------------------------------------

    async def claim(self, limit: int, *, full: Full = NOBODY) -> tuple[Claim, ...]:
        """Lease up to `limit` keys that are due: requested ones first, then the longest due.

        At most one of each head. full: of whom the caller can run no more.
        """
        if limit <= 0:
            return ()
        claimed = await self._database.write(lambda c: claiming.claim(c, limit, full))
        after = claimed.due_in_seconds
        self._next_due_at = None if after is None else time.monotonic() + after
        return claimed.claims

    async def renew(self, claims: Iterable[Claim]) -> frozenset[str]:
        """The tokens that still hold their key, for another 30 seconds."""
        held = tuple(claims)
        return await self._database.write(lambda connection: leases.renew(connection, held))

    async def finish(self, claim: Claim) -> None:
        """Give the key back; it stays dirty where something came in since the claim."""
        if await self._database.write(lambda connection: leases.finish(connection, claim)):
            self._dirty.set()

    async def put_off(
        self,
        claim: Claim,
        *,
        after_seconds: float,
        counts: bool,
        lags: bool = False,
        error: str = "",
    ) -> bool:
        """Give the key back for later; True where it is parked after too many failed attempts.

        counts: this was a failed attempt; else the key only waits. lags: for reads that are
        behind, once more in a row.
        """
        is_parked = await self._database.write(
            lambda c: leases.put_off(c, claim, after_seconds, error, counts=counts, lags=lags)
        )
        self._dirty.set()
        return is_parked

    async def wait(self, timeout_seconds: float) -> None:
        """Until something became dirty, a key is due or given back, or the time is over.

        What will be due is what the last claim saw.
        """
        if not self._dirty.is_set():
            if self._next_due_at is not None:
                timeout_seconds = min(timeout_seconds, self._next_due_at - time.monotonic())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._dirty.wait(), timeout_seconds)
        self._next_due_at = None
        self._dirty.clear()

    async def mark_pending(self, older_than_seconds: float) -> int:
        """Have pulls looked at whose check run is in progress for so long; how many it were."""
        return await self._database.write(lambda c: stats.mark(c, older_than_seconds))

    async def retry_parked(self, older_than_seconds: float = 0.0) -> int:
        """Give the keys that have been parked for so long a new chance; how many it were."""
        count = await self._database.write(lambda c: marking.retry_parked(c, older_than_seconds))
        self._dirty.set()
        return count

    # --- a run ---------------------------------------------------------------------------

    async def recall(self, key: PullKey) -> History:
        """All that is remembered of a pull."""
        return await self._database.read(lambda connection: runs.recall(connection, key))

    async def admit(
        self,
        claim: Claim,
        head_sha: str,
        source: PolicySource | None,
        judgement: Judgement,
        earlier: tuple[Shown, ...] = (),
        effects: tuple[Effect, ...] = (),
        shown: Shown | None = None,
    ) -> tuple[tuple[Entry, ...], tuple[Verdict, ...]]:
        """Keep what was judged; the whole ledger, and what other pulls ask of the head.

        source: the policy as it was read; None where it is the one that was recalled.
        earlier: what was shown, and its record lost. effects, shown: as in `intend`. Raises Retry
        (another lease holds the head).
        """
        return await self._database.write(
            lambda c: runs.admit(c, claim, head_sha, source, judgement, earlier, effects, shown)
        )

    async def intend(
        self, claim: Claim, effects: tuple[Effect, ...], shown: Shown | None = None
    ) -> None:
        """Note writes before they are made; until `record` they count as unresolved.

        shown: what their check run would show.
        """
        if effects:
            await self._database.write(lambda c: runs.intend(c, claim, effects, shown))

    async def record(self, claim: Claim, run: Run) -> None:
        """Keep what the run leaves; other pulls of its head are marked dirty where it is news."""
        if await self._database.write(lambda connection: runs.record(connection, claim, run)):
            self._dirty.set()

    async def recall_queue(self, key: QueueKey, numbers: Iterable[int]) -> QueueHistory:
        """What is remembered of a queue's head. numbers: of the pulls in it."""
        asked = tuple(numbers)
        return await self._database.read(lambda c: runs.recall_queue(c, key, asked))

    async def answered(self, claim: Claim) -> None:
        """The outcome of all writes to a queue's head is known: GitHub itself remembers it."""
        await self._database.write(lambda connection: runs.answered(connection, claim))

    async def over(self, claim: Claim) -> None:
        """No queue tests this head any more: its key is gone, and with it the lease."""
        await self._database.write(lambda connection: merge_queue.over(connection, claim))

    async def seen(self, repository: Repository) -> Mapping[int, datetime]:
        """The repository's pulls by number: their `updated_at` as our last runs read it."""
        return await self._database.read(lambda c: reviews.seen(c, repository.id))

    # --- how it is doing -----------------------------------------------------------------

    async def now(self) -> datetime:
        """The database's clock, which leases and turns go by."""
        return await self._database.read(stats.now)

    async def known(self, ids: Iterable[str]) -> frozenset[str]:
        """Which of these deliveries are stored."""
        asked = tuple(ids)
        return await self._database.read(lambda connection: deliveries.known(connection, asked))

    async def health(self) -> Health:
        """How deliveries and keys are doing now."""
        return await self._database.read(stats.health)

    async def parked(self) -> tuple[Parked, ...]:
        """The keys that failed too often, longest parked first."""
        return await self._database.read(stats.parked)
