"""What is here: settings, the database, and whether a server answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ghapp.doctor.report import DATABASE, SERVER, SETTINGS, Finding, counted, duration, listed
from ghapp.store import Health, Parked

FULL_BYTES, LOW_BYTES = 100 << 20, 1 << 30
CLOCK_SECONDS = 5.0
QUIET_SECONDS = 7 * 86_400.0  # an App in use hears something in a week
OTHERS_WRITE, OWNER_WRITES = 0o022, 0o200
MANY_DUE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class InForce:
    """What the settings come to, without any secret. given: variables that are set.

    fingerprint: of the private key, as GitHub shows it. database: its address, password hidden.
    """

    given: tuple[str, ...]
    app_id: int
    fingerprint: str
    secrets: int
    api_url: str
    limits: str
    proxied: bool
    is_sqlite: bool
    database: str


@dataclass(frozen=True, slots=True)
class Disk:
    """Where SQLite lies. mode: permission bits of the file, None where it is not there yet.

    is_writable: for the user that examines it.
    """

    folder: str
    free_bytes: int
    mode: int | None
    is_writable: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database answers. ahead_seconds: its clock before ours.

    error, fix: why it could not be opened, "" where it was, and what to do about it, "" where only
    the database itself can tell. read_only: why it takes no writes.
    """

    error: str = ""
    fix: str = ""
    read_only: str = ""
    ahead_seconds: float = 0.0
    health: Health | None = None
    parked: tuple[Parked, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """Whether ghapp runs. locked: a process of this machine has the SQLite file; None unknown.

    url: where it was asked, "" where PORT is any. reason: of `/readyz`; None where none answers.
    """

    locked: bool | None = None
    url: str = ""
    reason: str | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether it certainly does not run: SQLite admits servers of this machine only."""
        return self.locked is False and self.reason is None


def settings(found: InForce) -> Iterator[Finding]:
    given = ", ".join(found.given)
    yield SETTINGS.good("from", f"the environment sets {given}; all else has its default")
    yield SETTINGS.good("App", f"id {found.app_id}, private key {found.fingerprint}")
    if found.secrets > 1:
        yield SETTINGS.warning(
            "webhook secret",
            f"{found.secrets} are in force: a rotation is under way",
            "once the new one is set in the App's settings on GitHub and deliveries arrive, "
            "leave the old one out of GHAPP_WEBHOOK_SECRET",
        )
    else:
        yield SETTINGS.good("webhook secret", "one is in force")
    by = "by the proxy of HTTPS_PROXY" if found.proxied else "without a proxy"
    counts = "ghapp counts its rate limits" if found.limits == "github" else "no rate limits"
    yield SETTINGS.good("GitHub", f"{found.api_url}, {by}; {counts}")
    kind = "SQLite" if found.is_sqlite else "PostgreSQL"
    yield SETTINGS.good("database", f"{kind}, {found.database}")


def database(found: Stored, disk: Disk | None) -> Iterator[Finding]:
    if disk:
        yield from _disk(disk)
    if disk and disk.mode is None:
        yield DATABASE.warning(
            "schema",
            "there is no database yet",
            "the first start of ghapp makes it; where one should be there, correct GHAPP_DATA_DIR "
            "or GHAPP_DATABASE_URL",
        )
        return
    if found.error or found.health is None:
        yield DATABASE.problem(
            "schema",
            found.error,
            found.fix or "see the database's own log",
        )
        return
    yield DATABASE.good("schema", "reachable, and as new as this ghapp")
    if found.read_only:
        yield DATABASE.problem(
            "writing",
            f"it takes no writes: {found.read_only}",
            "make room on its disk, and let the user that runs ghapp write to it",
        )
    else:
        yield DATABASE.good("writing", "it can be written")
    yield _clock(found.ahead_seconds)
    yield _newest(found.health)
    yield _queue(found.health)
    yield _parked(found.parked)


def _disk(disk: Disk) -> Iterator[Finding]:
    free = f"{disk.free_bytes / (1 << 30):.1f} GB are free in {disk.folder}"
    fix = f"make room on the disk of {disk.folder}; a day of deliveries takes some 10 MB"
    if disk.free_bytes < FULL_BYTES:
        yield DATABASE.problem("disk", free, fix)
    elif disk.free_bytes < LOW_BYTES:
        yield DATABASE.warning("disk", free, fix)
    else:
        yield DATABASE.good("disk", free)
    if disk.mode is not None:
        yield _file(disk, disk.mode)


def _file(disk: Disk, mode: int) -> Finding:
    if not disk.is_writable:
        return DATABASE.problem(
            "file",
            f"this user may not write to it (mode {mode:o})",
            "examine it as the user that runs ghapp; where this is the one, chown the file to it, "
            "or chmod u+w it",
        )
    if mode & OTHERS_WRITE:
        return DATABASE.warning(
            "file",
            f"others on this machine may write to it (mode {mode:o})",
            f"chmod 600 the database file, and chmod 700 {disk.folder}: it holds the sign-offs",
        )
    who = "only its owner" if mode & OWNER_WRITES else "nobody but root"
    return DATABASE.good("file", f"{who} may write to it (mode {mode:o})")


def _clock(ahead_seconds: float) -> Finding:
    if abs(ahead_seconds) > CLOCK_SECONDS:
        side = "ahead of" if ahead_seconds > 0 else "behind"
        return DATABASE.warning(
            "clock",
            f"it is {duration(abs(ahead_seconds))} {side} this machine's",
            "keep both right by NTP: leases go by the database's clock",
        )
    return DATABASE.good("clock", "it agrees with this machine's")


def _newest(health: Health) -> Finding:
    age = health.newest_delivery_seconds
    if age is None:
        return DATABASE.warning(
            "newest delivery",
            "none was ever stored",
            "see the webhook below; a new App hears nothing before it is installed",
        )
    found = f"it came {duration(max(age, 0.0))} ago"
    if age > QUIET_SECONDS:
        return DATABASE.warning("newest delivery", found, "see the webhook below")
    return DATABASE.good("newest delivery", found)


def _queue(health: Health) -> Finding:
    due = health.oldest_due_seconds or 0.0
    found = f"{counted(health.dirty, 'key')} to be worked on"
    if due > MANY_DUE_SECONDS:
        return DATABASE.problem(
            "queue",
            f"{found}, due for {duration(due)}",
            "start `ghapp serve` or `ghapp work`; where one runs, see the lines `run` of its log",
        )
    return DATABASE.good("queue", found)


def _parked(parked: tuple[Parked, ...]) -> Finding:
    if not parked:
        return DATABASE.good("parked", "no review was given up")
    names = tuple(f"{one.key} {one.full_name} ({one.error})".replace("  ", " ") for one in parked)
    return DATABASE.warning(
        "parked",
        f"{counted(len(parked), 'key')} failed too often: {listed(names, 3)}",
        "mend what the error names, then `ghapp sweep`",
    )


def server(found: Served) -> Finding:
    if found.reason == "":
        return SERVER.good("here", f"one answers at {found.url}, and is ready")
    if found.reason is not None:
        return SERVER.problem(
            "here",
            f"one answers at {found.url}, but is not ready: {found.reason}",
            "see docs/operations.md, Health",
        )
    if found.locked:
        return SERVER.good("here", "one has the database open")
    fix = "start it: `ghapp serve`"
    if found.is_stopped:
        return SERVER.warning("here", "none runs on this database", fix)
    where = f"at {found.url}" if found.url else "on this machine that could be asked"
    return SERVER.unknown("here", f"none answers {where}; it may run elsewhere", fix)
