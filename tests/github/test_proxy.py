"""GitHub by way of a proxy, with TLS inside or without; its password is told to nobody else."""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ghapp.errors import Retry
from ghapp.github.app import because
from ghapp.github.wire import Request, Wire
from ghapp.settings import Endpoint
from tests.github.test_security import CANARY, certified, replied, serving

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
            serving(lambda _: replied(b"{}"), secured) as (url, asked),
            proxy() as (by, told),
            Wire(Endpoint(url, proxy=by, ca_file=str(file))) as wire,
        ):
            assert (await wire.send(Request("GET", "app"), "Bearer x")).body == b"{}"
            return told, asked

    (told,), (asked,) = asyncio.run(story())
    assert told.startswith("CONNECT 127.0.0.1:")
    assert f"Proxy-Authorization: Basic {BASIC}" in told
    assert "Bearer" not in told
    assert asked.startswith(b"GET /app HTTP/1.1")
    assert BASIC.encode() not in asked


def test_without_tls_the_proxy_is_asked_itself() -> None:
    async def story() -> list[str]:
        async with proxy() as (by, heard), Wire(Endpoint("http://127.0.0.1:9", proxy=by)) as wire:
            await wire.send(Request("GET", "repos/a%2Fb"), "Bearer x")
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
            Wire(Endpoint("https://127.0.0.1:9", proxy=by)) as wire,
        ):
            await wire.send(Request("GET", "app"), f"Bearer {CANARY}")

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
            Wire(Endpoint(url, ca_file=ca_file, ca_dir=str(folder))) as wire,
        ):
            await wire.send(Request("GET", "app"), "Bearer x")

    asyncio.run(story(""))
    with pytest.raises(Retry, match="Certificate"):
        asyncio.run(story(str(other)))
