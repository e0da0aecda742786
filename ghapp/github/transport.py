"""What carries requests to GitHub: githubkit over one aiohttp session, without what takes time."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import githubkit
import httpx
from httpx_aiohttp import AiohttpTransport

GZIP = 16 + zlib.MAX_WBITS
# Far above any page of GitHub's: what is longer, once unpacked, is no answer but an attack.
MOST_ANSWER_BYTES = 64 << 20


class Kit(githubkit.GitHub[Any]):
    """githubkit with one client, seen by every task.

    As shipped, tasks that were not started inside its `async with` get a new client per call.
    """

    client: Client

    def _check_rate_limit(self, response: githubkit.Response[Any]) -> None:
        """Limits are told apart in `refusals`; as shipped, this fails on a date in Retry-After."""

    @asynccontextmanager
    async def get_async_client(self) -> AsyncIterator[httpx.AsyncClient]:
        yield self.client


class Transport(AiohttpTransport):
    """Unpacks within bounds."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        found = await super().handle_async_request(request)
        assert isinstance(found.stream, httpx.AsyncByteStream)
        headers = found.headers.copy()
        packed = headers.pop("content-encoding", "identity").lower()
        if packed not in ("identity", "gzip"):
            await found.aclose()
            raise httpx.DecodingError(f"packed by {packed[:40]!r}, which was not asked for")
        stream = _Unpacked(found.stream, zlib.decompressobj(GZIP) if packed == "gzip" else None)
        return httpx.Response(
            found.status_code,
            headers=headers,
            stream=stream,
            request=request,
            extensions=found.extensions,
        )


class Client(httpx.AsyncClient):
    """httpx without what takes time and GitHub has no use for: cookies, redirects, auth flows.

    A request costs two thirds of the CPU.
    """

    def __init__(
        self, config: githubkit.Config, transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout
    ) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._to = transport
        self._base = str(config.base_url).rstrip("/") + "/"
        self._always = {
            "Accept": config.accept,
            "Accept-Encoding": "gzip",
            "User-Agent": config.user_agent,
        }
        self._extensions = {"timeout": timeout.as_dict()}

    def build_request(self, method: str, url: Any, **more: Any) -> httpx.Request:
        """url: below the base, or whole."""
        return httpx.Request(
            method,
            url if url.startswith(("http://", "https://")) else self._base + url,
            content=more["content"],
            headers={**self._always, **more["headers"]},
            extensions=self._extensions,
        )

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **_: Any
    ) -> httpx.Response:
        response = await self._to.handle_async_request(request)
        if stream:
            return response
        try:
            await response.aread()
        except BaseException:
            await response.aclose()  # cut off in the middle: the connection is of no more use
            raise
        return response


class _Unpacked(httpx.AsyncByteStream):
    """A body that ends where it becomes longer than any answer: a few packed bytes may be many."""

    def __init__(self, packed: httpx.AsyncByteStream, gzip: Any) -> None:
        self._packed = packed
        self._gzip = gzip

    async def __aiter__(self) -> AsyncIterator[bytes]:
        room = MOST_ANSWER_BYTES
        async for chunk in self._packed:
            try:
                part = self._gzip.decompress(chunk, room + 1) if self._gzip else chunk
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error
            room -= len(part)
            if room < 0:
                raise httpx.DecodingError(f"more than {MOST_ANSWER_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._packed.aclose()
