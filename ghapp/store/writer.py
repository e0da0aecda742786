"""The one thread of this process that commits in groups: many deliveries, one wait for the disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ghapp.core.model import Delivery
from ghapp.errors import Busy
from ghapp.store.connection import Connection, Connections, DriverError
from ghapp.store.transactions import once, passing, persistent, translated

MOST_IN_A_GROUP = 256
MOST_QUEUED = 10_000


class Undone(Busy):
    """The database took back the whole transaction, not only the job that failed in it.

    SQLite does where its disk is full. Source: https://www.sqlite.org/lang_transaction.html
    """


Function = Callable[[Connection], Any]
Accept = Callable[[Connection, Sequence[Delivery]], list[bool]]


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery to accept or a function to run, and who waits for it."""

    work: Delivery | Function
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

    def submit(self, work: Delivery | Function) -> asyncio.Future[Any]:
        """To be awaited: the result, after the commit. Raises Busy (full or closed)."""
        if self._closed or self._queue.qsize() >= MOST_QUEUED:
            raise Busy("too many deliveries wait to be stored")
        answer = self._loop.create_future()
        self._queue.put(Job(work, answer))
        return answer

    def close(self) -> None:
        """End when all that is queued is done."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            outcomes = self._outcomes(group)
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

    def _outcomes(self, group: list[Job]) -> list[Any]:
        """Result or Failed of each job.

        A delivery that was refused is tried once more, alone: another job may have spoilt the
        group, or another process stored it in the same moment.
        """
        outcomes = self._commit(group)
        for place, (job, outcome) in enumerate(zip(group, outcomes, strict=True)):
            if not isinstance(outcome, Failed):
                continue
            alone = isinstance(outcome.error, Undone) or not isinstance(outcome.error, Busy)
            if alone and isinstance(job.work, Delivery):
                outcomes[place] = self._commit([job])[0]
        return outcomes

    def _commit(self, group: list[Job]) -> list[Any]:
        """One transaction, or none of the jobs done; only accepting may safely be done twice."""
        repeatable = all(isinstance(job.work, Delivery) for job in group)
        try:
            return persistent(
                lambda: once(
                    self._connections,
                    lambda connection: self._in_turn(connection, group),
                    writes=True,
                ),
                again_if_unsure=repeatable,
            )
        except Exception as error:  # it must reach those who wait  # noqa: BLE001
            return [Failed(error)] * len(group)

    def _in_turn(self, connection: Connection, group: list[Job]) -> list[Any]:
        if len(group) == 1:  # the transaction is guard enough
            work = group[0].work
            if isinstance(work, Delivery):
                return self._accept(connection, [work])
            return [work(connection)]
        deliveries = [job.work for job in group if isinstance(job.work, Delivery)]
        accepted = _guarded(connection, lambda c: self._accept(c, deliveries)) if deliveries else []
        spoilt = isinstance(accepted, Failed)
        results = iter([accepted] * len(deliveries) if spoilt else accepted)
        return [
            next(results) if isinstance(job.work, Delivery) else _guarded(connection, job.work)
            for job in group
        ]


def _guarded(connection: Connection, function: Function) -> Any:
    """The result, or Failed with nothing of it done.

    Raises where the connection is gone, or all that was done before in this transaction.
    """
    try:
        with _savepoint(connection):
            return function(connection)
    except Undone:
        raise
    except DriverError as error:
        if passing(error):
            raise
        return Failed(translated(error))
    except Exception as error:  # as above  # noqa: BLE001
        return Failed(error)


@contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    connection.run("SAVEPOINT job")
    try:
        yield
    except BaseException as error:
        if not connection.lost:
            _take_back(connection, error)
        raise
    connection.run("RELEASE SAVEPOINT job")


def _take_back(connection: Connection, error: BaseException) -> None:
    """What was done since the savepoint. Raises Undone."""
    try:
        connection.run("ROLLBACK TO SAVEPOINT job")
    except DriverError:
        told = translated(error) if isinstance(error, DriverError) else error
        raise Undone(str(told)) from error


def _answer(group: list[Job], outcomes: list[Any]) -> None:
    for job, outcome in zip(group, outcomes, strict=True):
        if job.answer.done():  # nobody waits any more
            continue
        if isinstance(outcome, Failed):
            job.answer.set_exception(outcome.error)
        else:
            job.answer.set_result(outcome)
