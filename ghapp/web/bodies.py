"""The bodies of requests, as far as this process has room for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

from starlette.requests import Request

from ghapp.errors import Busy, Refused

# GitHub does not deliver larger payloads.
# Source: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
MOST_BYTES = 25 * 1024 * 1024
# Of all bodies that are being read or stored.
MOST_UNDER_WAY_BYTES = 64 * 1024 * 1024
# GitHub waits 10 seconds for the answer to a delivery, an Enterprise Server 30.
# Source: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
READ_SECONDS = 30.0


class Bodies:
    """Counts what has come, not what was announced: else announcing alone could fill it."""

    read_seconds = READ_SECONDS

    def __init__(self) -> None:
        self._under_way_bytes = 0

    @asynccontextmanager
    async def of(self, request: Request) -> AsyncIterator[bytes]:
        """The body as sent; counted as under way while inside.

        Raises Refused as soon as it is too large or too slow, Busy where there is no room.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and (len(declared) > 18 or int(declared) > MOST_BYTES):
            raise _too_large()
        body = BytesIO()  # unlike a bytearray it gives its bytes away without a copy
        try:
            await self._read(request, body)
            yield body.getvalue()
        finally:
            self._under_way_bytes -= body.tell()

    async def _read(self, request: Request, body: BytesIO) -> None:
        try:
            async with asyncio.timeout(self.read_seconds):
                async for chunk in request.stream():
                    if body.tell() + len(chunk) > MOST_BYTES:
                        raise _too_large()
                    if self._under_way_bytes + len(chunk) > MOST_UNDER_WAY_BYTES:
                        raise Busy(f"bodies of {self._under_way_bytes} bytes are under way")
                    self._under_way_bytes += body.write(chunk)
        except TimeoutError:
            text = f"the body did not come within {self.read_seconds:.0f} seconds"
            raise Refused(408, text) from None


def _too_large() -> Refused:
    return Refused(413, f"the body is larger than {MOST_BYTES} bytes, which GitHub never sends")
