"""A thread that commits in groups: many deliveries, one wait for the disk."""

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
    """The database rolled back the whole transaction, not only the job that failed in it.

    SQLite does so when its disk is full. Source: https://www.sqlite.org/lang_transaction.html
    """


@dataclass(frozen=True, slots=True)
class Batched:
    """An item for `accept`, which takes all items of a group at once; safe to accept twice."""

    value: Any


@dataclass(frozen=True, slots=True)
class Job:
    """An item to accept or a function to run, and the future of its outcome."""

    work: Batched | Function
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """Why one job of a group was rolled back; the others may have succeeded."""

    error: Exception


class Writer:
    """Runs whatever is queued in one transaction, and answers after the commit."""

    def __init__(self, connections: Connections, accept: Accept) -> None:
        self._connections = connections
        self._accept = accept
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ghapp-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Batched | Function) -> asyncio.Future[Any]:
        """A future of the result, set after the commit. Raises Busy (full or closed)."""
        if self._closed or self._queue.qsize() >= MOST_QUEUED:
            raise Busy("too many deliveries wait to be stored")
        answer = self._loop.create_future()
        self._queue.put(Job(work, answer))
        return answer

    def close(self) -> None:
        """Do what is queued, and end the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            outcomes = self._commit(group)
            # An item that failed is tried once more, alone: the cause may be another job of the
            # group, or another process that stored the item at the same moment.
            for number, (job, outcome) in enumerate(zip(group, outcomes, strict=True)):
                error = outcome.error if isinstance(outcome, Failed) else None
                again = isinstance(error, Undone) or not isinstance(error, Busy | None)
                if again and isinstance(job.work, Batched):
                    outcomes[number] = self._commit([job])[0]
            self._loop.call_soon_threadsafe(_answer, group, outcomes)

    def _next(self) -> list[Job]:
        """The queued jobs; waits for at least one. Empty when closed."""
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
            self._queue.put(None)  # end after this group
        return group

    def _commit(self, group: list[Job]) -> list[Any]:
        """The result of each job, or Failed; all in one transaction."""
        repeatable = all(isinstance(job.work, Batched) for job in group)

        def transaction() -> list[Any]:
            return once(self._connections, lambda c: self._do(c, group), writes=True)

        try:
            return persistent(transaction, again_if_unsure=repeatable)
        except Exception as error:  # for those who wait for the jobs  # noqa: BLE001
            return [Failed(error)] * len(group)

    def _do(self, connection: Connection, group: list[Job]) -> list[Any]:
        if len(group) == 1:  # it needs no savepoint
            work = group[0].work
            if isinstance(work, Batched):
                return [*self._accept(connection, [work.value])]
            return [work(connection)]
        items = [job.work.value for job in group if isinstance(job.work, Batched)]
        accepted = _in_savepoint(connection, lambda c: self._accept(c, items)) if items else []
        results = iter([accepted] * len(items) if isinstance(accepted, Failed) else accepted)
        return [
            next(results) if isinstance(job.work, Batched) else _in_savepoint(connection, job.work)
            for job in group
        ]


def _in_savepoint(connection: Connection, function: Function) -> Any:
    """The result of the function, or Failed if it was rolled back to a savepoint.

    Raises DriverError (the connection is lost) and Undone (the whole transaction is).
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
    """Roll back to the savepoint. Raises Undone (there is none any more)."""
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
