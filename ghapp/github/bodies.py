"""The body of an answer, unpacked and read within bounds."""

from __future__ import annotations

import zlib
from typing import Any

import aiohttp

GZIP = 16 + zlib.MAX_WBITS
# Far above any page of GitHub's: what is longer, once unpacked, is no answer but an attack.
MOST_ANSWER_BYTES = 64 << 20


async def read(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """All of it, or its beginning; a connection that has more to say is of no more use.

    most_bytes: longer bodies are cut; 0 is all. Raises ClientPayloadError (it cannot be unpacked,
    or has no end).
    """
    gzip = _unpacker(response)
    bound = most_bytes or MOST_ANSWER_BYTES
    parts, left = list[bytes](), bound + 1  # the one more tells that there is more
    while left > 0 and (part := await response.content.readany()):
        part = _unpacked(gzip, part, left) if gzip else part
        parts.append(part)
        left -= len(part)
    if left > 0:
        if gzip and parts and not gzip.eof:
            raise aiohttp.ClientPayloadError("cut short")
        return parts[0] if len(parts) == 1 else b"".join(parts)
    if not most_bytes:
        raise aiohttp.ClientPayloadError(f"more than {MOST_ANSWER_BYTES} bytes")
    return b"".join(parts)[:most_bytes]


def _unpacker(response: aiohttp.ClientResponse) -> Any:
    """None where nothing is packed."""
    packed = response.headers.get("Content-Encoding", "identity").lower()
    if packed not in ("identity", "gzip"):
        raise aiohttp.ClientPayloadError(f"packed by {packed[:40]!r}, which was not asked for")
    return zlib.decompressobj(GZIP) if packed == "gzip" else None


def _unpacked(gzip: Any, packed: bytes, most_bytes: int) -> bytes:
    """At most so many bytes of it: a few that are packed may be many."""
    try:
        unpacked: bytes = gzip.decompress(packed, most_bytes)
    except zlib.error as error:
        raise aiohttp.ClientPayloadError(str(error)) from error
    return unpacked
