"""Store, GitHub, worker and web put together: what `ghapp serve` and `ghapp work` run."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog

from ghapp import catalogue, logs
from ghapp.core.policy import Rules
from ghapp.errors import Gone, Retry, WrongSetting
from ghapp.github.client import GitHub
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.web.app import application
from ghapp.web.server import Server, listening
from ghapp.worker import Worker, first

LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 5.0, 300.0

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
            server = Server(application(settings, store, login), listener)
            works = [server.until(stop), first(stop.wait(), login.learn(github))]
            if worker:
                works.append(_worker(settings, store, github).run(stop))
            async with _beside(works, stop):
                yield server.url


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Work on dirty keys while inside. Raises WrongSetting."""
    logs.configure(settings.log_format)
    async with _opened(settings) as store, _github(settings) as github:
        stop = asyncio.Event()
        async with _beside([_worker(settings, store, github).run(stop)], stop):
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

    def __call__(self) -> str:
        return self._login

    async def learn(self, github: GitHub) -> None:
        """Ask until it is known; GitHub may be down while ghapp starts."""
        while not self._login:
            try:
                self._login = f"{await github.app()}[bot]"
            except (Retry, Gone) as error:
                log.error("GitHub does not tell who this App is", reason=str(error))
                asked = error.after_seconds if isinstance(error, Retry) else MOST_PAUSE_SECONDS
                await asyncio.sleep(min(max(asked, LEAST_PAUSE_SECONDS), MOST_PAUSE_SECONDS))


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
    if not settings.is_sqlite:
        yield
        return
    path = Path(settings.database_url.removeprefix("sqlite:///").partition("?")[0] + ".lock")
    with path.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WrongSetting(
                f"GHAPP_DATABASE_URL: another ghapp holds {path}; stop it, or share a PostgreSQL "
                "database: postgresql://USER:PASSWORD@HOST/NAME"
            ) from error
        yield


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


def _worker(settings: Settings, store: Store, github: GitHub) -> Worker:
    return Worker(store, github, Rules(catalogue.builtin(), settings.default_mode))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 -- not to be had on Windows and PyPy
    except ImportError:
        return None
    return uvloop.new_event_loop
