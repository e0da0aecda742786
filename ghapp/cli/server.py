"""`ghapp serve` and `work`: the processes that keep running."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ghapp.cli.ending import GOOD, PROBLEMS, failed, or_wrong, settings_or_wrong, wrong

NEEDS_POSTGRESQL = (
    "GHAPP_DATABASE_URL: a worker of its own needs PostgreSQL, for SQLite admits one process; "
    "set it to postgresql://USER:PASSWORD@HOST/NAME, or let `ghapp serve` do the work too"
)


def serve(
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Receive only; `ghapp work` works elsewhere.")
    ] = False,
) -> None:
    """Receive deliveries, and work on them."""
    settings = settings_or_wrong()

    from ghapp.bootstrap import serving, until_signalled

    or_wrong(lambda: until_signalled(settings, serving(settings, worker=not no_worker)))


def work(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Answer /metrics, /healthz and /readyz on HOST and this port."
        ),
    ] = None,
) -> None:
    """Work on what other processes have received; needs PostgreSQL."""
    settings = settings_or_wrong()
    if settings.is_sqlite:
        wrong(NEEDS_POSTGRESQL)

    from ghapp.bootstrap import until_signalled, working

    or_wrong(lambda: until_signalled(settings, working(settings, metrics_port)))


def migrate() -> None:
    """Bring the database up to date; `ghapp serve` and `ghapp work` do so, too."""
    settings = settings_or_wrong(needs_github=False)

    from ghapp.bootstrap import migrated

    or_wrong(lambda: migrated(settings))


def sweep() -> None:
    """Look at everything again, for what no delivery told of: all installations, those parked, too.

    Every five minutes `ghapp serve` and `ghapp work` do so by themselves. This marks what is to be
    looked at, and a running `ghapp serve` or `ghapp work` does the work; it may run beside them,
    on SQLite too. Deliveries that failed are asked for again. On SQLite, where none is running,
    this does the work itself, until nothing is left to do, and asks for no delivery: nobody is
    there to receive it.

    Exit status 0: marked or done, 1: GitHub or the database is out of reach, or reviews fail,
    2: wrong use.
    """
    settings = settings_or_wrong()

    from ghapp.bootstrap import swept
    from ghapp.errors import Busy, Gone, Retry, StoreFailed

    try:
        found = or_wrong(lambda: swept(settings))
    except (Retry, Gone) as error:
        failed(f"{error}; check GHAPP_GITHUB_API_URL, HTTPS_PROXY and the App's id and key")
    except (Busy, StoreFailed) as error:
        failed(f"{settings.database_variable}: {error}")
    rest = "nothing is left to do" if found.worked_off else "`ghapp serve` or `work` does the rest"
    again = "" if found.worked_off else f"deliveries asked for again: {found.redelivered}; "
    typer.echo(f"Installations looked at: {found.installations}; {again}{rest}.")
    for one in found.parked:
        typer.echo(f"{one.key} {one.full_name} is parked: {one.error}", err=True)
    raise typer.Exit(PROBLEMS if found.parked else GOOD)


def doctor(
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    deliver: Annotated[
        bool, typer.Option(help="Have GitHub send a delivery again that ghapp already has.")
    ] = True,
) -> None:
    """Examine the set-up, and say what to change: settings, database, GitHub, App and webhook.

    It works beside a running server and without one, and sets nothing right by itself. Whether
    deliveries arrive is tried by having GitHub send one again that ghapp has: each counts once.

    Exit status 0: good, perhaps with warnings, 1: problems, 2: wrong use or settings.
    """
    settings = settings_or_wrong()

    from ghapp.doctor.examine import run

    good = or_wrong(lambda: run(settings, output, deliver=deliver))
    raise typer.Exit(GOOD if good else PROBLEMS)
