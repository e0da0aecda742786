"""One kept-open connection to whoever takes the deliveries."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10.0  # https://docs.github.com/webhooks: the receiver has 10 seconds


class Line:
    """One kept-open connection to the receiver."""

    def __init__(self) -> None:
        self._address = ""
        self._connection: http.client.HTTPConnection | None = None

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        parts = urlsplit(url)
        address = f"{parts.scheme}://{parts.netloc}"
        if address != self._address:
            self.hang_up()
            self._address = address
        reused = self._connection is not None
        try:
            return self._once(parts.scheme, parts.netloc, parts.path or "/", body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The receiver closed a connection that was idle: nothing of this request was read.
            if not reused:
                raise
            return self._once(parts.scheme, parts.netloc, parts.path or "/", body, headers)

    def _once(
        self, scheme: str, netloc: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str]:
        if self._connection is None:
            secure = scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            self._connection = kind(netloc, timeout=TIMEOUT_SECONDS)
        try:
            self._connection.request("POST", path, body=body, headers=headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.hang_up(keep_address=True)
            raise
        return answer.status, answer.reason

    def hang_up(self, *, keep_address: bool = False) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        if not keep_address:
            self._address = ""
