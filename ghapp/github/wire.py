"""One HTTP exchange with GitHub: a request in, whatever was answered out.

aiohttp sends it, in two sessions. Nothing is retried, cached or judged here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import certifi
import msgspec
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ghapp.errors import Retry, WrongSetting
from ghapp.github import bodies
from ghapp.settings import Endpoint

CONNECT_SECONDS, TOTAL_SECONDS, AGAIN_SECONDS = 5.0, 15.0, 5.0
# A write that we gave up on may take effect for so many times longer than we waited for it.
LATE = 4 / 3
# Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
IN_FLIGHT = 100
ALWAYS = {
    "Accept": "application/vnd.github+json",
    "Accept-Encoding": "gzip",
    "User-Agent": "ghapp",
    "X-GitHub-Api-Version": "2022-11-28",
}
MOVED = frozenset({301, 302, 307, 308})
# Beside aiohttp's own: what cannot be sent (ValueError), a session that is closed (RuntimeError).
UNANSWERED = (aiohttp.ClientError, OSError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Request:
    """path: below the API's base, its parts quoted; or an address on the same host.

    most_bytes: longer bodies are cut; 0 is all. reads: it changes nothing, whatever the method.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    most_bytes: int = 0
    reads: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.reads

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub answered, whatever the status."""

    status: int
    headers: Mapping[str, str]  # ignores case
    body: bytes

    @property
    def date(self) -> datetime:
        """GitHub's clock, to the second; ours where the answer does not say."""
        try:
            return _clock(self.headers.get("date", ""))
        except (ValueError, OverflowError):
            return datetime.now(UTC)


@lru_cache(maxsize=8)  # for a second long all answers say the same
def _clock(date: str) -> datetime:
    return parsedate_to_datetime(date).astimezone(UTC)


# Hears of every exchange: what was asked, the answer or None where none came, and the seconds.
Observe = Callable[[Request, Answer | None, float], None]


def unobserved(request: Request, answer: Answer | None, seconds: float) -> None:
    """Nobody counts."""


class Wire:
    """The way to one GitHub host; entered once, closed on leaving.

    patience_seconds: for how long an answer is waited for.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        observe: Observe = unobserved,
        patience_seconds: float = TOTAL_SECONDS,
    ) -> None:
        parts = urlsplit(endpoint.api_url)
        self._base = f"{endpoint.api_url.rstrip('/')}/"
        self._host = f"{parts.scheme}://{parts.netloc}/"
        self._endpoint = endpoint
        self._proxy, self._to_proxy = _proxied(endpoint.proxy)
        # A proxy hears of TLS only where to; of all else each request itself.
        self._always = ALWAYS if parts.scheme == "https" else ALWAYS | self._to_proxy
        self._observe = observe
        self._patience_seconds = patience_seconds
        self._open = AsyncExitStack()

    @property
    def graphql_url(self) -> str:
        """Where GraphQL is asked: on GitHub Enterprise Server it is not below the REST API's base.

        Source: https://docs.github.com/graphql/guides/forming-calls-with-graphql
        """
        return f"{self._base.removesuffix('/').removesuffix('/v3')}/graphql"

    async def __aenter__(self) -> Self:
        trusted = _trusted(self._endpoint)
        self._session = await self._open.enter_async_context(_session(trusted, IN_FLIGHT))
        self._apart = await self._open.enter_async_context(_session(trusted, 1))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def send(self, request: Request, authorization: str) -> Answer:
        """The answer, followed to where a renamed repository went. Raises Retry (none came)."""
        return await self._followed(self._session, request, authorization)

    async def send_apart(self, request: Request, authorization: str) -> Answer:
        """As `send`, but on the one connection for this: calls that hang do not hold it up."""
        return await self._followed(self._apart, request, authorization)

    async def _followed(
        self, session: aiohttp.ClientSession, request: Request, authorization: str
    ) -> Answer:
        path = request.path
        url = path if path.startswith(("https://", "http://")) else self._base + path
        # What is quoted stays as it is: `%2F` and `..` are of the names of files.
        answer = await self._once(session, request, authorization, URL(url, encoded=True))
        if answer.status in MOVED:
            target = answer.headers.get("location", "")
            if target.startswith(self._host):
                return await self._once(session, request, authorization, URL(target))
        return answer

    async def _once(
        self, session: aiohttp.ClientSession, request: Request, authorization: str, url: URL
    ) -> Answer:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience_seconds):
                answer = await self._exchange(session, request, authorization, url)
        except UNANSWERED as error:
            self._observe(request, None, time.perf_counter() - started)
            text = f"{request}: no answer from GitHub ({type(error).__name__})"
            raise Retry(text, after_seconds=self._again_seconds(request, error)) from error
        self._observe(request, answer, time.perf_counter() - started)
        return answer

    def _again_seconds(self, request: Request, error: Exception) -> float:
        connected = not isinstance(error, aiohttp.ConnectionTimeoutError)
        late = isinstance(error, TimeoutError) and connected
        return (
            max(AGAIN_SECONDS, LATE * self._patience_seconds)
            if request.writes and late
            else AGAIN_SECONDS
        )

    async def _exchange(
        self, session: aiohttp.ClientSession, request: Request, authorization: str, url: URL
    ) -> Answer:
        headers = {**self._always, "Authorization": authorization, **request.headers}
        content = None
        if request.body is not None:
            content = msgspec.json.encode(request.body)
            headers["Content-Type"] = "application/json"
        async with session.request(
            request.method,
            url,
            data=content,
            headers=headers,
            allow_redirects=False,
            proxy=self._proxy,
            proxy_headers=self._to_proxy,
        ) as response:
            most_bytes = request.most_bytes if response.status < 400 else 0  # refusals are read
            body = await bodies.read(response, most_bytes)
            return Answer(response.status, _legible(response.headers), body)


def _session(trusted: ssl.SSLContext, most: int) -> aiohttp.ClientSession:
    """most: connections at a time."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=most, ssl=trusted, socket_factory=given_up),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS),
        auto_decompress=False,
    )


def given_up(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket on which the kernel, too, gives up what GitHub has not acknowledged in time.

    Else it goes on sending for minutes what we have closed: a write that a broken network held
    back would take effect long after it was looked for, and made again.
    """
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(TOTAL_SECONDS * 1000))
    return made


def _proxied(proxy: str) -> tuple[URL | None, dict[str, str]]:
    """Its address, which errors repeat, and apart from that the headers with its password."""
    if not proxy:
        return None, {}
    url = URL(proxy)
    if url.raw_user is None:
        return url, {}
    basic = aiohttp.encode_basic_auth(url.user or "", url.password or "")
    return url.with_user(None), {"Proxy-Authorization": basic}


def _trusted(endpoint: Endpoint) -> ssl.SSLContext:
    if endpoint.ca_dir and not endpoint.ca_file:
        # OpenSSL takes any words for folders, several of them too, and then trusts nobody.
        # Of a name that is too long, or may not be looked at, pathlib raises.
        if not any(os.path.isdir(one) for one in endpoint.ca_dir.split(os.pathsep)):  # noqa: PTH112
            raise WrongSetting("SSL_CERT_DIR: is no folder; name one with CAs, or leave it out")
        return ssl.create_default_context(capath=endpoint.ca_dir)
    try:
        return ssl.create_default_context(cafile=endpoint.ca_file or certifi.where())
    except OSError as error:  # ssl.SSLError is one, too
        raise WrongSetting(
            f"SSL_CERT_FILE: is no file of certificates that can be read ({error.strerror}); "
            "name a PEM file with the CA that signed GitHub's certificate, or leave it out"
        ) from error


def _legible(headers: CIMultiDictProxy[str]) -> Mapping[str, str]:
    """As they are, but for bytes that are no text: no database and no log takes those."""
    if "".join(headers.values()).isascii():
        return headers
    return CIMultiDict(
        (name, value.encode("utf-8", "replace").decode()) for name, value in headers.items()
    )
