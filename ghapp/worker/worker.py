"""Claims dirty keys and runs `reconcile` on them, many side by side; the outcome of each run."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ghapp import logs
from ghapp.core.model import InstallationKey, Key, OrganisationKey
from ghapp.core.policy.policy import Rules
from ghapp.core.records import NOBODY, Claim, Full
from ghapp.errors import Busy, Gone, Lag, LeaseLost, Retry, StoreFailed, Wait
from ghapp.observer import Observer
from ghapp.store import MAX_ATTEMPTS, Store, WorkQueue
from ghapp.store.pruning import prune
from ghapp.worker.parking import show_failure
from ghapp.worker.reconcile import GitHub, reconcile
from ghapp.worker.threads import Threads

# While an installation has its share of the slots, most deliveries are its own. So the worker then
# pauses between claims, and does not claim at each delivery.
FULL_SECONDS = 0.05
# How often to claim anyway: a key that another process has deferred is not announced.
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
# Far above what GitHub's timeouts add up to: a run that takes longer hangs.
RUN_SECONDS = 300.0
GRACE_SECONDS = 20.0
STORE_AWAY_SECONDS = 2.0
MOST_BACKOFF_SECONDS = 600.0
# GitHub redelivers what is at most 3 days old; until then a delivery's id must be known.
# Source: https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
KEPT_SECONDS, PRUNE_SECONDS = 7 * 24 * 3600.0, 3600.0
ENDED = f"{MAX_ATTEMPTS} attempts came to no end: the worker was killed, blocked or cut off"


# How many runs at a time, and the share of them that one installation and one repository may have.
# If all calls for an installation hang, its runs keep their slots until GitHub's timeouts end. So
# some slots are kept for others, even if nobody else needs them now. A run mostly waits for GitHub,
# so a free slot costs next to nothing.
CONCURRENCY, SHARE, REPOSITORY_SHARE = 20, 0.8, 0.5

log = logs.logger()


@dataclass(frozen=True, slots=True)
class Free:
    """What a worker may claim.

    count: how many keys; even if all are of one installation, it stays within its share.
    full: the installations and repositories that have their share already; claim none of theirs.
    """

    count: int
    full: Full = NOBODY


def free(running: Iterable[Key], concurrency: int) -> Free:
    """What may be claimed while these keys run. With 2 slots or more, nobody ever has all."""
    keys = tuple(running)
    installations: Counter[int] = Counter()
    repositories: Counter[int] = Counter()
    for key in keys:
        if isinstance(key, InstallationKey | OrganisationKey):
            installations[key.installation_id] += 1
        else:
            installations[key.repository.installation_id] += 1
            repositories[key.repository.id] += 1
    count, full = concurrency - len(keys), []
    for counts, part in ((installations, SHARE), (repositories, REPOSITORY_SHARE)):
        share = max(1, int(concurrency * part))
        # All new keys may be of whoever has the most slots and is not full.
        count = min(count, share - max((n for n in counts.values() if n < share), default=0))
        full.append(tuple(id for id, n in counts.items() if n >= share))
    return Free(count, Full(*full))


@dataclass(slots=True)
class Worker:
    """Runs keys until it is stopped. concurrency: how many at a time."""

    store: Store
    github: GitHub
    rules: Rules
    observer: Observer = field(default_factory=Observer)
    concurrency: int = CONCURRENCY
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    grace_seconds: float = GRACE_SECONDS
    _threads: Threads = field(default_factory=Threads)
    _runs: dict[asyncio.Task[None], Claim] = field(default_factory=dict)
    _held: dict[str, Claim] = field(default_factory=dict)  # by token; claims not yet given back
    _failing_since: float | None = None  # since when all claims have failed

    def failing_seconds(self) -> float:
        """For how long all claims have failed; 0 if the last one did not."""
        return 0.0 if self._failing_since is None else time.monotonic() - self._failing_since

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let the runs end, within `grace_seconds`."""
        async with asyncio.TaskGroup() as group:
            works = (self._heartbeats(), self._prunings(), wake_at(stop, self.store.queue))
            beside = [group.create_task(work) for work in works]
            try:
                while not stop.is_set():
                    await self._claim(stop)
            finally:
                await self._end_runs()
                for task in beside:
                    task.cancel()

    async def _claim(self, stop: asyncio.Event) -> None:
        """Claim keys for the free slots and start their runs; wait until there are both."""
        slots = self._free()
        if slots.full or not slots.count:
            pause = [asyncio.sleep(FULL_SECONDS)] if slots.count else []
            await first(stop.wait(), any_ended(tuple(self._runs)), *pause)
            slots = self._free()
        try:
            claims = await self.store.queue.claim(
                slots.count, full=slots.full, wait_seconds=POLL_SECONDS
            )
        except (Busy, StoreFailed) as error:
            if self._failing_since is None:
                self._failing_since = time.monotonic()
            log.error("cannot claim", reason=str(error))
            await first(stop.wait(), asyncio.sleep(STORE_AWAY_SECONDS))
            return
        self._failing_since = None
        if stop.is_set():  # while it waited
            await self._give_back(claims)
            return
        for claim in claims:
            self._held[claim.token] = claim
            self.observer.began(claim)  # at the claim: later deliveries are not of this run
            task = asyncio.create_task(self._run(claim), name=str(claim.key))
            self._runs[task] = claim
            task.add_done_callback(self._run_ended)

    def _free(self) -> Free:
        return free((claim.key for claim in self._runs.values()), self.concurrency)

    def _run_ended(self, task: asyncio.Task[None]) -> None:
        """Free the slot of a run; keys that the last claim left out may use it."""
        del self._runs[task]
        self.store.queue.wake()

    async def _run(self, claim: Claim) -> None:
        """Run a claimed key, and log one line about it."""
        with self.observer.running(claim):
            await self._logged(claim)

    async def _logged(self, claim: Claim) -> None:
        started = time.perf_counter()
        logs.bind(key=str(claim.key))
        try:
            line = await self._reconcile(claim)
        except LeaseLost:
            line = {"outcome": "lease lost"}
        except (Busy, StoreFailed) as error:
            # The lease expires, and the key is claimed again.
            line = {"outcome": "not recorded", "reason": str(error)}
        except asyncio.CancelledError:
            line = {"outcome": "lease lost" if claim.token in self._held else "stopped"}
        finally:
            self._held.pop(claim.token, None)
        seconds = time.perf_counter() - started
        self.observer.ended(claim, line["outcome"], seconds)
        milliseconds = round(seconds * 1000, 1)
        log.info("run", **line, attempts=claim.attempts, milliseconds=milliseconds)

    async def _reconcile(self, claim: Claim) -> dict[str, Any]:
        """Reconcile the key and give it back; the outcome for the log.

        Raises LeaseLost, Busy and StoreFailed (it is not given back).
        """
        if claim.attempts >= MAX_ATTEMPTS:
            # The failure is shown only once: to show it may be what ended the worker.
            return await self._fail(claim, ENDED, shows=claim.attempts == MAX_ATTEMPTS)
        shows = True
        try:
            async with asyncio.timeout(RUN_SECONDS):
                tools = self.github, self.store, self.rules, self.observer, self._threads
                done = await reconcile(claim, *tools)
            if done.rejected:
                log.warning("GitHub rejects best-effort writes", reasons=list(done.rejected))
            if done.later:
                shows = False  # the check run is as it should be
                raise done.later
            return {"outcome": "done", "head_sha": done.head_sha, "effects": list(done.effects)}
        except Retry as retry:
            return await self._fail(claim, str(retry), retry.after_seconds, shows=shows)
        except Wait as wait:
            return await self._defer(claim, wait)
        except Gone as gone:
            self._held.pop(claim.token, None)
            await self.store.queue.finish(claim)
            return {"outcome": "gone", "reason": str(gone)}
        except Busy as busy:
            return await self._defer(claim, Wait(str(busy), after_seconds=STORE_AWAY_SECONDS))
        except LeaseLost:
            raise
        except Exception as error:
            log.exception("run failed")
            return await self._fail(claim, f"{type(error).__name__}: {error}")

    async def _fail(
        self, claim: Claim, reason: str, after_seconds: float = 0.0, *, shows: bool = True
    ) -> dict[str, Any]:
        """Give the key back after a failed attempt, for twice as long each time; the last parks it.

        shows: show on GitHub that it is parked.
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

    async def _defer(self, claim: Claim, wait: Wait) -> dict[str, Any]:
        """Give the key back for later; no attempt is counted."""
        self._held.pop(claim.token, None)
        reason, after, lags = str(wait), wait.after_seconds, isinstance(wait, Lag)
        await self.store.queue.defer(claim, after_seconds=after, reason=reason, lags=lags)
        return {"outcome": "later", "after_seconds": after, "reason": reason}

    async def _heartbeats(self) -> None:
        """Extend the leases every few seconds, and cancel runs that have lost theirs."""
        while True:
            await asyncio.sleep(self.heartbeat_seconds)
            claims = tuple(self._held.values())
            if not claims:
                continue
            try:
                kept = await self.store.queue.renew(claims)
            except (Busy, StoreFailed) as error:
                # Runs go on: each notices at its next write if its lease has expired.
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
        """Let the runs end; cancel those that take too long, and give their keys back."""
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


async def wake_at(stop: asyncio.Event, queue: WorkQueue) -> None:
    """Wake whoever waits for keys once `stop` is set."""
    await stop.wait()
    queue.wake()


async def any_ended(runs: Iterable[asyncio.Task[None]]) -> None:
    """Wait until one of the runs has ended. runs: at least one."""
    await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)


async def first(*waits: Awaitable[Any]) -> None:
    """Wait until one of them has ended, and cancel the others. Raises what that one raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in ended:
        task.result()
