"""People sign in with GitHub: who they are, and which repositories they may see.

Sources: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/
generating-a-user-access-token-for-a-github-app, https://docs.github.com/rest/apps/installations
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from cachetools import TTLCache

from ghapp import logs
from ghapp.errors import Gone, Rejected
from ghapp.github.api import PAGE, together, whole
from ghapp.github.caller import Caller
from ghapp.github.errors import Answer, decoded, limited_seconds, refusal
from ghapp.settings import Settings

KEPT_SECONDS = 600.0  # how long a right may outlive its end on GitHub
MOST_KEPT = 1_000  # people
MOST_INSTALLATIONS = PAGE
MOST_PAGES = 50  # of the repositories of one installation
MOST_CALLS_AT_ONCE = 8
# Answers to a person who may not see an installation: it is gone, or single sign-on guards it.
HIDDEN = (403, 404)

log = logs.logger()


@dataclass(frozen=True, slots=True)
class Person:
    """An account that has signed in. seconds: how long its token lives; None if it does not say."""

    id: int
    login: str
    token: str = field(repr=False)
    seconds: float | None


class _Granted(msgspec.Struct):
    """error: a word; then there is no token, although the status is 200."""

    access_token: str = ""
    expires_in: float | None = None
    error: str = ""


class _User(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(gt=0, le=2**63 - 1)]
    login: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Numbered(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(gt=0, le=2**63 - 1)]


class _Installations(msgspec.Struct):
    total_count: int
    installations: list[_Numbered]


class _Repositories(msgspec.Struct):
    repositories: list[_Numbered]


def address(settings: Settings, back: str, state: str, verifier: str) -> str:
    """Where a person lets the App know who they are. It asks for nothing else.

    back: where GitHub sends them then, with a code. state: comes back, too. verifier: a secret that
    `signed_in` has to know; 43 characters or more.
    """
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "client_id": settings.client_id,
        "redirect_uri": back,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    return f"{settings.web_url}/login/oauth/authorize?{urlencode(asked)}"


async def signed_in(settings: Settings, back: str, code: str, verifier: str) -> Person:
    """Who has signed in, in exchange for the code. It works once, within ten minutes.

    Raises Gone (GitHub does not accept the code), Rejected (it does not accept the App's own
    settings), Retry and Wait.
    """
    named = "POST login/oauth/access_token"
    sent = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "redirect_uri": back,
        "code": code,
        "code_verifier": verifier,
    }
    pages = replace(settings.endpoint, api_url=settings.web_url)
    async with Caller(pages) as caller:
        answer = await caller.send("POST", named.partition(" ")[2], sent)
    if answer.status >= 400:
        raise refusal(answer, named)
    granted = decoded(answer, _Granted, named)
    if granted.error == "bad_verification_code":
        raise Gone("GitHub does not accept this code: it works once, and for ten minutes")
    if granted.error == "incorrect_client_credentials":
        raise Rejected("GitHub does not accept GHAPP_CLIENT_ID and GHAPP_CLIENT_SECRET")
    if granted.error == "redirect_uri_mismatch":
        raise Rejected(f"the App has no callback URL {back}: add it to the App's settings")
    if granted.error or not granted.access_token:
        raise Rejected(f"GitHub gives no token: {granted.error[:100] or 'no reason'}")
    token = granted.access_token
    async with Caller(settings.endpoint, token) as caller:
        answer = await caller.send("GET", "user")
    if answer.status >= 400:
        raise refusal(answer, "GET user")
    user = decoded(answer, _User, "GET user")
    return Person(user.id, user.login, token, granted.expires_in)


class Rights:
    """Which repositories people may see, as GitHub lists them, kept for ten minutes."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = settings.endpoint
        self._kept: TTLCache[str, asyncio.Task[frozenset[int]]] = TTLCache(
            MOST_KEPT, KEPT_SECONDS, clock
        )

    async def of(self, session: str, token: str) -> frozenset[int]:
        """The ids of the repositories. session: names whose token it is.

        Raises Gone (GitHub no longer accepts the token), Retry and Wait.
        """
        reading = self._kept.get(session)
        if reading is None or (reading.done() and (reading.cancelled() or reading.exception())):
            reading = self._kept[session] = asyncio.create_task(self._read(token))
            # Everybody who waits may be cancelled; then nobody else retrieves the error.
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(reading)  # others may wait for it, too

    async def _read(self, token: str) -> frozenset[int]:
        async with Caller(self._endpoint, token, connections=MOST_CALLS_AT_ONCE) as caller:
            named = f"user/installations?per_page={MOST_INSTALLATIONS}"
            answer = await caller.send("GET", named)
            found = decoded(_good(answer, "GET user/installations"), _Installations, named)
            if found.total_count > len(found.installations):
                log.warning("not all installations are read", count=found.total_count)
            listed = await together(_listed(caller, one.id) for one in found.installations)
        return frozenset(id for ids in listed for id in ids)


async def _listed(caller: Caller, installation_id: int) -> tuple[int, ...]:
    """The repositories of an installation that the caller may see."""
    path = f"user/installations/{installation_id}/repositories"

    async def page(number: int) -> tuple[list[int], Answer]:
        answer = await caller.send("GET", f"{path}?per_page={PAGE}&page={number}")
        if answer.status in HIDDEN and not limited_seconds(answer):
            return [], answer
        found = decoded(_good(answer, f"GET {path}"), _Repositories, path)
        return [one.id for one in found.repositories], answer

    return await whole(page, most_pages=MOST_PAGES)


def _good(answer: Answer, what: str) -> Answer:
    """The answer, if its status is good. Raises Gone (the token is no longer good), Retry, Wait."""
    if answer.status == 401:
        raise Gone(f"{what}: GitHub no longer accepts the token")
    if answer.status >= 400:
        raise refusal(answer, what)
    return answer
