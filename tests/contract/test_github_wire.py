"""What the kernel is told about connections to GitHub."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ghapp.github.wire import TOTAL_SECONDS, Request, Wire
from tests.contract.github_world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def sockets_to(port: int) -> Iterator[socket.socket]:
    """Copies of this process's own connections to a port."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            copied = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:  # no socket, or closed meanwhile
            continue
        with copied:
            try:
                peer = copied.getpeername()
            except OSError:
                continue
            if copied.family == socket.AF_INET and peer[1] == port:
                yield copied


@pytest.mark.skipif(sys.platform != "linux", reason="what is asked here is Linux's")
def test_a_write_that_was_given_up_does_not_arrive_later(world: World) -> None:
    """A kernel that goes on sending would have it take effect after it was looked for."""

    async def told() -> list[int]:
        async with Wire(world.url) as wire:
            await wire.send(Request("GET", "/app"), "Bearer none")
            found = sockets_to(urlsplit(world.url).port or 0)
            return [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for one in found]

    waits = asyncio.run(told())
    assert waits
    assert all(0 < one <= TOTAL_SECONDS * 1000 for one in waits)
