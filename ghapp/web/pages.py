"""The pages for people and the same as JSON: the queue, a pull request, the follow-ups.

They need no sign-in, so they are off by default, and answer only who is on this machine. Nothing
here changes anything.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import defaultdict
from collections.abc import Awaitable, Callable
from importlib import resources
from urllib.parse import urlencode, urlsplit

import jinja2
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ghapp.core.i18n import LANGUAGES, Words
from ghapp.core.markdown import seen
from ghapp.errors import Busy, StoreFailed
from ghapp.settings import Settings
from ghapp.store import Store, pages
from ghapp.store.pages import Narrowed
from ghapp.web import views
from ghapp.web.views import Place
from ghapp.web.visitor import HERE, Visitor

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOREVER = "private, max-age=31536000, immutable"
# What proxies add. A proxy on this machine would lend its address to the whole world.
FORWARDED = (
    *("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
    *("via", "cf-connecting-ip", "true-client-ip"),
)
LEAST_REFRESH_SECONDS, MOST_REFRESH_SECONDS = 10, 3_600
MOST_DIGITS = 18
READS = ("GET", "HEAD")
NARROWED = ("repository", "area", "team")
AWAY = "the database does not answer; try once more in a moment"

Answer = Callable[[Request, Visitor], Awaitable[Response]]


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine, and through no proxy.

    What decides is the peer of the connection. What a request says of itself can only refuse it:
    headers of proxies; HTTP/1.0, which old proxies speak and no browser does; and another host's
    name, by which a page of that host would read ours through the visitor's browser.
    """
    peer = request.client.host if request.client else ""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return (
        _is_loopback(peer)
        and (host == "localhost" or _is_loopback(host))
        and request.scope.get("http_version") != "1.0"
        and not any(name in request.headers for name in FORWARDED)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def language(request: Request) -> str:
    """The language that the address names, else the first one that the browser prefers."""
    named = request.query_params.get("lang", "")
    if named in LANGUAGES:
        return named
    weighed: list[tuple[float, int, str]] = []
    for part in request.headers.get("accept-language", "")[:1_000].replace(" ", "").split(","):
        name, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), len(weighed), name.lower()[:2]))
        except ValueError:
            continue
    return next((one for *_, one in sorted(weighed) if one in LANGUAGES), LANGUAGES[0])


class Pages:
    """The routes of the pages, over one store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._place = Place(settings.web_url, settings.timezone)
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("ghapp.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        inside = resources.files("ghapp.web")
        self._style = (inside / "pages.css").read_bytes()
        self._openapi = (inside / "openapi.yaml").read_bytes()
        self._style_path = f"/pages-{hashlib.sha256(self._style).hexdigest()[:16]}.css"
        self._templates.globals["style"] = self._style_path
        self._templates.filters["seen"] = seen
        self._templates.filters["clock"] = lambda at: at.astimezone(settings.timezone).strftime(
            "%Y-%m-%d %H:%M %Z"
        )

    def routes(self) -> list[Route]:
        """All of them, each for this machine only."""
        pull = "/pulls/{owner}/{repository}/{number}"
        found: dict[str, Answer] = {
            "/": self._queue,
            "/follow-ups": self._follow_ups,
            pull: self._pull,
            "/api/v1/queue": self._queue,
            "/api/v1/follow-ups": self._follow_ups,
            f"/api/v1{pull}": self._pull,
            "/api/v1/openapi.yaml": self._described,
            self._style_path: self._styled,
        }
        return [Route(path, _Local(answer)) for path, answer in found.items()]

    async def _queue(self, request: Request, visitor: Visitor) -> Response:
        """The queue for the stand-up, narrowed by repository, area and team."""
        words = Words(language(request))
        narrowed = Narrowed(*(request.query_params.get(name, "") for name in NARROWED))
        found = await self._store.records.read(
            pages.queue, visitor.repositories, narrowed, self._place.zone
        )
        view = views.queue_view(found, self._place, words)
        if _is_api(request):
            return _json(view)
        if _is_text(request):
            return _text(views.queue_markdown(view, self._place, words))
        choices = found.choices
        options = {
            "repository": [*choices.repositories.values()],
            "area": choices.areas,
            "team": choices.teams,
        }
        is_narrowed = narrowed != Narrowed()
        return self._page(
            "queue.html", request, words, view=view, options=options, is_narrowed=is_narrowed
        )

    async def _follow_ups(self, request: Request, visitor: Visitor) -> Response:
        """All open follow-ups by when they are due."""
        words = Words(language(request))
        found = await self._store.records.read(
            pages.follow_ups, visitor.repositories, self._place.zone, views.SOON_DAYS
        )
        view = views.follow_ups_view(found, self._place, words)
        if _is_api(request):
            return _json(view)
        if _is_text(request):
            return _text(views.follow_ups_markdown(view, self._place, words))
        return self._page("follow_ups.html", request, words, view=view)

    async def _pull(self, request: Request, visitor: Visitor) -> Response:
        """One pull request; 404 if no run of it is recorded."""
        words, given = Words(language(request)), request.path_params
        number, name = given["number"], f"{given['owner']}/{given['repository']}"
        found = None
        if number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS:
            found = await self._store.records.read(
                pages.pull, visitor.repositories, name, int(number)
            )
        if found is None:
            if _is_api(request):
                raise HTTPException(404)
            return self._page("missing.html", request, words, status=404)
        view = views.pull_view(found, self._place, words)
        if _is_api(request):
            return _json(view)
        if _is_text(request):
            return _text(views.pull_markdown(view, self._place, words))
        return self._page("pull.html", request, words, view=view)

    async def _described(self, _request: Request, _visitor: Visitor) -> Response:
        """The OpenAPI file of what is below `/api/v1/`."""
        return Response(self._openapi, media_type="application/yaml")

    async def _styled(self, _request: Request, _visitor: Visitor) -> Response:
        """The style sheet; its name changes with its content."""
        return Response(self._style, media_type="text/css", headers={"Cache-Control": FOREVER})

    def _page(
        self, name: str, request: Request, words: Words, status: int = 200, **values: object
    ) -> Response:
        query = dict(request.query_params)
        kept = {"lang": query["lang"]} if query.get("lang") in LANGUAGES else {}
        other = next(one for one in LANGUAGES if one != words.language)
        text = self._templates.get_template(name).render(
            values,
            words=words,
            given=defaultdict(str, query),
            kept=f"?{urlencode(kept)}" if kept else "",
            text_version=f"?{urlencode({**query, 'format': 'md'})}",
            other=other,
            switched=f"?{urlencode({**query, 'lang': other})}",
            path=request.url.path,
        )
        headers = {**PAGE_HEADERS, "Content-Language": words.language}
        wanted = query.get("refresh", "")
        if wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(MOST_REFRESH_SECONDS)):
            seconds = min(max(int(wanted), LEAST_REFRESH_SECONDS), MOST_REFRESH_SECONDS)
            headers["Refresh"] = str(seconds)
        return Response(text, status, headers, media_type="text/html")


class _Local:
    """A page for this machine alone; 404 for everybody else, as if there were no such page."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if not is_local(request):
            raise HTTPException(404)
        if request.method not in READS:
            raise HTTPException(405, headers={"Allow": ", ".join(READS)})
        try:
            response = await self._answer(request, HERE)
        except (Busy, StoreFailed):
            response = JSONResponse({"error": AWAY}, 503)
        await response(scope, receive, send)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _is_text(request: Request) -> bool:
    return request.query_params.get("format") == "md"


def _json(view: object) -> Response:
    return Response(msgspec.json.encode(view), media_type="application/json")


def _text(text: str) -> Response:
    return Response(text, media_type="text/plain")
