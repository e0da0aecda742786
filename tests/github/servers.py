"""Plain servers in GitHub's place, with TLS or without, and our host object for them."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from githubkit import TokenAuthStrategy

from ghapp.github.errors import Answer
from ghapp.github.host import Host, Request
from ghapp.settings import Endpoint
from tests.github.world import APP_ID
from tests.support import PRIVATE_KEY

CANARY = "canary-4b1d"
Reply = Callable[[bytes], bytes]


@asynccontextmanager
async def serving(
    reply: Reply, secured: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A plain server that answers each request with `reply`; its address and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(reply(asked[-1]))
        except asyncio.IncompleteReadError:  # connected, and sent nothing
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secured) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https' if secured else 'http'}://127.0.0.1:{port}", asked


def replied(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def host(url: str, *, patience_seconds: float = 15.0, **endpoint: Any) -> Host:
    """A host at this address, not entered yet."""
    made = Endpoint(url, **endpoint)
    return Host(made, APP_ID, PRIVATE_KEY, patience_seconds=patience_seconds)


async def asked(github: Host, request: Request, token: str = "x") -> Answer:
    """The answer to a request with this token."""
    return await github.send(request, github.app.with_auth(TokenAuthStrategy(token)))


SHOP = Request("GET", "repos/acme/shop")


def sent(reply: Reply, request: Request = SHOP) -> Answer:
    """What a request comes to at a plain server."""

    async def story() -> Answer:
        async with serving(reply) as (url, _), host(url) as github:
            return await asked(github, request)

    return asyncio.run(story())


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS with a certificate of its own for 127.0.0.1, and the file of that."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    shape = serialization.PrivateFormat.PKCS8
    (folder / "key").write_bytes(key.private_bytes(pem, shape, serialization.NoEncryption()))
    (folder / "cert").write_bytes(made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context, folder / "cert"
