"""The one thread of this process that commits in groups: many deliveries, one wait for the disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ghapp.errors import Busy
from ghapp.store.sql import Connection, Connections, DriverError
from ghapp.store.transactions import once, passing, persistent, translated

MOST_IN_A_GROUP = 256
MOST_QUEUED = 10_000

Function = Callable[[Connection], Any]
Accept = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class Undone(Busy):
    """The database undid the whole transaction, not only the job that failed in it.

    SQLite does so when its disk is full. Source: https://www.sqlite.org/lang_transaction.html
    """


@dataclass(frozen=True, slots=True)
class Batched:
    """Something to accept, together with all other items of its group; safe to accept twice."""

    value: Any


@dataclass(frozen=True, slots=True)
class Job:
    """An item to accept or a function to run, and who waits for the outcome."""

    work: Batched | Function
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a job of the group did not happen, while the others did."""

    error: Exception


class Writer:
    """Takes whatever is queued, runs it in one transaction, answers after the commit."""

    def __init__(self, connections: Connections, accept: Accept) -> None:
        self._connections = connections
        self._accept = accept
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ghapp-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Batched | Function) -> asyncio.Future[Any]:
        """To be awaited: the result, after the commit. Raises Busy (full or closed)."""
        if self._closed or self._queue.qsize() >= MOST_QUEUED:
            raise Busy("too many deliveries wait to be stored")
        answer = self._loop.create_future()
        self._queue.put(Job(work, answer))
        return answer

    def close(self) -> None:
        """End when everything that is queued is done."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            outcomes = self._commit(group)
            # An item that was refused is tried once more, alone: another job may have spoilt the
            # group, or another process stored it in the same moment.
            for number, (job, outcome) in enumerate(zip(group, outcomes, strict=True)):
                error = outcome.error if isinstance(outcome, Failed) else None
                alone = isinstance(error, Undone) or not isinstance(error, Busy | None)
                if alone and isinstance(job.work, Batched):
                    outcomes[number] = self._commit([job])[0]
            self._loop.call_soon_threadsafe(_answer, group, outcomes)

    def _next(self) -> list[Job]:
        """What is queued, at least one job; empty when closed."""
        group: list[Job] = []
        try:
            job = self._queue.get()
            while job:
                group.append(job)
                if len(group) == MOST_IN_A_GROUP:
                    return group
                job = self._queue.get_nowait()
        except Empty:
            return group
        if group:
            self._queue.put(None)  # to be found again after this group
        return group

    def _commit(self, group: list[Job]) -> list[Any]:
        """Result or Failed of each job: one transaction, or none of the jobs done."""
        repeatable = all(isinstance(job.work, Batched) for job in group)

        def transaction() -> list[Any]:
            return once(self._connections, lambda c: self._done(c, group), writes=True)

        try:
            return persistent(transaction, again_if_unsure=repeatable)
        except Exception as error:  # it must reach those who wait  # noqa: BLE001
            return [Failed(error)] * len(group)

    def _done(self, connection: Connection, group: list[Job]) -> list[Any]:
        if len(group) == 1:  # the transaction is guard enough
            work = group[0].work
            if isinstance(work, Batched):
                return [*self._accept(connection, [work.value])]
            return [work(connection)]
        items = [job.work.value for job in group if isinstance(job.work, Batched)]
        accepted = _guarded(connection, lambda c: self._accept(c, items)) if items else []
        results = iter([accepted] * len(items) if isinstance(accepted, Failed) else accepted)
        return [
            next(results) if isinstance(job.work, Batched) else _guarded(connection, job.work)
            for job in group
        ]


def _guarded(connection: Connection, function: Function) -> Any:
    """The result, or Failed with nothing of it done.

    Raises if the connection is lost, or everything that was done before in this transaction.
    """
    try:
        connection.run("SAVEPOINT job")
        try:
            result = function(connection)
        except BaseException as error:
            if not connection.lost:
                _undo(connection, error)
            raise
        connection.run("RELEASE SAVEPOINT job")
    except Undone:
        raise
    except DriverError as error:
        if passing(error):
            raise
        return Failed(translated(error))
    except Exception as error:  # as above  # noqa: BLE001
        return Failed(error)
    return result


def _undo(connection: Connection, error: BaseException) -> None:
    """Undo what was done since the savepoint. Raises Undone."""
    try:
        connection.run("ROLLBACK TO SAVEPOINT job")
    except DriverError:
        reason = translated(error) if isinstance(error, DriverError) else error
        raise Undone(str(reason)) from error


def _answer(group: list[Job], outcomes: list[Any]) -> None:
    for job, outcome in zip(group, outcomes, strict=True):
        if job.answer.done():  # nobody waits any more
            continue
        if isinstance(outcome, Failed):
            job.answer.set_exception(outcome.error)
        else:
            job.answer.set_result(outcome)
