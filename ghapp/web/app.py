"""The routes, and what holds for every answer: JSON, security headers, errors said in a line."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ghapp.github.client import Standing
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.web.health import Health, Page, Scrape
from ghapp.web.webhook import Unwatched, Watch, Webhook

# Nothing here is a page: no script, frame, form or cache may make use of it.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class Metrics(Watch, Page, Protocol):
    """What hears of deliveries and shows what it has heard."""


def application(
    settings: Settings,
    store: Store,
    bot_login: Callable[[], str],
    github: Callable[[], Standing] = lambda: Standing.KNOWN,
    *,
    metrics: Metrics | None = None,
    claiming: Callable[[], float] | None = None,
) -> Starlette:
    """The ASGI application that receives deliveries.

    bot_login: the login the App writes under, "" while not known. github: how the App stands there.
    claiming: as in Health.
    """
    watch = metrics or Unwatched()
    webhook = Webhook(store, settings.webhook_secrets, settings.app_id, bot_login, watch)
    health = Health(store, github, webhook.storing.failing_seconds, claiming)
    return _site(
        Route("/webhook", webhook.receive, methods=["POST"]), *_looks(health, store, metrics)
    )


def watching(
    store: Store,
    github: Callable[[], Standing],
    metrics: Page,
    claiming: Callable[[], float],
) -> Starlette:
    """The ASGI application of a process that works only: health and metrics, all as above."""
    health = Health(store, github, claiming=claiming)
    return _site(*_looks(health, store, metrics))


def _looks(health: Health, store: Store, metrics: Page | None) -> list[Route]:
    routes = [Route("/healthz", health.alive), Route("/readyz", health.ready)]
    if metrics:
        routes.append(Route("/metrics", Scrape(store, metrics).answer))
    return routes


def _site(*routes: Route) -> Starlette:
    application = Starlette(
        routes=routes,
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    # A redirect would be a page to the Host that the sender names.
    application.router.redirect_slashes = False
    return application


class SecurityHeaders:
    """Puts the security headers on every answer of the application inside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [
            (name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        await self._app(scope, receive, with_headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = HTTPStatus(error.status_code).phrase
    return JSONResponse({"error": words}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    # The traceback goes to the log; this answer is made outside of the middleware.
    words = "ghapp failed to answer; its log says why"
    return JSONResponse({"error": words}, 500, SECURITY_HEADERS)
