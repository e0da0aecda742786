"""The API as one installation may use it: authorised, within its budget, refusals translated."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Iterable, Mapping
from itertools import pairwise
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import msgspec

from ghapp.errors import Retry
from ghapp.github.availability import Way
from ghapp.github.errors import limited_seconds, refusal
from ghapp.github.kept import Kept
from ghapp.github.rate_limits import Budget, Importance
from ghapp.github.tokens import Tokens
from ghapp.github.wire import AGAIN_SECONDS, IN_FLIGHT, LATE, TOTAL_SECONDS, Answer, Request

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
PAGE = 100  # the most that GitHub lists at once
MOST_PAGES = 1_000  # of one list: more than any that is read whole has
# Of the connections to the host: where all of these hang, others have the rest.
MOST_IN_FLIGHT, MOST_OF_REPOSITORY = IN_FLIGHT * 4 // 5, IN_FLIGHT // 2
# By then GitHub has ended what it was asked, whatever else we wait for.
MOST_LATE_SECONDS = LATE * TOTAL_SECONDS
_LAST = re.compile(r'[?&]page=(\d{1,9})\b[^>]*>; rel="last"')
_REPOSITORY = re.compile(r"repos/[^/]+/[^/]+")


class Installation:
    """One installation on one host. kept: what the host's installations need not ask again."""

    def __init__(self, wire: Way, tokens: Tokens, budget: Budget, id: int, kept: Kept) -> None:
        self.id = id
        self.kept = kept
        self._wire = wire
        self._tokens = tokens
        self._budget = budget
        self._in_flight = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._told = (0, 0.0)  # GitHub's own count: requests left, and until when that is so
        self._late: dict[str, float] = {}  # repository -> until when a write may take effect

    @property
    def graphql_url(self) -> str:
        return self._wire.graphql_url

    async def permissions(self) -> Mapping[str, str]:
        """What the account granted, as {"members": "read"}."""
        return (await self._tokens.get(self.id)).permissions

    def left(self) -> dict[str, int]:
        """What this installation may still ask: of each window of ours, and as GitHub last told."""
        left, until = self._told
        told = {"github_hour": left} if until > self._tokens.now().timestamp() else {}
        return {**self._budget.left(time.monotonic()), **told}

    def late_seconds(self, repository_path: str) -> float:
        """For how long a write that nobody answered may still take effect there; 0 for no more."""
        return max(self._late.get(repository_path, 0.0) - time.monotonic(), 0.0)

    async def send(
        self, request: Request, importance: Importance, *, fine: Iterable[int] = ()
    ) -> Answer:
        """The answer below 300 or with a status in `fine`; 304 to a request with an ETag.

        Raises Gone (404 and the like), Retry (limits, 5xx, refused, led astray, or no answer) and,
        for a best-effort write only, Rejected.
        """
        answer = await self._authorised(request, importance)
        if answer.status == 401:
            answer = await self._authorised(request, importance)
        current = answer.status == 304 and "If-None-Match" in request.headers
        limited = limited_seconds(answer)  # before `fine`: a limit may come as 403, too
        if limited:
            self._budget.close(limited, time.monotonic())
        elif answer.status < 300 or current or answer.status in fine:
            return answer
        raise refusal(answer, str(request), best_effort=importance is Importance.BEST_EFFORT)

    async def get(self, path: str, type: type[T]) -> tuple[T, Answer]:
        """A decoded answer, and the answer itself for its headers. Raises as `send`."""
        request = Request("GET", path)
        answer = await self.send(request, Importance.LOOK)
        return decoded(answer, type, request), answer

    async def rows(self, path: str, type: type[T], *, newest_pages: int = 0) -> tuple[T, ...]:
        """A whole list in GitHub's order, or its last pages.

        path: with a query, which may be empty. Raises as `send`.
        """
        first, answer = await self.get(f"{path}&per_page={PAGE}", list[type])  # type: ignore[valid-type]
        last = last_page(answer)
        begin = max(2, last - newest_pages + 1) if newest_pages else 2
        numbers = range(begin, last + 1)
        rest = await together(self.page(path, type, number) for number in numbers)
        if newest_pages and last > newest_pages:
            first = []
        pages = (first, *rest)
        if any(one and one == after for one, after in pairwise(pages)):
            raise Retry(f"GET {path}: GitHub repeats a page", after_seconds=AGAIN_SECONDS)
        return tuple(row for page in pages for row in page)

    async def page(self, path: str, type: type[T], number: int) -> list[T]:
        """One page of a list. path: with a query. Raises as `send`."""
        found, _ = await self.get(f"{path}&per_page={PAGE}&page={number}", list[type])  # type: ignore[valid-type]
        return found

    async def _authorised(self, request: Request, importance: Importance) -> Answer:
        token = await self._tokens.get(self.id)
        method = "GET" if request.reads else request.method
        async with self._room(request), self._in_flight:
            # Here, for GitHub may have asked for a rest while the call waited for its place.
            self._budget.take(method, importance, time.monotonic())
            try:
                answer = await self._wire.send(request, f"Bearer {token.token}")
            except Retry as retry:
                if request.writes:
                    self._may_be_late(request, retry.after_seconds)
                raise
        if answer.status == 401:
            self._tokens.drop(self.id, token)
        self._told = _told(answer) or self._told
        return answer

    def _room(self, request: Request) -> asyncio.Semaphore:
        """What the calls in flight for one repository share, or those for none."""
        path = _repository(request)
        room = self._rooms.get(path)
        if room is None:
            room = self._rooms[path] = asyncio.Semaphore(MOST_OF_REPOSITORY)
        return room

    def _may_be_late(self, request: Request, seconds: float) -> None:
        now, there = time.monotonic(), _repository(request)
        self._late = {path: until for path, until in self._late.items() if until > now}
        if there:
            self._late[there] = now + min(seconds, MOST_LATE_SECONDS)


def _repository(request: Request) -> str:
    """The path of the repository that a request is about, as "repos/acme/shop"; "" for none."""
    found = _REPOSITORY.match(request.path)
    return found[0] if found else ""


def _told(answer: Answer) -> tuple[int, float] | None:
    """The requests of REST that are left in this hour, and when it ends.

    Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    headers = answer.headers
    left, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
    rest = headers.get("x-ratelimit-resource", "") in ("core", "")
    known = rest and left.isdecimal() and reset.isdecimal()
    return (int(left), float(reset)) if known else None


def decoded(answer: Answer, type: type[T], what: object) -> T:
    """The body as a value. Raises Retry (it is not what GitHub documents)."""
    try:
        return msgspec.json.decode(answer.body, type=type)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        text = f"{what}: the answer cannot be read: {error}"
        raise Retry(text, after_seconds=AGAIN_SECONDS) from error


def last_page(answer: Answer) -> int:
    """How many pages the list has, by the Link header. Raises Retry (more than any list has)."""
    found = _LAST.search(answer.headers.get("link", ""))
    last = int(found.group(1)) if found else 1
    if last > MOST_PAGES:
        raise Retry(f"GitHub names {last} pages of one list", after_seconds=AGAIN_SECONDS)
    return last


async def together(reads: Iterable[Awaitable[T]]) -> tuple[T, ...]:
    """All answers, in order; the first failure ends the others and is raised as it is."""
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
