"""The order of an examination: what is read, what that is judged to be, and what comes next.

Where something makes the rest impossible, the rest is said to be unknown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from ghapp.doctor import arrival, at_github, at_home, reading
from ghapp.doctor.arrival import Tried
from ghapp.doctor.at_home import Served
from ghapp.doctor.findings import (
    EVENTS,
    GITHUB,
    INSTALLATIONS,
    PERMISSIONS,
    WEBHOOK,
    Finding,
    Part,
    Verdict,
)
from ghapp.doctor.reading import Kept
from ghapp.errors import Gone, Retry
from ghapp.github.registration import Allowed, Attempted, Installed, Registration
from ghapp.settings import Settings

T = TypeVar("T")
ARRIVAL_SECONDS, LOOK_SECONDS = 30.0, 1.0
Progress = Callable[[str], None]


async def examined(
    settings: Settings, given: tuple[str, ...], *, deliver: bool, progress: Progress
) -> AsyncIterator[Finding]:
    """All findings, in order, as they are made. given: the variables that are set.

    deliver: try a redelivery.

    Raises WrongSetting (the CA file cannot be read).
    """
    for finding in at_home.settings(reading.in_force(settings, given)):
        yield finding
    progress("looking at the database")
    async with reading.store(settings) as kept:
        for finding in at_home.database(kept.found, reading.disk(settings.file)):
            yield finding
        served = await asyncio.to_thread(reading.served, settings)
        yield at_home.server(served)
        progress("asking GitHub")
        async with Registration(settings.endpoint, settings.app_id, settings.private_key) as github:
            reached = await github.reach()
            found = tuple(at_github.reach(reached, settings.github_api_url, settings.app_id))
            for finding in found:
                yield finding
            if any(one.verdict is Verdict.PROBLEM for one in found):
                for part in (PERMISSIONS, EVENTS, INSTALLATIONS, WEBHOOK):
                    yield _unasked(part)
                return
            now = datetime.now(UTC) + timedelta(seconds=reached.ahead_seconds)
            async for finding in _registered(github):
                yield finding
            async for finding in _webhook(github, now):
                yield finding
            if deliver:
                yield await _arrival(github, kept, served, progress)


def _unasked(part: Part) -> Finding:
    return part.unknown("all", "GitHub could not be asked; see above")


def _unread(part: Part, name: str, error: Exception) -> Finding:
    return part.unknown(name, str(error), "try again in a while")


async def _registered(github: Registration) -> AsyncIterator[Finding]:
    try:
        app = await github.app()
    except (Retry, Gone) as error:
        yield _unread(GITHUB, "registered", error)
        return
    for finding in at_github.app(app):
        yield finding
    try:
        found = await github.installations()
    except (Retry, Gone) as error:
        yield _unread(INSTALLATIONS, "all", error)
        return
    allowed = await _allowed(github, found)
    for finding in at_github.installations(found, app.permissions, allowed):
        yield finding


async def _allowed(github: Registration, found: tuple[Installed, ...]) -> dict[int, Allowed | str]:
    """What each token sees, or why there is none; of the first installations in force only."""
    allowed: dict[int, Allowed | str] = {}
    in_force = [one for one in found if one.suspended_at is None]
    for one in in_force[: at_github.MOST_ASKED]:
        try:
            allowed[one.id] = await github.allowed(one.id)
        except (Retry, Gone) as error:
            allowed[one.id] = str(error)
    return allowed


async def _webhook(github: Registration, now: datetime) -> AsyncIterator[Finding]:
    try:
        for finding in arrival.hook(await github.hook()):
            yield finding
    except (Retry, Gone) as error:
        yield _unread(WEBHOOK, "URL", error)
    try:
        for finding in arrival.recent(await github.attempts(), now):
            yield finding
    except (Retry, Gone) as error:
        yield _unread(WEBHOOK, "attempts", error)


async def _arrival(github: Registration, kept: Kept, served: Served, progress: Progress) -> Finding:
    if served.is_stopped:
        why = "not tried: no ghapp runs that could receive it"
        return arrival.arrival(Tried(why_not=why, fix="start `ghapp serve`, then try again"))
    try:
        return arrival.arrival(await _tried(github, kept, progress))
    except (Retry, Gone) as error:
        return _unread(WEBHOOK, "arrival", error)


async def _tried(github: Registration, kept: Kept, progress: Progress) -> Tried:
    before = await github.attempts()
    known = await kept.known({one.guid.lower() for one in before})
    chosen = arrival.suitable(before, known)
    if chosen is None and kept.found.error:
        why = "not tried: which deliveries ghapp has already, the database does not tell"
        return Tried(why_not=why, fix="see Database above")
    if chosen is None or not await github.redeliver(chosen.id):
        why = "not tried: GitHub lists no delivery that was taken and may be sent again"
        fix = "open a pull request where the App is installed, then try again"
        return Tried(why_not=why, fix=fix)
    is_known = chosen.guid.lower() in known
    progress(f"waiting for GitHub to send a delivery again, {ARRIVAL_SECONDS:.0f} s at most")
    started = time.monotonic()
    while (waited := time.monotonic() - started) < ARRIVAL_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        answers = _newer(await github.attempts(), before, chosen)
        if answer := next(answers, None):
            return Tried(chosen, is_known, answer, time.monotonic() - started)
    return Tried(chosen, is_known, None, waited)


def _newer(
    now: tuple[Attempted, ...], before: tuple[Attempted, ...], chosen: Attempted
) -> Iterator[Attempted]:
    """Attempts at the delivery that were not there before."""
    seen = {one.id for one in before}
    return (one for one in now if one.guid == chosen.guid and one.id not in seen)
