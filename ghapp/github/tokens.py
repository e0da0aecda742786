"""Who we are to GitHub: the App's signed claim, and a token for each installation.

The cache belongs to one host: a token never reaches another one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from ghapp.errors import Retry, WrongSetting
from ghapp.github.availability import Sends
from ghapp.github.errors import refusal
from ghapp.github.wire import AGAIN_SECONDS, Answer, Request

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

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at!r})"


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
        self._renewals: dict[int, asyncio.Task[Token]] = {}
        self._limited: dict[int, tuple[Retry, float]] = {}  # the limit, and until when it holds

    def now(self) -> datetime:
        """GitHub's clock, as far as its answers have told."""
        return self._our_now() + self._ahead

    async def get(self, installation_id: int) -> Token:
        """A token good for 5 minutes at least; one request however many ask for it at once.

        So a renewal that hangs or fails does so once for all of them, and not one after another.
        Raises Gone (uninstalled or suspended) and Retry.
        """
        token = self._cached.get(installation_id)
        if token and token.expires_at - RENEWED_BEFORE > self.now():
            return token
        renewal = self._renewals.get(installation_id)
        if renewal is None:
            self._mind_the_limit(installation_id)
            renewal = asyncio.create_task(self._renewed(installation_id))
            self._renewals[installation_id] = renewal
            renewal.add_done_callback(lambda done: self._renewal_ended(installation_id, done))
        return await asyncio.shield(renewal)  # who is cancelled does not take it from the others

    def drop(self, installation_id: int, token: Token) -> None:
        """Forget a token that GitHub refused, unless another one has taken its place."""
        if self._cached.get(installation_id) is token:
            del self._cached[installation_id]

    async def as_app(self, request: Request) -> Answer:
        """The answer to a request made as the App itself. Raises Retry (key or id are wrong)."""
        answer = await self._wire.send(request, self.claim())
        if answer.status == 401 and self._set_clock(answer):
            answer = await self._wire.send(request, self.claim())
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
        request = Request("POST", f"app/installations/{installation_id}/access_tokens", reads=True)
        answer = await self.as_app(request)
        if answer.status >= 400:
            refused = refusal(answer, str(request))
            if isinstance(refused, Retry) and not refused.counts:
                until = time.monotonic() + refused.after_seconds
                self._limited[installation_id] = refused, until
            raise refused
        self._set_clock(answer)
        try:
            token = msgspec.json.decode(answer.body, type=Token)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            # Without the error's own words: the body may hold a token.
            text = f"{request}: the answer cannot be read"
            raise Retry(text, after_seconds=AGAIN_SECONDS) from None
        self._cached[installation_id] = token
        return token

    def _mind_the_limit(self, installation_id: int) -> None:
        """Raises Retry while GitHub has us wait: to ask on would prolong it."""
        limit, until = self._limited.get(installation_id, (None, 0.0))
        left = until - time.monotonic()
        if limit and left > 0:
            raise Retry(str(limit), after_seconds=left, counts=False)

    def _renewal_ended(self, installation_id: int, renewal: asyncio.Task[Token]) -> None:
        del self._renewals[installation_id]
        if not renewal.cancelled():
            renewal.exception()  # whoever asked may have gone: then nobody else looks at it

    def claim(self) -> str:
        """How a request by the App itself is authorised, for the next minutes."""
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
