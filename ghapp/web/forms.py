"""Forms of ghapp's own pages: whether one of them sent a POST."""

from __future__ import annotations

from starlette.requests import Request


def same_origin(request: Request, base: str) -> bool:
    """Whether one of our own pages sent the request.

    Browsers without Sec-Fetch-Site send Origin with each POST. A client without either is refused.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    return request.headers.get("origin") == base
