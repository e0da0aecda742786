"""Calls that the App does not make itself: without authentication, or with a person's token."""

from __future__ import annotations

from typing import Self

import githubkit
from githubkit.exception import RequestError, RequestFailed

from ghapp.errors import Retry
from ghapp.github.errors import AGAIN_SECONDS, Answer
from ghapp.github.host import UNANSWERED
from ghapp.github.transport import TOTAL_SECONDS, Transport
from ghapp.settings import Endpoint


class Caller:
    """One host while inside. Raises WrongSetting (the CAs cannot be read).

    token: "" for none. connections: how many calls at a time; others wait.
    """

    def __init__(self, endpoint: Endpoint, token: str = "", *, connections: int = 1) -> None:
        self._base = endpoint.api_url
        self._transport = Transport(
            endpoint,
            connections=connections,
            patience_seconds=TOTAL_SECONDS,
            observe=lambda *_: None,
        )
        self._github = githubkit.GitHub(
            githubkit.TokenAuthStrategy(token) if token else githubkit.UnauthAuthStrategy(),
            base_url=endpoint.api_url,
            user_agent="ghapp",
            follow_redirects=False,
            trust_env=False,
            async_transport=self._transport,
            http_cache=False,
            auto_retry=False,
        )

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.close()

    async def send(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        """The answer, whatever its status. path: below the host's base. Raises Retry (none came).

        The error names no path, which may hold a secret.
        """
        headers = {} if form is None else {"Accept": "application/json"}
        try:
            response = await self._github.arequest(
                method, f"{self._base}/{path}", data=form, headers=headers
            )
        except RequestFailed as refused:
            response = refused.response
        except (RequestError, *UNANSWERED) as error:
            text = f"GitHub did not answer ({type(error).__name__})"
            raise Retry(text, after_seconds=AGAIN_SECONDS) from None
        return Answer(response.status_code, response.headers, response.content)
