"""Claims dirty keys and reconciles them, many side by side: done, later or parked."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ghapp import logs
from ghapp.core.model import InstallationKey, Key
from ghapp.core.policy.policy import Rules
from ghapp.core.records import NOBODY, Claim, Full
from ghapp.errors import Busy, Gone, Lag, LeaseLost, Retry, StoreFailed, Wait
from ghapp.observer import Observer
from ghapp.store import MAX_ATTEMPTS, Store, WorkQueue
from ghapp.store.pruning import prune
from ghapp.worker.parking import show_failure
from ghapp.worker.reconcile import GitHub, reconcile

# While an installation has its share of the slots, most of what becomes dirty is its own: others
# are looked for so often then, and when a run ends, but not at each delivery.
FULL_SECONDS = 0.05
# How soon keys are found that another process has deferred: that is not announced.
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
# Far above what GitHub's timeouts add up to: a run that takes longer hangs.
RUN_SECONDS = 300.0
GRACE_SECONDS = 20.0
STORE_AWAY_SECONDS = 2.0
MOST_BACKOFF_SECONDS = 600.0
# GitHub redelivers what is at most 3 days old; until then an id must be known again.
# Source: https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
KEPT_SECONDS, PRUNE_SECONDS = 7 * 24 * 3600.0, 3600.0
ENDED = f"{MAX_ATTEMPTS} attempts came to no end: the worker was killed, blocked or cut off"
FIRST = asyncio.FIRST_COMPLETED

log = logs.logger()


# So many runs at a time, at most this share of them of one installation, and of one repository.
# Where all calls for it hang, its runs keep their slots for as long as GitHub's timeouts take, and
# a slot cannot be freed early: so some are kept for whoever comes next, also while nobody else has
# anything to do. A run mostly waits for GitHub, so that a free slot costs next to nothing.
CONCURRENCY, SHARE, REPOSITORY_SHARE = 20, 0.8, 0.5


@dataclass(frozen=True, slots=True)
class Free:
    """What can be run beside the runs.

    count: so many keys, whosever they are, and nobody comes above their share.
    full: who has it already, and is not meant by that.
    """

    count: int
    full: Full = NOBODY


def free(running: Iterable[Key], concurrency: int) -> Free:
    """Of so many slots, beside the runs of these keys. From 2 on nobody ever has all of them."""
    keys = tuple(running)
    installations: Counter[int] = Counter()
    repositories: Counter[int] = Counter()
    for key in keys:
        if isinstance(key, InstallationKey):
            installations[key.installation_id] += 1
        else:
            installations[key.repository.installation_id] += 1
            repositories[key.repository.id] += 1
    count, full = concurrency - len(keys), []
    for counts, part in ((installations, SHARE), (repositories, REPOSITORY_SHARE)):
        share = max(1, int(concurrency * part))
        # So many more whoever has the most, and is not full, may have.
        count = min(count, share - max((n for n in counts.values() if n < share), default=0))
        full.append(tuple(id for id, n in counts.items() if n >= share))
    return Free(count, Full(*full))


@dataclass(slots=True)
class Worker:
    """concurrency: how many runs at a time; a key that waits takes none of them."""

    store: Store
    github: GitHub
    rules: Rules
    observer: Observer = field(default_factory=Observer)
    concurrency: int = CONCURRENCY
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    grace_seconds: float = GRACE_SECONDS
    _runs: dict[asyncio.Task[None], Claim] = field(default_factory=dict)
    _held: dict[str, Claim] = field(default_factory=dict)  # token -> claim that reconcile works on
    _failing_since: float | None = None  # when a claim failed, unless one has succeeded since

    def failing_seconds(self) -> float:
        """For how long the database has let nothing be claimed; 0 if it does."""
        return 0.0 if self._failing_since is None else time.monotonic() - self._failing_since

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let the runs end, within `grace_seconds`."""
        async with asyncio.TaskGroup() as group:
            works = (self._heartbeats(), self._prunings(), woken(stop, self.store.queue))
            beside = [group.create_task(work) for work in works]
            try:
                while not stop.is_set():
                    await self._round(stop)
            finally:
                await self._end_runs()
                for task in beside:
                    task.cancel()

    async def _round(self, stop: asyncio.Event) -> None:
        """Fill the free slots with keys that are due, once there are both."""
        free = self._free()
        if free.full or not free.count:
            pause = [asyncio.sleep(FULL_SECONDS)] if free.count else []
            await first(stop.wait(), ended(tuple(self._runs)), *pause)
            free = self._free()
        try:
            claims = await self.store.queue.claim(
                free.count, full=free.full, wait_seconds=POLL_SECONDS
            )
        except (Busy, StoreFailed) as error:
            if self._failing_since is None:
                self._failing_since = time.monotonic()
            log.error("cannot claim", reason=str(error))
            await first(stop.wait(), asyncio.sleep(STORE_AWAY_SECONDS))
            return
        self._failing_since = None
        if stop.is_set():  # meanwhile
            await self._give_back(claims)
            return
        for claim in claims:
            self._held[claim.token] = claim
            self.observer.began(claim)  # now: what is delivered before the task begins comes later
            task = asyncio.create_task(self._run(claim), name=str(claim.key))
            self._runs[task] = claim
            task.add_done_callback(self._ended)

    def _free(self) -> Free:
        return free((claim.key for claim in self._runs.values()), self.concurrency)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Its slot is free, perhaps for keys that the last claim has left alone."""
        del self._runs[task]
        self.store.queue.wake()

    async def _run(self, claim: Claim) -> None:
        """One run, and its one line in the log."""
        started = time.perf_counter()
        logs.bind(key=str(claim.key))
        try:
            line = await self._settled(claim)
        except LeaseLost:
            line = {"outcome": "lease lost"}
        except (Busy, StoreFailed) as error:
            # The lease runs out by itself, and the key is claimed again.
            line = {"outcome": "not recorded", "reason": str(error)}
        except asyncio.CancelledError:
            line = {"outcome": "lease lost" if claim.token in self._held else "stopped"}
        finally:
            self._held.pop(claim.token, None)
        seconds = time.perf_counter() - started
        self.observer.ended(claim, line["outcome"], seconds)
        milliseconds = round(seconds * 1000, 1)
        log.info("run", **line, attempts=claim.attempts, milliseconds=milliseconds)

    async def _settled(self, claim: Claim) -> dict[str, Any]:
        """Reconcile; what to log about it. The key is given back, or is to be tried again."""
        if claim.attempts >= MAX_ATTEMPTS:
            # Nor is it shown on GitHub once more if just that has ended the worker.
            return await self._failed(claim, ENDED, shows=claim.attempts == MAX_ATTEMPTS)
        shows = True
        try:
            async with asyncio.timeout(RUN_SECONDS):
                done = await reconcile(claim, self.github, self.store, self.rules, self.observer)
            if done.rejected:
                log.warning("GitHub rejects best-effort writes", reasons=list(done.rejected))
            if done.later:
                shows = False  # the check run is as it should be
                raise done.later
            return {"outcome": "done", "head_sha": done.head_sha, "effects": list(done.effects)}
        except Retry as retry:
            return await self._failed(claim, str(retry), retry.after_seconds, shows=shows)
        except Wait as wait:
            return await self._deferred(claim, wait)
        except Gone as gone:
            self._held.pop(claim.token, None)
            await self.store.queue.finish(claim)
            return {"outcome": "gone", "reason": str(gone)}
        except Busy as busy:
            return await self._deferred(claim, Wait(str(busy), after_seconds=STORE_AWAY_SECONDS))
        except LeaseLost:
            raise
        except Exception as error:
            log.exception("run failed")
            return await self._failed(claim, f"{type(error).__name__}: {error}")

    async def _failed(
        self, claim: Claim, reason: str, after_seconds: float = 0.0, *, shows: bool = True
    ) -> dict[str, Any]:
        """Give the key back after a failed attempt; each waits twice as long, the last parks it.

        shows: whether to say so on GitHub when it is parked.
        """
        if shows and claim.attempts + 1 >= MAX_ATTEMPTS:
            tools = self.github, self.store, self.rules, self.observer
            try:
                async with asyncio.timeout(RUN_SECONDS):
                    await show_failure(claim, reason, *tools)
            except LeaseLost:
                raise
            except Exception:
                # Whatever made the review fail may make this fail too; the key is parked anyway.
                log.exception("the failure could not be shown on GitHub")
        self._held.pop(claim.token, None)
        after = max(after_seconds, min(2.0**claim.attempts, MOST_BACKOFF_SECONDS))
        if await self.store.queue.fail(claim, after_seconds=after, reason=reason):
            log.error("parked", reason=reason)
            return {"outcome": "parked", "reason": reason}
        return {"outcome": "later", "after_seconds": after, "reason": reason}

    async def _deferred(self, claim: Claim, wait: Wait) -> dict[str, Any]:
        self._held.pop(claim.token, None)
        reason, after, lags = str(wait), wait.after_seconds, isinstance(wait, Lag)
        await self.store.queue.defer(claim, after_seconds=after, reason=reason, lags=lags)
        return {"outcome": "later", "after_seconds": after, "reason": reason}

    async def _heartbeats(self) -> None:
        """Extend the leases now and then; a run that has lost its lease stops at once."""
        while True:
            await asyncio.sleep(self.heartbeat_seconds)
            claims = tuple(self._held.values())
            if not claims:
                continue
            try:
                kept = await self.store.queue.renew(claims)
            except (Busy, StoreFailed) as error:
                # Runs go on: a lease that runs out meanwhile is noticed at the run's next write.
                log.error("cannot renew leases", reason=str(error))
                continue
            lost = {claim.token for claim in claims} - kept
            for task, claim in self._runs.items():
                if claim.token in lost and claim.token in self._held:
                    task.cancel()

    async def _prunings(self) -> None:
        while True:
            try:
                pruned = await prune(self.store.records, KEPT_SECONDS)
                log.info("pruned", **pruned)
            except (Busy, StoreFailed) as error:
                log.error("cannot prune", reason=str(error))
            await asyncio.sleep(PRUNE_SECONDS)

    async def _end_runs(self) -> None:
        """Let the runs end; of those that take too long, the keys are free for others at once."""
        if self._runs:
            await asyncio.wait(self._runs, timeout=self.grace_seconds)
        left, tasks = tuple(self._held.values()), tuple(self._runs)
        self._held.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._give_back(left)

    async def _give_back(self, claims: tuple[Claim, ...]) -> None:
        for claim in claims:
            try:
                await self.store.queue.defer(claim, after_seconds=0.0)
            except (Busy, StoreFailed, LeaseLost) as error:
                log.error("cannot give back", key=str(claim.key), reason=str(error))


async def woken(stop: asyncio.Event, queue: WorkQueue) -> None:
    """Let no claim wait any longer once `stop` is set."""
    await stop.wait()
    queue.wake()


async def ended(runs: Iterable[asyncio.Task[None]]) -> None:
    """Until one of them is over; there has to be one."""
    await asyncio.wait(runs, return_when=FIRST)


async def first(*waits: Awaitable[Any]) -> None:
    """Until one of them is over; the others are cancelled. Raises what that one raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=FIRST)
    finally:
        over = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in over:
        task.result()
