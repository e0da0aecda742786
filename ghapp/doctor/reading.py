"""The facts to be judged, read from here: settings, disk, database, the server's own health."""

from __future__ import annotations

import json
import os
import shutil
import stat
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ghapp.doctor.at_home import Disk, InForce, Served, Stored
from ghapp.errors import Busy, StoreFailed, WrongDatabase, WrongSetting
from ghapp.github.tokens import fingerprint
from ghapp.lock import is_served
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.store.engine import told

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
            return await self.open.known(ids)
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
        ahead = (await opened.now() - datetime.now(UTC)).total_seconds()
        health, parked = await opened.health(), await opened.parked()
    except (Busy, StoreFailed) as error:
        return Stored(error=str(error))
    try:
        await opened.take_turn(TURN, 0.0)
    except (Busy, StoreFailed) as error:
        read_only = str(error)
    else:
        read_only = ""
    return Stored(read_only=read_only, ahead_seconds=ahead, health=health, parked=parked)
