"""The commands: wiring only. Each loads no more than it needs, so that help and check are quick."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from ghapp.errors import WrongSetting

if TYPE_CHECKING:
    from ghapp.settings import Settings

T = TypeVar("T")

GOOD, PROBLEMS, WRONG = 0, 1, 2
NEEDS_POSTGRESQL = (
    "GHAPP_DATABASE_URL: a worker of its own needs PostgreSQL, for SQLite admits one process; "
    "set it to postgresql://USER:PASSWORD@HOST/NAME, or let `ghapp serve` do the work too"
)

app = typer.Typer(
    help="Non-functional requirements on pull requests: a short checklist, tracked to sign-off.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class _Packs(TyperGroup):
    """Without a command of its own: `list` before options or nothing, else `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "list"
        if not args or (first.startswith("-") and first not in ctx.help_option_names):
            args = ["list", *args]
        elif first not in self.commands and not first.startswith("-"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


packs = typer.Typer(cls=_Packs, help="List and show packs: what is looked for and asked.")
app.add_typer(packs, name="packs")

Lang = Annotated[Literal["en", "ja"], typer.Option(help="Of the words.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ghapp {version('ghapp')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Receive only; `ghapp work` works elsewhere.")
    ] = False,
) -> None:
    """Receive deliveries, and work on them."""
    settings = _settings()

    from ghapp.serve import serving, until_signalled

    _or_wrong(lambda: until_signalled(serving(settings, worker=not no_worker)))


@app.command()
def work(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Answer /metrics, /healthz and /readyz on HOST and this port."
        ),
    ] = None,
) -> None:
    """Work on what other processes have received; needs PostgreSQL."""
    settings = _settings()
    if settings.is_sqlite:
        _wrong(NEEDS_POSTGRESQL)

    from ghapp.serve import until_signalled, working

    _or_wrong(lambda: until_signalled(working(settings, metrics_port)))


@app.command()
def migrate() -> None:
    """Bring the database up to date; `serve` and `work` do so too when they start."""
    settings = _settings(needs_github=False)

    from ghapp.serve import migrated

    _or_wrong(lambda: migrated(settings))


@app.command()
def sweep() -> None:
    """Look at everything again, for what no delivery told of: all installations, those parked, too.

    `serve` and `work` do so every five minutes by themselves. This marks what is to be looked
    at, and a running `ghapp serve` or `ghapp work` does the work; it may run beside them, on
    SQLite too. Deliveries that failed are asked for again. On SQLite, where none is running, this
    does the work itself, until nothing is left to do, and asks for no delivery: nobody is there
    to receive it.

    Exit status 0: marked or done, 1: GitHub or the database is out of reach, or reviews fail,
    2: wrong use.
    """
    settings = _settings()

    from ghapp.errors import Busy, Gone, Retry, StoreFailed
    from ghapp.serve import swept

    try:
        found = _or_wrong(lambda: swept(settings))
    except (Retry, Gone) as error:
        _failed(f"{error}; check GHAPP_GITHUB_API_URL, HTTPS_PROXY and the App's id and key")
    except (Busy, StoreFailed) as error:
        _failed(f"GHAPP_DATABASE_URL: {error}")
    rest = "nothing is left to do" if found.worked_off else "`ghapp serve` or `work` does the rest"
    again = "" if found.worked_off else f"deliveries asked for again: {found.redelivered}; "
    typer.echo(f"Installations looked at: {found.installations}; {again}{rest}.")
    for one in found.parked:
        typer.echo(f"{one.key} {one.full_name} is parked: {one.error}", err=True)
    raise typer.Exit(PROBLEMS if found.parked else GOOD)


@app.command()
def check(
    base: Annotated[
        str, typer.Option(help="What it is to be merged into: a branch, tag or commit.")
    ],
    path: Annotated[Path, typer.Argument(help="A git repository.")] = Path(),
    head: Annotated[str, typer.Option(help="What is to be merged.")] = "HEAD",
    policy: Annotated[
        Path | None, typer.Option(help="A policy file; else `.github/nfr.yml` at the base.")
    ] = None,
    output: Annotated[Literal["text", "markdown", "json"], typer.Option("--format")] = "text",
    lang: Annotated[
        Literal["en", "ja"] | None, typer.Option(help="Else the policy's language.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show the folded questions, too.")
    ] = False,
) -> None:
    """Review a local git range offline: what would be asked, and why.

    Exit status 0: nothing flagged, 1: flagged, 2: wrong use, a broken policy, no room to write.
    """
    from ghapp.local.check import run

    file = str(policy) if policy else None
    raise typer.Exit(run(str(path), base, head, file, output, lang, unfolded=everything))


@app.command()
def lint(
    files: Annotated[
        list[Path], typer.Argument(help="Policies, packs, and references beside packs.")
    ],
) -> None:
    """Find what is wrong with policies and the packs they name, as FILE:LINE:COLUMN: message.

    Exit status 0: good, 1: problems, 2: wrong use.
    """
    from ghapp.errors import BadPack
    from ghapp.local.lint import problems

    try:
        found = problems(files)
    except BadPack as bad:
        _wrong(str(bad))
    for problem in found:
        typer.echo(str(problem))
    raise typer.Exit(PROBLEMS if found else GOOD)


@app.command()
def schema(
    pack: Annotated[bool, typer.Option("--pack", help="Of a pack instead.")] = False,
) -> None:
    """Print the JSON Schema of the policy file or of a pack, for editors."""
    import json

    from ghapp.core.policies import ownpacks, policyfile

    found = ownpacks.schema() if pack else policyfile.schema()
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@packs.command("list")
def list_packs(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Packs or folders of them; else the built-in ones.")
    ] = None,
    output: Annotated[Literal["text", "markdown", "json"], typer.Option("--format")] = "text",
    lang: Lang = "en",
) -> None:
    """List packs, heaviest first; that is what `ghapp packs` alone does.

    Exit status 0: good, 1: a pack has problems, 2: wrong use.
    """
    from ghapp.local.packlist import listed

    raise typer.Exit(listed(files or (), output, lang))


@packs.command("show")
def show_packs(
    areas: Annotated[list[str], typer.Argument(help="Areas, packs or folders of packs.")],
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    lang: Lang = "en",
) -> None:
    """Show what packs look for and ask; `ghapp packs AREA` does so, too.

    Exit status 0: good, 1: a pack has problems, 2: wrong use, such as an unknown area.
    """
    from ghapp.local.packshow import shown

    raise typer.Exit(shown(areas, output, lang))


@app.command("test")
def try_samples(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Packs or folders of them; else the built-in ones.")
    ] = None,
) -> None:
    """Try the samples of packs with the engine of the App, and say which do not hold and why.

    Exit status 0: all hold, 1: some do not, or a pack has problems, 2: wrong use.
    """
    from ghapp.local.packtest import run

    raise typer.Exit(run(files or ()))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the story.")] = False,
    lang: Annotated[Literal["en", "ja"], typer.Option(help="The policy's language.")] = "en",
) -> None:
    """Show the whole job against a built-in GitHub, without any account."""
    import asyncio

    from ghapp.demo import play

    try:
        asyncio.run(play(once=once, language=lang))
    except TimeoutError as late:
        typer.echo(str(late), err=True)
        raise typer.Exit(PROBLEMS) from None
    except KeyboardInterrupt:
        raise typer.Exit from None


def _settings(*, needs_github: bool = True) -> Settings:
    from ghapp.settings import Settings

    try:
        return Settings.from_environment(needs_github=needs_github)
    except WrongSetting as wrong:
        _wrong(str(wrong))


def _or_wrong(started: Callable[[], T]) -> T:
    try:
        return started()
    except WrongSetting as wrong:
        _wrong(str(wrong))


def _failed(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(PROBLEMS)


def _wrong(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(WRONG)
