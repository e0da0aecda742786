"""The emulator over HTTP: its API, and the pages that people see."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from threading import Thread
from urllib.parse import urlsplit

import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ghapp.emulator.api.routes import Api
from ghapp.emulator.github import Emulator
from ghapp.emulator.page import Page

LOG = logging.getLogger(__name__)
API_PATHS = (
    "/repos/", "/repositories/", "/app/", "/app-manifests/", "/orgs/", "/installation/", "/api/",
    "/user/",
)  # fmt: skip
# Source: https://docs.github.com/enterprise-server@latest/rest/enterprise-admin#endpoint-urls
SERVER_BASE = "/api/v3"
GRACE_SECONDS = 2
# What the addresses that stand for all of a machine include.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
QUIET_SECONDS = 0.4


class Web:
    """The ASGI application over one `Emulator`.

    patience_seconds: how long a form waits for the App, so that the next page shows its answer.
    base: "" as on api.github.com, or SERVER_BASE: then the API is only below it.
    language, hint: of the pages, as of `Page`.
    """

    def __init__(
        self,
        github: Emulator,
        patience_seconds: float,
        base: str = "",
        language: str = "en",
        hint: str = "",
    ) -> None:
        self.github = github
        self.patience_seconds = patience_seconds
        self.base = base
        self.api = Api(github)
        self.page = Page(github, language, hint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, github = scope["raw_path"].decode("ascii"), self.github
        if not path.startswith("/"):  # a client that takes this server for a proxy sends an address
            path = urlsplit(path).path
        github.under_way += 1
        github.most_under_way = max(github.most_under_way, github.under_way)
        try:
            below = self._api_path(path)
            if below in ("/app", "/graphql", "/user") or below.startswith(API_PATHS):
                await self.api({**scope, "path": below}, receive, send)
            else:
                await self._page(path, scope, receive, send)
        except Exception:
            # The server's own log is off, because a cut connection would fill it.
            LOG.exception("%s %s", scope["method"], path)
            raise
        finally:
            github.under_way -= 1

    def _api_path(self, path: str) -> str:
        """The path as on api.github.com; "" if it is not below the base.

        GraphQL is beside the REST API of a server, not below it. Without a base, both kinds of
        addresses work. Source:
        https://docs.github.com/enterprise-server@latest/graphql/guides/forming-calls-with-graphql
        """
        if path == "/api/graphql":
            return "/graphql"
        if path == f"{SERVER_BASE}/graphql":
            return path  # which is not found
        if path.startswith(f"{SERVER_BASE}/"):
            return path.removeprefix(SERVER_BASE)
        return "" if self.base else path

    async def _page(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body, headers = await request.body(), dict(request.headers)
        query = scope["query_string"].decode("ascii")
        answer = self.page.answer(request.method, path, headers, body, query)
        if answer.status_code == 303:
            await self._quiet()
        await answer(scope, receive, send)

    async def _quiet(self) -> None:
        """Wait until the App made no call for a while."""
        deadline = time.monotonic() + self.patience_seconds
        calls, since = -1, time.monotonic()
        while time.monotonic() < min(deadline, since + QUIET_SECONDS):
            if self.github.calls.total() != calls or not self.github.deliveries.idle:
                calls, since = self.github.calls.total(), time.monotonic()
            await asyncio.sleep(0.05)


def host_in_url(host: str) -> str:
    """How this machine reaches what listens at `host`, as in a URL."""
    host = LOOPBACK.get(host, host)
    return f"[{host}]" if ":" in host else host


class EmulatorServer:
    """Serves an `Emulator` from a thread, by default on loopback.

    host: an address of this machine; any but those of loopback can be reached from outside.
    base, language, hint: as of `Web`. certificate: PEM files of a chain for localhost and of its
    key, for TLS.
    """

    def __init__(
        self,
        github: Emulator,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        patience_seconds: float = 3.0,
        base: str = "",
        language: str = "en",
        hint: str = "",
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.github = github
        self.url = ""
        self._web = Web(github, patience_seconds, base, language, hint)
        self._address = (host, port)
        self._certificate: str | None
        self._key: str | None
        self._certificate, self._key = certificate or (None, None)
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    @property
    def api_url(self) -> str:
        """The address of the REST API."""
        return f"{self.url}{self._web.base}"

    def start(self) -> str:
        """Serve, and return the address once it answers. Raises OSError (it cannot listen)."""
        host, _ = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server(self._address, family=family, backlog=512)
        # Accepted sockets inherit it; else the second part of an answer waits for the first.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        origin = "https://localhost" if self._certificate else f"http://{host_in_url(host)}"
        self.url = f"{origin}:{self._socket.getsockname()[1]}"
        self.github.serve_at(self.api_url, self.url)
        config = uvicorn.Config(
            self._web,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_certfile=self._certificate,
            ssl_keyfile=self._key,
        )
        self._server = server = uvicorn.Server(config)
        self._thread = Thread(
            target=server.run, args=([self._socket],), name="emulator", daemon=True
        )
        self._thread.start()
        while not server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the emulator did not start")
            time.sleep(0.005)
        return self.url

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
        self.github.close()
