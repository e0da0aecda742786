"""The pages for people and the same as JSON: queue, pull requests, follow-ups and insights.

A guard decides who sees them, and of which repositories. Nothing here changes anything, except that
a pull can be checked again.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import jinja2
import msgspec
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ghapp.core.i18n import LANGUAGES, Words
from ghapp.core.markdown import seen
from ghapp.core.schedule import last_before_today
from ghapp.core.text.places import Place
from ghapp.settings import Settings
from ghapp.store import Store, pages
from ghapp.store import insights as stored
from ghapp.store.pages import Narrowed
from ghapp.store.stand_up import stand_up
from ghapp.web import insights
from ghapp.web.feeds import Feeds
from ghapp.web.forms import sent
from ghapp.web.language import language
from ghapp.web.sign_in import SignIn
from ghapp.web.views.configuration import (
    configuration_markdown,
    configuration_view,
    configurations_markdown,
    configurations_view,
)
from ghapp.web.views.follow_ups import SHOWN, SOON_DAYS, follow_ups_markdown, follow_ups_view
from ghapp.web.views.project import project_markdown, project_view, projects_markdown, projects_view
from ghapp.web.views.pull import pull_markdown, pull_view
from ghapp.web.views.queue import queue_markdown, queue_view
from ghapp.web.visitor import (
    NOBODY,
    Answer,
    Everybody,
    Guard,
    Guarded,
    Local,
    Visitor,
    is_api,
)

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SPAN = re.compile(r"(`+)( ?)(.+?)\2\1(?!`)")
FOREVER = "private, max-age=31536000, immutable"
LEAST_REFRESH_SECONDS, MOST_REFRESH_SECONDS = 10, 3_600
MOST_DIGITS = 18
CHECK_AGAIN = "/check-again"
NARROWED = ("repository", "area", "team", "release")


def spans(text: str) -> Markup:
    """Markdown that has code spans alone -> HTML."""
    made, last = Markup(""), 0
    for found in SPAN.finditer(text):
        made += Markup("{}<code>{}</code>").format(text[last : found.start()], found[3])
        last = found.end()
    return made + text[last:]


@cache
def templates(timezone: ZoneInfo) -> jinja2.Environment:
    """All pages are made from these, which are compiled once per process."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("ghapp.web"),
        autoescape=True,
        auto_reload=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["seen"] = seen
    made.filters["spans"] = spans
    made.filters["clock"] = lambda at: at.astimezone(timezone).strftime("%Y-%m-%d %H:%M %Z")
    return made


View = TypeVar("View")


class Pages:
    """The routes of the pages, over one store. listening: the address of the server."""

    def __init__(self, store: Store, settings: Settings, listening: str = "") -> None:
        self._store = store
        self._settings, self._listening = settings, listening
        self._place = Place(settings.timezone, settings.web_url)
        self._standup = settings.standup
        self._templates = templates(settings.timezone)
        inside = resources.files("ghapp.web")
        self._style = (inside / "pages.css").read_bytes()
        self._openapi = (inside / "openapi.yaml").read_bytes()
        self._style_path = f"/pages-{hashlib.sha256(self._style).hexdigest()[:16]}.css"
        self._templates.globals["style"] = self._style_path

    def routes(self) -> list[Route]:
        """All of them, each for those whom the settings let in; the style sheet is for all."""
        pull, project = (
            f"/{name}/{{owner}}/{{repository}}/{{number}}" for name in ("pulls", "projects")
        )
        found: dict[str, Answer] = {
            "/": self._queue,
            "/follow-ups": self._follow_ups,
            "/insights": self._insights,
            pull: self._pull,
            project: self._project,
            "/projects": self._projects,
            "/configuration": self._configurations,
            "/configuration/{owner}/{repository}": self._configuration,
            "/api/v1/queue": self._queue,
            "/api/v1/follow-ups": self._follow_ups,
            "/api/v1/insights": self._insights,
            f"/api/v1{pull}": self._pull,
            f"/api/v1{project}": self._project,
            "/api/v1/projects": self._projects,
            "/api/v1/configuration": self._configurations,
            "/api/v1/configuration/{owner}/{repository}": self._configuration,
            "/api/v1/openapi.yaml": self._described,
            self._style_path: self._styled,
        }
        guard: Guard = Local()
        again = pull + CHECK_AGAIN
        if self._settings.shown != "sign-in":
            return [
                *(Route(path, Guarded(guard, answer)) for path, answer in found.items()),
                Route(again, Guarded(guard, self._check_again, ("POST",))),
            ]
        guard = signing_in = SignIn(self._settings, self._store, self._page, self._listening)
        del found[self._style_path]  # the pages before sign-in need it as well
        return [
            *(Route(path, Guarded(guard, answer)) for path, answer in found.items()),
            Route(self._style_path, Guarded(Everybody(), self._styled)),
            Route(again, Guarded(guard, self._check_again, ("POST",))),
            *signing_in.routes(),
            *Feeds(
                self._settings,
                self._store,
                guard,
                self._page,
                self._settings.base(self._listening),
            ).routes(),
        ]

    async def _queue(self, request: Request, visitor: Visitor) -> Response:
        """The queue for the stand-up, narrowed by repository, area, team and release."""
        words = Words(language(request))
        narrowed = Narrowed(*(request.query_params.get(name, "") for name in NARROWED))
        zone = self._place.zone
        since = last_before_today(self._standup, zone, datetime.now(UTC))
        found = await self._store.records.read(
            stand_up, visitor.repositories, narrowed, zone, since
        )
        choices = found.queue.choices
        options = {
            "repository": [*choices.repositories.values()],
            "area": choices.areas,
            "team": choices.teams,
            "release": choices.releases,
        }
        return self._shown(
            "queue.html",
            request,
            words,
            queue_view(found, self._place, words),
            queue_markdown,
            lambda: {"options": options, "is_narrowed": narrowed != Narrowed()},
        )

    async def _follow_ups(self, request: Request, visitor: Visitor) -> Response:
        """Follow-ups by when they are due, narrowed by owner and area."""
        words, asked = Words(language(request)), request.query_params
        owner, area = asked.get("owner", ""), asked.get("area", "")
        found = await self._store.records.read(
            pages.follow_ups,
            *(visitor.repositories, self._place.zone, SOON_DAYS, owner, area),
        )
        values = {
            "options": {"owner": found.owners, "area": found.areas},
            "shown": SHOWN,
            "is_narrowed": bool(owner or area or asked.get("show")),
        }
        return self._shown(
            "follow_ups.html",
            request,
            words,
            follow_ups_view(found, self._place, words, asked.get("show", "")),
            follow_ups_markdown,
            lambda: values,
        )

    async def _insights(self, request: Request, visitor: Visitor) -> Response:
        """Charts and tables of the last weeks, narrowed by repository and area."""
        words, asked = Words(language(request)), insights.narrowed(request.query_params)
        found = await self._store.records.read(
            stored.insights, visitor.repositories, asked, self._place.zone
        )
        view = insights.insights_view(found, asked, self._place, words)
        is_narrowed = bool(asked.repository or asked.area)
        return self._shown(
            "insights.html",
            request,
            words,
            view,
            insights.insights_markdown,
            lambda: {
                **insights.page_values(view, found, words),
                "is_narrowed": is_narrowed,
            },
        )

    async def _pull(self, request: Request, visitor: Visitor) -> Response:
        """One pull request; 404 if no run of it is recorded."""
        words, (name, number) = Words(language(request)), _numbered(request)
        found = await self._store.records.read(pages.pull, visitor.repositories, name, number)
        if found is None:
            return self._missing(request, words)
        marks = request.query_params.get("marks") == "1"
        return self._shown(
            "pull.html",
            request,
            words,
            pull_view(found, self._place, words, marks=marks),
            pull_markdown,
        )

    async def _project(self, request: Request, visitor: Visitor) -> Response:
        """One project; 404 if no run of it is recorded."""
        words, (name, number) = Words(language(request)), _numbered(request)
        found = await self._store.records.read(pages.project, visitor.repositories, name, number)
        if found is None:
            return self._missing(request, words)
        return self._shown(
            "project.html",
            request,
            words,
            project_view(found, self._place, words),
            project_markdown,
        )

    async def _projects(self, request: Request, visitor: Visitor) -> Response:
        """All projects, open ones first."""
        words = Words(language(request))
        found = await self._store.records.read(pages.all_projects, visitor.repositories)
        return self._shown(
            "projects.html",
            request,
            words,
            projects_view(found, self._place, words),
            projects_markdown,
        )

    def _missing(self, request: Request, words: Words) -> Response:
        """What is not recorded, or not to be seen. Raises HTTPException for JSON."""
        if is_api(request):
            raise HTTPException(404)
        return self._page("missing.html", request, words, status=404)

    async def _check_again(self, request: Request, visitor: Visitor) -> Response:
        """Have a pull checked again, and lead back to its page."""
        base = self._settings.base(self._listening)
        if self._settings.shown == "local":  # by whatever name of loopback the browser has for it
            base = f"{request.url.scheme}://{request.url.netloc}"
        await sent(request, base, visitor.form)
        name, number = _numbered(request)
        write = self._store.records.write
        if not await write(pages.check_again, visitor.repositories, name, number):
            raise HTTPException(404)
        named = request.query_params.get("lang", "")
        kept = {"lang": named} if named in LANGUAGES else {}
        page = request.url.path.removesuffix(CHECK_AGAIN)
        return RedirectResponse(f"{page}?{urlencode({**kept, 'asked': '1'})}", 303)

    async def _configuration(self, request: Request, visitor: Visitor) -> Response:
        """The standing review of a repository; 404 if none is recorded."""
        words, given = Words(language(request)), request.path_params
        name = f"{given['owner']}/{given['repository']}"
        found = await self._store.records.read(
            pages.configuration, visitor.repositories, name, self._place.zone
        )
        if found is None:
            return self._missing(request, words)
        return self._shown(
            "configuration.html",
            request,
            words,
            configuration_view(found, self._place, words),
            configuration_markdown,
        )

    async def _configurations(self, request: Request, visitor: Visitor) -> Response:
        """All standing reviews."""
        words = Words(language(request))
        found = await self._store.records.read(pages.all_configurations, visitor.repositories)
        return self._shown(
            "configurations.html",
            request,
            words,
            configurations_view(found, self._place),
            configurations_markdown,
        )

    async def _described(self, _request: Request, _visitor: Visitor) -> Response:
        """The OpenAPI file of what is below `/api/v1/`."""
        return Response(self._openapi, media_type="application/yaml")

    async def _styled(self, _request: Request, _visitor: Visitor) -> Response:
        """The style sheet; its name changes with its content."""
        return Response(self._style, media_type="text/css", headers={"Cache-Control": FOREVER})

    def _shown(
        self,
        name: str,
        request: Request,
        words: Words,
        view: View,
        as_markdown: Callable[[View, Place, Words], str],
        values: Callable[[], Mapping[str, Any]] = dict,
    ) -> Response:
        """What was read, as JSON, as text to paste or as the page `name`.

        values: what the page needs beside its view.
        """
        if is_api(request):
            return Response(msgspec.json.encode(view), media_type="application/json")
        if request.query_params.get("format") == "md":
            return Response(as_markdown(view, self._place, words), media_type="text/plain")
        return self._page(name, request, words, view=view, **values())

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
            visitor=getattr(request.state, "visitor", NOBODY),
        )
        headers = {**PAGE_HEADERS, "Content-Language": words.language}
        wanted = query.get("refresh", "")
        if wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(MOST_REFRESH_SECONDS)):
            seconds = min(max(int(wanted), LEAST_REFRESH_SECONDS), MOST_REFRESH_SECONDS)
            headers["Refresh"] = str(seconds)
        return Response(text, status, headers, media_type="text/html")


def _numbered(request: Request) -> tuple[str, int]:
    """The repository and the number in the path; 0, which nothing has, if that is none."""
    given = request.path_params
    text = given["number"]
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return f"{given['owner']}/{given['repository']}", int(text) if is_number else 0
