"""The keys to re-check: marked by deliveries, claimed by workers, and given back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ghapp.core.model import Delivery, Key
from ghapp.core.records import NOBODY, Claim, Full
from ghapp.errors import Busy, LeaseLost, StoreFailed
from ghapp.store import deliveries
from ghapp.store.notify import Listener, announce
from ghapp.store.records import Records
from ghapp.store.sql import Connection
from ghapp.store.work_queue import claiming, leases, marking
from ghapp.store.work_queue.claiming import Claimed
from ghapp.store.work_queue.marking import Mark


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What a waiting worker would claim. claims: what was claimed for it; None: claim yourself."""

    limit: int
    full: Full
    claims: asyncio.Future[tuple[Claim, ...] | None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery to store. limit, full, since: for a claim in the same transaction, if any."""

    delivery: Delivery
    limit: int = 0
    full: Full = NOBODY
    since: float = 0.0


class WorkQueue:
    """Each call is one short transaction off the event loop, committed when it returns.

    All methods raise Busy (queue full, or database out of reach) and StoreFailed. Those that take
    a claim raise LeaseLost if its lease has expired or passed to another worker.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._dirty = True  # a key may be due that the last claim has not seen
        self._full: Full | None = None  # of the last claim; None if it may have left due keys
        self._seen_at = 0.0  # when the last claim was, by the database's clock
        self._next_due_at = math.inf  # when the next key is due, by our own clock
        self._wishes: list[Wish] = []
        self._listener: Listener | None = None
        records.marked = self._marked
        if records.url.drivername.startswith("postgresql"):
            self._listener = Listener(records.url, records.process, self._marked)

    async def close(self) -> None:
        if self._listener:
            await self._listener.close()

    async def accept(self, delivery: Delivery) -> bool:
        """Store a delivery and make its keys dirty; False if it is known: then nothing changes.

        A waiting worker gets the keys at once, claimed in the same transaction.
        """
        is_new: bool
        if not delivery.has_keys or not self._wishes:
            is_new, _ = await self._records.accept(Arrival(delivery))
            return is_new
        wish, claimed = self._wishes.pop(0), None
        self._begin_claim()
        try:
            arrival = Arrival(delivery, wish.limit, wish.full, self._seen_at)
            is_new, claimed = await self._records.accept(arrival)
            self._end_claim(claimed, wish.limit, wish.full)
        finally:
            if not wish.claims.done():
                wish.claims.set_result(claimed.claims if claimed else None)
        if wish.claims.cancelled():  # the worker has stopped meanwhile
            for claim in claimed.claims:
                # The delivery is stored, so this must not fail it: at worst the lease expires.
                with suppress(Busy, StoreFailed, LeaseLost):
                    await self.defer(claim, after_seconds=0.0)
        return is_new

    async def mark_dirty(
        self, keys: Iterable[Key], *, touched: bool = False, requested: bool = False
    ) -> None:
        """Make these keys dirty. touched, requested: as in Mark."""
        await self._records.write(marking.mark, Mark(tuple(keys), touched, requested))

    async def claim(
        self, limit: int, *, full: Full = NOBODY, wait_seconds: float = 0.0
    ) -> tuple[Claim, ...]:
        """Lease up to `limit` keys that are due: requested ones first, then the longest due.

        At most one key of each head. full: whose keys to leave out. wait_seconds: how long to wait
        if none is due; `wake` and a deferred key end the wait, and then no keys are returned.
        """
        if limit <= 0:
            return ()
        due_in = self._next_due_at - time.monotonic()
        nothing_new = not self._dirty and full == self._full and due_in > 0  # since the last claim
        if wait_seconds > 0 and nothing_new:
            wish = Wish(limit, full, asyncio.get_running_loop().create_future())
            claims = await self._wait(wish, min(wait_seconds, due_in))
            if claims is not None:
                return claims
        self._begin_claim()
        claimed = await self._records.write(claiming.claim, limit, full, self._seen_at)
        self._end_claim(claimed, limit, full)
        return claimed.claims

    def wake(self) -> None:
        """End the wait of whoever waits in `claim`, without keys."""
        self._answer(())

    async def take_over(self) -> int:
        """Free what is still leased, since no other process can be alive; how many keys."""
        return await self._records.write(leases.take_over)

    async def renew(self, claims: Iterable[Claim]) -> frozenset[str]:
        """Extend the leases by 30 seconds; the tokens of those that were still held."""
        return await self._records.write(leases.renew, tuple(claims))

    async def finish(self, claim: Claim, *marks: Mark) -> None:
        """Give the key back; it stays dirty if it was marked since the claim.

        marks: keys to mark in the same transaction.
        """
        await self._records.write(leases.finish, claim, marks)

    async def defer(
        self, claim: Claim, *, after_seconds: float, reason: str = "", lags: bool = False
    ) -> None:
        """Give the key back for later: nothing failed. lags: count one more Lag in a row."""
        await self._records.write(leases.defer, claim, after_seconds, reason, lags=lags)
        self._due(after_seconds)

    async def fail(self, claim: Claim, *, after_seconds: float, reason: str) -> bool:
        """Give the key back for another attempt; True if it is parked after too many of them."""
        is_parked = await self._records.write(leases.fail, claim, after_seconds, reason)
        self._due(after_seconds)
        return is_parked

    async def _wait(self, wish: Wish, seconds: float) -> tuple[Claim, ...] | None:
        """What was claimed for the caller while it waited; None: it has to claim itself."""
        self._wishes.append(wish)
        try:
            await asyncio.wait([wish.claims], timeout=seconds)
            if wish in self._wishes:  # nothing has come within the time
                return None
            return await wish.claims  # at once, unless a delivery is just being stored
        except BaseException:
            wish.claims.cancel()
            raise
        finally:
            with suppress(ValueError):
                self._wishes.remove(wish)

    def _due(self, after_seconds: float) -> None:
        """Note when a key will be due, and let whoever waits learn it."""
        due_at = time.monotonic() + after_seconds
        if due_at < self._next_due_at:
            self._next_due_at = due_at
            self._answer(())

    def _marked(self) -> None:
        self._dirty = True
        self._answer(None)

    def _answer(self, claims: tuple[Claim, ...] | None) -> None:
        wishes, self._wishes = self._wishes, []
        for wish in wishes:
            if not wish.claims.done():
                wish.claims.set_result(claims)

    def _begin_claim(self) -> None:
        """Forget what the last claim saw; what is marked from now on, this one may not see."""
        self._dirty, self._full, self._next_due_at = False, None, math.inf

    def _end_claim(self, claimed: Claimed, limit: int, full: Full) -> None:
        """Note what this claim saw, so that the next one may wait instead."""
        self._seen_at = claimed.at
        self._full = full if len(claimed.claims) < limit else None
        if claimed.next_due is not None:
            due_at = time.monotonic() + claimed.next_due - claimed.at
            self._next_due_at = min(due_at, self._next_due_at)


def accept(
    connection: Connection, arrivals: Sequence[Arrival]
) -> list[tuple[bool, Claimed | None]]:
    """Store all deliveries, make their keys dirty, and make the claims that they ask for.

    For each: whether the delivery was new, and what was claimed.
    """
    new = deliveries.accept(connection, [one.delivery for one in arrivals])
    left = any(is_new and one.delivery.has_keys for is_new, one in zip(new, arrivals, strict=True))
    claimed: list[Claimed | None] = []
    for one in arrivals:
        found = None
        if one.limit:
            found = claiming.claim(connection, one.limit, one.full, one.since)
            # A claim that was neither filled nor restricted leaves nothing for others.
            left = left and (len(found.claims) == one.limit or bool(one.full))
        claimed.append(found)
    if left:
        announce(connection)
    return list(zip(new, claimed, strict=True))
