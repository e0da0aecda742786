"""Forms of ghapp's own pages: whether one of them sent a POST, and what it says."""

from __future__ import annotations

import hmac
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 4096
FIELD = "form"  # of the token
FORGED = "the form was not sent by this page, or the page is old: open it again"


async def sent(request: Request, base: str, token: str) -> dict[str, str]:
    """The fields of a form that one of our own pages sent.

    base: where ghapp answers, as browsers spell it in Origin. token: what the page put into the
    form; another site cannot know it. Raises HTTPException (403 another page sent it, 413).
    """
    if not same_origin(request, base):
        raise HTTPException(HTTPStatus.FORBIDDEN, FORGED)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the form is too long")
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if not token or not hmac.compare_digest(fields.get(FIELD, "").encode(), token.encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN, FORGED)
    return fields


def same_origin(request: Request, base: str) -> bool:
    """Whether one of our own pages sent the request.

    Browsers without Sec-Fetch-Site send Origin with each POST. A client without either is refused.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    return request.headers.get("origin") == base
