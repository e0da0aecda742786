"""This machine: settings, the database, and whether a server answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ghapp.doctor.report import DATABASE, SERVER, SETTINGS, Checked, counted, duration, listed
from ghapp.store import Health, Parked

FULL_BYTES, LOW_BYTES = 100 << 20, 1 << 30
CLOCK_SECONDS = 5.0
QUIET_SECONDS = 7 * 86_400.0  # an App in use gets a delivery in a week
OTHERS_WRITE, OWNER_WRITES, OTHERS = 0o022, 0o200, 0o077
SHORT_SECRET = 16  # characters; shorter ones can be guessed from a recorded delivery
MANY_DUE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The file of the private key. mode: its permission bits."""

    name: str
    mode: int


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings, without any secret. given: the names of those that are set.

    fingerprint: of the private key, as GitHub shows it. database: its address, password hidden.
    unknown: variables that begin with GHAPP_ and are no settings. short_secrets: how many of the
    webhook's secrets are short. key_file: None if the key is in the environment itself. is_stored:
    the App's credentials are those that set-up stored in the database.
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
    unknown: tuple[str, ...] = ()
    short_secrets: int = 0
    key_file: KeyFile | None = None
    is_stored: bool = False


@dataclass(frozen=True, slots=True)
class Disk:
    """Where SQLite is. mode: permission bits of the file, None if it does not exist yet.

    is_writable: for the user that runs the doctor.
    """

    folder: str
    free_bytes: int
    mode: int | None
    is_writable: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database answers. ahead_seconds: its clock minus ours.

    error: why it could not be opened, "" if it could. fix: what to do about that, "" if only the
    database's own log can tell. read_only: why it accepts no writes, "" if it does.
    """

    error: str = ""
    fix: str = ""
    read_only: str = ""
    ahead_seconds: float = 0.0
    health: Health | None = None
    parked: tuple[Parked, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """Whether ghapp runs. locked: a process of this machine has the SQLite file; None if unknown.

    url: where it was asked, "" if PORT is 0. reason: why it is not ready, by `/readyz`; "" if it is
    ready, None if ghapp does not answer.
    """

    locked: bool | None = None
    url: str = ""
    reason: str | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether it certainly does not run: SQLite admits servers of this machine only."""
        return self.locked is False and self.reason is None


def settings(found: InForce) -> Iterator[Checked]:
    given = ", ".join(found.given) or "nothing"
    yield SETTINGS.good("from", f"the environment sets {given}; everything else has its default")
    if found.unknown:
        yield SETTINGS.warning(
            "unknown",
            f"no settings: {listed(found.unknown)}",
            "check their spelling against README.md, or take them out",
        )
    if found.is_stored:
        yield SETTINGS.good("credentials", "those that set-up stored in the database")
    yield SETTINGS.good("App", f"id {found.app_id}, private key {found.fingerprint}")
    if found.key_file and found.key_file.mode & OTHERS:
        yield SETTINGS.warning(
            "private key",
            f"others on this machine can read {found.key_file.name} (mode {found.key_file.mode:o})",
            f"chmod 600 {found.key_file.name}, as the user that runs ghapp; whoever has the key "
            "acts as the App",
        )
    if found.short_secrets:
        short = "it has" if found.secrets == 1 else f"{found.short_secrets} of them have"
        yield SETTINGS.warning(
            "webhook secret",
            f"{short} fewer than {SHORT_SECRET} characters: whoever guesses it can sign off",
            "make a long one, as with `openssl rand -hex 32`, and set it in the App's settings on "
            "GitHub and in GHAPP_WEBHOOK_SECRET",
        )
    if found.secrets > 1:
        yield SETTINGS.warning(
            "webhook secret",
            f"{found.secrets} are accepted: a rotation is under way",
            "once the new one is set in the App's settings on GitHub and deliveries arrive, "
            "remove the old one from GHAPP_WEBHOOK_SECRET",
        )
    elif not found.short_secrets:
        yield SETTINGS.good("webhook secret", "one is accepted")
    proxy = "through the proxy in HTTPS_PROXY" if found.proxied else "without a proxy"
    limits = "ghapp keeps its rate limits" if found.limits == "github" else "no rate limits"
    yield SETTINGS.good("GitHub", f"{found.api_url}, {proxy}; {limits}")
    kind = "SQLite" if found.is_sqlite else "PostgreSQL"
    yield SETTINGS.good("database", f"{kind}, {found.database}")


def database(found: Stored, disk: Disk | None) -> Iterator[Checked]:
    if disk:
        yield from _disk(disk)
    if disk and disk.mode is None:
        yield DATABASE.warning(
            "schema",
            "there is no database yet",
            "ghapp creates it when it first starts; if there should be one, correct GHAPP_DATA_DIR "
            "or GHAPP_DATABASE_URL",
        )
        return
    health = found.health
    if found.error or health is None:
        yield DATABASE.problem("schema", found.error, found.fix or "see the database's own log")
        return
    yield DATABASE.good("schema", "reachable and up to date")
    if found.read_only:
        yield DATABASE.problem(
            "writing",
            f"it accepts no writes: {found.read_only}",
            "make room on its disk, and let the user that runs ghapp write to it",
        )
    else:
        yield DATABASE.good("writing", "it accepts writes")
    if abs(found.ahead_seconds) > CLOCK_SECONDS:
        side = "ahead of" if found.ahead_seconds > 0 else "behind"
        yield DATABASE.warning(
            "clock",
            f"it is {duration(abs(found.ahead_seconds))} {side} this machine's clock",
            "synchronize both with NTP: leases use the database's clock",
        )
    else:
        yield DATABASE.good("clock", "it agrees with this machine's clock")
    yield from _deliveries(health)
    if found.parked:
        names = (f"{one.key} {one.full_name} ({one.error})" for one in found.parked)
        parked = listed(tuple(name.replace("  ", " ") for name in names), 3)
        yield DATABASE.warning(
            "parked",
            f"{counted(len(found.parked), 'key')} failed too often: {parked}",
            "fix what the error names, then run `ghapp sweep`",
        )
    else:
        yield DATABASE.good("parked", "no review is parked")


def _disk(disk: Disk) -> Iterator[Checked]:
    free = f"{disk.free_bytes / (1 << 30):.1f} GB are free in {disk.folder}"
    fix = f"make room on the disk of {disk.folder}; a day of deliveries takes some 10 MB"
    if disk.free_bytes < FULL_BYTES:
        yield DATABASE.problem("disk", free, fix)
    elif disk.free_bytes < LOW_BYTES:
        yield DATABASE.warning("disk", free, fix)
    else:
        yield DATABASE.good("disk", free)
    mode = disk.mode
    if mode is None:
        return
    if not disk.is_writable:
        yield DATABASE.problem(
            "file",
            f"this user may not write to it (mode {mode:o})",
            "run the doctor as the user that runs ghapp; if this is that user, chown the file to "
            "it, or chmod u+w it",
        )
    elif mode & OTHERS_WRITE:
        yield DATABASE.warning(
            "file",
            f"others on this machine may write to it (mode {mode:o})",
            f"chmod 600 the database file, and chmod 700 {disk.folder}: it holds the sign-offs",
        )
    else:
        who = "only its owner" if mode & OWNER_WRITES else "only root"
        yield DATABASE.good("file", f"{who} may write to it (mode {mode:o})")


def _deliveries(health: Health) -> Iterator[Checked]:
    age = health.newest_delivery_seconds
    if age is None:
        yield DATABASE.warning(
            "newest delivery",
            "none has been stored yet",
            "see Webhook below; a new App gets no deliveries before it is installed",
        )
    else:
        found = f"it arrived {duration(max(age, 0.0))} ago"
        if age > QUIET_SECONDS:
            yield DATABASE.warning("newest delivery", found, "see Webhook below")
        else:
            yield DATABASE.good("newest delivery", found)
    waiting, due = f"{counted(health.dirty, 'key')} waiting", health.oldest_due_seconds or 0.0
    if due > MANY_DUE_SECONDS:
        yield DATABASE.problem(
            "queue",
            f"{waiting}, due for {duration(due)}",
            "start `ghapp serve` or `ghapp work`; if one runs, see the lines `run` in its log",
        )
    else:
        yield DATABASE.good("queue", waiting)


def server(found: Served) -> Checked:
    if found.reason == "":
        return SERVER.good("here", f"a server answers at {found.url} and is ready")
    if found.reason is not None:
        return SERVER.problem(
            "here",
            f"a server answers at {found.url} but is not ready: {found.reason}",
            "see docs/operations.md, Health",
        )
    if found.locked:
        return SERVER.good("here", "a process has the database open")
    fix = "start it: `ghapp serve`"
    if found.is_stopped:
        return SERVER.warning("here", "no server runs on this database", fix)
    here = f"no server answers at {found.url}" if found.url else "PORT is 0, so none can be asked"
    return SERVER.unknown("here", f"{here}; one may run elsewhere", fix)
