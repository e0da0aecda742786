"""`/login` and `/logout`: people sign in with GitHub, and see what GitHub lets them see.

A session is known by its cookie alone, of which only a hash is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from typing import Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ghapp import logs
from ghapp.core.i18n import LANGUAGES, Words
from ghapp.errors import Busy, Gone, Rejected, Retry, StoreFailed, Wait, WrongSetting
from ghapp.github.oauth import Rights, address, signed_in
from ghapp.settings import Settings
from ghapp.store import Store, feeds, sessions
from ghapp.store.credentials import Seal
from ghapp.store.sessions import Session
from ghapp.web import forms
from ghapp.web.language import language
from ghapp.web.visitor import AWAY, Visitor, is_api

COOKIE = "__Host-ghapp"
# While the person is on GitHub: the state of its answer, our secret, and where they wanted to go.
UNDER_WAY = "__Host-ghapp-login"
UNDER_WAY_SECONDS = 600
MOST_SECONDS = 8 * 3600.0
MOST_USED = 10_000  # states that are remembered; GitHub's codes work once as well
MOST_NEXT = 1_500  # characters; browsers keep cookies of 4 KB
# A path on this site. Browsers take a backslash for a slash, and leave out tabs and line ends.
NEXT = re.compile(r"/(?![/\\])[!-~]*", re.ASCII)
SIGN_IN = "/login"
UNSIGNED = "sign in first: open /login in a browser, and send its cookie"

log = logs.logger()


class Shows(Protocol):
    """Renders a page, as `Pages` does."""

    def __call__(
        self, name: str, request: Request, words: Words, status: int = 200, **values: object
    ) -> Response: ...


class SignIn:
    """Lets in whoever has signed in with GitHub.

    shows: renders our pages. listening: where the server listens, for a base URL that is not set.
    Raises WrongSetting (there is no key to encrypt with, or nobody can sign in).
    """

    def __init__(self, settings: Settings, store: Store, shows: Shows, listening: str) -> None:
        if not (settings.client_id and settings.client_secret):
            raise WrongSetting("GHAPP_CLIENT_ID: is missing, and GHAPP_PAGES=sign-in needs it")
        self._settings, self._store, self._shows = settings, store, shows
        self._base = settings.base(listening)
        self._back = f"{self._base}/login/callback"
        self._seal = Seal(settings, makes=True)
        self._rights = Rights(settings)
        self._kept: dict[str, frozenset[int]] = {}  # by session, what its feeds know
        self._used: dict[str, None] = {}  # states, in the order in which they came back

    def routes(self) -> list[Route]:
        return [
            Route(SIGN_IN, self.begin, methods=["GET"]),
            Route("/login/callback", self.finish, methods=["GET"]),
            Route("/logout", self.end, methods=["POST"]),
            Route("/signed-out", self.ended, methods=["GET"]),
        ]

    # --- who it is ---------------------------------------------------------------------------

    async def visitor(self, request: Request) -> Visitor | Response:
        """Whoever the cookie belongs to, or the way to sign in. Raises Busy and StoreFailed."""
        cookie = request.cookies.get(COOKIE, "")
        session = None
        if cookie:
            session = await self._store.records.read(sessions.read, _hash(cookie))
        token = self._seal.revealed(session.token) if session else None
        if session is None or token is None:
            return self._to_sign_in(request)
        try:
            seen = await self._rights.of(session.hash, token)
        except Gone as error:
            log.info("a session has ended", login=session.login, reason=str(error))
            await self._store.records.write(sessions.end, session.hash)
            return self._to_sign_in(request)
        except (Retry, Wait) as error:
            log.warning("rights cannot be read", login=session.login, reason=str(error))
            words = Words(language(request))
            if is_api(request):
                return JSONResponse({"error": words("page_rights_unknown")}, 503)
            return self._said(request, "page_rights_unknown", 503, _wanted(request))
        if self._kept.get(session.hash) is not seen:  # as GitHub has just said
            self._kept[session.hash] = seen
            if len(self._kept) > MOST_USED:
                del self._kept[next(iter(self._kept))]
            await self._store.records.write(feeds.allow, session.user_id, seen)
        return Visitor(session.login, seen, _form(cookie), session.user_id)

    def _to_sign_in(self, request: Request) -> Response:
        """JSON for programs, the way to GitHub for people.

        The redirect would be refused after a form of our own pages, by the policy of their
        `form-action`. A page that loads the next one is not a redirect.
        """
        if is_api(request):
            return JSONResponse({"error": UNSIGNED}, 401)
        wanted = _wanted(request)
        if request.headers.get("sec-fetch-site") != "same-origin":
            return RedirectResponse(_login(wanted), 303)
        answer = self._said(request, "page_session_over", 401, wanted)
        answer.headers["Refresh"] = f"0;url={_login(wanted)}"
        return answer

    # --- the pages ---------------------------------------------------------------------------

    async def begin(self, request: Request) -> Response:
        """Send the browser to GitHub, which asks whether ghapp may know who it is."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        wanted = {"state": state, "verifier": verifier, "next": _wanted(request, named=True)}
        answer = RedirectResponse(address(self._settings, self._back, state, verifier), 303)
        hidden = self._seal.hidden(json.dumps(wanted)).decode()
        _set(answer, UNDER_WAY, hidden, UNDER_WAY_SECONDS)
        return answer

    async def finish(self, request: Request) -> Response:
        """GitHub sends the browser here with a code: begin the session of whom it stands for."""
        hidden = request.cookies.get(UNDER_WAY, "").encode("utf-8", "replace")
        found = self._seal.revealed(hidden, UNDER_WAY_SECONDS)
        began: dict[str, str] = json.loads(found) if found else {}
        state, wanted = began.get("state", ""), began.get("next", "/")
        given = request.query_params
        fits = hmac.compare_digest(given.get("state", "").encode(), state.encode())
        if not state or not fits or state in self._used:
            return self._failed(request, "page_sign_in_foreign", 403, "/")
        self._used[state] = None
        if len(self._used) > MOST_USED:
            del self._used[next(iter(self._used))]
        if "code" not in given:
            log.info("sign-in was refused on GitHub", reason=given.get("error", "")[:100])
            return self._failed(request, "page_sign_in_declined", 403, wanted)
        try:
            person = await signed_in(self._settings, self._back, given["code"], began["verifier"])
            cookie = secrets.token_urlsafe(32)
            # If GitHub does not accept the token, a session would only lead here again.
            await self._rights.of(_hash(cookie), person.token)
            seconds = min(person.seconds or MOST_SECONDS, MOST_SECONDS)
            session = Session(
                _hash(cookie), person.id, person.login, self._seal.hidden(person.token)
            )
            old = _hash(request.cookies.get(COOKIE, ""))
            await self._store.records.write(sessions.keep, session, seconds, old)
        except (Gone, Rejected, Retry, Wait) as error:
            log.error("sign-in failed", reason=str(error))
            return self._failed(request, "page_sign_in_failed", 502, wanted)
        except (Busy, StoreFailed) as error:
            log.error("sign-in failed", reason=str(error))
            return JSONResponse({"error": AWAY}, 503)
        log.info("signed in", login=person.login, user_id=person.id)
        answer = RedirectResponse(wanted, 303)
        _set(answer, COOKIE, cookie, int(seconds))
        _set(answer, UNDER_WAY, "", 0)
        return answer

    async def end(self, request: Request) -> Response:
        """End the session of whoever pressed the button."""
        cookie = request.cookies.get(COOKIE, "")
        fields = await forms.sent(request, self._base, _form(cookie))
        try:
            await self._store.records.write(sessions.end, _hash(cookie))
        except (Busy, StoreFailed):
            return JSONResponse({"error": AWAY}, 503)
        chosen = fields.get("lang", "")
        answer = RedirectResponse(
            f"/signed-out{f'?lang={chosen}' if chosen in LANGUAGES else ''}", 303
        )
        _set(answer, COOKIE, "", 0)
        return answer

    async def ended(self, request: Request) -> Response:
        return self._said(request, "page_signed_out", 200, "/")

    def _failed(self, request: Request, key: str, status: int, wanted: str) -> Response:
        answer = self._said(request, key, status, wanted)
        _set(answer, UNDER_WAY, "", 0)
        return answer

    def _said(self, request: Request, key: str, status: int, wanted: str) -> Response:
        """A page of one sentence. wanted: where its link to sign in leads in the end."""
        words = Words(language(request))
        return self._shows(
            "sign_in.html", request, words, status, said=words(key), link=_login(wanted)
        )


def _wanted(request: Request, *, named: bool = False) -> str:
    """The page that is asked for, or that `next` names; "/" unless it is a page of this site."""
    if named:
        path = request.query_params.get("next", "")
    elif request.method not in ("GET", "HEAD"):
        path = "/"
    else:
        query = request.url.query
        path = request.scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")
    return path if len(path) <= MOST_NEXT and NEXT.fullmatch(path) else "/"


def _login(wanted: str) -> str:
    return SIGN_IN if wanted == "/" else f"{SIGN_IN}?{urlencode({'next': wanted})}"


def _set(answer: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie for this host alone, or delete it with 0 seconds."""
    answer.set_cookie(name, value, max_age=seconds, secure=True, httponly=True, samesite="lax")


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _form(cookie: str) -> str:
    """The token of forms in a session."""
    return hmac.digest(cookie.encode(), b"form", "sha256").hex() if cookie else ""
