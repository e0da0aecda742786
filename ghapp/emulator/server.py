"""The emulator over HTTP: admits a call, lets faults strike, answers as GitHub does."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import uvicorn

from ghapp.emulator import auth, routes
from ghapp.emulator.faults import Fault
from ghapp.emulator.page import Page
from ghapp.emulator.passing import Passing
from ghapp.emulator.rest import Answer, Call, Refusal, not_found

if TYPE_CHECKING:
    from ghapp.emulator.github import Emulator


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
LOG = logging.getLogger(__name__)
API_PATHS = ("/repos/", "/repositories/", "/app/", "/orgs/", "/installation/", "/api/")
# Source: https://docs.github.com/enterprise-server@latest/rest/enterprise-admin#endpoint-urls
SERVER_BASE = "/api/v3"
GRACE_SECONDS = 2
QUIET_SECONDS = 0.4


class Web:
    """The ASGI application over one `Emulator`.

    patience_seconds: how long a form waits for the App, so that the next page shows its answer.
    base: "" as on api.github.com, or SERVER_BASE: then nothing of the API is answered beside it.
    language: of the pages, en or ja.
    """

    def __init__(
        self, github: Emulator, patience_seconds: float, base: str = "", language: str = "en"
    ) -> None:
        self.github = github
        self.patience_seconds = patience_seconds
        self.base = base
        self.page = Page(github, language)
        self._used = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["raw_path"].decode("ascii")
        body, github = await _read(receive), self.github
        github.under_way += 1
        github.most_under_way = max(github.most_under_way, github.under_way)
        try:
            await self._route(scope, path, body, send)
        except Exception:
            # The server's own log is off (a cut connection would fill it), so this is said here.
            LOG.exception("%s %s", scope["method"], path)
            raise
        finally:
            github.under_way -= 1

    async def _route(self, scope: Scope, path: str, body: bytes, send: Send) -> None:
        below = self._below(path)
        if below in ("/app", "/graphql") or below.startswith(API_PATHS):
            await self._api(scope, below, body, send)
        else:
            await self._page(scope, path, body, send)

    def _below(self, path: str) -> str:
        """The path as a client of api.github.com would say it; "" where it is none of the API's.

        GraphQL is beside the REST API of a server, not below it. Without a base, both ways of
        speaking are understood.
        """
        if path in ("/api/graphql", f"{SERVER_BASE}/graphql"):
            return path
        if path.startswith(f"{SERVER_BASE}/"):
            return path.removeprefix(SERVER_BASE)
        return "" if self.base else path

    async def _page(self, scope: Scope, path: str, body: bytes, send: Send) -> None:
        answer = self.page.answer(scope["method"], path, _headers(scope), body)
        if answer.status == 303:
            await self._quiet()
        await _send(send, answer)

    async def _quiet(self) -> None:
        """Wait until the App made no call for a while."""
        deadline = time.monotonic() + self.patience_seconds
        seen, since = -1, time.monotonic()
        while time.monotonic() < min(deadline, since + QUIET_SECONDS):
            count = self.github.calls.total()
            if count != seen or not self.github.deliveries.idle:
                seen, since = count, time.monotonic()
            await asyncio.sleep(0.05)

    async def _api(self, scope: Scope, path: str, body: bytes, send: Send) -> None:
        github, method = self.github, scope["method"]
        path = routes.by_name(github, path)
        found = routes.find(method, path)
        if found is None:
            await _send(send, self._dressed(not_found().answer("")))
            return
        route, params = found
        passing = Passing(route.name, path, scope.get("client") or ("", 0))
        github.watch.began(passing)
        try:
            await self._passed(scope, route, Call(github, method, path, params, {}, {}, body), send)
        finally:
            github.watch.ended(passing)

    async def _passed(self, scope: Scope, route: routes.Route, call: Call, send: Send) -> None:
        github = self.github
        github.calls[route.name] += 1
        fault = github.faults.strike(route.name, "/".join(list(call.params.values())[:2]))
        delay, late = (fault.delay_seconds, fault.after) if fault else (0.0, False)
        await _pause(github.latency_seconds + (0.0 if late else delay))
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        call.query, call.headers = query, _headers(scope)
        answer = self._answer(route, call) if fault is None else self._spoilt(fault, route, call)
        await _pause(delay if late else 0.0)
        dressed = self._dressed(answer)
        github.bytes[route.name] += len(call.body) + len(dressed.body)
        await _send(send, dressed, cut=bool(fault and fault.cut))

    def _spoilt(self, fault: Fault, route: routes.Route, call: Call) -> Answer:
        github, url = self.github, f"{self.github.shapes.api}{call.path}"
        if fault.revokes:
            auth.revoke(github, call.headers.get("authorization", ""))
        call.query = fault.changed(call.query, fault.asks)
        call.headers = fault.changed(call.headers, fault.heard)
        call.stale, call.whole = fault.stale, fault.whole
        answer = self._answer(route, call) if fault.answers else None
        return fault.spoilt(answer, url, github.now())

    def _answer(self, route: routes.Route, call: Call) -> Answer:
        with self.github.lock:
            try:
                self._admit(route, call)
                return route.answer(call)
            except Refusal as refusal:
                return refusal.answer(route.docs)

    def _admit(self, route: routes.Route, call: Call) -> None:
        authorization = call.headers.get("authorization", "")
        if route.needs == routes.APP:
            auth.check_app(self.github, authorization)
            return
        call.token = auth.token(self.github, authorization)
        if not auth.allows(call.token.permissions, route.needs):
            if route.hidden:
                raise not_found()
            needed = "; ".join(need.replace(":", "=") for need in route.needs)
            headers = {"x-accepted-github-permissions": needed}
            raise Refusal(403, "Resource not accessible by integration", headers=headers)

    def _dressed(self, answer: Answer) -> Answer:
        """With the headers every answer of the API has."""
        self._used += answer.status != 304  # a conditional read that was current costs nothing
        headers = {
            "content-type": "application/json; charset=utf-8",
            "date": formatdate(self.github.now().timestamp(), usegmt=True),
            "server": "github.com",
            "x-github-media-type": "github.v3; format=json",
            "x-github-request-id": f"{self._used:08X}",
            **self._limits(),
        }
        if self.github.enterprise_version:
            headers["x-github-enterprise-version"] = self.github.enterprise_version
        return Answer(answer.status, answer.body, headers | answer.headers)

    def _limits(self) -> dict[str, str]:
        """What is left of the rate limit; nothing is told where there is none."""
        limit = self.github.rate_limit
        if not limit:
            return {}
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(0, limit - self._used)),
            "x-ratelimit-used": str(self._used),
            "x-ratelimit-reset": str(int(self.github.now().timestamp()) + 3600),
            "x-ratelimit-resource": "core",
        }


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}


async def _pause(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, answer: Answer, *, cut: bool = False) -> None:
    size = str(len(answer.body) + (1024 if cut else 0))
    headers = {**answer.headers, "content-length": size}
    if answer.status in (204, 304):
        del headers["content-length"]
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    # A cut answer promises more than it holds: the server then closes the connection.
    await send({"type": "http.response.body", "body": answer.body[:20] if cut else answer.body,
                "more_body": cut})  # fmt: skip


class EmulatorServer:
    """Serves a `Emulator` from a thread, on loopback unless told otherwise.

    host: an address of this machine; others than those of loopback can be reached from outside.
    base, language: as of `Web`. certificate: PEM files of a chain for localhost and of its key,
    for TLS.
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
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.github = github
        self.url = ""
        self._web = Web(github, patience_seconds, base, language)
        self._address = (host, port)
        self._certificate = certificate[0] if certificate else None
        self._key = certificate[1] if certificate else None
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    @property
    def api_url(self) -> str:
        """Where the REST API is."""
        return f"{self.url}{self._web.base}"

    def start(self) -> str:
        """The address, once it answers."""
        self._socket = socket.create_server(self._address, backlog=512)
        # Inherited by what it accepts; else the second part of an answer waits for the first.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        where = "https://localhost" if self._certificate else f"http://{self._address[0]}"
        self.url = f"{where}:{self._socket.getsockname()[1]}"
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
