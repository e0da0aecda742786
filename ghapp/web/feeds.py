"""`/feeds`: people make calendar feeds of follow-ups and releases, and revoke them.

A feed is known by the token in its address alone, of which only a hash is kept. It needs no
session, since calendars have none; `store.feeds` says what it shows, and for how long.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ghapp.core import releases
from ghapp.core.i18n import Words
from ghapp.core.markdown import dotted, visible
from ghapp.core.releases import Release
from ghapp.core.text.places import Place
from ghapp.settings import Settings
from ghapp.store import Store, feeds
from ghapp.store.feeds import Planned
from ghapp.store.pages import Due
from ghapp.web import forms
from ghapp.web.language import language
from ghapp.web.sign_in import Shows
from ghapp.web.visitor import Guard, Guarded, Visitor

PATH, REVOKE = "/feeds", "/feeds/revoke"
FOLLOW_UPS, RELEASES = "/follow-ups.ics", "/releases.ics"
TOKEN = re.compile("[A-Za-z0-9_-]{43}")
MOST_TITLE, MOST_NAME, MOST_TEXT = 200, 100, 500
PRODUCT = "-//ghapp//feeds//EN"


class ByToken:
    """Lets in who has the token of a feed, as its owner; 404 for everybody else."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def visitor(self, request: Request) -> Visitor:
        token, found = request.query_params.get("token", ""), None
        if TOKEN.fullmatch(token):
            found = await self._store.records.read(feeds.reader, _hash(token))
        if found is None:
            raise HTTPException(404)
        return Visitor(found.login, found.repositories)


class Feeds:
    """The routes of feeds. guard: of the pages. shows: renders them. base: where ghapp answers."""

    def __init__(
        self, settings: Settings, store: Store, guard: Guard, shows: Shows, base: str
    ) -> None:
        self._settings, self._store, self._shows, self._base = settings, store, shows, base
        self._guard, self._place = guard, Place(settings.timezone, settings.web_url)

    def routes(self) -> list[Route]:
        """The page for who has signed in, and the feeds for whoever has a token."""
        if releases.missing():
            return [Route(PATH, Guarded(self._guard, self._page))]
        by_token = ByToken(self._store)
        return [
            Route(PATH, Guarded(self._guard, self._page, ("GET", "HEAD", "POST"))),
            Route(REVOKE, Guarded(self._guard, self._revoke, ("POST",))),
            Route(FOLLOW_UPS, Guarded(by_token, self._follow_ups)),
            Route(RELEASES, Guarded(by_token, self._releases)),
        ]

    # --- the page ----------------------------------------------------------------------------

    async def _page(self, request: Request, visitor: Visitor) -> Response:
        """The feeds of the visitor; a POST makes one more, whose addresses are shown this once."""
        addresses: list[tuple[str, str]] = []
        is_full = False
        words = Words(language(request))
        if request.method == "POST":
            await forms.sent(request, self._base, visitor.form)
            token = secrets.token_urlsafe(32)
            seen = visitor.repositories or frozenset()
            asked = (_hash(token), visitor.user_id, visitor.login, seen)
            if await self._store.records.write(feeds.make, *asked):
                query = urlencode({"token": token, "lang": words.language})
                addresses = [
                    (words("page_follow_ups"), f"{self._base}{FOLLOW_UPS}?{query}"),
                    (words("page_feed_releases"), f"{self._base}{RELEASES}?{query}"),
                ]
            else:
                is_full = True
        found = await self._store.records.read(feeds.listed, visitor.user_id)
        return self._shows(
            "feeds.html",
            request,
            words,
            feeds=found,
            addresses=addresses,
            is_full=is_full,
            missing=releases.missing(),
            days=feeds.WORKS.days,
        )

    async def _revoke(self, request: Request, visitor: Visitor) -> Response:
        fields = await forms.sent(request, self._base, visitor.form)
        await self._store.records.write(feeds.revoke, fields.get("feed", ""), visitor.user_id)
        return RedirectResponse(f"{PATH}?lang={language(request)}", 303)

    # --- the feeds ---------------------------------------------------------------------------

    async def _follow_ups(self, _request: Request, visitor: Visitor) -> Response:
        now, found = await self._store.records.read(feeds.due, visitor.repositories)
        return _calendar(follow_up_events(found, now, self._place), "follow-ups")

    async def _releases(self, request: Request, visitor: Visitor) -> Response:
        today = datetime.now(UTC).astimezone(self._settings.timezone).date().isoformat()
        now, found = await self._store.records.read(feeds.planned, visitor.repositories, today)
        words = Words(language(request))
        return _calendar(release_events(found, now, self._place, words), "releases")


def _calendar(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}.ics"'}
    return Response(content, media_type="text/calendar", headers=headers)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def follow_up_events(found: Iterable[Due], now: datetime, place: Place) -> bytes:
    """Each open follow-up as an event of the day on which it is due."""
    events = []
    for one in found:
        what, name = one.follow_up, visible(one.full_name, MOST_NAME)
        address = place.follow_up(one.full_name, what)
        title = dotted(
            visible(what.item, MOST_NAME), f"{name}#{what.number}", visible(what.owner, MOST_NAME)
        )
        key = f"{one.full_name}#{what.number} {what.item}"
        events.append(_Event(key, what.due, title, visible(what.reason, MOST_TEXT), address))
    return _rendered("ghapp: follow-ups", events, now)


def release_events(found: Iterable[Planned], now: datetime, place: Place, words: Words) -> bytes:
    """Each release as an event, with the flagged pulls that are for it."""
    by_release: defaultdict[Release, list[Planned]] = defaultdict(list)
    for one in found:
        by_release[one.release].append(one)
    events = []
    for release, pulls in by_release.items():
        counts = {"flagged": len(pulls), "unsigned": sum(not one.settled for one in pulls)}
        name = visible(release.name, MOST_NAME) or words("page_release")
        lines = [
            dotted(
                f"{visible(one.full_name, MOST_NAME)}#{one.number}",
                visible(one.title, MOST_TITLE),
                words("page_area_signed_off" if one.settled else "page_feed_unsigned"),
                place.pull(one.full_name, one.number),
            )
            for one in pulls
        ]
        title = words("page_feed_release", name=name, **counts)
        key = f"release {release.on} {release.name}"
        events.append(_Event(key, release.on, title, "\n".join(lines)))
    return _rendered("ghapp: releases", events, now)


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that takes a whole day. key: what stays the same when the rest changes."""

    key: str
    day: str
    title: str
    text: str = ""
    address: str = ""


def _rendered(name: str, events: Iterable[_Event], now: datetime) -> bytes:
    """The events as a file of RFC 5545. It escapes all words, and folds long lines."""
    import icalendar  # noqa: PLC0415 -- an extra, and slow to import

    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    for one in events:
        event = icalendar.Event()
        event.add("uid", f"{_hash(one.key)[:32]}@ghapp")
        event.add("dtstamp", now.replace(microsecond=0))
        event.add("dtstart", date.fromisoformat(one.day))
        event.add("transp", "TRANSPARENT")  # nobody is busy because of it
        event.add("summary", one.title)
        if one.text:
            event.add("description", one.text)
        if one.address:
            event.add("url", one.address)
        calendar.add_component(event)
    return bytes(calendar.to_ical())
