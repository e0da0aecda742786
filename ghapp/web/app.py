"""The routes, and what all answers share: JSON, security headers, errors in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ghapp.github.client import Standing
from ghapp.observer import Observer
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.web.health import HealthPages, Page, Scrape
from ghapp.web.pages import Pages
from ghapp.web.webhook import CLOSE, RETRY_AFTER_SECONDS, Webhook

# Of what is no page: no script, frame, form or cache may make use of it.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
NOT_YET = "ghapp is not set up yet; deliver again in a while"


def application(
    settings: Settings,
    store: Store,
    bot_login: Callable[[], str],
    github: Callable[[], Standing] = lambda: Standing.KNOWN,
    *,
    observer: Observer | None = None,
    metrics: Page | None = None,
    claiming: Callable[[], float] | None = None,
    listening: str = "",
) -> Starlette:
    """The ASGI application that receives deliveries and, if the settings say so, shows the pages.

    bot_login: the login the App writes under, "" until it is known. github: whether GitHub knows
    the App. claiming: as in HealthPages. listening: the address of the server. Raises WrongSetting
    (people are to sign in, and there is no key to encrypt their tokens with).
    """
    secrets, observer = settings.webhook_secrets, observer or Observer()
    webhook = Webhook(store, secrets, settings.app_id, bot_login, observer)
    health = HealthPages(store, github, webhook.storing.failing_seconds, claiming)
    return site(
        Route("/webhook", webhook.receive, methods=["POST"]),
        *_pages(health, store, metrics),
        *(Pages(store, settings, listening).routes() if settings.shown != "off" else ()),
        headers=headers_at(settings.base_url),
    )


def without_app(store: Store) -> Starlette:
    """The ASGI application of a server whose App does not exist yet: health, and a webhook.

    GitHub sends a `ping` as soon as the App is made, before anybody can know its secret. It says
    nothing, so it is taken unread. Everything else has to come again.
    """

    async def ping(request: Request) -> Response:
        if request.headers.get("x-github-event") == "ping":
            return JSONResponse({"outcome": "ignored"})
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS), **CLOSE}
        return JSONResponse({"error": NOT_YET}, 503, headers)

    health = HealthPages(store, lambda: Standing.SET_UP)
    return site(Route("/webhook", ping, methods=["POST"]), *_pages(health, store, None))


def watching(
    store: Store,
    github: Callable[[], Standing],
    metrics: Page,
    claiming: Callable[[], float],
) -> Starlette:
    """The ASGI application of a process that only works: health and metrics."""
    health = HealthPages(store, github, claiming=claiming)
    return site(*_pages(health, store, metrics))


def _pages(health: HealthPages, store: Store, metrics: Page | None) -> list[Route]:
    routes = [Route("/healthz", health.alive), Route("/readyz", health.ready)]
    if metrics:
        routes.append(Route("/metrics", Scrape(store, metrics).answer))
    return routes


def headers_at(base: str) -> Mapping[str, str]:
    """The headers of every answer. base: where ghapp answers, "" if that is not known."""
    if not base.startswith("https://"):
        return SECURITY_HEADERS
    return {**SECURITY_HEADERS, "Strict-Transport-Security": "max-age=31536000"}


def site(*routes: Route, headers: Mapping[str, str] = SECURITY_HEADERS) -> Starlette:
    """An application with these routes. headers: on every answer."""

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    async def bug(request: Request, error: Exception) -> Response:
        # The traceback goes to the log; this answer is made outside of the middleware.
        text = "ghapp failed to answer; its log has the reason"
        return JSONResponse({"error": text}, 500, headers)

    application = Starlette(
        routes=routes,
        middleware=[Middleware(SecurityHeaders, headers=headers)],
        exception_handlers={HTTPException: http_error, Exception: bug},
    )
    # A redirect would lead to whatever Host the sender names.
    application.router.redirect_slashes = False
    return application


class SecurityHeaders:
    """Puts the security headers on every answer of the application inside that lacks them."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                names = {name for name, _ in own}
                message["headers"] = own + [one for one in self._headers if one[0] not in names]
            await send(message)

        await self._app(scope, receive, with_headers)
