"""An emulator served over HTTP, an App that calls it, and an address that takes its deliveries."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import jwt
from githubkit import webhooks

from ghapp.emulator.diffs import DiffLimits
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Repository
from ghapp.emulator.server import EmulatorServer
from tests.support import PRIVATE_KEY

SECRET = "a secret of this test"
FILES: dict[str, str | bytes] = {
    "README.md": "# shop\n",
    "app/cart.py": "".join(f"line {number}\n" for number in range(40)),
    "app/run.sh": "echo hi\n",
    "logo.png": b"\x89PNG\0\1\2",
    "old.txt": "gone soon\n",
    ".github/nfr.yml": "version: 1\n",
}


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes


@dataclass
class Inbox:
    """What arrived. status: the answer to the next deliveries."""

    url: str
    status: int = 202
    received: list[Received] = field(default_factory=list)


@dataclass
class World:
    github: Emulator
    url: str
    repository: Repository
    client: httpx.Client
    inbox: Inbox

    def app_jwt(self, **claims: Any) -> str:
        now = int(time.time())
        known = {"iss": "1", "iat": now - 30, "exp": now + 540, **claims}
        kept = {name: value for name, value in known.items() if value is not None}
        return jwt.encode(kept, self.github.private_key, algorithm="RS256")

    def as_app(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.app_jwt()}"}
        return self.client.request(method, path, headers=headers, **more)

    def payloads(self, event: str) -> list[dict[str, Any]]:
        """The payloads of all deliveries of an event, each of the form GitHub describes."""
        rows = [row for row in self.github.deliveries.all if row.event == event]
        payloads = [json.loads(row.body) for row in rows]
        for payload in payloads:
            webhooks.parse_obj(event, payload)
        return payloads

    def narrowed(self, **permissions: str) -> dict[str, str]:
        """Headers with a token that may do only this."""
        path = "/app/installations/1/access_tokens"
        token = self.as_app("POST", path, json={"permissions": permissions}).json()["token"]
        return {"authorization": f"token {token}"}


@contextmanager
def world(**options: Any) -> Iterator[World]:
    """acme/shop with the App installed; ann may write, sre-sam is in acme/sre."""
    options = {"limits": DiffLimits(), **options}
    with _inbox() as inbox:
        github = Emulator(
            webhook_url=inbox.url,
            webhook_secret=SECRET,
            private_key=PRIVATE_KEY,
            **options,
        )
        server = EmulatorServer(github, patience_seconds=0)
        url = server.start()
        repository = github.repository("acme/shop", FILES)
        repository.collaborator("ann", "write")
        github.team("acme", "sre", members=["sre-sam"], pending=["sre-new"])
        name, _ = github.new_token(github.installations[1])
        headers = {
            "authorization": f"Bearer {name}",
            "accept": "application/vnd.github+json",
        }
        try:
            with httpx.Client(base_url=url, headers=headers) as client:
                yield World(github, url, repository, client, inbox)
        finally:
            server.stop()


@contextmanager
def _inbox() -> Iterator[Inbox]:
    inbox = Inbox("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            inbox.received.append(Received(dict(self.headers.items()), body))
            self.send_response(inbox.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    inbox.url = f"http://127.0.0.1:{server.server_port}/webhook"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
