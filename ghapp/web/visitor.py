"""Who looks at a page, and what they may see; whoever is on this machine may see all."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ghapp.errors import Busy, StoreFailed

# What proxies add. A proxy on this machine would lend its address to the whole world.
FORWARDED = (
    *("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
    *("via", "cf-connecting-ip", "true-client-ip"),
)
READS = ("GET", "HEAD")
AWAY = "the database does not answer; try once more in a moment"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody whom the pages answer.

    login: on GitHub; "" for who is on this machine and did not sign in. repositories: the ids of
    those that they may see; None for all. form: the token of forms on their pages; see `forms`.
    user_id: of their account; 0 without a session.
    """

    login: str
    repositories: frozenset[int] | None
    form: str = field(default="", repr=False)
    user_id: int = 0


HERE, NOBODY = Visitor("", None), Visitor("", frozenset())
Answer = Callable[[Request, Visitor], Awaitable[Response]]


class Guard(Protocol):
    """Decides who may see the pages."""

    async def visitor(self, request: Request) -> Visitor | Response:
        """Who asks, or what they get in place of the page.

        Raises HTTPException (404 for strangers), Busy and StoreFailed.
        """
        ...


class Guarded:
    """A page for those whom the guard lets in. methods: what it may be asked with."""

    def __init__(self, guard: Guard, answer: Answer, methods: tuple[str, ...] = READS) -> None:
        self._guard, self._answer, self._methods = guard, answer, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._guard.visitor(request)
            if isinstance(response, Visitor):
                if request.method not in self._methods:
                    raise HTTPException(405, headers={"Allow": ", ".join(self._methods)})
                request.state.visitor = response
                response = await self._answer(request, response)
        except (Busy, StoreFailed):
            response = JSONResponse({"error": AWAY}, 503)
        await response(scope, receive, send)


class Everybody:
    """Lets in everybody, as somebody who may see no repository."""

    async def visitor(self, _request: Request) -> Visitor:
        return NOBODY


class Local:
    """Lets in who is on this machine; 404 for everybody else, as if there were no such page."""

    def __init__(self) -> None:
        self._visitor = replace(HERE, form=secrets.token_urlsafe(32))

    async def visitor(self, request: Request) -> Visitor:
        if not is_local(request):
            raise HTTPException(404)
        return self._visitor


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine, and through no proxy.

    What decides is the peer of the connection. What a request says of itself can only refuse it:
    headers of proxies; HTTP/1.0, which old proxies speak and no browser does; and another host's
    name, by which a page of that host would read ours through the visitor's browser.
    """
    peer = request.client.host if request.client else ""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return (
        _is_loopback(peer)
        and (host == "localhost" or _is_loopback(host))
        and request.scope.get("http_version") != "1.0"
        and not any(name in request.headers for name in FORWARDED)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_api(request: Request) -> bool:
    """Whether a program asks, which gets JSON."""
    return request.url.path.startswith("/api/")
