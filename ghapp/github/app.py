"""The App as GitHub has it: what it asks for, where it is installed, how its webhook fares.

Nothing is judged here. Sources: https://docs.github.com/rest/apps/apps, /rest/apps/webhooks
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self
from urllib.parse import quote, unquote

import msgspec

from ghapp.core.redelivery import Attempt, Page
from ghapp.errors import Retry
from ghapp.github.api import PAGE, decoded, last_page
from ghapp.github.errors import refusal
from ghapp.github.tokens import Tokens, is_unknown
from ghapp.github.wire import Answer, Request, Wire
from ghapp.settings import Endpoint

MOST_PAGES = 10  # of installations: beyond a thousand nobody reads what is said of each


class Owner(msgspec.Struct, frozen=True):
    """type: User, Organization or Enterprise."""

    login: str = ""
    type: str = ""


class Registered(msgspec.Struct, frozen=True):
    """permissions: what the App asks for, as {"checks": "write"}."""

    id: int
    slug: str = ""
    name: str = ""
    owner: Owner | None = None
    permissions: dict[str, str] = {}
    events: list[str] = []


class Hook(msgspec.Struct, frozen=True):
    """secret: asterisks where one is set."""

    url: str = ""
    content_type: str = ""
    insecure_ssl: str | float = "0"
    secret: str = ""


class Installed(msgspec.Struct, frozen=True):
    """permissions: what the account has granted so far. html_url: where that is changed."""

    id: int
    account: Owner | None = None
    permissions: dict[str, str] = {}
    repository_selection: str = "all"
    html_url: str = ""
    suspended_at: datetime | None = None


class Attempted(msgspec.Struct, frozen=True):
    """An attempt at a delivery. status: GitHub's words; status_code: the answer it got."""

    id: int
    guid: str
    delivered_at: datetime
    event: str = ""
    action: str | None = None
    status: str = ""
    status_code: int = 0
    redelivery: bool = False


class _Seen(msgspec.Struct):
    total_count: int = 0


class _Typed(msgspec.Struct):
    name: str = msgspec.field(name="__typename", default="")


class _GraphQL(msgspec.Struct):
    data: _Typed | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """How a first call came out.

    why: "" where GitHub answered, else name | refused | slow | certificate | other, and `words`.
    status: of its answer. is_api: whether that came from an API of GitHub.
    is_unknown: no App of this id. ahead_seconds: GitHub's clock before ours.
    server_version: of a GitHub Enterprise Server, "" elsewhere.
    """

    why: str = ""
    words: str = ""
    status: int = 0
    is_api: bool = True
    is_unknown: bool = False
    ahead_seconds: float = 0.0
    server_version: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an installation's token sees. left, limit: requests this hour, None without limits.

    answers_graphql: whether GraphQL answers, too.
    """

    repositories: int
    left: int | None
    limit: int | None
    answers_graphql: bool


class Registration:
    """Enter it once. Its calls raise Retry and Gone, but for `reach`."""

    def __init__(self, endpoint: Endpoint, app_id: int, private_key: str) -> None:
        self._wire = Wire(endpoint, observe=self._observed)
        self._tokens = Tokens(self._wire, app_id, private_key)
        self._first: tuple[Answer, datetime] | None = None  # and when it came, by our clock
        self._last: Answer | None = None

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._wire.__aexit__()

    async def reach(self) -> Reached:
        """Whether GitHub answers, and takes App and key."""
        try:
            await self._tokens.as_app(Request("GET", "app"))
        except Retry as error:
            if self._last is None:
                return Reached(*because(error))
        assert self._first
        assert self._last
        first, at = self._first
        return Reached(
            status=self._last.status,
            is_api="x-github-request-id" in first.headers,
            is_unknown=is_unknown(self._last),
            ahead_seconds=(first.date - at).total_seconds(),
            server_version=first.headers.get("x-github-enterprise-version", ""),
        )

    async def app(self) -> Registered:
        request = Request("GET", "app")
        return decoded(await self._asked(request), Registered, request)

    async def hook(self) -> Hook:
        request = Request("GET", "app/hook/config")
        return decoded(await self._asked(request), Hook, request)

    async def attempts(self) -> tuple[Attempted, ...]:
        """The newest attempts at deliveries, newest first."""
        request = Request("GET", f"app/hook/deliveries?per_page={PAGE}")
        return tuple(decoded(await self._asked(request), list[Attempted], request))

    async def redeliver(self, attempt_id: int) -> bool:
        """Ask for another attempt; False where GitHub keeps that delivery no more."""
        return await redeliver(self._tokens, attempt_id)

    async def installations(self) -> tuple[Installed, ...]:
        found: list[Installed] = []
        last, number = 1, 1
        while number <= min(last, MOST_PAGES):
            request = Request("GET", f"app/installations?per_page={PAGE}&page={number}")
            answer = await self._asked(request)
            found += decoded(answer, list[Installed], request)
            last, number = last_page(answer), number + 1
        return tuple(found)

    async def allowed(self, installation_id: int) -> Allowed:
        """What GitHub lets an installation see."""
        request = Request("GET", "installation/repositories?per_page=1")
        authorization = f"Bearer {(await self._tokens.get(installation_id)).token}"
        answer = await self._wire.send(request, authorization)
        if answer.status >= 400:
            raise refusal(answer, str(request))
        left, limit = (
            int(answer.headers.get(f"x-ratelimit-{name}", "-1")) for name in ("remaining", "limit")
        )
        return Allowed(
            decoded(answer, _Seen, request).total_count,
            left if limit > 0 else None,
            limit if limit > 0 else None,
            await self._answers_graphql(authorization),
        )

    async def _answers_graphql(self, authorization: str) -> bool:
        body = {"query": "{ __typename }"}
        request = Request("POST", self._wire.graphql_url, body, reads=True)
        answer = await self._wire.send(request, authorization)
        if answer.status != 200:
            return False
        found = decoded(answer, _GraphQL, request)
        return found.data is not None and found.data.name == "Query"

    async def _asked(self, request: Request) -> Answer:
        answer = await self._tokens.as_app(request)
        if answer.status >= 400:
            raise refusal(answer, str(request))
        return answer

    def _observed(self, _request: Request, answer: Answer | None, _seconds: float) -> None:
        if answer is not None:
            self._first = self._first or (answer, datetime.now(UTC))
        self._last = answer


def because(error: BaseException) -> tuple[str, str]:
    """Why no answer came: a word of `Reached.why`, and what the system says."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(one):
            return "certificate", str(one)
        if isinstance(one, socket.gaierror):
            return "name", one.strerror or str(one)
        if isinstance(one, ConnectionRefusedError):
            return "refused", one.strerror or str(one)
    for one in chain:
        if isinstance(one, TimeoutError) or "Timeout" in type(one).__name__:
            return "slow", str(error)
    return "other", str(chain[-1]) or str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "exc", None)]
        waiting += [part for part in one.args if isinstance(part, BaseException)]


# Too old, or not to be had any more: to ask again would be answered the same.
NOT_KEPT = (400, 404, 410, 422)
_NEXT = re.compile(r'[?&]cursor=([^&>]+)[^>]*>; rel="next"')


class AsApp(Protocol):
    """What asks as the App itself."""

    async def as_app(self, request: Request) -> Answer: ...


class _Row(msgspec.Struct):
    id: int
    guid: str
    delivered_at: datetime
    status_code: int = 0
    redelivery: bool = False


async def attempts(app: AsApp, cursor: str = "") -> Page:
    """A page of attempts; a cursor that GitHub knows no more leads to the newest ones.

    Raises Retry, and Gone (a GitHub Enterprise Server that is too old for it).
    """
    query = f"&cursor={quote(cursor, safe='')}" if cursor else ""
    request = Request("GET", f"app/hook/deliveries?per_page={PAGE}{query}")
    answer = await app.as_app(request)
    if cursor and answer.status in NOT_KEPT:
        return await attempts(app)
    if answer.status >= 400:
        raise refusal(answer, str(request))
    found = _NEXT.search(answer.headers.get("link", ""))
    rows = tuple(map(_attempt, decoded(answer, list[_Row], request)))
    return Page(rows, unquote(found.group(1)) if found else "")


async def redeliver(app: AsApp, attempt_id: int) -> bool:
    """Ask for another attempt; False where GitHub keeps that delivery no more. Raises Retry."""
    request = Request("POST", f"app/hook/deliveries/{attempt_id}/attempts")
    answer = await app.as_app(request)
    if answer.status in NOT_KEPT:
        return False
    if answer.status >= 400:
        raise refusal(answer, str(request))
    return True


def _attempt(row: _Row) -> Attempt:
    # Ours are kept in lower case.
    return Attempt(row.id, row.guid.lower(), row.delivered_at, row.status_code, row.redelivery)
