"""Who we are to GitHub: the App's signed claim, and a token for each installation.

The cache belongs to one host: a token never reaches another one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from ghapp.errors import Retry, WrongSetting
from ghapp.github.refusals import refusal
from ghapp.github.wire import Answer, Request

# At most 10 minutes ahead; a minute back, as GitHub advises against clocks that differ.
# Source: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
ISSUED_AGO, EXPIRES_IN = timedelta(seconds=60), timedelta(minutes=9)
RENEWED_BEFORE = timedelta(minutes=5)
CLOCK_OFF = timedelta(seconds=30)
WRONG_KEY_SECONDS = 60.0


class Token(msgspec.Struct, frozen=True):
    """An installation's token. permissions: what the account granted, as {"checks": "write"}."""

    token: str
    expires_at: datetime
    permissions: dict[str, str] = {}


class Sends(Protocol):
    async def send(self, request: Request, authorization: str) -> Answer: ...


class Tokens:
    """Raises WrongSetting (on construction: the key is none)."""

    def __init__(
        self,
        wire: Sends,
        app_id: int,
        private_key: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._wire = wire
        self._app_id = app_id
        self._key = _loaded(private_key)
        self._our_now = now
        self._ahead = timedelta()  # of GitHub's clock before ours
        self._cached: dict[int, Token] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    def now(self) -> datetime:
        """GitHub's clock, as far as its answers have told."""
        return self._our_now() + self._ahead

    async def get(self, installation_id: int) -> Token:
        """A token good for 5 minutes at least; one request however many ask for it at once.

        Raises Gone (uninstalled or suspended) and Retry.
        """
        async with self._locks.setdefault(installation_id, asyncio.Lock()):
            token = self._cached.get(installation_id)
            if token is None or token.expires_at - RENEWED_BEFORE <= self.now():
                token = await self._renewed(installation_id)
                self._cached[installation_id] = token
            return token

    def drop(self, installation_id: int, token: Token) -> None:
        """Forget a token that GitHub refused, unless another one has taken its place."""
        if self._cached.get(installation_id) is token:
            del self._cached[installation_id]

    async def as_app(self, request: Request) -> Answer:
        """The answer to a request made as the App itself. Raises Retry (key or id are wrong)."""
        answer = await self._wire.send(request, self._claim())
        if answer.status == 401 and self._set_clock(answer):
            answer = await self._wire.send(request, self._claim())
        if answer.status == 401:
            raise Retry(
                f"GitHub does not know App {self._app_id} by this key:"
                " check GHAPP_APP_ID and GHAPP_PRIVATE_KEY",
                after_seconds=WRONG_KEY_SECONDS,
            )
        if is_unknown(answer):
            raise Retry(
                f"GitHub has no App {self._app_id}: check GHAPP_APP_ID and GHAPP_GITHUB_API_URL",
                after_seconds=WRONG_KEY_SECONDS,
            )
        return answer

    async def _renewed(self, installation_id: int) -> Token:
        request = Request("POST", f"app/installations/{installation_id}/access_tokens")
        answer = await self.as_app(request)
        if answer.status >= 400:
            raise refusal(answer, str(request))
        self._set_clock(answer)
        return msgspec.json.decode(answer.body, type=Token)

    def _claim(self) -> str:
        now = self.now()
        claims = {"iat": now - ISSUED_AGO, "exp": now + EXPIRES_IN, "iss": str(self._app_id)}
        return f"Bearer {jwt.encode(claims, self._key, algorithm='RS256')}"

    def _set_clock(self, answer: Answer) -> bool:
        """Follow GitHub's clock; whether ours was off by enough to be refused for it."""
        ahead = answer.date - self._our_now()
        off = abs(ahead - self._ahead) > CLOCK_OFF
        if off:
            self._ahead = ahead
        return off


def is_unknown(answer: Answer) -> bool:
    """Whether GitHub has no App of this id at all, whatever the key.

    Source: https://github.com/octokit/rest.js/issues/218
    """
    return answer.status == 404 and b"Integration not found" in answer.body


def fingerprint(private_key: str) -> str:
    """Of the key's public half, as GitHub shows it beside each key of an App.

    Source: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/
    managing-private-keys-for-github-apps#verifying-private-keys
    """
    public = _loaded(private_key).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{base64.b64encode(hashlib.sha256(der).digest()).decode()}"


def _loaded(private_key: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise WrongSetting(
            "GHAPP_PRIVATE_KEY is no PEM private key: use the .pem file that GitHub gave"
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise WrongSetting("GHAPP_PRIVATE_KEY is no RSA key: use the .pem file that GitHub gave")
    return key
