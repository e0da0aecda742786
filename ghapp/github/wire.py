"""One HTTP exchange with GitHub: a request in, whatever was answered out.

githubkit sends it, over one aiohttp session. Nothing is retried, cached or judged here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import httpx
import msgspec
from githubkit.exception import RequestError, RequestFailed

from ghapp.errors import Retry, WrongSetting
from ghapp.github.transport import Client, Kit, Transport

CONNECT_SECONDS, TOTAL_SECONDS, AGAIN_SECONDS = 5.0, 15.0, 5.0
# A write that we gave up on may take effect for so many times longer than we waited for it.
LATE = 4 / 3
# Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
IN_FLIGHT = 100
API_VERSION = "2022-11-28"
MOVED = frozenset({301, 302, 307, 308})


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
            return parsedate_to_datetime(self.headers.get("date", "")).astimezone(UTC)
        except (ValueError, OverflowError):
            return datetime.now(UTC)


# Hears of every exchange: what was asked, the answer or None where none came, and the seconds.
Observe = Callable[[Request, Answer | None, float], None]


def unobserved(request: Request, answer: Answer | None, seconds: float) -> None:
    """Nobody counts."""


class Wire:
    """The way to one GitHub host; entered once, closed on leaving.

    ca_file: "" is the usual CAs. patience_seconds: for how long an answer is waited for.
    """

    def __init__(
        self,
        api_url: str,
        *,
        proxy: str = "",
        ca_file: str = "",
        observe: Observe = unobserved,
        patience_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.api_url = api_url
        self._proxy = proxy
        self._ca_file = ca_file
        self._observe = observe
        self._patience_seconds = patience_seconds
        self._open = AsyncExitStack()

    @property
    def graphql_url(self) -> str:
        """Where GraphQL is asked: on GitHub Enterprise Server it is not below the REST API's base.

        Source: https://docs.github.com/graphql/guides/forming-calls-with-graphql
        """
        base = self.api_url.rstrip("/")
        return f"{base.removesuffix('/v3')}/graphql"

    async def __aenter__(self) -> Self:
        trusted = _trusted(self._ca_file)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=IN_FLIGHT, ssl=trusted, socket_factory=given_up),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        await self._open.enter_async_context(session)
        # httpx does not look for a proxy once it is given a transport.
        proxy = httpx.Proxy(self._proxy) if self._proxy else None
        timeout = httpx.Timeout(self._patience_seconds, connect=CONNECT_SECONDS)
        transport = Transport(verify=trusted, proxy=proxy, client=session)
        self._kit = Kit(base_url=self.api_url, user_agent="ghapp", auto_retry=False)
        self._kit.client = Client(self._kit.config, transport, timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def send(self, request: Request, authorization: str) -> Answer:
        """The answer, followed to where a renamed repository went. Raises Retry (none came)."""
        answer = await self._once(request, authorization, request.path)
        target = answer.headers.get("location", "")
        if answer.status in MOVED and _same_host(target, self.api_url):
            return await self._once(request, authorization, target)
        return answer

    async def _once(self, request: Request, authorization: str, url: str) -> Answer:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience_seconds):
                answer = await self._exchange(request, authorization, url)
            self._observe(request, answer, time.perf_counter() - started)
            return answer
        except (RequestError, httpx.HTTPError, TimeoutError) as error:
            self._observe(request, None, time.perf_counter() - started)
            cause = error.exc if isinstance(error, RequestError) else error
            text = f"{request}: no answer from GitHub ({type(cause).__name__})"
            raise Retry(text, after_seconds=self._again_seconds(request, cause)) from error

    def _again_seconds(self, request: Request, cause: BaseException) -> float:
        late = isinstance(cause, TimeoutError | httpx.ReadTimeout | httpx.WriteTimeout)
        return (
            max(AGAIN_SECONDS, LATE * self._patience_seconds)
            if request.writes and late
            else AGAIN_SECONDS
        )

    async def _exchange(self, request: Request, authorization: str, url: str) -> Answer:
        headers = {"Authorization": authorization, "X-GitHub-Api-Version": API_VERSION}
        content = None
        if request.body is not None:
            content = msgspec.json.encode(request.body)
            headers["Content-Type"] = "application/json"
        cut = request.most_bytes > 0
        try:
            response = await self._kit.arequest(
                request.method,
                url,
                content=content,
                headers={**headers, **request.headers},
                stream=cut,
            )
            raw = response.raw_response
        except RequestFailed as failed:  # any status from 400 on; its body is read
            raw, cut = failed.response.raw_response, False
        body = await _beginning(raw, request.most_bytes) if cut else raw.content
        return Answer(raw.status_code, raw.headers, body)


async def _beginning(response: httpx.Response, most_bytes: int) -> bytes:
    """The body up to a bound; the connection is given up where it is longer."""
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > most_bytes:
                break
    finally:
        await response.aclose()
    return bytes(body[:most_bytes])


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


def _trusted(ca_file: str) -> ssl.SSLContext:
    """What httpx trusts: SSL_CERT_FILE or SSL_CERT_DIR where set, else its own list of CAs."""
    try:
        if ca_file:
            return ssl.create_default_context(cafile=ca_file)
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one, too
        raise WrongSetting(
            f"SSL_CERT_FILE: is no file of certificates that can be read ({error.strerror}); "
            "name a PEM file with the CA that signed GitHub's certificate, or leave it out"
        ) from error


def _same_host(url: str, other: str) -> bool:
    one, two = urlsplit(url), urlsplit(other)
    return (one.scheme, one.netloc) == (two.scheme, two.netloc)
