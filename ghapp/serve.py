"""Store, GitHub, worker, sweep and web put together: what `ghapp serve`, `work` and `sweep` run."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import structlog

from ghapp import catalogue, logs
from ghapp.errors import Gone, Retry, WrongSetting
from ghapp.github.client import GitHub
from ghapp.github.tokens import WRONG_KEY_SECONDS
from ghapp.settings import Settings
from ghapp.store import Parked, Store
from ghapp.sweep import sweep, sweeps
from ghapp.web.app import application
from ghapp.web.health import UNKNOWN_APP, Standing
from ghapp.web.server import Server, listening
from ghapp.worker import Worker, first

LOOK_SECONDS = 0.2
LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 5.0, 300.0
NO_WORKER = (
    "`--no-worker` leaves the work to `ghapp work`, which SQLite does not admit; set "
    "GHAPP_DATABASE_URL to postgresql://USER:PASSWORD@HOST/NAME, or start without `--no-worker`"
)
REACHED_BY = "check GHAPP_GITHUB_API_URL and HTTPS_PROXY; deliveries are stored meanwhile"

log = structlog.get_logger()


@asynccontextmanager
async def serving(settings: Settings, *, worker: bool = True) -> AsyncIterator[str]:
    """Receive deliveries while inside, and work on them with `worker`; gives the address.

    Raises WrongSetting (the port is taken, the database does not answer or has another server).
    """
    logs.configure(settings.log_format)
    with listening(settings.host, settings.port) as listener, _alone(settings):
        async with _opened(settings) as store, _github(settings) as github:
            login, stop = BotLogin(), asyncio.Event()
            site = application(settings, store, login, lambda: login.standing)
            server = Server(site, listener)
            works = [server.until(stop), first(stop.wait(), login.learn(github))]
            if worker:
                works += _works(settings, store, github, stop)
            elif settings.is_sqlite:
                log.warning("nobody works on the deliveries", reason=NO_WORKER)
            async with _beside(works, stop):
                yield server.url


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Work on dirty keys while inside. Raises WrongSetting."""
    logs.configure(settings.log_format)
    async with _opened(settings) as store, _github(settings) as github:
        stop = asyncio.Event()
        async with _beside(_works(settings, store, github, stop), stop):
            yield


def until_signalled(running: AbstractAsyncContextManager[Any]) -> None:
    """Keep it running until SIGTERM or SIGINT; a second one ends the process at once."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signalled(running))


def migrated(settings: Settings) -> None:
    """Bring the database up to date. Raises WrongSetting."""
    logs.configure(settings.log_format)
    asyncio.run(_migrated(settings))


async def _migrated(settings: Settings) -> None:
    async with _opened(settings):
        log.info("migrated")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep by hand came to. worked_off: here, since no other process would have done so.

    parked: what then failed too often.
    """

    installations: int
    worked_off: bool = False
    parked: tuple[Parked, ...] = ()


def swept(settings: Settings) -> Swept:
    """Have everything looked at again; where no server can be running that will, by ourselves.

    Raises WrongSetting, Retry and Gone (GitHub), Busy and StoreFailed (the database).
    """
    logs.configure(settings.log_format)
    return asyncio.run(_swept(settings))


async def _swept(settings: Settings) -> Swept:
    with _held(settings) as alone:
        async with _opened(settings) as store, _github(settings) as github:
            found = await sweep(store, github)
            await store.retry_parked()
            if not alone:
                return Swept(found)
            stop = asyncio.Event()
            async with _beside([_worker(settings, store, github).run(stop)], stop):
                while (await store.health()).dirty:  # the database knows best  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)
            return Swept(found, worked_off=True, parked=await store.parked())


async def _until_signalled(running: AbstractAsyncContextManager[Any]) -> None:
    loop, signalled = asyncio.get_running_loop(), asyncio.Event()
    async with running as where:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, signalled.set)
        log.info("started", url=where)
        await signalled.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        log.info("stopping")
    log.info("stopped")


class BotLogin:
    """The login the App writes under: "" until GitHub has told it."""

    def __init__(self) -> None:
        self._login = ""
        self.standing = Standing.ASKED

    def __call__(self) -> str:
        return self._login

    async def learn(self, github: GitHub) -> None:
        """Ask until it is known; GitHub may be down while ghapp starts."""
        pause = LEAST_PAUSE_SECONDS
        while not self._login:
            try:
                self._login = f"{await github.app()}[bot]"
                self.standing = Standing.KNOWN
            except (Retry, Gone) as error:
                self.standing = _standing(error)
                fix = UNKNOWN_APP if self.standing is Standing.REFUSED else REACHED_BY
                log.error("GitHub does not tell who this App is", reason=str(error), fix=fix)
                await asyncio.sleep(max(pause, _asked_seconds(error)))
                pause = min(2 * pause, MOST_PAUSE_SECONDS)


def _standing(error: Retry | Gone) -> Standing:
    # One who cannot be reached, or who limits our rate, is asked again sooner or counts nothing.
    refused = isinstance(error, Gone) or (error.counts and error.after_seconds >= WRONG_KEY_SECONDS)
    return Standing.REFUSED if refused else Standing.UNREACHABLE


def _asked_seconds(error: Retry | Gone) -> float:
    """How long a rate limit has us wait."""
    return error.after_seconds if isinstance(error, Retry) and not error.counts else 0.0


@asynccontextmanager
async def _beside(
    works: list[Coroutine[Any, Any, None]], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Do the works while inside; then `stop` ends them. One that fails ends the inside as well."""
    inside = asyncio.current_task()
    assert inside
    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(_ending(inside, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()


def _ending(inside: asyncio.Task[Any], stop: asyncio.Event) -> Callable[[asyncio.Task[None]], None]:
    def ended(task: asyncio.Task[None]) -> None:
        if not stop.is_set() and not task.cancelled() and task.exception():
            inside.cancel()

    return ended


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep other servers off a database that admits one process. Raises WrongSetting."""
    with _held(settings) as held:
        if settings.is_sqlite and not held:
            raise WrongSetting(
                f"GHAPP_DATABASE_URL: another ghapp holds {_lock_path(settings)}; stop it, or "
                "share a PostgreSQL database: postgresql://USER:PASSWORD@HOST/NAME"
            )
        yield


@contextmanager
def _held(settings: Settings) -> Iterator[bool]:
    """Whether we alone may work on the database while inside; on PostgreSQL nobody may.

    Raises WrongSetting (where SQLite lies nothing can be written).
    """
    if not settings.is_sqlite:
        yield False
        return
    with _lock_file(_lock_path(settings)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held = False
        else:
            held = True
        yield held


def _lock_path(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///").partition("?")[0] + ".lock")


def _lock_file(path: Path) -> TextIO:
    try:
        return path.open("w")
    except OSError as error:
        raise WrongSetting(
            f"GHAPP_DATABASE_URL: {path} cannot be written ({error.strerror or error}); name a "
            "file in a writable folder, or leave it out for SQLite in GHAPP_DATA_DIR"
        ) from error


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Store]:
    store = await Store.open(settings.database_url)
    try:
        yield store
    finally:
        await store.close()


def _github(settings: Settings) -> GitHub:
    return GitHub(
        settings.github_api_url,
        settings.app_id,
        settings.private_key,
        limits=settings.github_limits,
        proxy=settings.proxy or None,
    )


def _works(
    settings: Settings, store: Store, github: GitHub, stop: asyncio.Event
) -> list[Coroutine[Any, Any, None]]:
    """What a process that works does beside receiving."""
    return [
        _worker(settings, store, github).run(stop),
        first(stop.wait(), sweeps(store, github)),
    ]


def _worker(settings: Settings, store: Store, github: GitHub) -> Worker:
    return Worker(store, github, catalogue.rules(settings.default_mode))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 -- not to be had on Windows and PyPy
    except ImportError:
        return None
    return uvloop.new_event_loop
