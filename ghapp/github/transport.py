"""A transport for httpx, and so for githubkit, that sends requests with aiohttp.

httpx's own pool takes twice the CPU (docs/decisions/0009-githubkit.md). The transport does not
retry, follow redirects, cache, or interpret answers.
"""

from __future__ import annotations

import math
import os
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Callable

import aiohttp
import certifi
import httpx
from yarl import URL

from ghapp.errors import WrongSetting
from ghapp.github.errors import Answer, limited_seconds
from ghapp.settings import Endpoint

CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 15.0
# Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
IN_FLIGHT = 100
API_VERSION = "2022-11-28"  # githubkit's models are newer, but older servers refuse a newer version
# Unpacked. Far above any page of GitHub's: a longer answer is an attack.
MOST_ANSWER_BYTES = 64 << 20
# The media type of a file's own bytes, and how many of them are read; the rest is cut off.
RAW, MOST_RAW_BYTES = "application/vnd.github.raw+json", (1 << 20) + 4
# Headers that aiohttp has handled, or that are not true of the unpacked body.
_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})

# Called after every request: method, path, the answer or None if none came, and the seconds.
Observe = Callable[[str, str, Answer | None, float], None]


class Transport(httpx.AsyncBaseTransport):
    """Connections to one host. Open it before the first request, and close it at the end.

    connections: how many at a time. patience_seconds: how long to wait for an answer. Requests
    raise what aiohttp raises, and ValueError if the address is another host's.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        connections: int,
        patience_seconds: float,
        observe: Observe,
    ) -> None:
        base = httpx.URL(endpoint.api_url)
        self._origin = base.scheme, base.raw_host, base.port
        self._proxy = URL(endpoint.proxy) if endpoint.proxy else None
        self._to_proxy: dict[str, str] = {}
        if self._proxy and self._proxy.raw_user is not None:
            login = self._proxy.user or "", self._proxy.password or ""
            self._to_proxy = {"Proxy-Authorization": aiohttp.encode_basic_auth(*login)}
            self._proxy = self._proxy.with_user(None)  # errors repeat this address
        self._endpoint = endpoint
        self._connections = connections
        self._patience_seconds = patience_seconds
        self._observe = observe

    async def open(self) -> None:
        """Raises WrongSetting (the certificates to trust cannot be read)."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections, ssl=trusted(self._endpoint), socket_factory=_socket
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(self._patience_seconds, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,  # it has no bound
        )

    async def close(self) -> None:
        await self._session.close()

    async def aclose(self) -> None:
        """Close nothing: several clients of githubkit share it, and `close` ends it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if (url.scheme, url.raw_host, url.port) != self._origin:
            raise ValueError("an address of another host")  # no token goes there
        path, started = url.raw_path.decode("ascii"), time.perf_counter()
        try:
            response, answer = await self._exchanged(request)
        except Exception:
            self._observe(request.method, path, None, time.perf_counter() - started)
            raise
        self._observe(request.method, path, answer, time.perf_counter() - started)
        return response

    async def _exchanged(self, request: httpx.Request) -> tuple[httpx.Response, Answer]:
        headers = dict(request.headers.items())
        headers |= {"accept-encoding": "gzip", "x-github-api-version": API_VERSION}
        if request.url.scheme != "https":  # with TLS, aiohttp sends them in CONNECT
            headers |= self._to_proxy
        async with self._session.request(
            request.method,
            URL(str(request.url), encoded=True),
            data=request.content or None,
            headers=headers,
            allow_redirects=False,
            proxy=self._proxy,
            proxy_headers=self._to_proxy,
        ) as received:
            is_file = headers["accept"] == RAW and received.status < 400
            body = await _body(received, cut=is_file)
            kept = [(n, v) for n, v in received.raw_headers if n.lower() not in _OF_THE_WIRE]
            response = httpx.Response(received.status, headers=kept, content=body)
            response.headers.encoding = "latin-1"  # text, whatever was sent
            answer = Answer(response.status_code, response.headers, body)
            if limited := limited_seconds(answer):
                # In whole seconds: githubkit raises ValueError on a date.
                response.headers["Retry-After"] = str(math.ceil(limited))
            return response, answer


async def _body(received: aiohttp.ClientResponse, *, cut: bool) -> bytes:
    """The body, unpacked. cut: return only its beginning if it is long.

    Raises ClientPayloadError (it is too long, or cannot be unpacked).
    """
    packing = received.headers.get("Content-Encoding", "identity").lower()
    if packing not in ("identity", "gzip"):
        raise aiohttp.ClientPayloadError(f"packed as {packing[:40]!r}, which was not asked for")
    gzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if packing == "gzip" else None
    most, body = MOST_RAW_BYTES if cut else MOST_ANSWER_BYTES, bytearray()
    async for part in received.content.iter_any():
        try:  # a few packed bytes may unpack to many: stop at the bound
            body += gzip.decompress(part, most + 1 - len(body)) if gzip else part
        except zlib.error as error:
            raise aiohttp.ClientPayloadError(str(error)) from error
        if len(body) > most:
            if not cut:
                raise aiohttp.ClientPayloadError(f"more than {most} bytes")
            return bytes(body[:most])
    if gzip and body and not gzip.eof:
        raise aiohttp.ClientPayloadError("cut short")
    return bytes(body)


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket whose unacknowledged data the kernel drops after the time that we wait.

    Otherwise the kernel goes on sending for minutes after we have closed the socket. A write that a
    broken network held back could take effect long after we looked for it and wrote it again.
    """
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(TOTAL_SECONDS * 1000))
    return made


def trusted(endpoint: Endpoint) -> ssl.SSLContext:
    """TLS that trusts the configured CAs. Raises WrongSetting."""
    if endpoint.ca_dir and not endpoint.ca_file:
        # OpenSSL accepts any text as a list of folders, and then trusts nobody.
        # `os.path`, because pathlib raises if a name is too long or may not be read.
        if not any(os.path.isdir(one) for one in endpoint.ca_dir.split(os.pathsep)):  # noqa: PTH112
            raise WrongSetting("SSL_CERT_DIR: is not a folder; name one with CAs, or leave it out")
        return ssl.create_default_context(capath=endpoint.ca_dir)
    try:
        return ssl.create_default_context(cafile=endpoint.ca_file or certifi.where())
    except OSError as error:  # ssl.SSLError is an OSError, too
        raise WrongSetting(
            f"SSL_CERT_FILE: is not a file of certificates that can be read ({error.strerror}); "
            "name a PEM file with the CA that signed GitHub's certificate, or leave it out"
        ) from error
