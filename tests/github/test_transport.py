"""What GitHub receives of a request, what we make of its answer, and by which way both go."""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
import shutil
import socket
import subprocess
import sys
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ghapp.errors import Retry
from ghapp.github import transport as module
from ghapp.github.app import because
from ghapp.github.errors import AGAIN_SECONDS
from ghapp.github.host import Request
from ghapp.github.transport import MOST_RAW_BYTES, RAW, TOTAL_SECONDS
from tests.github.servers import CANARY, Reply, asked, certified, host, replied, sent, serving
from tests.github.world import World

FILE = Request("GET", "repos/acme/shop/contents/x", headers={"Accept": RAW})


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def heads(*requests: Request, reply: Reply = lambda _: replied(b"{}")) -> list[str]:
    """The heads of what GitHub was asked, with a name: addresses alone are given no cookies."""

    async def story() -> list[bytes]:
        async with serving(reply) as (url, received):
            async with host(f"{url.replace('127.0.0.1', 'localhost')}/api/v3") as github:
                for request in requests:
                    await asked(github, request)
            return received

    return [one.decode() for one in asyncio.run(story())]


# --- what is asked -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "repos/acme/shop/contents/a%2Fb%20c%23%3F%25",
        "repos/acme/shop/contents/a//b",
        "repos/acme/shop/labels/%E7%A2%BA%E8%AA%8D%7E%2e%2e",
        "repos/acme/shop/issues?labels=a%2Bb%26c%3D%20d&creator=ghapp%5Bbot%5D",
    ],
)
def test_what_is_quoted_arrives_as_it_was_meant(path: str) -> None:
    """Else the name of a file would lead to another repository that the token is good for."""
    (head,) = heads(Request("GET", path))
    assert head.splitlines()[0] == f"GET /api/v3/{path} HTTP/1.1"


@pytest.mark.parametrize(
    "path",
    [
        "repos/acme/shop/contents/../../../other/shop",
        "repos/acme/shop/contents/./a",
        "repos/acme/shop/labels/%2e%2E",
        "repos/acme/..",
    ],
)
def test_a_path_with_steps_is_not_sent(path: str) -> None:
    """Whoever stands on the way may take them."""

    def reply(_: bytes) -> bytes:
        raise AssertionError("it was sent")

    with pytest.raises(Retry, match="cannot be sent"):
        heads(Request("GET", path), reply=reply)


@pytest.mark.parametrize("end", ["\r\nX-Evil: 1", "\nX-Evil: 1", "\0"])
def test_a_path_ends_no_line(end: str) -> None:
    received = []

    def reply(head: bytes) -> bytes:
        received.append(head)
        return replied(b"{}")

    with pytest.raises(Retry, match="InvalidURL"):
        heads(Request("GET", f"app{end}"), reply=reply)
    assert received == []


def test_headers_say_who_asks_for_what() -> None:
    plain, special = heads(
        Request("GET", "app"),
        Request("POST", "x", {"a": "é"}, {"Accept": RAW}),
        reply=lambda _: replied(b"{}", "set-cookie: crumb=1; path=/"),
    )
    for line in (
        "authorization: token x",
        "accept: application/vnd.github+json",
        "accept-encoding: gzip",
        "user-agent: ghapp",
        "x-github-api-version: 2022-11-28",
    ):
        assert line in plain.lower().splitlines()
    assert "content-type" not in plain.lower()
    special = special.lower()
    assert special.count("accept:") == 1
    assert "accept: application/vnd.github.raw+json" in special
    assert "content-length: 10" in special
    assert "content-type: application/json" in special
    assert "crumb" not in special


# --- what is answered ----------------------------------------------------------------------


def test_headers_ignore_case_and_are_text_whatever_was_sent() -> None:
    plain = sent(lambda _: replied(b"{}", "ETag: abc"))
    assert (plain.headers["etag"], plain.headers.get("ETAG")) == ("abc", "abc")
    spoilt = replied(b"{}", "ETag: abc").replace(b"abc", b"a\xffb\xc3\xa9")
    found = sent(lambda _: spoilt)
    assert (found.headers["etag"], "eTag" in found.headers) == ("aÿbÃ©", True)


def test_a_file_is_cut_and_no_more_of_it_is_unpacked() -> None:
    packed = gzip.compress(b"x" * (100 << 20))
    tracemalloc.start()
    try:
        found = sent(lambda _: replied(packed, "content-encoding: gzip"), FILE)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.body == b"x" * MOST_RAW_BYTES
    assert most < 10 << 20
    for length in (MOST_RAW_BYTES, MOST_RAW_BYTES + 1):
        body = b"x" * length
        assert sent(lambda _, body=body: replied(body), FILE).body == b"x" * MOST_RAW_BYTES  # type: ignore[misc]


def test_a_long_file_is_not_read_to_its_end() -> None:
    endless = replied(b"x" * (2 << 20)).replace(b"content-length: 2", b"content-length: 99")
    assert sent(lambda _: endless, FILE).body == b"x" * MOST_RAW_BYTES


def test_a_packed_body_that_is_cut_short_is_no_answer() -> None:
    packed = gzip.compress(b'{"message": "words"}')
    whole = sent(lambda _: replied(packed, "content-encoding: gzip"))
    assert whole.body == b'{"message": "words"}'
    with pytest.raises(Retry, match="ClientPayloadError"):
        sent(lambda _: replied(packed[:-9], "content-encoding: gzip"))
    assert sent(lambda _: replied(b"", "content-encoding: gzip")).body == b""


def test_a_refusal_of_a_file_is_read_to_its_end() -> None:
    body = b'{"message": "' + b"x" * MOST_RAW_BYTES + b'"}'
    assert sent(lambda _: replied(body, status="404 Not Found"), FILE).body == body


def test_a_write_that_never_connected_cannot_come_late(
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
            async with host(url, patience_seconds=60.0) as github:
                await asked(github, Request("POST", "x"))

        with pytest.raises(Retry, match="ConnectionTimeoutError") as retry:
            asyncio.run(story())
    assert retry.value.after_seconds == AGAIN_SECONDS


def test_a_host_that_is_closed_answers_no_more() -> None:
    async def story() -> None:
        async with host("http://127.0.0.1:9") as github:
            pass
        await asked(github, Request("GET", "app"))

    with pytest.raises(Retry, match="no answer"):
        asyncio.run(story())


# --- what the kernel knows -----------------------------------------------------------------


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
def test_a_write_that_timed_out_does_not_arrive_later(world: World) -> None:
    """A kernel that goes on sending would have it take effect after it was looked for."""

    async def story() -> list[int]:
        async with host(world.url) as github:
            await asked(github, Request("GET", "app"))
            found = sockets_to(urlsplit(world.url).port or 0)
            return [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for one in found]

    waits = asyncio.run(story())
    assert waits
    assert all(0 < one <= TOTAL_SECONDS * 1000 for one in waits)


# --- by a proxy, with TLS inside or without, and whom it trusts -----------------------------

PASSWORD = f"{CANARY}/é"
BASIC = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
LOGIN = f"me:{CANARY}%2F%C3%A9"


@asynccontextmanager
async def proxy(answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> AsyncIterator[tuple[str, list[str]]]:
    """One that tunnels where `answer` says so; its address with a login, and what it heard."""
    heard: list[str] = []

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(1 << 16):
                writer.write(part)
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
        method, target, _ = heard[-1].split(" ", 2)
        if method != "CONNECT":
            writer.write(replied(b"{}"))
        elif b" 200 " in answer:
            writer.write(answer)
            host, _, port = target.partition(":")
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(passed(reader, back), passed(there, writer))
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://{LOGIN}@127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


def test_tls_goes_through_a_tunnel_and_github_hears_no_login(tmp_path: Path) -> None:
    secured, file = certified(tmp_path)

    async def story() -> tuple[list[str], list[bytes]]:
        async with (
            serving(lambda _: replied(b"{}"), secured) as (url, received),
            proxy() as (by, told),
            host(url, proxy=by, ca_file=str(file)) as github,
        ):
            assert (await asked(github, Request("GET", "app"))).body == b"{}"
            return told, received

    (told,), (received,) = asyncio.run(story())
    assert told.startswith("CONNECT 127.0.0.1:")
    assert f"Proxy-Authorization: Basic {BASIC}" in told
    assert "token" not in told
    assert received.startswith(b"GET /app HTTP/1.1")
    assert BASIC.encode() not in received


def test_without_tls_the_proxy_is_asked_itself() -> None:
    async def story() -> list[str]:
        async with proxy() as (by, heard), host("http://127.0.0.1:9", proxy=by) as github:
            await asked(github, Request("GET", "repos/a%2Fb"))
            return heard

    (told,) = asyncio.run(story())
    assert told.startswith("GET http://127.0.0.1:9/repos/a%2Fb HTTP/1.1")
    assert f"Proxy-Authorization: Basic {BASIC}" in told


@pytest.mark.parametrize("status", ["407 Who are you", "502 Bad Gateway"])
def test_a_proxy_that_refuses_is_no_answer_and_its_password_is_not_told(status: str) -> None:
    async def story() -> None:
        refused = f"HTTP/1.1 {status}\r\n\r\n".encode()
        async with (
            proxy(refused) as (by, _),
            host("https://127.0.0.1:9", proxy=by) as github,
        ):
            await asked(github, Request("GET", "app"), CANARY)

    with pytest.raises(Retry, match="ClientHttpProxyError") as retry:
        asyncio.run(story())
    words = "".join(traceback.format_exception(retry.value))
    assert not [one for one in (CANARY, BASIC) if one in f"{words}{because(retry.value)}"]


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl names the files of the folder")
def test_a_folder_of_cas_is_trusted_where_there_is_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    secured, file = certified(tmp_path)
    shutil.copy(file, folder / "ca.pem")
    subprocess.run(["openssl", "rehash", str(folder)], check=True)
    _, other = certified(tmp_path)

    async def story(ca_file: str) -> None:
        async with (
            serving(lambda _: replied(b"{}"), secured) as (url, _),
            host(url, ca_file=ca_file, ca_dir=str(folder)) as github,
        ):
            await asked(github, Request("GET", "app"))

    asyncio.run(story(""))
    with pytest.raises(Retry, match="Certificate"):
        asyncio.run(story(str(other)))
