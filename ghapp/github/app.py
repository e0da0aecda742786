"""The App itself on GitHub: its registration, installations, webhook, and deliveries.

Sources: https://docs.github.com/rest/apps/apps, /rest/apps/webhooks
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self, TypeVar
from urllib.parse import quote, unquote

import githubkit
import msgspec
from pydantic import ValidationError

from ghapp.core.redelivery import Attempt, Page
from ghapp.errors import Retry, Wait
from ghapp.github.api import MOST_PAGES, PAGE, whole
from ghapp.github.errors import AGAIN_SECONDS, Answer, decoded, refusal
from ghapp.github.host import GRAPHQL, Host, Request, Tokens, is_unknown
from ghapp.settings import Endpoint

T = TypeVar("T")
MOST_SHOWN_PAGES = 10  # of installations; nobody reads findings about more than a thousand
# A delivery is too old, or GitHub no longer keeps it.
NOT_KEPT = (400, 404, 410, 422)
_NEXT = re.compile(r'[?&]cursor=([^&>]+)[^>]*>; rel="next"')


class Owner(msgspec.Struct, frozen=True):
    """type: User, Organization or Enterprise."""

    login: str = ""
    type: str = ""


class Installed(msgspec.Struct, frozen=True):
    """An installation. permissions: what its account has granted. html_url: where to change that.

    githubkit's model has a closed list of permissions and levels, but GitHub adds new ones.
    """

    id: int
    account: Owner | None = None
    permissions: dict[str, str] = {}
    repository_selection: str = "all"
    html_url: str = ""
    suspended_at: datetime | None = None


class _Row(msgspec.Struct):
    id: int
    guid: str
    delivered_at: datetime
    status_code: int = 0
    redelivery: bool = False


async def installations(tokens: Tokens, *, most_pages: int = MOST_PAGES) -> tuple[Installed, ...]:
    """All installations of the App, or those on the first pages. Raises Gone, Retry and Wait."""

    async def page(number: int) -> tuple[list[Installed], Answer]:
        request = Request("GET", f"app/installations?per_page={PAGE}&page={number}")
        answer = await tokens.as_app(request)
        return decoded(answer, list[Installed], request), answer

    return await whole(page, most_pages=most_pages)


async def installation_of(tokens: Tokens, path: str) -> int:
    """The id of the installation that reaches a repository. path: "OWNER/NAME", quoted.

    Raises Gone (it is installed there no longer, or never was), Retry and Wait.
    """
    request = Request("GET", f"repos/{path}/installation")
    return decoded(await tokens.as_app(request), Installed, request).id


async def attempts(tokens: Tokens, cursor: str = "") -> Page:
    """A page of the attempts at deliveries; the first page if GitHub has forgotten the cursor.

    Raises Retry, and Gone (a GitHub Enterprise Server that is too old for it).
    """
    query = f"&cursor={quote(cursor, safe='')}" if cursor else ""
    request = Request("GET", f"app/hook/deliveries?per_page={PAGE}{query}")
    answer = await tokens.ask_as_app(request)
    if cursor and answer.status in NOT_KEPT:
        return await attempts(tokens)
    if answer.status >= 400:
        raise refusal(answer, request)
    found = _NEXT.search(answer.headers.get("link", ""))
    rows = tuple(  # our own GUIDs are in lower case
        Attempt(row.id, row.guid.lower(), row.delivered_at, row.status_code, row.redelivery)
        for row in decoded(answer, list[_Row], request)
    )
    return Page(rows, unquote(found.group(1)) if found else "")


async def redeliver(tokens: Tokens, attempt_id: int) -> bool:
    """Ask for another attempt; False if GitHub no longer keeps that delivery. Raises Retry."""
    request = Request("POST", f"app/hook/deliveries/{attempt_id}/attempts")
    answer = await tokens.ask_as_app(request)
    if answer.status in NOT_KEPT:
        return False
    if answer.status >= 400:
        raise refusal(answer, request)
    return True


# --- for `ghapp doctor` ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Registered:
    """The App's registration. permissions: what it asks for, as {"checks": "write"}."""

    id: int
    slug: str = ""
    name: str = ""
    owner: Owner | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hook:
    """The settings of the webhook. secret: asterisks if one is set."""

    url: str = ""
    content_type: str = ""
    insecure_ssl: str | float = "0"
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt at a delivery. status: GitHub's words; status_code: the answer it got."""

    id: int
    guid: str
    delivered_at: datetime
    event: str = ""
    action: str | None = None
    status: str = ""
    status_code: int = 0
    redelivery: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """The result of a first call.

    why: "" if GitHub answered, else name | refused | slow | certificate | other.
    words: the error, if it did not answer. status: of its answer. is_api: the answer came from
    GitHub's API. is_unknown: GitHub has no such App. ahead_seconds: GitHub's clock minus ours.
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
    """What an installation's token can do. repositories: how many it sees.

    left, limit: requests this hour, None without limits. answers_graphql: GraphQL answers as well.
    """

    repositories: int
    left: int | None
    limit: int | None
    answers_graphql: bool


class _Counted(msgspec.Struct):
    total_count: int = 0


class _Typed(msgspec.Struct):
    name: str = msgspec.field(name="__typename", default="")


class _GraphQL(msgspec.Struct):
    data: _Typed | None = None


class Registration:
    """The App as the doctor examines it; enter it once.

    Raises Retry, Wait and Gone, except `reach`.
    """

    def __init__(self, endpoint: Endpoint, app_id: int, private_key: str) -> None:
        self._host = Host(endpoint, app_id, private_key, observe=self._note)
        self._tokens = Tokens(self._host)
        self._first: tuple[Answer, datetime] | None = None  # with its time by our clock
        self._last: Answer | None = None

    async def __aenter__(self) -> Self:
        await self._host.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._host.__aexit__()

    async def reach(self) -> Reached:
        """Whether GitHub answers, and accepts App and key. Call it first: it sets the clock."""
        try:
            await self._tokens.ask_as_app(Request("GET", "app"))
        except (Retry, Wait) as error:
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
        call = self._host.app.rest.apps.async_get_authenticated()
        found = await self._read(Request("GET", "app"), call)
        assert found
        owner = Owner(getattr(found.owner, "login", ""), getattr(found.owner, "type", ""))
        permissions = found.permissions.model_dump(exclude_unset=True)
        return Registered(found.id, found.slug or "", found.name, owner, permissions, found.events)

    async def hook(self) -> Hook:
        call = self._host.app.rest.apps.async_get_webhook_config_for_app()
        found = await self._read(Request("GET", "app/hook/config"), call)
        return Hook(
            found.url or "", found.content_type or "", found.insecure_ssl or "0", found.secret or ""
        )

    async def set_hook(self, url: str, secret: str) -> None:
        """Set where the webhook leads, and what signs its deliveries, in JSON over verified TLS."""
        body = {"url": url, "secret": secret, "content_type": "json", "insecure_ssl": "0"}
        await self._tokens.as_app(Request("PATCH", "app/hook/config", body, repeatable=True))

    async def attempts(self) -> tuple[Attempted, ...]:
        """The newest attempts at deliveries, newest first."""
        call = self._host.app.rest.apps.async_list_webhook_deliveries(per_page=PAGE)
        return tuple(
            Attempted(
                one.id,
                one.guid,
                one.delivered_at,
                one.event,
                one.action,
                one.status,
                one.status_code,
                one.redelivery,
            )
            for one in await self._read(Request("GET", "app/hook/deliveries"), call)
        )

    async def redeliver(self, attempt_id: int) -> bool:
        """Ask for another attempt; False if GitHub no longer keeps that delivery."""
        return await redeliver(self._tokens, attempt_id)

    async def installations(self) -> tuple[Installed, ...]:
        return await installations(self._tokens, most_pages=MOST_SHOWN_PAGES)

    async def allowed(self, installation_id: int) -> Allowed:
        """What GitHub lets an installation see."""
        token = await self._tokens.get(installation_id)
        request = Request("GET", "installation/repositories?per_page=1")
        answer = await self._host.send(request, token.github)
        if answer.status >= 400:
            raise refusal(answer, request)
        left, limit = (
            int(answer.headers.get(f"x-ratelimit-{name}", "-1")) for name in ("remaining", "limit")
        )
        asked = Request("POST", GRAPHQL, {"query": "{ __typename }"}, reads=True)
        typed = await self._host.send(asked, token.github)
        data = decoded(typed, _GraphQL, asked).data if typed.status == 200 else None
        return Allowed(
            decoded(answer, _Counted, request).total_count,
            left if limit > 0 else None,
            limit if limit > 0 else None,
            data is not None and data.name == "Query",
        )

    async def _read(self, request: Request, call: Awaitable[githubkit.Response[T]]) -> T:
        """The answer to a call of githubkit, as its model. request: for errors."""
        response = await self._host.answered(request, call)
        if response.is_error:
            answer = Answer(response.status_code, response.headers, response.content)
            raise refusal(answer, request)
        try:
            return response.parsed_data
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False)[0]
            what = f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
            text = f"{request}: the answer cannot be read: {what}"
            raise Retry(text, after_seconds=AGAIN_SECONDS) from None

    def _note(self, _method: str, _path: str, answer: Answer | None, _seconds: float) -> None:
        if answer is not None:
            self._first = self._first or (answer, datetime.now(UTC))
        self._last = answer


def because(error: BaseException) -> tuple[str, str]:
    """Why no answer came: `Reached.why`, and the system's own words."""
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
    """The error, and all errors that it came from."""
    known: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in known:
            continue
        known.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "exc", None)]
        waiting += [part for part in one.args if isinstance(part, BaseException)]
