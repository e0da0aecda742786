"""A bounded load of prepared HTTP requests on loopback, and how long each took."""

from __future__ import annotations

import asyncio
import gc
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def uncollected() -> Iterator[None]:
    """The sender, which may be an emulator, too, is not held up by collections of its own."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """One request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def fresh(request: bytes) -> bytes:
    """The same request as a delivery with an id of its own, which is no part of what is signed."""
    head, _, body = request.partition(b"\r\n\r\n")
    known = re.sub(rb"(?<=\r\nX-GitHub-Delivery: )[^\r]+", str(uuid.uuid4()).encode(), head)
    return known + b"\r\n\r\n" + body


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


@dataclass(frozen=True, slots=True)
class Sent:
    """One request. due_at: seconds since the epoch when it was to be sent.

    seconds: from then to the answer. status: 0 where none came.
    """

    due_at: float
    seconds: float
    status: int


async def paced(url: str, requests: Sequence[bytes], rate: float, seconds: float = 30.0) -> Paced:
    """Each request when it is due, so many a second, whether or not others were answered.

    seconds: how long an answer may take.
    """
    lines: list[Line] = []
    start, began = time.time(), time.perf_counter()
    made = []
    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            after = number / rate
            # Not all at once: to make thousands of tasks would hold up the first requests.
            await asyncio.sleep(began + after - time.perf_counter())
            made.append(group.create_task(_sent(url, lines, request, start, began, after, seconds)))
    return Paced(tuple(task.result() for task in made))


@dataclass(frozen=True, slots=True)
class Paced:
    """sent: in the order of the requests."""

    sent: tuple[Sent, ...]

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share was answered."""
        return percentile([one.seconds for one in self.sent], share) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else float("nan")


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _sent(
    url: str,
    lines: list[Line],
    request: bytes,
    start: float,
    began: float,
    after: float,
    seconds: float,
) -> Sent:
    status = 0
    try:
        async with asyncio.timeout(seconds):
            status = await _over_a_line(url, lines, request)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass
    return Sent(start + after, time.perf_counter() - began - after, status)


async def _over_a_line(url: str, lines: list[Line], request: bytes) -> int:
    """The status. The connection is kept for the next one when all went well."""
    parts = urlsplit(url)
    line = lines.pop() if lines else await asyncio.open_connection(parts.hostname, parts.port)
    reader, writer = line
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await _body(reader, head)
    except BaseException:
        writer.close()
        raise
    if b"connection: close" in head.lower():
        writer.close()
    else:
        lines.append(line)
    return int(head[9:12])


async def _body(reader: asyncio.StreamReader, head: bytes) -> None:
    rows = head.lower().split(b"\r\n")
    if b"transfer-encoding: chunked" in rows:
        while (size := int((await reader.readuntil(b"\r\n")).strip(), 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
        return
    length = next((row for row in rows if row.startswith(b"content-length:")), b":0")
    await reader.readexactly(int(length.split(b":")[1]))
