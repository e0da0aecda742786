"""What can go wrong between GitHub and a client, as scenarios: which route, how often, what."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from starlette.responses import Response

from ghapp.emulator.api.answers import INACCESSIBLE, Refusal, invalid
from ghapp.emulator.json import Json

DOCS = "/using-the-rest-api"
HTML = {"content-type": "text/html"}


@dataclass(slots=True)
class Fault:
    """One scenario. Several may apply to a call; the first that fires is taken.

    route: a pattern over "METHOD /route/{template}", as "POST */comments".
    times: how many more calls it strikes; None for ever. rate: the share of calls, 0 to 1.
    within: the only repository that it strikes, as "acme/shop"; "" is everywhere.
    status: the answer instead of GitHub's own; 0 leaves the answer as it is.
    errors: rows of a 422. after: the write takes effect before the answer is lost or the delay
    begins. cut: the connection ends in the middle of the answer.
    stale: a read answers the state this many changes ago. whole: a list is one page.
    reset_in: seconds until an exhausted budget is whole again. revokes: from now on, the token of
    the call is void. query, request_headers: replace those of the call; "" removes one.
    body, headers: replace those of the answer. part: the share of its body that is sent.
    loops: the answer redirects to the call's own address.
    """

    route: str
    times: int | None = 1
    within: str = ""
    rate: float = 1.0
    status: int = 0
    message: str = ""
    errors: tuple[Json, ...] = ()
    after: bool = False
    cut: bool = False
    delay_seconds: float = 0.0
    retry_after: int | str | None = None
    stale: int = 0
    whole: bool = False
    exhausted: bool = False
    reset_in: int = 3600
    revokes: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    part: float = 1.0
    loops: bool = False

    @property
    def reaches_github(self) -> bool:
        """Whether the call itself is answered, and so takes effect."""
        return self.after or not (self.status or self.cut)

    def spoil(self, answer: Response | None, url: str, now: datetime) -> Response:
        """The answer that is sent. answer: GitHub's own. url: the call's."""
        if self.status or answer is None:
            answer = self._refusal(now)
        body = bytes(answer.body) if self.body is None else self.body
        headers = {**answer.headers, **self.headers}
        headers.pop("content-length", None)
        if self.loops:
            headers["location"] = url
        return Response(body[: int(len(body) * self.part)], answer.status_code, headers)

    def _refusal(self, now: datetime) -> Response:
        if self.status in (0, 304):
            return Response(status_code=self.status or 200)
        headers = {}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        if self.exhausted:
            headers["x-ratelimit-remaining"] = "0"
            headers["x-ratelimit-reset"] = str(int(now.timestamp()) + self.reset_in)
        return Refusal(self.status, self.message, errors=self.errors, headers=headers).answer(DOCS)


def broken(route: str, status: int = 502, *, after: bool = False, times: int | None = 1) -> Fault:
    """A 5xx, before or after the write took effect."""
    return Fault(route, times, status=status, message="Server Error", after=after)


def page(route: str, status: int = 502, *, times: int | None = 1) -> Fault:
    """A page for people, as a proxy sends it when the API behind it does not answer.

    Source: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
    """
    body = b"<html><head><title>Unicorn!</title></head><body>We had issues.</body></html>"
    return Fault(route, times, status=status, body=body, headers=HTML)


def cut(route: str, *, after: bool = False, times: int | None = 1) -> Fault:
    """The connection breaks in the middle of the answer."""
    return Fault(route, times, after=after, cut=True)


def slow(route: str, seconds: float, *, times: int | None = 1) -> Fault:
    """The call is carried out and answered so late; a write even if nobody waits any more."""
    return Fault(route, times, delay_seconds=seconds)


def truncated(route: str, *, times: int | None = 1) -> Fault:
    """Carried out, but only half of the answer comes, under a length that says it is all."""
    return Fault(route, times, part=0.5)


def garbled(route: str, *, times: int | None = 1) -> Fault:
    """Carried out, but the answer claims to be compressed, which it is not."""
    return Fault(route, times, headers={"content-encoding": "gzip"})


def secondary_limit(
    route: str,
    *,
    retry_after: int | str | None = 60,
    status: int = 403,
    times: int | None = 1,
) -> Fault:
    """The secondary rate limit, as 403 or 429, with or without Retry-After.

    retry_after: seconds as GitHub sends them, or text as proxies do.
    Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    words = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    return Fault(route, times, status=status, message=words, retry_after=retry_after)


def primary_limit(route: str, *, reset_in: int = 3600, times: int | None = 1) -> Fault:
    """The hourly budget is used up: 403, nothing remaining until the reset.

    reset_in: below 0 is a reset in the past. Source: as `secondary_limit`.
    """
    words = "API rate limit exceeded for installation."
    return Fault(route, times, status=403, message=words, exhausted=True, reset_in=reset_in)


def revoked(route: str, *, times: int | None = 1) -> Fault:
    """The token is refused before it expires, and from then on.

    Source: https://docs.github.com/rest/apps/installations#revoke-an-installation-access-token
    """
    return Fault(route, times, revokes=True)


def forbidden(route: str, needs: str, *, times: int | None = 1) -> Fault:
    """A permission is missing, as "checks=write"; the answer names it.

    Source: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
    #resource-not-accessible
    """
    headers = {"x-accepted-github-permissions": needs}
    return Fault(route, times, status=403, message=INACCESSIBLE, headers=headers)


def already_exists(route: str, *, times: int | None = 1) -> Fault:
    """Somebody else has made the same thing meanwhile.

    Source: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
    #validation-failed
    """
    return _invalid(route, invalid("Label", "name", "already_exists"), times)


def not_valid(route: str, name: str, *, times: int | None = 1) -> Fault:
    """A field of a check run is refused. Source: as `already_exists`."""
    return _invalid(route, invalid("CheckRun", name, "invalid"), times)


def _invalid(route: str, refusal: Refusal, times: int | None) -> Fault:
    errors = tuple(refusal.errors)
    return Fault(route, times, status=refusal.status, message=refusal.message, errors=errors)


def blocked(route: str, *, times: int | None = 1) -> Fault:
    """The repository is blocked for legal reasons.

    Source: https://developer.github.com/changes/2016-03-17-the-451-status-code-is-now-supported/
    """
    return Fault(route, times, status=451, message="Repository access blocked")


def looping(route: str, status: int = 301, *, times: int | None = None) -> Fault:
    """A redirect to itself.

    Source: https://docs.github.com/rest/using-the-rest-api/
    best-practices-for-using-the-rest-api#follow-redirects
    """
    return Fault(route, times, status=status, message="Moved Permanently", loops=True)


def stale(route: str, *, back: int = 1, times: int | None = 1) -> Fault:
    """Reads that lag: the state `back` changes ago, or without so many of the newest rows."""
    return Fault(route, times, stale=back)


def unseen(route: str, *, times: int | None = 1) -> Fault:
    """A new thing is not found yet: GitHub may read from a copy that is behind."""
    return Fault(route, times, status=404, message="Not Found")


def unchanged(route: str, *, times: int | None = 1) -> Fault:
    """304, whatever has changed, and even to a request without an ETag.

    Source: https://docs.github.com/rest/using-the-rest-api/
    best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
    """
    return Fault(route, times, status=304)


def renamed(route: str, etag: str, *, times: int | None = 1) -> Fault:
    """Another ETag for what has not changed. Source: as `unchanged`."""
    return Fault(route, times, request_headers={"if-none-match": ""}, headers={"etag": f'"{etag}"'})


# Source: https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api


def endless(route: str, pages: int = 1_000_000, *, times: int | None = 1) -> Fault:
    """A list that claims so many pages."""
    return Fault(route, times, headers=_links("https://api.github.com/x", pages))


def elsewhere(route: str, host: str, *, times: int | None = 1) -> Fault:
    """The next page is on another host."""
    return Fault(route, times, headers=_links(f"https://{host}/x", 1))


def repeated(route: str, pages: int = 3, *, times: int | None = None) -> Fault:
    """So many pages, all of them the first page."""
    links = _links("https://api.github.com/x", pages)
    return Fault(route, times, query={"page": "1"}, headers=links)


def emptied(route: str, pages: int = 3, *, times: int | None = 1) -> Fault:
    """A page without rows, although there are rows and more pages."""
    return Fault(route, times, body=b"[]", headers=_links("https://api.github.com/x", pages))


def overfull(route: str, *, times: int | None = 1) -> Fault:
    """All rows at once, however few were asked for."""
    return Fault(route, times, whole=True)


def _links(url: str, last: int) -> dict[str, str]:
    return {"link": f'<{url}?page=2&cursor=v1_9>; rel="next", <{url}?page={last}>; rel="last"'}


class Faults:
    """The scenarios in force. The same seed strikes the same calls."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._faults: list[Fault] = []
        self.struck = 0

    def add(self, *faults: Fault) -> None:
        self._faults += faults

    def clear(self) -> None:
        self._faults.clear()

    def left(self, repository: str) -> tuple[str, ...]:
        """The routes of the faults within a repository that have still to strike."""
        return tuple(
            fault.route for fault in self._faults if fault.within == repository and fault.times
        )

    def strike(self, route: str, repository: str = "") -> Fault | None:
        """The fault that this call meets, counted off; None for most calls.

        repository: the repository of the route, as "acme/shop"; "" for a route without one.
        """
        for fault in self._faults:
            if fault.times == 0 or not fnmatchcase(route, fault.route):
                continue
            if fault.within and fault.within != repository:
                continue
            if fault.rate < 1.0 and self._random.random() >= fault.rate:
                continue
            if fault.times is not None:
                fault.times -= 1
            self.struck += 1
            return fault
        return None
