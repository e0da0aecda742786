"""`ghapp doctor`: reads everything that is checked, in order, and prints the findings.

What cannot be checked because of an earlier problem is reported as unknown.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Literal

from ghapp.doctor import github, local, policies, report, webhook
from ghapp.doctor.local import Disk, InForce, KeyFile, Served, Stored
from ghapp.doctor.report import (
    EVENTS,
    GITHUB,
    INSTALLATIONS,
    PERMISSIONS,
    POLICIES,
    WEBHOOK,
    Checked,
    CheckVerdict,
    Section,
)
from ghapp.doctor.webhook import Tried
from ghapp.errors import Busy, Gone, Retry, StoreFailed, Wait, WrongDatabase, WrongSetting
from ghapp.github.app import Allowed, Registration
from ghapp.github.host import fingerprint
from ghapp.settings import FIXES, Settings, named
from ghapp.store import Store, deliveries, stats
from ghapp.store.engine import location
from ghapp.store.process_lock import is_served
from ghapp.store.schedule import take_turn
from ghapp.terminal import painted

ARRIVAL_SECONDS, LOOK_SECONDS = 30.0, 1.0
HEALTH_SECONDS = 10.0
TURN = "doctor"
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # HOST -> where to ask it
Progress = Callable[[str], None]


async def run(settings: Settings, output: Literal["text", "json"], *, deliver: bool) -> bool:
    """Examine, and print the findings; True if none is a problem. Raises WrongSetting.

    deliver: try a redelivery. The progress goes to standard error.
    """

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"... {text}", file=sys.stderr, flush=True)

    try:
        "".join(report.SYMBOLS.values()).encode(sys.stdout.encoding or "ascii")
        plain = False
    except (UnicodeEncodeError, LookupError):
        plain = True
    found: list[Checked] = []
    async for finding in examined(settings, named(), deliver=deliver, progress=progress):
        if output == "text":
            for line in report.lines(finding, found[-1] if found else None, plain=plain):
                print(
                    painted(line, report.STYLES), flush=True
                )  # as it is found: some of it takes a while
        found.append(finding)
    print(report.encoded(found) if output == "json" else f"\n{report.summary(found)}")
    return all(one.verdict is not CheckVerdict.PROBLEM for one in found)


async def fix_webhook(settings: Settings) -> str:
    """Set the webhook's URL and secret on GitHub to those in force; the URL.

    GitHub's API cannot switch a webhook on. Raises WrongSetting (there is no base URL), Retry, Wait
    and Gone.
    """
    if not settings.base_url:
        fix = FIXES["GHAPP_BASE_URL"]
        raise WrongSetting(f"GHAPP_BASE_URL: is missing, and --fix-webhook needs it; {fix}")
    url = f"{settings.base_url}{webhook.PATH}"
    async with Registration(settings.endpoint, settings.app_id, settings.private_key) as app:
        await app.set_hook(url, settings.webhook_secrets[0])
    return url


async def examined(
    settings: Settings, given: tuple[str, ...], *, deliver: bool, progress: Progress
) -> AsyncIterator[Checked]:
    """All findings, in order, as they are made. given: the names of the settings that are set.

    deliver: try a redelivery. Raises WrongSetting (the CA file cannot be read).
    """
    for finding in local.settings(in_force(settings, given)):
        yield finding
    progress("checking the database")
    async with store(settings) as kept:
        for finding in local.database(kept.found, disk(settings.file)):
            yield finding
        server = await asyncio.to_thread(served, settings)
        yield local.server(server)
        progress("asking GitHub")
        async with Registration(
            settings.endpoint, settings.app_id, settings.private_key
        ) as registration:
            reached = await registration.reach()
            found = tuple(github.reach(reached, settings.github_api_url, settings.app_id))
            for finding in found:
                yield finding
            if any(one.verdict is CheckVerdict.PROBLEM for one in found):
                for part in (PERMISSIONS, EVENTS, INSTALLATIONS, POLICIES, WEBHOOK):
                    yield part.unknown("all", "not checked; see GitHub above")
                return
            now = datetime.now(UTC) + timedelta(seconds=reached.ahead_seconds)
            async for finding in _registered(registration, settings, progress):
                yield finding
            async for finding in _webhook(registration, now):
                yield finding
            if deliver:
                yield await _arrival(registration, kept, server, progress)


async def _registered(
    registration: Registration, settings: Settings, progress: Progress
) -> AsyncIterator[Checked]:
    try:
        app = await registration.app()
    except (Retry, Wait, Gone) as error:
        yield _unread(GITHUB, "registered", error)
        return
    for finding in github.app(app, is_server=settings.is_server):
        yield finding
    try:
        found = await registration.installations()
    except (Retry, Wait, Gone) as error:
        yield _unread(INSTALLATIONS, "all", error)
        return
    allowed: dict[int, Allowed | str] = {}
    active = [one for one in found if one.suspended_at is None]
    for one in active[: github.MOST_ASKED]:
        try:
            allowed[one.id] = await registration.allowed(one.id)
        except (Retry, Wait, Gone) as error:
            allowed[one.id] = str(error)
    for finding in github.installations(found, app.permissions, allowed):
        yield finding
    progress("reading the policies")
    reached = [one for one in active if isinstance(allowed.get(one.id), Allowed)]
    for finding in await policies.examined(settings, reached):
        yield finding


async def _webhook(registration: Registration, now: datetime) -> AsyncIterator[Checked]:
    try:
        for finding in webhook.hook(await registration.hook()):
            yield finding
    except (Retry, Wait, Gone) as error:
        yield _unread(WEBHOOK, "URL", error)
    try:
        for finding in webhook.recent(await registration.attempts(), now):
            yield finding
    except (Retry, Wait, Gone) as error:
        yield _unread(WEBHOOK, "attempts", error)


def _unread(part: Section, name: str, error: Exception) -> Checked:
    return part.unknown(name, str(error), "try again in a while")


async def _arrival(
    registration: Registration, kept: Kept, server: Served, progress: Progress
) -> Checked:
    """Ask GitHub to redeliver something harmless, and check whether it arrives."""
    if server.is_stopped:
        why = "not tried: no ghapp is running that could receive it"
        return webhook.arrival(Tried(why_not=why, fix="start `ghapp serve`, then try again"))
    try:
        before = await registration.attempts()
        known = await kept.known({one.guid.lower() for one in before})
        chosen = webhook.suitable(before, known)
        if chosen is None and kept.found.error:
            why = "not tried: without the database it is unknown which deliveries ghapp has"
            return webhook.arrival(Tried(why_not=why, fix="see Database above"))
        if chosen is None or not await registration.redeliver(chosen.id):
            why = "not tried: GitHub lists no successful delivery that may be sent again"
            fix = "open a pull request where the App is installed, then try again"
            return webhook.arrival(Tried(why_not=why, fix=fix))
        progress(f"waiting for GitHub to redeliver, {ARRIVAL_SECONDS:.0f} s at most")
        started, old = time.monotonic(), {one.id for one in before}
        tried = Tried(chosen, chosen.guid.lower() in known)
        while tried.answer is None and tried.seconds < ARRIVAL_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            new = (one for one in await registration.attempts() if one.id not in old)
            answer = next((one for one in new if one.guid == chosen.guid), None)
            tried = replace(tried, answer=answer, seconds=time.monotonic() - started)
        return webhook.arrival(tried)
    except (Retry, Wait, Gone) as error:
        return _unread(WEBHOOK, "arrival", error)


def in_force(settings: Settings, given: tuple[str, ...]) -> InForce:
    """The settings without secrets. given: the names of those that are set."""
    return InForce(
        given=given,
        app_id=settings.app_id,
        fingerprint=fingerprint(settings.private_key),
        secrets=len(settings.webhook_secrets),
        short_secrets=sum(len(one) < local.SHORT_SECRET for one in settings.webhook_secrets),
        key_file=key_file(settings.private_key_file),
        api_url=settings.github_api_url,
        limits=settings.github_limits,
        proxied=bool(settings.proxy),
        is_sqlite=settings.is_sqlite,
        database=location(settings.database_url),
        unknown=settings.unknown,
        is_stored=settings.is_stored,
    )


def key_file(file: Path | None) -> KeyFile | None:
    """The file of the private key; None if the key is in the environment itself."""
    if file is None or not file.exists():
        return None
    return KeyFile(str(file), stat.S_IMODE(file.stat().st_mode))


def disk(file: Path | None) -> Disk | None:
    """The disk and file of SQLite; None for PostgreSQL."""
    if file is None:
        return None
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else None
    free_bytes = shutil.disk_usage(file.parent).free
    return Disk(str(file.parent), free_bytes, mode, is_writable=os.access(file, os.W_OK))


def served(settings: Settings) -> Served:
    """Whether ghapp runs, by the lock on SQLite and by its `/readyz`."""
    try:
        locked = is_served(settings)
    except WrongSetting:  # the folder is read-only, which the findings of the database report
        locked = None
    if not settings.port:
        return Served(locked)
    host = LOOPBACK.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host and host[0] != "[" else host
    url = f"http://{host}:{settings.port}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            answer = direct.open(f"{url}/readyz", timeout=HEALTH_SECONDS)
        except urllib.error.HTTPError as not_ready:
            answer = not_ready
        with answer:
            page = json.loads(answer.read())
        return Served(locked, url, "" if page["status"] == "ready" else str(page["reason"]))
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        return Served(locked, url)  # nothing answers, or another program


@dataclass(slots=True)
class Kept:
    """The examined database. found: what it answered. open: None if it could not be opened."""

    found: Stored = field(default_factory=Stored)
    open: Store | None = None

    async def known(self, ids: Iterable[str]) -> frozenset[str]:
        """Which of these deliveries are stored, as far as the database answers."""
        if self.open is None:
            return frozenset()
        try:
            return await self.open.records.read(deliveries.known, ids)
        except (Busy, StoreFailed):
            return frozenset()


@asynccontextmanager
async def store(settings: Settings) -> AsyncIterator[Kept]:
    """Open the database while inside, without creating or upgrading it, and read its state."""
    if settings.file and not settings.file.exists():
        yield Kept()
        return
    try:
        opened = await Store.open(settings.database_url, migrate=False)
    except WrongDatabase as error:
        yield Kept(Stored(error=error.found, fix=error.fix))
        return
    try:
        try:
            ahead = (await opened.records.read(stats.now) - datetime.now(UTC)).total_seconds()
            health = await opened.records.read(stats.health)
            parked = await opened.records.read(stats.parked)
        except (Busy, StoreFailed) as error:
            found = Stored(error=str(error))
        else:
            found = Stored(ahead_seconds=ahead, health=health, parked=parked)
            try:
                await opened.records.write(take_turn, TURN, 0.0)
            except (Busy, StoreFailed) as error:
                found = replace(found, read_only=str(error))
        yield Kept(found, opened)
    finally:
        await opened.close()
