"""The App's webhook as GitHub keeps it: attempts at deliveries, and another one asked for.

Source: https://docs.github.com/rest/apps/webhooks
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, unquote

import msgspec

from ghapp.core.attempts import Attempt, Page
from ghapp.github.installation import PAGE, decoded
from ghapp.github.refusals import refusal
from ghapp.github.wire import Answer, Request

# Too old, or not to be had any more: to ask again would be answered the same.
NOT_KEPT = (400, 404, 410, 422)
_NEXT = re.compile(r'[?&]cursor=([^&>]+)[^>]*>; rel="next"')


class AsApp(Protocol):
    """What asks as the App itself."""

    async def as_app(self, request: Request) -> Answer: ...


class _Row(msgspec.Struct):
    id: int
    guid: str
    delivered_at: datetime
    status_code: int = 0
    redelivery: bool = False


async def attempts(app: AsApp, cursor: str = "") -> Page:
    """A page of attempts; a cursor that GitHub knows no more leads to the newest ones.

    Raises Retry, and Gone (a GitHub Enterprise Server that is too old for it).
    """
    query = f"&cursor={quote(cursor, safe='')}" if cursor else ""
    request = Request("GET", f"app/hook/deliveries?per_page={PAGE}{query}")
    answer = await app.as_app(request)
    if cursor and answer.status in NOT_KEPT:
        return await attempts(app)
    if answer.status >= 400:
        raise refusal(answer, str(request))
    found = _NEXT.search(answer.headers.get("link", ""))
    rows = tuple(map(_attempt, decoded(answer, list[_Row], request)))
    return Page(rows, unquote(found.group(1)) if found else "")


async def redeliver(app: AsApp, attempt_id: int) -> bool:
    """Ask for another attempt; False where GitHub keeps that delivery no more. Raises Retry."""
    request = Request("POST", f"app/hook/deliveries/{attempt_id}/attempts")
    answer = await app.as_app(request)
    if answer.status in NOT_KEPT:
        return False
    if answer.status >= 400:
        raise refusal(answer, str(request))
    return True


def _attempt(row: _Row) -> Attempt:
    # Ours are kept in lower case.
    return Attempt(row.id, row.guid.lower(), row.delivered_at, row.status_code, row.redelivery)
