"""The order of an examination: what is read, what that is judged to be, and what comes next.

Where something makes the rest impossible, the rest is said to be unknown.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from ghapp.doctor import github, local, webhook
from ghapp.doctor.local import Disk, InForce, Served, Stored
from ghapp.doctor.report import (
    EVENTS,
    GITHUB,
    INSTALLATIONS,
    PERMISSIONS,
    WEBHOOK,
    Finding,
    Part,
    Verdict,
)
from ghapp.doctor.webhook import Tried
from ghapp.errors import Busy, Gone, Retry, StoreFailed, WrongDatabase, WrongSetting
from ghapp.github.app import Allowed, Attempted, Installed, Registration
from ghapp.github.host import fingerprint
from ghapp.settings import Settings
from ghapp.store import Store, deliveries, stats
from ghapp.store.engine import told
from ghapp.store.process_lock import is_served
from ghapp.store.schedule import take_turn

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
    for finding in local.settings(in_force(settings, given)):
        yield finding
    progress("looking at the database")
    async with store(settings) as kept:
        for finding in local.database(kept.found, disk(settings.file)):
            yield finding
        listening = await asyncio.to_thread(served, settings)
        yield local.server(listening)
        progress("asking GitHub")
        async with Registration(
            settings.endpoint, settings.app_id, settings.private_key
        ) as registration:
            reached = await registration.reach()
            found = tuple(github.reach(reached, settings.github_api_url, settings.app_id))
            for finding in found:
                yield finding
            if any(one.verdict is Verdict.PROBLEM for one in found):
                for part in (PERMISSIONS, EVENTS, INSTALLATIONS, WEBHOOK):
                    yield _unasked(part)
                return
            now = datetime.now(UTC) + timedelta(seconds=reached.ahead_seconds)
            async for finding in _registered(registration):
                yield finding
            async for finding in _webhook(registration, now):
                yield finding
            if deliver:
                yield await _arrival(registration, kept, listening, progress)


def _unasked(part: Part) -> Finding:
    return part.unknown("all", "GitHub could not be asked; see above")


def _unread(part: Part, name: str, error: Exception) -> Finding:
    return part.unknown(name, str(error), "try again in a while")


async def _registered(registration: Registration) -> AsyncIterator[Finding]:
    try:
        app = await registration.app()
    except (Retry, Gone) as error:
        yield _unread(GITHUB, "registered", error)
        return
    for finding in github.app(app):
        yield finding
    try:
        found = await registration.installations()
    except (Retry, Gone) as error:
        yield _unread(INSTALLATIONS, "all", error)
        return
    allowed = await _allowed(registration, found)
    for finding in github.installations(found, app.permissions, allowed):
        yield finding


async def _allowed(
    registration: Registration, found: tuple[Installed, ...]
) -> dict[int, Allowed | str]:
    """What each token sees, or why there is none; of the first installations in force only."""
    allowed: dict[int, Allowed | str] = {}
    in_force = [one for one in found if one.suspended_at is None]
    for one in in_force[: github.MOST_ASKED]:
        try:
            allowed[one.id] = await registration.allowed(one.id)
        except (Retry, Gone) as error:
            allowed[one.id] = str(error)
    return allowed


async def _webhook(registration: Registration, now: datetime) -> AsyncIterator[Finding]:
    try:
        for finding in webhook.hook(await registration.hook()):
            yield finding
    except (Retry, Gone) as error:
        yield _unread(WEBHOOK, "URL", error)
    try:
        for finding in webhook.recent(await registration.attempts(), now):
            yield finding
    except (Retry, Gone) as error:
        yield _unread(WEBHOOK, "attempts", error)


async def _arrival(
    registration: Registration, kept: Kept, served: Served, progress: Progress
) -> Finding:
    if served.is_stopped:
        why = "not tried: no ghapp runs that could receive it"
        return webhook.arrival(Tried(why_not=why, fix="start `ghapp serve`, then try again"))
    try:
        return webhook.arrival(await _tried(registration, kept, progress))
    except (Retry, Gone) as error:
        return _unread(WEBHOOK, "arrival", error)


async def _tried(registration: Registration, kept: Kept, progress: Progress) -> Tried:
    before = await registration.attempts()
    known = await kept.known({one.guid.lower() for one in before})
    chosen = webhook.suitable(before, known)
    if chosen is None and kept.found.error:
        why = "not tried: which deliveries ghapp has already, the database does not tell"
        return Tried(why_not=why, fix="see Database above")
    if chosen is None or not await registration.redeliver(chosen.id):
        why = "not tried: GitHub lists no delivery that was taken and may be sent again"
        fix = "open a pull request where the App is installed, then try again"
        return Tried(why_not=why, fix=fix)
    is_known = chosen.guid.lower() in known
    progress(f"waiting for GitHub to send a delivery again, {ARRIVAL_SECONDS:.0f} s at most")
    started = time.monotonic()
    while (waited := time.monotonic() - started) < ARRIVAL_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        answers = _newer(await registration.attempts(), before, chosen)
        if answer := next(answers, None):
            return Tried(chosen, is_known, answer, time.monotonic() - started)
    return Tried(chosen, is_known, None, waited)


def _newer(
    now: tuple[Attempted, ...], before: tuple[Attempted, ...], chosen: Attempted
) -> Iterator[Attempted]:
    """Attempts at the delivery that were not there before."""
    seen = {one.id for one in before}
    return (one for one in now if one.guid == chosen.guid and one.id not in seen)


HEALTH_SECONDS = 10.0
TURN = "doctor"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # where it listens -> is asked


def in_force(settings: Settings, given: tuple[str, ...]) -> InForce:
    return InForce(
        given=given,
        app_id=settings.app_id,
        fingerprint=fingerprint(settings.private_key),
        secrets=len(settings.webhook_secrets),
        api_url=settings.github_api_url,
        limits=settings.github_limits,
        proxied=bool(settings.proxy),
        is_sqlite=settings.is_sqlite,
        database=told(settings.database_url),
    )


def disk(file: Path | None) -> Disk | None:
    """Where SQLite lies; None for another database."""
    if file is None:
        return None
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else None
    free_bytes = shutil.disk_usage(file.parent).free
    return Disk(str(file.parent), free_bytes, mode, is_writable=os.access(file, os.W_OK))


def served(settings: Settings) -> Served:
    """Whether ghapp runs, by the lock on SQLite and by its own health page."""
    try:
        locked = is_served(settings)
    except WrongSetting:  # nothing can be written there, which the database's findings say
        locked = None
    if not settings.port:
        return Served(locked)
    host = EVERYWHERE.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host and host[0] != "[" else host
    url = f"http://{host}:{settings.port}"
    return Served(locked, url, _reason(f"{url}/readyz"))


def _reason(url: str) -> str | None:
    """Why the server there is not ready; "" where it is, None where none of ours answers."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=HEALTH_SECONDS) as answer:
            body = answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            body = refused.read()
    except OSError:
        return None
    try:
        told = json.loads(body)
        return "" if told["status"] == "ready" else str(told["reason"])
    except (ValueError, TypeError, KeyError):
        return None  # somebody else's


@dataclass(slots=True)
class Kept:
    """The database while it is examined. open: None where it could not be opened."""

    found: Stored = field(default_factory=Stored)
    open: Store | None = None

    async def known(self, ids: Iterable[str]) -> frozenset[str]:
        """Which of these deliveries are stored, as far as the database tells."""
        if self.open is None:
            return frozenset()
        try:
            return await self.open.records.read(deliveries.known, ids)
        except (Busy, StoreFailed):
            return frozenset()


@asynccontextmanager
async def store(settings: Settings) -> AsyncIterator[Kept]:
    """What the database answers; nothing is made or brought up to date."""
    if settings.file and not settings.file.exists():
        yield Kept()
        return
    try:
        opened = await Store.open(settings.database_url, migrate=False)
    except WrongDatabase as error:
        yield Kept(Stored(error=error.found, fix=error.fix))
        return
    try:
        yield Kept(await _stored(opened), opened)
    finally:
        await opened.close()


async def _stored(opened: Store) -> Stored:
    try:
        ahead = (await opened.records.read(stats.now) - datetime.now(UTC)).total_seconds()
        health = await opened.records.read(stats.health)
        parked = await opened.records.read(stats.parked)
    except (Busy, StoreFailed) as error:
        return Stored(error=str(error))
    try:
        await opened.records.write(take_turn, TURN, 0.0)
    except (Busy, StoreFailed) as error:
        read_only = str(error)
    else:
        read_only = ""
    return Stored(read_only=read_only, ahead_seconds=ahead, health=health, parked=parked)
