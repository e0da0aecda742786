"""A bounded load of prepared HTTP requests on loopback, and how long each took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Load:
    """seconds: for all. latencies: seconds of each request, sorted. statuses: of each request."""

    seconds: float
    latencies: tuple[float, ...]
    statuses: tuple[int, ...]

    @property
    def rate(self) -> float:
        return len(self.statuses) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the requests was answered."""
        return self.latencies[int(share * (len(self.latencies) - 1))] * 1000


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """One request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def send(url: str, requests: Sequence[bytes], connections: int) -> Load:
    """All requests once, over so many connections kept open, each as soon as it is free."""
    left = iter(requests)
    outcomes: list[tuple[float, int]] = []
    started = time.perf_counter()
    await asyncio.gather(*(_drive(url, left, outcomes) for _ in range(connections)))
    seconds = time.perf_counter() - started
    latencies = tuple(sorted(latency for latency, _ in outcomes))
    return Load(seconds, latencies, tuple(status for _, status in outcomes))


async def _drive(url: str, left: Iterator[bytes], outcomes: list[tuple[float, int]]) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for request in left:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        await reader.readexactly(length)
        outcomes.append((time.perf_counter() - started, int(head[9:12])))
    writer.close()
