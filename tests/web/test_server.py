"""Binding a socket, and what uvicorn refuses before the application is called."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from ghapp.errors import WrongSetting
from ghapp.web.server import MOST_HEAD_BYTES, Server, bound
from tests.web.posting import encoded, payload
from tests.web.site import Site, head


def refused(host: str, port: int, named: str = "PORT") -> str:
    with pytest.raises(WrongSetting) as wrong, bound(host, port, named):
        pass
    return str(wrong.value)


class TestBound:
    @pytest.mark.parametrize("host", ["999.1.1.1", "192.0.2.1", "2001:db8::1"])
    def test_address_of_another_machine_is_named_once(self, host: str) -> None:
        text = refused(host, 8000)
        assert text.startswith(f"HOST, PORT: cannot listen on {host}:8000 (")
        assert "); HOST is not an address of this machine: use " in text
        assert text.count(host) == 1

    @pytest.mark.parametrize("named", ["PORT", "--metrics-port"])
    def test_taken_port_is_named_as_it_was_set(self, named: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            text = refused("127.0.0.1", taken.getsockname()[1], named)
        assert text.startswith(f"HOST, {named}: cannot listen on 127.0.0.1:")
        assert text.endswith(f"; stop what listens there, or set another HOST or {named}")

    def test_privileged_port_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(*_: object) -> None:
            raise OSError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(socket.socket, "bind", forbidden)
        assert refused("127.0.0.1", 80).endswith(
            "(Permission denied); this user may not listen on so low a port: set a PORT above 1023"
        )


@pytest.mark.anyio
class TestHeads:
    @pytest.mark.parametrize(
        "begun",
        [
            b"GET /" + b"a" * MOST_HEAD_BYTES,
            b"GET / HTTP/1.1\r\nX-A: " + b"a" * MOST_HEAD_BYTES,
            b"GET / HTTP/1.1\r\n" + b"X-A: 1\r\n" * (MOST_HEAD_BYTES // 8),
        ],
        ids=["address", "header", "headers"],
    )
    async def test_endless_head_is_refused(self, site: Site, begun: bytes) -> None:
        answer = await site.raw(begun[: MOST_HEAD_BYTES + 1])
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert (await site.client.get("/healthz")).status_code == 200

    @pytest.mark.parametrize("path", ["POST /webhook", "GET /healthz"])
    @pytest.mark.parametrize("more", [b"X-A: 1\r\n" * 8_000, b"a" * 64_000])
    async def test_endless_trailer_or_chunk_extension_is_refused(
        self, site: Site, path: str, more: bytes
    ) -> None:
        begun = head(**{"Transfer-Encoding": "chunked"}).replace(b"POST /webhook", path.encode())
        end = b"0\r\n" if more.startswith(b"X") else b"5;"
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(begun + b"1\r\n{\r\n" + end)

        async def send_without_end() -> None:
            while True:
                writer.write(more)
                await writer.drain()

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_without_end(), 10)
        writer.close()

    async def test_large_body_is_not_a_large_head(self, site: Site) -> None:
        body = encoded(payload(filling="x" * 1_000_000))
        assert (await site.post(body)).status_code == 202

    async def test_many_requests_on_one_connection_are_answered(self, site: Site) -> None:
        for _ in range(20):  # their heads together are larger than one may be
            await site.client.get("/healthz", headers={"X-A": "a" * 5000})
        one = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 1000 + b"\r\n"
        answer = await site.raw((one + b"\r\n") * 100 + one + b"Connection: close\r\n\r\n")
        assert answer.count(b"HTTP/1.1 200 ") == 101


@pytest.mark.anyio
async def test_connections_above_the_limit_are_answered_503() -> None:
    entered = asyncio.Semaphore(0)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        entered.release()
        await Request(scope, receive).body()
        await PlainTextResponse("read")(scope, receive, send)

    async def begin() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head(**{"Content-Length": "1"}))
        return reader, writer

    stop = asyncio.Event()
    with bound("127.0.0.1", 0) as listener:
        server = Server(app, listener, most_connections=3)
        running = asyncio.create_task(server.until(stop))
        port = listener.getsockname()[1]
        opened = []
        for _ in range(2):
            opened.append(await begin())
            await entered.acquire()
        opened.append(await begin())
        statuses = []
        for reader, writer in reversed(opened):
            writer.write(b"x")
            statuses.append((await reader.readline()).split()[1])
            writer.close()
        stop.set()
        await running
    assert statuses == [b"503", b"200", b"200"]
