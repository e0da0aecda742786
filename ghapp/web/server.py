"""An application on a socket, served by uvicorn until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from ghapp.errors import WrongSetting

# Of a request head, also of trailers and chunk extensions. GitHub's and proxies' are far smaller.
MOST_HEAD_BYTES = 64 * 1024
# At a time; more are answered 503. Each may hold one body in memory.
MOST_CONNECTIONS = 500
# To finish requests when stopping; GitHub stops waiting after 10 seconds.
GRACE_SECONDS = 10
# Why a socket cannot listen -> what to do; for all other reasons, NOT_LOCAL.
REMEDIES = {
    errno.EADDRINUSE: "stop what listens there, or set another HOST or {named}",
    errno.EACCES: "this user may not listen on so low a port: set a {named} above 1023",
}
NOT_LOCAL = "HOST is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all that it has"


def bound(host: str, port: int, named: str = "PORT") -> socket.socket:
    """A socket bound to the address; it refuses connections until a `Server` uses it.

    port: 0 is any free port. named: the setting or option that holds the port.
    Raises WrongSetting (the port is taken, the address is not on this machine).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # also right after a restart
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Accepted sockets inherit it. Without it, the second part of an answer waits 40 ms until
        # the first is acknowledged. asyncio sets it only on sockets created with IPPROTO_TCP.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror or error
        remedy = REMEDIES.get(error.errno or 0, NOT_LOCAL).format(named=named)
        text = f"HOST, {named}: cannot listen on {host}:{port} ({reason}); {remedy}"
        raise WrongSetting(text) from error
    return listener


class Server(uvicorn.Server):
    """uvicorn in the running event loop, on a socket that is already bound."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, *, most_connections: int = MOST_CONNECTIONS
    ) -> None:
        config = uvicorn.Config(
            app,
            http="h11",  # httptools has no limit for heads
            h11_max_incomplete_event_size=MOST_HEAD_BYTES,
            limit_concurrency=most_connections,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._listener = listener
        listener.listen(config.backlog)  # connections wait until `until` runs
        host, port = listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are the caller's: uvicorn would stop only itself, not the worker.
        yield

    async def until(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set, then finish the current requests."""

        async def exit_at_stop() -> None:
            await stop.wait()
            self.should_exit = True

        stopping = asyncio.create_task(exit_at_stop())
        try:
            await self.serve([self._listener])
        finally:
            stopping.cancel()
