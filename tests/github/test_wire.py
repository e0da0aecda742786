"""What GitHub hears of a request, what we make of its answer, and what the kernel is told."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ghapp.errors import Retry
from ghapp.github import wire as module
from ghapp.github.wire import AGAIN_SECONDS, TOTAL_SECONDS, Answer, Request, Wire
from ghapp.settings import Endpoint
from tests.github.test_security import Reply, replied, sent, serving
from tests.github.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def heard(*requests: Request, reply: Reply = lambda _: replied(b"{}")) -> list[str]:
    """The heads of what GitHub was asked, by a name: addresses alone are given no cookies."""

    async def story() -> list[bytes]:
        async with serving(reply) as (url, asked):
            async with Wire(Endpoint(f"{url.replace('127.0.0.1', 'localhost')}/api/v3")) as wire:
                for request in requests:
                    await wire.send(request, "Bearer x")
            return asked

    return [one.decode() for one in asyncio.run(story())]


# --- what is asked -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "repos/acme/shop/contents/a%2Fb%20c%23%3F%25",
        "repos/acme/shop/contents/../../../other/shop",
        "repos/acme/shop/contents/./a//b",
        "repos/acme/shop/labels/%E7%A2%BA%E8%AA%8D%7E%2e%2e",
        "repos/acme/shop/issues?labels=a%2Bb%26c%3D%20d&creator=ghapp%5Bbot%5D",
    ],
)
def test_what_is_quoted_arrives_as_it_was_meant(path: str) -> None:
    """Else the name of a file would lead to another repository that the token is good for."""
    (head,) = heard(Request("GET", path))
    assert head.splitlines()[0] == f"GET /api/v3/{path} HTTP/1.1"


def test_a_path_ends_no_line() -> None:
    for path in ("app\r\nX-Evil: 1", "app\nX-Evil: 1"):
        (head,) = heard(Request("GET", path))
        assert "\r\nX-Evil" not in head
    with pytest.raises(Retry, match="ValueError"):
        heard(Request("GET", "app\0"))


def test_where_a_repository_went_is_quoted_where_github_did_not() -> None:
    replies = [b"HERE/repositories/1/contents/a%2Fb c", b""]

    def reply(asked: bytes) -> bytes:
        where = replies.pop(0).replace(b"HERE", b"http://" + host(asked)).decode()
        return replied(b"", f"location: {where}", status="301 Moved") if where else replied(b"{}")

    _, head = heard(Request("GET", "repos/acme/old/contents/a%2Fb%20c"), reply=reply)
    assert head.splitlines()[0] == "GET /repositories/1/contents/a%2Fb%20c HTTP/1.1"


def host(head: bytes) -> bytes:
    (found,) = (line.split()[1] for line in head.splitlines() if line.lower().startswith(b"host:"))
    return found


def test_headers_say_who_asks_for_what() -> None:
    plain, special = heard(
        Request("GET", "app"),
        Request("POST", "x", {"a": "é"}, {"Accept": "application/vnd.github.raw+json"}),
        reply=lambda _: replied(b"{}", "set-cookie: crumb=1; path=/"),
    )
    for line in (
        "Authorization: Bearer x",
        "Accept: application/vnd.github+json",
        "Accept-Encoding: gzip",
        "User-Agent: ghapp",
        "X-GitHub-Api-Version: 2022-11-28",
    ):
        assert line in plain.splitlines()
    assert "Content-Type" not in plain
    assert special.count("Accept:") == 1
    assert "Accept: application/vnd.github.raw+json" in special
    assert "Content-Length: 10" in special
    assert "Content-Type: application/json" in special
    assert "crumb" not in special


# --- what is answered ----------------------------------------------------------------------


def test_headers_ignore_case_and_are_text_whatever_was_sent() -> None:
    plain = sent(lambda _: replied(b"{}", "ETag: abc"))
    assert (plain.headers["etag"], plain.headers.get("ETAG")) == ("abc", "abc")
    spoilt = replied(b"{}", "ETag: abc").replace(b"abc", b"a\xffb\xc3\xa9")
    found = sent(lambda _: spoilt)
    assert (found.headers["etag"], "eTag" in found.headers) == ("a?bé", True)


def beginning(reply: bytes) -> Answer:
    async def story() -> Answer:
        async with serving(lambda _: reply) as (url, _), Wire(Endpoint(url)) as wire:
            return await wire.send(Request("GET", "x", most_bytes=8), "Bearer x")

    return asyncio.run(story())


def test_a_body_is_cut_and_no_more_of_it_is_unpacked() -> None:
    packed = gzip.compress(b"x" * (100 << 20))
    tracemalloc.start()
    try:
        assert beginning(replied(packed, "content-encoding: gzip")).body == b"x" * 8
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 << 20
    assert beginning(replied(b"x" * 8)).body == b"x" * 8
    assert beginning(replied(b"x" * 9)).body == b"x" * 8


def test_a_packed_body_that_is_cut_short_is_no_answer() -> None:
    packed = gzip.compress(b'{"message": "words"}')
    whole = sent(lambda _: replied(packed, "content-encoding: gzip"))
    assert whole.body == b'{"message": "words"}'
    with pytest.raises(Retry, match="ClientPayloadError"):
        sent(lambda _: replied(packed[:-9], "content-encoding: gzip"))
    assert sent(lambda _: replied(b"", "content-encoding: gzip")).body == b""


def test_a_refusal_is_read_to_its_end() -> None:
    body = b'{"message": "Not Found"}'
    assert beginning(replied(body, status="404 Not Found")).body == body


def test_who_cannot_be_connected_to_heard_nothing_that_may_come_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So the write is looked for no later than any other."""
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.2)
    with socket.socket() as deaf, socket.socket() as first:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        first.connect(deaf.getsockname())  # whoever comes now waits

        async def story() -> None:
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            async with Wire(Endpoint(url), patience_seconds=60.0) as wire:
                await wire.send(Request("POST", "x"), "Bearer x")

        with pytest.raises(Retry, match="ConnectionTimeoutError") as retry:
            asyncio.run(story())
    assert retry.value.after_seconds == AGAIN_SECONDS


def test_a_wire_that_is_closed_answers_no_more() -> None:
    async def story() -> None:
        async with Wire(Endpoint("http://127.0.0.1:9")) as wire:
            pass
        await wire.send(Request("GET", "app"), "Bearer x")

    with pytest.raises(Retry, match="no answer"):
        asyncio.run(story())


# --- what the kernel is told ---------------------------------------------------------------


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
        async with Wire(Endpoint(world.url)) as wire:
            await wire.send(Request("GET", "/app"), "Bearer none")
            found = sockets_to(urlsplit(world.url).port or 0)
            return [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for one in found]

    waits = asyncio.run(told())
    assert waits
    assert all(0 < one <= TOTAL_SECONDS * 1000 for one in waits)
