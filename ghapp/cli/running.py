"""`ghapp serve` and `work`: the processes that keep running."""

from __future__ import annotations

from typing import Annotated

import typer

from ghapp.cli.ending import or_wrong, settings_or_wrong, wrong

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
    from ghapp import heap

    heap.starting()
    settings = settings_or_wrong()

    from ghapp.serve import serving, until_signalled

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
    from ghapp import heap

    heap.starting()
    settings = settings_or_wrong()
    if settings.is_sqlite:
        wrong(NEEDS_POSTGRESQL)

    from ghapp.serve import until_signalled, working

    or_wrong(lambda: until_signalled(settings, working(settings, metrics_port)))
