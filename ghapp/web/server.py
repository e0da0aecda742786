"""An application on a socket, by uvicorn, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from ghapp.errors import WrongSetting
from ghapp.web.protocol import Bounded

BACKLOG = 2048
# For deliveries under way; GitHub gives up on them after 10 seconds.
GRACE_SECONDS = 10
# Why nothing can listen there -> what to do; all other reasons lie in the address.
REMEDIES = {
    errno.EADDRINUSE: "stop what listens there, or set another HOST or {named}",
    errno.EACCES: "this user may not listen on so low a port: set a {named} above 1023",
}
NOT_OURS = "HOST is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all that it has"


def bound(host: str, port: int, named: str = "PORT") -> socket.socket:
    """A socket of that address, which refuses connections until there is a `Server` for it.

    port: 0 is any free one. named: what it is set by. Raises WrongSetting (the port is taken, the
    address not ours).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # also right after a restart
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Inherited by what it accepts. asyncio sets it only where a socket says that it is TCP, and
        # an answer in two parts else waits 40 ms for the client to acknowledge the first.
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        reason = error.strerror or error
        remedy = REMEDIES.get(error.errno or 0, NOT_OURS).format(named=named)
        text = f"HOST, {named}: cannot listen on {host}:{port} ({reason}); {remedy}"
        raise WrongSetting(text) from error
    return taken


class Server(uvicorn.Server):
    """uvicorn in this event loop, on a socket of ours."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, protocol: type[Bounded] = Bounded
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._listener = listener
        listener.listen(BACKLOG)  # who connects from now on is served as soon as it runs
        host, port = listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Whoever runs us decides what signals mean: uvicorn would leave the worker behind.
        yield

    async def until(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set, then let the requests under way end."""
        stopping = asyncio.create_task(self._exit_at(stop))
        try:
            await self.serve([self._listener])
        finally:
            stopping.cancel()

    async def _exit_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.should_exit = True
