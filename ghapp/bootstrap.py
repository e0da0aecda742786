"""Store, GitHub, worker, sweep and web put together: what `ghapp serve`, `work` and `sweep` run."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any, TypeVar

from ghapp import builtin_packs, logs
from ghapp.core.insights import worth_it
from ghapp.core.text.digest import Digest
from ghapp.core.text.places import Place
from ghapp.core.text.question_report import Merged, QuestionReport
from ghapp.core.text.report import Report
from ghapp.errors import Busy, StoreFailed, WrongDatabase, WrongSetting
from ghapp.github.client import BotLogin, GitHub
from ghapp.metrics import Metrics
from ghapp.settings import CREDENTIALS, STORED, Credentials, Settings
from ghapp.slack import Slack
from ghapp.store import Parked, Store, credentials, insights, stats, trials
from ghapp.store.engine import location
from ghapp.store.forgetting import Found, find, forget
from ghapp.store.process_lock import alone, held
from ghapp.store.work_queue import marking
from ghapp.web.app import application, watching, without_app
from ghapp.web.server import Server, bound
from ghapp.web.setup import Front, SetUp
from ghapp.worker.alerts import Alerts
from ghapp.worker.digest import Digests, Sender, known_audiences, made
from ghapp.worker.redelivery import redelivered, redeliveries
from ghapp.worker.retro import Retros, all_attending
from ghapp.worker.retro import made as looked_back
from ghapp.worker.schedule import roll_ups, sweep, sweeps
from ghapp.worker.worker import Worker, first

LOOK_SECONDS = 0.2
SET_UP_SECONDS = 2.0  # how often to look whether another process has finished set-up
# How long to wait at the start for a database that is out of reach or a standby.
REACHED_SECONDS = 30.0  # most failovers take less
NO_CREDENTIALS = (
    f"{', '.join(CREDENTIALS)}: are missing, and the database has none; set them, {STORED}"
)
STILL_INSTALLED = (
    "installation {}: the App is still installed there, so ghapp would store new data at once; "
    "uninstall it on GitHub (Settings, GitHub Apps, Configure, Uninstall), then repeat this, or "
    "use --force"
)
NO_WORKER = (
    "SQLite supports a single process: deliveries are stored but not processed until `ghapp serve` "
    "is restarted without `--no-worker`, or uses PostgreSQL (GHAPP_DATABASE_URL)"
)

log = logs.logger()
T = TypeVar("T")


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    worker: bool = True,
    invite: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
) -> AsyncIterator[str]:
    """Receive deliveries while inside; yields the address of the server.

    Without credentials, in the settings or in the database, it serves set-up first, and goes on
    once the App is made. invite: shows the address of set-up, which holds a secret, to whoever
    started the server. worker: also work on dirty keys. Raises WrongSetting (the port is taken, the
    database does not answer or another server has it).
    """
    _log(settings)
    with bound(settings.host, settings.port) as listener, alone(settings):
        async with _opened(settings) as store:
            settings = await _patiently(settings, lambda: _begun(settings, store))
            front, stop = Front(without_app(store)), asyncio.Event()
            server = Server(front, listener)
            if settings.app_id:
                async with (
                    _receiving(settings, store, front, server.url, stop, worker=worker) as works,
                    _beside([server.until(stop), *works], stop),
                ):
                    yield server.url
                return
            setup = front.setup = SetUp(settings, store, server.url)
            invite(setup.invitation())
            goes_on = _after(setup, settings, store, front, server.url, stop, worker=worker)
            async with _beside([server.until(stop), goes_on], stop):
                yield server.url


@asynccontextmanager
async def _receiving(
    settings: Settings,
    store: Store,
    front: Front,
    listening: str,
    stop: asyncio.Event,
    *,
    worker: bool,
) -> AsyncIterator[list[Coroutine[Any, Any, None]]]:
    """Have `front` receive deliveries; yields what to run beside it until `stop`."""
    async with (
        _metrics(settings) as metrics,
        _github(settings, metrics) as github,
        Slack(settings.slack_webhooks, settings.endpoint) as slack,
    ):
        login = BotLogin()
        messages = _messages(settings, store, github, slack, metrics)
        runs = _worker(settings, store, github, metrics)
        front.site = application(
            settings,
            store,
            bot_login=login,
            github=login.standing,
            observer=metrics,
            metrics=metrics,
            claiming=runs.failing_seconds if worker else None,
            listening=listening,
        )
        if front.setup:
            front.setup.switched(github)
        works: list[Coroutine[Any, Any, None]] = [first(stop.wait(), login.learn(github))]
        if worker:
            works += _works(runs, store, github, metrics, messages, stop)
        elif settings.is_sqlite:
            log.warning("deliveries are not processed", reason=NO_WORKER)
        yield works


async def _after(
    setup: SetUp,
    settings: Settings,
    store: Store,
    front: Front,
    listening: str,
    stop: asyncio.Event,
    *,
    worker: bool,
) -> None:
    """Wait until credentials are stored, by this process or another one; then receive."""
    while not stop.is_set() and not settings.app_id:
        await first(stop.wait(), setup.stored.wait(), asyncio.sleep(SET_UP_SECONDS))
        try:
            settings = await _known(settings, store)
        except (Busy, StoreFailed) as error:
            log.warning("waiting for the database", reason=str(error))
    if stop.is_set():
        return
    log.info("set up", app_id=settings.app_id)
    async with (
        _receiving(settings, store, front, listening, stop, worker=worker) as works,
        _beside(works, stop),
    ):
        await stop.wait()


async def _begun(settings: Settings, store: Store) -> Settings:
    """As `_known`, once the keys of a process that is gone are free."""
    if settings.is_sqlite:
        await _take_over(store)
    return await _known(settings, store)


async def _known(settings: Settings, store: Store) -> Settings:
    """The settings, with the credentials of the database if the environment has none.

    Raises WrongSetting (they cannot be decrypted), Busy and StoreFailed.
    """
    if settings.app_id:
        return settings
    sealed = await store.records.read(credentials.read)
    return settings.with_stored(credentials.Seal(settings).opened(sealed)) if sealed else settings


async def _needed(settings: Settings, store: Store) -> Settings:
    """As `_known`. Raises WrongSetting also if there are no credentials anywhere."""
    found = await _known(settings, store)
    if not found.app_id:
        raise WrongSetting(NO_CREDENTIALS)
    return found


def with_stored(settings: Settings) -> Settings:
    """The settings, with the credentials of the database if the environment has none.

    For commands that run beside a server: it changes nothing. Raises WrongSetting.
    """
    return settings if settings.app_id else asyncio.run(_looked_up(settings))[0]


def stored_credentials(settings: Settings) -> Credentials:
    """What set-up stored. Raises WrongSetting (nothing, or it cannot be read)."""
    return asyncio.run(_looked_up(settings))[1]


async def _looked_up(settings: Settings) -> tuple[Settings, Credentials]:
    sealed = None
    if settings.file is None or settings.file.exists():
        try:
            store = await Store.open(settings.database_url, migrate=False)
        except WrongDatabase as error:
            raise WrongSetting(f"{settings.database_variable}: {error}") from error
        try:
            sealed = await store.records.read(credentials.read)
        except (Busy, StoreFailed) as error:
            raise WrongSetting(f"{settings.database_variable}: {error}") from error
        finally:
            await store.close()
    if sealed is None:
        raise WrongSetting(NO_CREDENTIALS)
    found = credentials.Seal(settings).opened(sealed)
    return settings.with_stored(found), found


@asynccontextmanager
async def working(settings: Settings, metrics_port: int | None = None) -> AsyncIterator[str]:
    """Work on dirty keys while inside; yields the address of health and metrics, "" for none.

    metrics_port: None for no such address. Raises WrongSetting (the port is taken, the database
    does not answer).
    """
    _log(settings)
    stop = asyncio.Event()
    with ExitStack() as closing:
        listener = None
        if metrics_port is not None:
            listener = closing.enter_context(bound(settings.host, metrics_port, "--metrics-port"))
        async with (
            _opened(settings) as store,
            _metrics(settings) as metrics,
            _github(
                await _patiently(settings, lambda: _needed(settings, store)), metrics
            ) as github,
            Slack(settings.slack_webhooks, settings.endpoint) as slack,
        ):
            messages = _messages(settings, store, github, slack, metrics)
            runs = _worker(settings, store, github, metrics)
            works, url = _works(runs, store, github, metrics, messages, stop), ""
            if listener:
                login = BotLogin()
                site = watching(store, login.standing, metrics, runs.failing_seconds)
                server = Server(site, listener)
                works += [server.until(stop), first(stop.wait(), login.learn(github))]
                url = server.url
            async with _beside(works, stop):
                yield url


def until_signalled(settings: Settings, running: AbstractAsyncContextManager[str]) -> None:
    """Keep it running until SIGTERM or SIGINT; a second signal ends the process at once.

    running: `serving` or `working`, not yet entered. Raises WrongSetting.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signalled(settings, running))


async def _until_signalled(settings: Settings, running: AbstractAsyncContextManager[str]) -> None:
    loop, signalled = asyncio.get_running_loop(), asyncio.Event()
    async with running as url:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, signalled.set)
        # Packs and modules stay in memory: full collections need not visit them.
        gc.collect()
        gc.freeze()
        log.info("started", url=url, **_used(settings))
        await signalled.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        log.info("stopping")
    log.info("stopped")


def migrated(settings: Settings) -> None:
    """Bring the database up to date. Raises WrongSetting."""
    _log(settings)
    asyncio.run(_migrated(settings))


async def _migrated(settings: Settings) -> None:
    async with _opened(settings):
        log.info("migrated", **_used(settings))


def _log(settings: Settings) -> None:
    """Start the log, with what may be wrong in the settings."""
    logs.configure(settings.log_format)
    if settings.unknown:
        why = "ghapp has no such settings: check their spelling, or take them out"
        log.warning("unknown variables", names=settings.unknown, reason=why)


def _used(settings: Settings) -> dict[str, str]:
    """For the log: the database, and the version of ghapp."""
    return {"database": location(settings.database_url), "version": version("ghapp")}


@dataclass(frozen=True, slots=True)
class Swept:
    """The result of `ghapp sweep`.

    worked_off: this process did the work, because no server can be running.
    parked: the keys that then failed too often; only if `worked_off`.
    redelivered: how many failed deliveries were requested again; only if not `worked_off`, because
    a server has to receive them.
    """

    installations: int
    worked_off: bool = False
    parked: tuple[Parked, ...] = ()
    redelivered: int = 0


def swept(settings: Settings) -> Swept:
    """Have everything checked again: by the running server, or here if none can be running.

    Raises WrongSetting, Retry and Gone (GitHub), Busy and StoreFailed (the database).
    """
    _log(settings)
    return asyncio.run(_swept(settings))


async def _swept(settings: Settings) -> Swept:
    with held(settings) as is_alone:
        async with (
            _opened(settings) as store,
            _metrics(settings) as metrics,
            _github(await _needed(settings, store), metrics) as github,
        ):
            found = await sweep(store, github)
            await store.records.write(marking.retry_parked)
            if not is_alone:
                return Swept(found, redelivered=await redelivered(store, github, metrics))
            await _take_over(store)
            stop = asyncio.Event()
            runs = _worker(settings, store, github, metrics)
            async with _beside([runs.run(stop)], stop):
                while (await store.records.read(stats.health)).dirty:  # the database knows best  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)
            return Swept(found, worked_off=True, parked=await store.records.read(stats.parked))


def forgotten(settings: Settings, installation_id: int, *, yes: bool, force: bool) -> Found:
    """What is stored of an installation. yes: delete it. force: also while the App is installed.

    Raises WrongSetting (it is installed), Retry, Wait and Gone (GitHub), Busy and StoreFailed.
    """
    return asyncio.run(_forgotten(settings, installation_id, yes=yes, force=force))


async def _forgotten(settings: Settings, installation_id: int, *, yes: bool, force: bool) -> Found:
    async with _there(settings) as store:
        if yes and not force:
            async with _github(await _needed(settings, store), Metrics()) as github:
                if installation_id in await github.installations():
                    raise WrongSetting(STILL_INSTALLED.format(installation_id))
        found = await find(store.records, installation_id)
        if yes:
            await forget(store.records, found)
        return found


def reported(settings: Settings, days: int, repository: str = "") -> Report:
    """What would have been blocked, of one repository or all; a running server may go on.

    Raises WrongSetting, Busy and StoreFailed (the database).
    """
    return asyncio.run(_reported(settings, days, repository))


async def _reported(settings: Settings, days: int, repository: str) -> Report:
    async with _there(settings) as store:
        now = await store.records.read(stats.now)
        found = await store.records.read(trials.tried, now - timedelta(days=days))
    name = repository.casefold()
    return Report(
        tuple(one for one in found if not name or one.full_name.casefold() == name),
        *(days, now, repository),
    )


def questioned(settings: Settings, days: int, repository: str = "") -> QuestionReport:
    """Which questions have a proposal, and what was merged without sign-off; as `reported`."""
    return asyncio.run(_questioned(settings, -(-days // 7), repository))


async def _questioned(settings: Settings, weeks: int, repository: str) -> QuestionReport:
    narrowed = insights.Narrowed(repository, weeks=weeks)
    place = Place(settings.timezone, settings.web_url)
    async with _there(settings) as store:
        found = await store.records.read(insights.insights, None, narrowed, settings.timezone)
    count, merged = found.unsigned
    return QuestionReport(
        tuple(one for one in worth_it(found.questions) if one.proposals),
        tuple(
            Merged(
                *(one.full_name, one.number, one.overview.title),
                tuple(area.id for area in one.overview.waiting),
                one.at,
                place.pull(one.full_name, one.number),
            )
            for one in merged
        ),
        *(count, weeks, builtin_packs.places(), repository),
    )


@dataclass(frozen=True, slots=True)
class Written:
    """A message. digest: None if there is nothing to say. works: whether anybody works then."""

    target: str
    language: str
    digest: Digest | None
    works: bool


def digested(settings: Settings, *, retro: bool = False) -> tuple[Written, ...]:
    """What the stand-up's messages would say now; nothing is sent, and a server may run meanwhile.

    retro: those for the retro in their place. Raises WrongSetting, Busy and StoreFailed (the
    database).
    """
    return asyncio.run(_digested(settings, retro=retro))


async def _digested(settings: Settings, *, retro: bool) -> tuple[Written, ...]:
    async with _there(settings) as store:
        now = await store.records.read(stats.now)
        day = now.astimezone(settings.timezone).date()
        rules = builtin_packs.rules(settings.default_mode, settings.timezone)
        place = Place(settings.timezone, settings.web_url, settings.base_url)
        if retro:
            found = await all_attending(store, rules, settings.slack_webhooks)
            return tuple(
                [
                    Written(
                        str(one.audience.target),
                        one.audience.language,
                        await looked_back(store, one, day, rules, place),
                        one.audience.works_on(day),
                    )
                    for one in found
                ]
            )
        return tuple(
            [
                Written(
                    str(one.target),
                    one.language,
                    await made(store, one, day, place),
                    one.works_on(day),
                )
                for one in await known_audiences(store, rules, settings.slack_webhooks)
            ]
        )


@asynccontextmanager
async def _there(settings: Settings) -> AsyncIterator[Store]:
    """The database that a server made, unchanged. Raises WrongSetting."""
    if settings.file and not settings.file.exists():
        text = f"there is no database yet, {settings.file}: start `ghapp serve` first"
        raise WrongSetting(f"{settings.database_variable}: {text}")
    try:
        store = await Store.open(settings.database_url, migrate=False)
    except WrongDatabase as error:
        raise WrongSetting(f"{settings.database_variable}: {error}") from error
    try:
        yield store
    finally:
        await store.close()


async def _take_over(store: Store) -> None:
    """Whoever held keys of SQLite is gone, for its lock is ours."""
    if count := await store.queue.take_over():
        log.info("took over the keys of a process that is gone", keys=count)


@asynccontextmanager
async def _beside(
    works: list[Coroutine[Any, Any, None]], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Run the works while inside, then set `stop` and wait for them.

    If one of them fails, the caller's task is cancelled, and the failure is raised.
    """
    inside = asyncio.current_task()
    assert inside

    def ended(task: asyncio.Task[None]) -> None:
        if not stop.is_set() and not task.cancelled() and task.exception():
            inside.cancel()

    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Store]:
    """The store while inside. Raises WrongSetting."""
    is_new = settings.file is not None and not settings.file.exists()
    store = await _reached(settings)
    if is_new:
        log.info("made a new database", file=str(settings.file))
    try:
        yield store
    finally:
        await store.close()


async def _reached(settings: Settings) -> Store:
    """The store, as soon as its server takes writes. Raises WrongSetting (not within the time)."""
    return await _patiently(settings, lambda: Store.open(settings.database_url))


async def _patiently(settings: Settings, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the database answers at the start. Raises WrongSetting (not within the time)."""
    until, last = time.monotonic() + REACHED_SECONDS, ""
    while True:
        try:
            return await ask()
        except (WrongDatabase, Busy, StoreFailed) as error:
            left, reason = until - time.monotonic(), str(error)
            passes = error.passes if isinstance(error, WrongDatabase) else isinstance(error, Busy)
            if not passes or left < 0:
                raise WrongSetting(f"{settings.database_variable}: {reason}") from error
            if reason != last:
                seconds = round(left, 1)
                log.warning("waiting for the database", reason=reason, seconds_left=seconds)
            last = reason
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def _metrics(settings: Settings) -> AsyncIterator[Metrics]:
    """What counts the events of this process, and traces them if the settings say where to."""
    if not settings.otlp_endpoint:
        yield Metrics()
        return
    from ghapp.tracing import Tracing  # noqa: PLC0415 -- an extra, which takes a while to load

    tracing = Tracing()
    try:
        yield tracing
    finally:
        await asyncio.to_thread(tracing.close)


def _github(settings: Settings, metrics: Metrics) -> GitHub:
    github = GitHub(
        settings.endpoint,
        settings.app_id,
        settings.private_key,
        limits=settings.github_limits,
        observer=metrics,
    )
    metrics.budgets = github.budgets
    return github


def _works(
    runs: Worker,
    store: Store,
    github: GitHub,
    metrics: Metrics,
    messages: tuple[Digests, Retros, Alerts],
    stop: asyncio.Event,
) -> list[Coroutine[Any, Any, None]]:
    """What a process that works runs side by side: runs, sweeps, redeliveries and roll-ups."""
    return [
        runs.run(stop),
        first(stop.wait(), sweeps(store, github, metrics)),
        first(stop.wait(), redeliveries(store, github, metrics)),
        *(first(stop.wait(), one.run()) for one in messages),
        first(stop.wait(), roll_ups(store, runs.rules.timezone)),
    ]


def _messages(
    settings: Settings, store: Store, github: GitHub, slack: Slack, metrics: Metrics
) -> tuple[Digests, Retros, Alerts]:
    place = Place(settings.timezone, settings.web_url, settings.base_url)
    rules = builtin_packs.rules(settings.default_mode, settings.timezone)
    sender = Sender(store, github, slack, metrics)
    return (
        Digests(store, sender, slack.names, rules, place, settings.standup, metrics),
        Retros(store, sender, slack.names, rules, place),
        Alerts(store, sender, slack.names, rules, place),
    )


def _worker(settings: Settings, store: Store, github: GitHub, metrics: Metrics) -> Worker:
    rules = builtin_packs.rules(settings.default_mode, settings.timezone, settings.details_base)
    return Worker(store, github, rules, metrics)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 -- not available on Windows and PyPy
    except ImportError:
        return None
    return uvloop.new_event_loop
