"""`/setup`: whoever started the server makes the App on GitHub, and its credentials are stored.

A visitor is known only by the cookie that the printed token was exchanged for.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ghapp import logs
from ghapp.core.i18n import LANGUAGES, Words
from ghapp.errors import Busy, Gone, Rejected, Retry, StoreFailed, Wait, WrongSetting
from ghapp.github.app import Installed
from ghapp.github.client import GitHub
from ghapp.github.manifest import address, converted, manifest
from ghapp.github.requirements import OF_ORGANISATIONS, PERMISSIONS, at_least, spoken
from ghapp.settings import Credentials, Settings
from ghapp.store import Store, credentials, stats
from ghapp.web import forms
from ghapp.web.app import headers_at, site
from ghapp.web.language import language
from ghapp.web.pages import templates

LIFE_SECONDS = 3600.0  # of the token, and of the cookie that it is exchanged for
COOKIE = "__Host-ghapp-setup"
ACCOUNT = re.compile(r"[A-Za-z0-9](?:[\w-]{0,98}[A-Za-z0-9])?", re.ASCII)
SWITCH_SECONDS = 10.0  # it takes a second or two
REFRESH_SECONDS = 5
MOST_ASKED = 20  # installations whose repositories are counted
LOST = (
    "open the address that ghapp printed when it started; if it was used or is old, restart ghapp"
)
NO_BASE = (
    "GHAPP_BASE_URL is not set: this address works in a browser on this machine only, and GitHub "
    "cannot deliver to it. Set it to the https:// address of the proxy in front of ghapp."
)

log = logs.logger()


class Front:
    """The ASGI application of a server that may have to be set up first.

    site: what answers everything but set-up; it is replaced when the App is known.
    """

    def __init__(self, site: ASGIApp) -> None:
        self.site = site
        self.setup: SetUp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        setup = self.setup
        path = scope.get("path", "")
        is_setup = path == "/setup" or path.startswith("/setup/")
        app = setup.site if setup and is_setup else self.site
        await app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Session:
    """The one visitor. hash: of the cookie. state: of the next answer from GitHub, good once.

    form: the token of our own form. account: the login of an organisation, "" for a personal
    account, None if it was not chosen yet. language: "" for the one that the browser prefers.
    """

    hash: bytes
    until: float
    form: str = field(repr=False)
    state: str = field(repr=False)
    account: str | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of `/setup/installed`. done: by facts. text: what was found, or what to do."""

    done: bool
    text: str


class SetUp:
    """Set-up, until the App is stored and its first delivery has arrived.

    stored: is set once credentials are stored. listening: the address at which the server listens,
    for a base URL that is not set. clock: in seconds. patience_seconds: how long to wait for the
    server to accept deliveries. Raises WrongSetting (there is no key to encrypt with).
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        listening: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_seconds: float = SWITCH_SECONDS,
    ) -> None:
        self.stored = asyncio.Event()
        self._switched = asyncio.Event()
        self._patience_seconds = patience_seconds
        self._is_over = False
        self._github: GitHub | None = None
        self._settings, self._store, self._clock = settings, store, clock
        self._seal = credentials.Seal(settings, makes=True)
        self._base = settings.base(listening)
        self._is_reachable = self._base.startswith("https://") or settings.is_local
        self._token_hash = b""
        self._until = 0.0
        self._session: Session | None = None
        self._finishing = asyncio.Lock()
        self._templates = templates(settings.timezone)
        policy = (
            f"default-src 'none'; style-src 'self'; form-action 'self' {settings.web_url}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {
            **headers_at(self._base),
            "Content-Security-Policy": policy,
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        self.site = site(
            Route("/setup", self.choose, methods=["POST"]),
            Route("/setup", self.begin, methods=["GET"]),
            Route("/setup/style.css", self.style, methods=["GET"]),
            Route("/setup/created", self.created, methods=["GET"]),
            Route("/setup/installed", self.installed, methods=["GET"]),
            headers=headers,
        )

    def invitation(self) -> str:
        """What to show to whoever started the server: the address with a new token, good once."""
        token = secrets.token_urlsafe(32)
        self._token_hash, self._until = _hash(token), self._clock() + LIFE_SECONDS
        opened = f"Open {self._base}/setup?token={token}"
        return opened if self._settings.base_url else f"{NO_BASE}\n{opened}"

    def switched(self, github: GitHub) -> None:
        """The server uses the App now, and accepts its deliveries."""
        self._github = github
        self.stored.set()  # perhaps by another process
        self._switched.set()

    # --- who it is ---------------------------------------------------------------------------

    def _known(self, request: Request) -> Session | None:
        """The session of the visitor, None for everybody else."""
        session, cookie = self._session, request.cookies.get(COOKIE, "")
        if session is None or self._clock() > session.until:
            return None
        if not hmac.compare_digest(_hash(cookie), session.hash):
            return None
        if (chosen := request.query_params.get("lang", "")) in LANGUAGES:
            session = self._session = replace(session, language=chosen)
        return session

    def _refused(self) -> Response:
        if self.stored.is_set():
            return JSONResponse({"error": "Not Found"}, 404)
        return JSONResponse({"error": LOST}, 403)

    def _enter(self, token: str) -> Response:
        """Exchange the token for a cookie."""
        fits = hmac.compare_digest(_hash(token), self._token_hash) if self._token_hash else False
        if not fits or self._clock() > self._until or self.stored.is_set():
            return self._refused()
        self._token_hash = b""
        cookie = secrets.token_urlsafe(32)
        self._session = Session(_hash(cookie), self._clock() + LIFE_SECONDS, _secret(), _secret())
        answer = RedirectResponse("/setup", 303)
        answer.set_cookie(
            COOKIE, cookie, max_age=int(LIFE_SECONDS), secure=True, httponly=True, samesite="lax"
        )
        return answer

    # --- the pages ---------------------------------------------------------------------------

    async def begin(self, request: Request) -> Response:
        """Ask for the account, then show what the App needs, with the button to make it."""
        session = self._known(request)
        token = request.query_params.get("token", "")
        if token and session is None and request.method == "GET":  # HEAD is a preview of the link
            return self._enter(token)
        if session is None or self.stored.is_set():
            return self._refused()
        if token:
            return RedirectResponse("/setup", 303)
        return self._start(request, session)

    async def choose(self, request: Request) -> Response:
        """Remember the account that the App will belong to."""
        session = self._known(request)
        if session is None or self.stored.is_set():
            return self._refused()
        form = await forms.sent(request, self._base, session.form)
        account = form.get("account", "").strip()
        if account and not ACCOUNT.fullmatch(account):
            return self._start(request, session, "setup_bad_account", 422, name=account[:100])
        chosen = None if "again" in form else account
        self._session = replace(session, account=chosen, state=_secret())
        return RedirectResponse("/setup", 303)

    async def style(self, request: Request) -> Response:
        if self._known(request) is None:
            return self._refused()
        source, _, _ = jinja2.PackageLoader("ghapp.web").get_source(self._templates, "setup.css")
        return Response(source, media_type="text/css")

    async def created(self, request: Request) -> Response:
        """GitHub sends the visitor here with a code: store the App that it stands for."""
        if self._known(request) is None:
            return self._refused()
        async with self._finishing:
            session = self._session
            if session is None or self.stored.is_set():
                return self._refused()
            state = request.query_params.get("state", "")
            if not hmac.compare_digest(state.encode(), session.state.encode()):
                return self._start(request, session, "setup_foreign_answer", 403)
            session = self._session = replace(session, state=_secret())
            code = request.query_params.get("code", "")
            try:
                made = await converted(self._settings.endpoint, code)
            except (Gone, Rejected, Retry, Wait, WrongSetting) as error:
                log.error("set-up got no credentials", reason=str(error))
                return self._start(request, session, "setup_not_stored", 502, why=error)
            page = self._page_of(made)
            try:
                sealed = self._seal.closed(made)
                is_first = await self._store.records.write(credentials.keep, sealed)
            except (Busy, StoreFailed) as error:
                log.error("set-up could not store credentials", reason=str(error))
                return self._start(request, session, "setup_no_writes", 503, page=page)
            if not is_first:
                return self._start(request, session, "setup_second_app", 409, page=page)
            self.stored.set()
            log.info("the App is stored", app_id=made.app_id, slug=made.slug)
        with contextlib.suppress(TimeoutError):  # the installation is delivered at once
            await asyncio.wait_for(self._switched.wait(), self._patience_seconds)
        return RedirectResponse(f"{page}/installations/new", 303)

    async def installed(self, request: Request) -> Response:
        """Which steps are done, by facts; nothing in the query counts. Ends set-up after all."""
        session = self._known(request)
        if session is None or self._is_over:
            return self._refused()
        if not self.stored.is_set():
            return RedirectResponse("/setup", 303)
        words = _words(request, session)
        steps = await self._steps(words)
        done = all(step.done for step in steps)
        shows = self._settings.base_url and self._settings.pages != "off"
        answer = self._shown("installed.html", words, steps=steps, done=done, shows=shows)
        if done:
            self._is_over = True
            log.info("set-up is over")
        else:
            answer.headers["Refresh"] = str(REFRESH_SECONDS)
        return answer

    async def _steps(self, words: Words) -> list[Step]:
        github = self._github
        if github is None:
            return [Step(False, words("setup_switching"))]
        try:
            slug = await github.app()
        except (Retry, Wait, Gone) as error:
            return [Step(False, words("setup_no_answer", why=error))]
        steps = [Step(True, words("setup_answers", login=f"{slug}[bot]"))]
        try:
            found = await github.installed()
            count = sum([len(await github.repositories(one.id)) for one in found[:MOST_ASKED]])
        except (Retry, Wait, Gone) as error:
            steps.append(Step(False, words("setup_unread", why=error)))
        else:
            page = f"{self._settings.web_url}/apps/{slug}/installations/new"
            steps.append(
                Step(True, words("setup_repositories", count=count))
                if count
                else Step(False, words("setup_no_repository", page=page))
            )
            steps += _members(words, found)
            ahead = round(github.ahead_seconds())
            off = words("setup_clock_off", seconds=abs(ahead))
            steps.append(Step(not ahead, off if ahead else words("setup_clock")))
        try:
            newest = (await self._store.records.read(stats.health)).newest_delivery_seconds
        except (Busy, StoreFailed):
            steps.append(Step(False, words("setup_database_away")))
            return steps
        waits = words("setup_no_delivery" if self._is_reachable else "setup_unreachable")
        arrived = newest is not None
        steps.append(Step(arrived, words("setup_delivery") if arrived else waits))
        return steps

    def _start(
        self,
        request: Request,
        session: Session,
        problem: str = "",
        status: int = 200,
        **values: object,
    ) -> Response:
        """The first page. problem: the text of what went wrong before. values: of that text."""
        account = session.account or ""
        is_server = self._settings.is_server
        asked = manifest(self._base, account, is_reachable=self._is_reachable, is_server=is_server)
        words = _words(request, session)
        return self._shown(
            "setup.html",
            words,
            status,
            problem=words(problem, **values) if problem else "",
            session=session,
            base=self._base,
            given_base=bool(self._settings.base_url),
            is_reachable=self._is_reachable,
            target=address(self._settings.web_url, account, session.state),
            manifest=json.dumps(asked),
            name=asked["name"],
            permissions=[
                (
                    *(spoken(name), need.level, words(f"need_{name}")),
                    "" if need.vital else words(f"without_{name}"),
                )
                for name, need in PERMISSIONS.items()
            ],
            events=[(spoken(name), words(f"event_{name}")) for name in asked["default_events"]],
        )

    def _shown(self, template: str, words: Words, status: int = 200, **values: Any) -> Response:
        other = next(one for one in LANGUAGES if one != words.language)
        path = "/setup/installed" if template == "installed.html" else "/setup"
        text = self._templates.get_template(template).render(
            values, words=words, other=other, switched=f"{path}?lang={other}"
        )
        headers = {"Content-Language": words.language}
        return Response(text, status, headers, media_type="text/html")

    def _page_of(self, made: Credentials) -> str:
        """The App's page. A foreign address in the answer would lead the visitor elsewhere."""
        if made.html_url.startswith(f"{self._settings.web_url}/"):
            return made.html_url.rstrip("/")
        return f"{self._settings.web_url}/apps/{made.slug}"


def _words(request: Request, session: Session) -> Words:
    return Words(session.language or language(request))


def _members(words: Words, found: Iterable[Installed]) -> list[Step]:
    """Whether ghapp may read who is in a team, for each organisation that the App is installed on.

    A personal account has no teams.
    """
    steps = []
    for one in found:
        if one.account is None or one.account.type != "Organization":
            continue
        for name in OF_ORGANISATIONS:
            works = at_least(one.permissions.get(name, ""), PERMISSIONS[name].level)
            key = "setup_members" if works else "setup_no_members"
            text = words(key, account=one.account.login, page=one.html_url)
            steps.append(Step(works, text))
    return steps


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _secret() -> str:
    return secrets.token_urlsafe(32)
