"""Slack's incoming webhooks: a message is posted, or it is clear whether it may have been.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from ghapp.github.transport import trusted
from ghapp.settings import Endpoint

TOTAL_SECONDS = 15.0
MOST_WAIT_SECONDS = 3600.0
AGAIN_SECONDS = 60.0
MOST_ANSWER_BYTES = 500


class Unsent(Exception):
    """The message surely did not arrive, and may be sent again after so many seconds."""

    def __init__(self, reason: str, after_seconds: float) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class Refused(Exception):
    """Slack does not take the message, and would not take it later."""


class Unknown(Exception):
    """No answer came: the message may have arrived."""


class Slack:
    """Posts to the webhooks of this server. Enter it once.

    webhooks: addresses by name, "" for the one without a name. endpoint: how to connect; its proxy
    and certificates are used, not its address.
    """

    def __init__(self, webhooks: Mapping[str, str], endpoint: Endpoint) -> None:
        self._webhooks, self._endpoint = webhooks, endpoint

    @property
    def names(self) -> frozenset[str]:
        """The names of the webhooks that are set."""
        return frozenset(self._webhooks)

    async def __aenter__(self) -> Self:
        """Raises WrongSetting (the certificates to trust cannot be read)."""
        # To read the certificates takes time, which a server without a channel need not spend.
        tls = trusted(self._endpoint) if self._webhooks else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(TOTAL_SECONDS, sock_connect=5.0),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def post(self, name: str, message: Mapping[str, Any]) -> None:
        """Post it. Raises Unsent, Refused and Unknown, whose texts name no address."""
        try:
            async with self._session.post(
                self._webhooks[name],
                json=message,
                allow_redirects=False,
                proxy=self._endpoint.proxy or None,
            ) as answer:
                status, limited = answer.status, answer.headers.get("Retry-After", "")
                said = (await answer.content.read(MOST_ANSWER_BYTES)).decode(errors="replace")
        except aiohttp.ClientConnectorError as error:
            raise Unsent(f"cannot connect ({type(error).__name__})", AGAIN_SECONDS) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unknown(f"no answer ({type(error).__name__})") from error
        if status == 200:
            return
        if status == 429 or status >= 500:
            seconds = float(limited) if limited.isascii() and limited.isdigit() else AGAIN_SECONDS
            raise Unsent(f"status {status}", min(seconds, MOST_WAIT_SECONDS))
        raise Refused(f"status {status}: {said[:100]}")
