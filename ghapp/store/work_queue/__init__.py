"""The keys to re-check: marked by deliveries, claimed by workers, given back when worked off."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ghapp.core.model import Delivery, Key
from ghapp.core.records import NOBODY, Claim, Full
from ghapp.store import deliveries
from ghapp.store.notify import Listener, announce
from ghapp.store.records import Records
from ghapp.store.sql import Connection
from ghapp.store.work_queue import claiming, leases, marking
from ghapp.store.work_queue.claiming import Claimed
from ghapp.store.work_queue.marking import Mark


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What a worker that waits would claim. claims: None tells it to ask for itself."""

    limit: int
    full: Full
    claims: asyncio.Future[tuple[Claim, ...] | None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery to store. limit, full, since: what to claim in the same transaction, if any."""

    delivery: Delivery
    limit: int = 0
    full: Full = NOBODY
    since: float = 0.0


class WorkQueue:
    """Each call is one short transaction off the event loop, committed when it returns.

    All raise Busy (queue full, database out of reach: wait and go on) and StoreFailed. What
    takes a claim raises LeaseLost if its lease ran out or passed to another worker.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._dirty = True  # something may be due that no claim has seen
        self._full: Full | None = None  # of the last claim, if it took all that it might take
        self._seen_at = 0.0  # the database's clock at the last claim
        self._next_due_at = math.inf  # by our own clock
        self._wishes: list[Wish] = []  # of workers that wait
        self._listener: Listener | None = None
        records.marked = self._marked
        if records.url.drivername.startswith("postgresql"):
            self._listener = Listener(records.url, records.process, self._marked)

    async def close(self) -> None:
        if self._listener:
            await self._listener.close()

    async def accept(self, delivery: Delivery) -> bool:
        """Store it and make its keys dirty; False if its id was known: then nothing changes.

        A worker that waits gets the keys at once, claimed in the same transaction.
        """
        if not delivery.keys or not self._wishes:
            is_new: bool
            is_new, _ = await self._records.accept(Arrival(delivery))
            return is_new
        wish, claimed = self._wishes.pop(0), None
        self._forget()
        try:
            arrival = Arrival(delivery, wish.limit, wish.full, self._seen_at)
            is_new, claimed = await self._records.accept(arrival)
            self._note(claimed, wish.limit, wish.full)
            return is_new
        finally:
            if not wish.claims.done():
                wish.claims.set_result(claimed.claims if claimed else None)
            elif claimed:  # the worker went away meanwhile
                for claim in claimed.claims:
                    await self.defer(claim, after_seconds=0.0)

    async def mark_dirty(
        self, keys: Iterable[Key], *, touched: bool = False, requested: bool = False
    ) -> None:
        """Have these keys re-checked. requested: somebody waits for it, as for a delivery.

        touched: on the suspicion that GitHub's state is not the recorded one; keys that wait
        after a failure, or are parked, then stay so.
        """
        marked = Mark(tuple(keys), touched, requested)
        await self._records.write(marking.mark, marked)

    async def claim(
        self, limit: int, *, full: Full = NOBODY, wait_seconds: float = 0.0
    ) -> tuple[Claim, ...]:
        """Lease up to `limit` keys that are due: requested ones first, then the longest due.

        At most one of each head. full: of whom the caller can run no more. wait_seconds: how long
        to wait if none is due; `wake` and a key that is deferred end the wait, without keys.
        """
        if limit <= 0:
            return ()
        due_in = self._next_due_at - time.monotonic()
        # Nothing is due that the last claim has not seen.
        if wait_seconds > 0 and not self._dirty and full == self._full and due_in > 0:
            wish = Wish(limit, full, asyncio.get_running_loop().create_future())
            claims = await self._waited(wish, min(wait_seconds, due_in))
            if claims is not None:
                return claims
        self._forget()
        claimed = await self._records.write(claiming.claim, limit, full, self._seen_at)
        self._note(claimed, limit, full)
        return claimed.claims

    def wake(self) -> None:
        """Let whoever waits in `claim` go on, without keys."""
        self._answer(())

    async def renew(self, claims: Iterable[Claim]) -> frozenset[str]:
        """The tokens that still hold their key, for another 30 seconds."""
        return await self._records.write(leases.renew, tuple(claims))

    async def finish(self, claim: Claim, *marks: Mark) -> None:
        """Give the key back; it stays dirty if something came in since the claim.

        marks: further keys to mark with it.
        """
        await self._records.write(leases.finish, claim, marks)

    async def defer(
        self, claim: Claim, *, after_seconds: float, reason: str = "", lags: bool = False
    ) -> None:
        """Give the key back for later: nothing failed. lags: GitHub's reads lag once more."""
        await self._records.write(leases.defer, claim, after_seconds, reason, lags=lags)
        self._due(after_seconds)

    async def fail(self, claim: Claim, *, after_seconds: float, reason: str) -> bool:
        """Give the key back for another attempt; True if it is parked after too many of them."""
        is_parked = await self._records.write(leases.fail, claim, after_seconds, reason)
        self._due(after_seconds)
        return is_parked

    async def _waited(self, wish: Wish, seconds: float) -> tuple[Claim, ...] | None:
        """What was claimed for the caller meanwhile; None: it has to ask for itself."""
        self._wishes.append(wish)
        try:
            await asyncio.wait([wish.claims], timeout=seconds)
            if wish in self._wishes:  # its time is over
                self._wishes.remove(wish)
                return None
            return await wish.claims  # at once, unless a delivery is being stored
        except BaseException:
            wish.claims.cancel()
            raise

    def _due(self, after_seconds: float) -> None:
        """A key is due then: whoever waits has to know."""
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

    def _forget(self) -> None:
        """A claim begins: what is marked or deferred from now on, it may not see."""
        self._dirty, self._full, self._next_due_at = False, None, math.inf

    def _note(self, claimed: Claimed, limit: int, full: Full) -> None:
        """What the next caller may know without asking."""
        self._seen_at = claimed.at
        self._full = full if len(claimed.claims) < limit else None
        if claimed.next_due is not None:
            due_at = time.monotonic() + claimed.next_due - claimed.at
            self._next_due_at = min(due_at, self._next_due_at)


def accept(
    connection: Connection, arrivals: Sequence[Arrival]
) -> list[tuple[bool, Claimed | None]]:
    """Whether each was new; all of them are stored, their keys dirty, and wishes fulfilled."""
    new = deliveries.accept(connection, [one.delivery for one in arrivals])
    left = any(is_new and one.delivery.keys for is_new, one in zip(new, arrivals, strict=True))
    claimed: list[Claimed | None] = []
    for one in arrivals:
        found = None
        if one.limit:
            found = claiming.claim(connection, one.limit, one.full, one.since)
            # Else nothing that is due now is left for others.
            left = left and (len(found.claims) == one.limit or bool(one.full))
        claimed.append(found)
    if left:
        announce(connection)
    return list(zip(new, claimed, strict=True))
