"""The API for one installation: authorised, within its budget, refusals translated."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from weakref import WeakValueDictionary

import msgspec
from cachetools import LRUCache

from ghapp.core.model import File, ProjectKey, PullKey
from ghapp.core.records import PolicySource
from ghapp.core.scan.unshown import TreeEntry
from ghapp.errors import Rejected, Retry, Unanswered, Wait
from ghapp.github.errors import (
    AGAIN_SECONDS,
    Answer,
    decoded,
    limited_seconds,
    refusal,
    reset_seconds,
)
from ghapp.github.host import GRAPHQL, LATE, Request, Sends, Tokens
from ghapp.github.rate_limits import Budget, Importance
from ghapp.github.transport import IN_FLIGHT, TOTAL_SECONDS

A = TypeVar("A")
B = TypeVar("B")
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
PAGE = 100  # rows; the most that GitHub lists at once
MOST_PAGES = 1_000  # of one list; no list that is read whole has more
# How many connections to the host one installation and one repository may use: if all of these
# hang, others have the rest.
MOST_IN_FLIGHT, MOST_OF_REPOSITORY = IN_FLIGHT * 4 // 5, IN_FLIGHT // 2
# By then GitHub has finished a write, or never will.
MOST_LATE_SECONDS = LATE * TOTAL_SECONDS
TEXT_BYTES, FOLDER_BYTES, TREE_BYTES, PULLS_BYTES = 16 << 20, 1 << 20, 2 << 20, 4 << 20
FILES_BYTES = 16 << 20
MOST_ORGANISATIONS = 64  # whose last reading is kept in memory; each may be some megabytes
ENTRY_BYTES = 300  # of an entry itself: a key without a value takes room, too
# How long a call that failed waits before it is made again at once, without its run starting again.
PAUSES = (0.25, 0.5, 1.0)
# A limit of GitHub that holds no longer than that is waited for so, too.
MOST_PAUSE_SECONDS = 2.0
# A call that has taken longer than that is left to the next run: it keeps a slot of the worker.
TRYING_SECONDS = 5.0
_LAST = re.compile(r'[?&]page=(\d{1,9})\b[^>]*>; rel="last"')
_REPOSITORY = re.compile(r"repos/[^/]+/[^/]+")


@dataclass(frozen=True, slots=True)
class Moved:
    """A pull of a list, which had changed since a run last read it."""

    number: int
    updated_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What to remember of a list of pulls. newest: `updated_at` of its first row."""

    etag: str
    newest: datetime
    moved: tuple[Moved, ...] = ()


def _text_bytes(value: str | None) -> int:
    return sys.getsizeof(value) + ENTRY_BYTES


def _folder_bytes(value: frozenset[str]) -> int:
    return sys.getsizeof(value) + sum(map(sys.getsizeof, value)) + ENTRY_BYTES


def _tree_bytes(value: Mapping[str, TreeEntry]) -> int:
    return ENTRY_BYTES * (2 + 2 * len(value)) + 2 * sum(map(len, value))


def _files_bytes(value: tuple[File, ...]) -> int:
    return ENTRY_BYTES * (2 + len(value)) + sum(sys.getsizeof(one.patch) for one in value)


def _listing_bytes(value: Listing) -> int:
    return ENTRY_BYTES * (2 + len(value.moved))


@dataclass(frozen=True, slots=True)
class Cache:
    """Answers that need not be asked for again, in bounded memory, for all installations of a host.

    Keys begin with the repository's id, because one repository may not see another's content.
    texts: of blobs, None if a blob is not text. folders: at the top of a commit. entries: of some
    paths in a commit. files: the first page of what a pull's head changes, for previews. pulls: the
    first page of a repository's pulls, newest change first, with its ETag. organisations: readings
    of policies of organisations, by owner and how often it may have changed before; only until they
    are stored.
    """

    texts: LRUCache[tuple[int, str], str | None] = field(
        default_factory=lambda: LRUCache(TEXT_BYTES, _text_bytes)
    )
    folders: LRUCache[tuple[int, str], frozenset[str]] = field(
        default_factory=lambda: LRUCache(FOLDER_BYTES, _folder_bytes)
    )
    entries: LRUCache[tuple[int, str, frozenset[str]], Mapping[str, TreeEntry]] = field(
        default_factory=lambda: LRUCache(TREE_BYTES, _tree_bytes)
    )
    files: LRUCache[tuple[int, int, str], tuple[File, ...]] = field(
        default_factory=lambda: LRUCache(FILES_BYTES, _files_bytes)
    )
    pulls: LRUCache[int, Listing] = field(
        default_factory=lambda: LRUCache(PULLS_BYTES, _listing_bytes)
    )
    organisations: LRUCache[tuple[str, int], asyncio.Task[PolicySource]] = field(
        default_factory=lambda: LRUCache(MOST_ORGANISATIONS)
    )


def keep(cache: LRUCache[K, T], key: K, value: T) -> None:
    """Keep a value, unless it is larger than the whole cache."""
    with suppress(ValueError):
        cache[key] = value


class _Error(msgspec.Struct):
    message: str = ""
    type: str = ""


class _GraphQL(msgspec.Struct, Generic[T]):
    data: T | None = None
    errors: list[_Error] = []


class Installation:
    """One installation on one host. cache: shared by the host's installations."""

    def __init__(self, sends: Sends, tokens: Tokens, budget: Budget, id: int, cache: Cache) -> None:
        self.id = id
        self.cache = cache
        self._sends = sends
        self._tokens = tokens
        self._budget = budget
        self._in_flight = asyncio.Semaphore(MOST_IN_FLIGHT)
        # By the path of a repository; "" for requests that are not about one.
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        # What of this is known for all that is done on this installation: see `charged`.
        self._reported = [(0, 0.0)]  # GitHub's own count: requests left, until when that is so
        self._late: dict[str, float] = {}  # repository -> until when a write may take effect
        self.payer: tuple[str, int] = ("", 0)  # the repository and the pull that all is for

    def charged(self, key: PullKey | ProjectKey) -> Installation:
        """The same, for what is done for one pull: it counts for the share that the pull has."""
        charged = copy(self)
        charged.payer = f"repos/{quote(key.repository.full_name)}", key.number
        return charged

    def begin(self, *, gives_way: bool = False) -> None:
        """A run of the pull begins. Raises Wait (its share of the budget is used up).

        gives_way: nobody waits for the run, so it leaves a part of the budget to others.
        """
        self._budget.begin(*self.payer, time.monotonic(), gives_way=gives_way)

    async def permissions(self) -> Mapping[str, str]:
        """What the account granted, as {"members": "read"}. Raises Gone, Retry and Wait."""
        return (await self._tokens.get(self.id)).permissions

    def left(self) -> dict[str, int]:
        """What this installation may still ask: in each of our windows, and as GitHub counts."""
        left, until = self._reported[0]
        reported = {"github_hour": left} if until > self._tokens.now().timestamp() else {}
        return {**self._budget.left(time.monotonic()), **reported}

    def late_seconds(self, repository_path: str) -> float:
        """For how long a write without an answer may still take effect there; 0 if it cannot."""
        return max(self._late.get(repository_path, 0.0) - time.monotonic(), 0.0)

    async def send(
        self, request: Request, importance: Importance, *, fine: Iterable[int] = ()
    ) -> Answer:
        """The answer below 300 or with a status in `fine`; 304 to a request with an ETag.

        Tried a few times if it fails and may be repeated, or GitHub limits the rate for a moment.
        Raises Gone (404 and the like), Wait (limits), Retry (5xx, refused, no answer) and,
        for a best-effort write only, Rejected.
        """
        until, pauses = time.monotonic() + TRYING_SECONDS, iter(PAUSES)
        repeats = request.repeatable or not request.writes
        while True:
            error: Exception
            try:
                answer = await self._authorised(request, importance)
                if answer.status == 401:  # the token was dropped, and the next one may be taken
                    answer = await self._authorised(request, importance)
            except (Retry, Wait) as failed:
                error = failed
            else:
                current = answer.status == 304 and "If-None-Match" in request.headers
                limited = limited_seconds(answer)  # before `fine`: a limit may come as 403, too
                if limited:
                    self._budget.close(limited, time.monotonic())
                elif answer.status < 300 or current or answer.status in fine:
                    return answer
                best_effort = importance is Importance.BEST_EFFORT
                error = refusal(answer, request, best_effort=best_effort)
            now, pause = time.monotonic(), next(pauses, None)
            closed = self._budget.closed_seconds(now)
            limited_briefly = isinstance(error, Wait) and closed > 0
            passes = limited_briefly or (isinstance(error, Unanswered) and repeats)
            if pause is None or now > until or closed > MOST_PAUSE_SECONDS or not passes:
                raise error
            await asyncio.sleep(max(pause, closed))

    async def get(self, path: str, type: type[T]) -> tuple[T, Answer]:
        """A decoded answer, and the answer itself for its headers. Raises as `send`."""
        request = Request("GET", path)
        answer = await self.send(request, Importance.READ)
        return decoded(answer, type, request), answer

    async def page(self, path: str, type: type[T], number: int) -> tuple[list[T], Answer]:
        """One page of a list. path: with a query, which may be empty. Raises as `send`."""
        return await self.get(f"{path}&per_page={PAGE}&page={number}", list[type])  # type: ignore[valid-type]

    async def rows(self, path: str, type: type[T], *, newest_pages: int = 0) -> tuple[T, ...]:
        """A whole list in GitHub's order, or its last pages. path: as `page`. Raises as `send`."""
        return await whole(lambda number: self.page(path, type, number), newest_pages=newest_pages)

    async def graphql(
        self,
        document: str,
        variables: Mapping[str, Any],
        type: type[T],
        importance: Importance = Importance.READ,
        *,
        refused: frozenset[str] = frozenset(),
    ) -> tuple[T | None, Answer]:
        """The data, and the answer for its headers; None only if the object of a write is gone.

        GraphQL refuses with status 200 and a list of `errors`. Raises as `send`, and Rejected (all
        errors are of kinds in `refused`).
        Source: https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        """
        reads = importance is Importance.READ
        request = Request("POST", GRAPHQL, {"query": document, "variables": variables}, reads=reads)
        answer = await self.send(request, importance)
        read = decoded(answer, _GraphQL[type], request)  # type: ignore[valid-type]
        bad = [error for error in read.errors if error.type != "NOT_FOUND"]
        if bad:
            words = "; ".join(f"{error.type} {error.message}".strip() for error in bad)[:500]
            text, kinds = f"GraphQL: GitHub answers {words}", {error.type for error in bad}
            if "RATE_LIMITED" in kinds:
                raise Wait(text, after_seconds=reset_seconds(answer))
            if kinds <= refused:
                raise Rejected(text)
            raise Retry(text, after_seconds=AGAIN_SECONDS)
        if reads and read.data is None:
            raise Retry(f"{request}: GitHub answers without data", after_seconds=AGAIN_SECONDS)
        return read.data, answer

    async def _authorised(self, request: Request, importance: Importance) -> Answer:
        token = await self._tokens.get(self.id)
        repository = _REPOSITORY.match(request.path)
        path = repository[0] if repository else ""
        charged, pull = self.payer
        room = self._rooms.get(path)
        if room is None:
            room = self._rooms[path] = asyncio.Semaphore(MOST_OF_REPOSITORY)
        async with room, self._in_flight:
            # Only now: while the call waited for its place, GitHub may have asked us to wait.
            method = "GET" if request.reads else request.method
            self._budget.take(method, importance, time.monotonic(), path or charged, pull)
            try:
                answer = await self._sends.send(request, token.github)
            except (Retry, Wait) as retry:
                if request.writes and path:
                    now = time.monotonic()
                    for over in [at for at, until in self._late.items() if until <= now]:
                        del self._late[over]
                    self._late[path] = now + min(retry.after_seconds, MOST_LATE_SECONDS)
                raise
        if answer.status == 401:
            self._tokens.drop(self.id, token)
        self._reported[0] = _reported(answer) or self._reported[0]
        return answer


def _reported(answer: Answer) -> tuple[int, float] | None:
    """How many REST requests are left in this hour, and when the hour ends; None if not said.

    Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    headers = answer.headers
    left, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
    rest = headers.get("x-ratelimit-resource", "") in ("core", "")
    known = rest and left.isdecimal() and reset.isdecimal()
    return (int(left), float(reset)) if known else None


async def whole(
    page: Callable[[int], Awaitable[tuple[list[T], Answer]]],
    *,
    newest_pages: int = 0,
    most_pages: int = MOST_PAGES,
) -> tuple[T, ...]:
    """A whole list in GitHub's order. page: reads the page of that number.

    newest_pages: read only this many of the last pages; 0 for all. most_pages: stop after this
    many. Raises as `page`, and Retry (GitHub repeats a page).
    """
    first, answer = await page(1)
    last = min(last_page(answer), most_pages)
    begin = max(2, last - newest_pages + 1) if newest_pages else 2
    rest = await together(page(number) for number in range(begin, last + 1))
    pages = [] if newest_pages and last > newest_pages else [first]
    pages += [rows for rows, _ in rest]
    if any(rows and rows == following for rows, following in pairwise(pages)):
        raise Retry("GitHub repeats a page of a list", after_seconds=AGAIN_SECONDS)
    return tuple(row for rows in pages for row in rows)


def last_page(answer: Answer) -> int:
    """How many pages the list has, by the Link header. Raises Retry (more than any list has)."""
    found = _LAST.search(answer.headers.get("link", ""))
    last = int(found.group(1)) if found else 1
    if last > MOST_PAGES:
        raise Retry(f"GitHub names {last} pages of one list", after_seconds=AGAIN_SECONDS)
    return last


async def together(reads: Iterable[Awaitable[T]]) -> tuple[T, ...]:
    """All results, in order; the first failure cancels the other reads and is raised."""
    tasks = [asyncio.ensure_future(read) for read in reads]
    try:
        return tuple(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def both(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """As `together`, for two reads of different types."""
    reads: list[Awaitable[Any]] = [one, other]
    first, second = await together(reads)
    return first, second
