"""One GitHub host, asked through githubkit as the App or as one of its installations.

githubkit signs the App's claims, authorises the calls and makes them. Our own part: one request for
a token however many need it, claims by GitHub's clock, and every answer as an `Answer`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol, Self, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import aiohttp
import githubkit
import httpx
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from githubkit.auth.app import AppAuth
from githubkit.cache import MemCacheStrategy
from githubkit.exception import RequestError, RequestFailed
from githubkit.throttling import BaseThrottler

from ghapp.errors import Retry, Unanswered, Wait, WrongSetting
from ghapp.github.errors import AGAIN_SECONDS, Answer, refusal
from ghapp.github.transport import IN_FLIGHT, TOTAL_SECONDS, Observe, Transport
from ghapp.settings import Endpoint, loaded_key

T = TypeVar("T")
GitHubKit: TypeAlias = githubkit.GitHub[Any]
GRAPHQL = "graphql"  # the path of a request to GraphQL
# A write without an answer may take effect until this many times our patience has passed.
LATE = 4 / 3
MOVED = frozenset({301, 302, 307, 308})
# The errors of a request without an answer: aiohttp's, the system's, those of a request that cannot
# be sent (ValueError, InvalidURL), and that of a closed session (RuntimeError).
UNANSWERED = (aiohttp.ClientError, OSError, ValueError, RuntimeError, httpx.InvalidURL)
# GitHub allows at most 10 minutes ahead, and advises a minute back, for clocks that differ.
# Source: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
ISSUED_AGO, EXPIRES_IN = timedelta(seconds=60), timedelta(minutes=9)
RENEWED_BEFORE = timedelta(minutes=5)
CLOCK_OFF = timedelta(seconds=30)
WRONG_KEY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request. path: below the API's base, its parts quoted; or GRAPHQL.

    reads: it changes nothing, whatever the method. repeatable: it may change something, and twice
    is as good as once. stays: a redirect is not followed, for it leads to another repository.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reads: bool = False
    repeatable: bool = False
    stays: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.reads

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


class Sends(Protocol):
    """Sends requests: `Host`, or `Outage` around it."""

    async def send(self, request: Request, github: GitHubKit) -> Answer: ...


class _NoThrottler(BaseThrottler):
    """No limit of githubkit's own: the connections are the limit."""

    @contextmanager
    def acquire(self, _: httpx.Request) -> Iterator[None]:
        yield

    @asynccontextmanager
    async def async_acquire(self, _: httpx.Request) -> AsyncIterator[None]:
        yield


class _NoCookies(httpx.Cookies):
    """The API has none, and to look for them costs as much as a tenth of a call."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none."""


class _Client(httpx.AsyncClient):
    """Sends no cookies and keeps none."""

    @property
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, _: object) -> None:
        raise TypeError("the API has no cookies")


_NO_COOKIES = _NoCookies()


class _Kit(githubkit.GitHub[Any]):
    """githubkit with one client for all calls.

    Its own is shared only within the context of one task, and would be made anew for each call.
    """

    def with_auth(self, auth: Any) -> _Kit:
        return _Kit(auth, config=self.config.copy())

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        return _Client(**self._get_client_defaults(), transport=self.config.async_transport)

    @asynccontextmanager
    async def get_async_client(self) -> AsyncIterator[httpx.AsyncClient]:
        yield self._client


class Host:
    """One GitHub host; enter it once. Raises WrongSetting (the key or the CAs cannot be read).

    app: githubkit as the App. observe: is called after every request. patience_seconds: how long to
    wait for an answer.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        app_id: int,
        private_key: str,
        *,
        observe: Observe = lambda *_: None,
        patience_seconds: float = TOTAL_SECONDS,
    ) -> None:
        parts = urlsplit(endpoint.api_url)
        self.app_id = app_id
        self._key = _loaded(private_key)
        self._endpoint = endpoint
        self._root = f"{parts.scheme}://{parts.netloc}/"
        self._base = f"{endpoint.api_url.rstrip('/')}/"
        self._patience_seconds = patience_seconds
        self._claims = MemCacheStrategy()  # githubkit's default is shared by all hosts
        # The second transport is for the probe, which must not wait behind calls that hang.
        self._transports = tuple(
            Transport(
                endpoint, connections=most, patience_seconds=patience_seconds, observe=observe
            )
            for most in (IN_FLIGHT, 1)
        )
        self.app, self._probing = map(self._as_app, self._transports)

    def _as_app(self, transport: Transport) -> GitHubKit:
        """githubkit as the App, with its own retries, cache and redirects switched off."""
        return _Kit(
            # It only hands the key on to PyJWT, which would load a text anew for each claim.
            githubkit.AppAuthStrategy(self.app_id, self._key),  # type: ignore[arg-type]
            base_url=self._endpoint.api_url,
            user_agent="ghapp",
            follow_redirects=False,
            trust_env=False,
            async_transport=transport,
            cache_strategy=self._claims,
            http_cache=False,
            throttler=_NoThrottler(),
            auto_retry=False,
        )

    @property
    def graphql_url(self) -> str:
        """The address of GraphQL: a GitHub Enterprise Server has it beside the REST API's base.

        Source: https://docs.github.com/graphql/guides/forming-calls-with-graphql
        """
        return f"{self._base.removesuffix('/').removesuffix('/v3')}/graphql"

    async def __aenter__(self) -> Self:
        for transport in self._transports:
            await transport.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in self._transports:
            await transport.close()

    async def send(self, request: Request, github: GitHubKit) -> Answer:
        """The answer, after a redirect on this host, as for a renamed repository.

        Raises Retry: no answer came, or the path has a segment such as "..", which leads elsewhere.
        """
        if not {".", ".."}.isdisjoint(map(unquote, request.path.partition("?")[0].split("/"))):
            raise Retry(f"{request}: cannot be sent", after_seconds=AGAIN_SECONDS)
        # A whole URL, so that httpx need not build it.
        url = self.graphql_url if request.path == GRAPHQL else self._base + request.path
        answer = await self._exchange(request, github, url)
        target = answer.headers.get("location", "") if answer.status in MOVED else ""
        if target.startswith(self._root) and not request.stays:
            return await self._exchange(request, github, target)
        return answer

    async def probe(self, request: Request) -> Answer:
        """As `send`, as the App and on a connection of its own."""
        return await self.send(request, self._probing)

    async def _exchange(self, request: Request, github: GitHubKit, url: str) -> Answer:
        headers = dict(request.headers)
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        call = github.arequest(
            request.method,
            url,
            content=None if request.body is None else msgspec.json.encode(request.body),
            headers=headers,
        )
        response = await self.answered(request, call)
        return Answer(response.status_code, response.headers, response.content)

    async def answered(
        self, request: Request, call: Awaitable[githubkit.Response[T]]
    ) -> githubkit.Response[T]:
        """The response to a call of githubkit, whatever its status. Raises Retry (none came)."""
        try:
            return await call
        except RequestFailed as refused:
            return refused.response
        except (RequestError, *UNANSWERED) as error:
            cause = error.exc if isinstance(error, RequestError) else error
            if not isinstance(cause, UNANSWERED):
                raise cause from None  # our bug
            connected = not isinstance(cause, aiohttp.ConnectionTimeoutError)
            late = request.writes and isinstance(cause, TimeoutError) and connected
            seconds = max(AGAIN_SECONDS, LATE * self._patience_seconds if late else 0.0)
            text = f"{request}: no answer from GitHub ({type(cause).__name__})"
            raise Unanswered(text, after_seconds=seconds) from cause

    def claim_at(self, now: datetime) -> None:
        """Have githubkit use a claim signed as of this time: GitHub's, if our clock is wrong."""
        claims = {"iat": now - ISSUED_AGO, "exp": now + EXPIRES_IN, "iss": str(self.app_id)}
        claim = jwt.encode(claims, self._key, algorithm="RS256")
        key = AppAuth.JWT_CACHE_KEY.format(issuer=self.app_id)
        self._claims.get_cache_storage().set(key, claim, EXPIRES_IN)


@dataclass(frozen=True, slots=True)
class Token:
    """An installation's token. github: githubkit with this token.

    permissions: what the account granted, as {"checks": "write"}.
    """

    github: GitHubKit = field(repr=False)
    expires_at: datetime
    permissions: Mapping[str, str]


class _Issued(msgspec.Struct):
    token: str
    expires_at: datetime
    permissions: dict[str, str] = {}


class Tokens:
    """Requests as the App, by GitHub's clock, and a token for each installation of a host.

    sends: sends the requests; by default the host itself.
    """

    def __init__(self, host: Host, sends: Sends | None = None) -> None:
        self._host = host
        self._sends = sends or host
        self._ahead = timedelta()  # GitHub's clock minus ours; 0 unless ours is wrong
        self._cached: dict[int, Token] = {}
        self._renewals: dict[int, asyncio.Task[Token]] = {}
        self._limited: dict[int, tuple[Wait, float]] = {}  # the limit, and until when it holds

    def now(self) -> datetime:
        """GitHub's clock, as its last answers showed it."""
        return datetime.now(UTC) + self._ahead

    @property
    def ahead_seconds(self) -> float:
        """GitHub's clock minus ours, by its last answers; 0 if ours is good enough."""
        return self._ahead.total_seconds()

    async def get(self, installation_id: int) -> Token:
        """A token good for at least 5 minutes; one request, however many ask for it at once.

        So a renewal that hangs or fails does so once for all of them.
        Raises Gone (uninstalled or suspended), Retry and Wait.
        """
        token = self._cached.get(installation_id)
        if token and token.expires_at - RENEWED_BEFORE > self.now():
            return token
        renewal = self._renewals.get(installation_id)
        if renewal is None:
            limit, until = self._limited.get(installation_id, (None, 0.0))
            left = until - time.monotonic()
            if limit and left > 0:  # asking again would prolong it
                raise Wait(str(limit), after_seconds=left)
            renewal = asyncio.create_task(self._renewed(installation_id))
            self._renewals[installation_id] = renewal
            renewal.add_done_callback(lambda done: self._renewal_ended(installation_id, done))
        return await asyncio.shield(renewal)  # cancelling one caller does not cancel it for others

    def drop(self, installation_id: int, token: Token) -> None:
        """Forget a token that GitHub refused, unless another one has taken its place."""
        if self._cached.get(installation_id) is token:
            del self._cached[installation_id]

    async def as_app(self, request: Request) -> Answer:
        """The answer to the App itself, below 400. Raises Gone, Wait, Retry (wrong key or id)."""
        answer = await self.ask_as_app(request)
        if answer.status >= 400:
            raise refusal(answer, request)
        return answer

    async def ask_as_app(self, request: Request) -> Answer:
        """As `as_app`, but returns a refusal as an answer, unless GitHub refuses the App itself."""
        if abs(self._ahead) > CLOCK_OFF:
            self._host.claim_at(self.now())
        answer = await self._sends.send(request, self._host.app)
        if answer.status == 401 and self._follow_clock(answer):
            self._host.claim_at(self.now())
            answer = await self._sends.send(request, self._host.app)
        id = self._host.app_id
        if answer.status == 401:
            raise Retry(
                f"GitHub does not know App {id} by this key:"
                " check GHAPP_APP_ID and GHAPP_PRIVATE_KEY",
                after_seconds=WRONG_KEY_SECONDS,
            )
        if is_unknown(answer):
            raise Retry(
                f"GitHub has no App {id}: check GHAPP_APP_ID and GHAPP_GITHUB_API_URL",
                after_seconds=WRONG_KEY_SECONDS,
            )
        return answer

    async def _renewed(self, installation_id: int) -> Token:
        request = Request("POST", f"app/installations/{installation_id}/access_tokens", reads=True)
        answer = await self.ask_as_app(request)
        if answer.status >= 400:
            refused = refusal(answer, request)
            if isinstance(refused, Wait):
                until = time.monotonic() + refused.after_seconds
                self._limited[installation_id] = refused, until
            raise refused
        self._follow_clock(answer)
        try:
            issued = msgspec.json.decode(answer.body, type=_Issued)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            # Without the error's own words: the body may hold a token.
            text = f"{request}: the answer cannot be read"
            raise Retry(text, after_seconds=AGAIN_SECONDS) from None
        github = self._host.app.with_auth(githubkit.TokenAuthStrategy(issued.token))
        token = Token(github, issued.expires_at, issued.permissions)
        self._cached[installation_id] = token
        return token

    def _renewal_ended(self, installation_id: int, renewal: asyncio.Task[Token]) -> None:
        del self._renewals[installation_id]
        if not renewal.cancelled():
            renewal.exception()  # all callers may be cancelled; then nobody else retrieves it

    def _follow_clock(self, answer: Answer) -> bool:
        """Note GitHub's clock; whether ours was off by enough to be refused for it."""
        ahead = answer.date - datetime.now(UTC)
        off = abs(ahead - self._ahead) > CLOCK_OFF
        if off:
            self._ahead = ahead
        return off


def is_unknown(answer: Answer) -> bool:
    """Whether GitHub says that it has no App of this id.

    Source: https://github.com/octokit/rest.js/issues/218
    """
    return answer.status == 404 and b"Integration not found" in answer.body


def fingerprint(private_key: str) -> str:
    """The SHA-256 of the key's public half, as GitHub shows it beside each key of an App.

    Source: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/
    managing-private-keys-for-github-apps#verifying-private-keys
    """
    public = _loaded(private_key).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{base64.b64encode(hashlib.sha256(der).digest()).decode()}"


def _loaded(private_key: str) -> RSAPrivateKey:
    try:
        key = loaded_key(private_key)
    except (ValueError, TypeError) as error:
        raise WrongSetting(
            "GHAPP_PRIVATE_KEY is not a PEM private key: use the .pem file that GitHub gave"
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise WrongSetting("GHAPP_PRIVATE_KEY is not an RSA key: use the .pem file GitHub gave")
    return key
