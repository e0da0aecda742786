"""The command `ghapp` and its subcommands. Each imports only what it needs, to start quickly."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ghapp.cli import offline, server
from ghapp.errors import BadPack, WrongSetting

WRONG = 2  # exit status


class Commands(TyperGroup):
    """Ends a command that was used wrongly, with the reason and exit status 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # pydantic's words
            raise
        except (WrongSetting, BadPack) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(WRONG) from None


app = typer.Typer(
    cls=Commands,
    help="Non-functional requirements on pull requests: a short checklist, tracked to sign-off.",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # in which a line of a docstring may end anywhere
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(server.serve)
app.command()(server.work)
app.command()(server.migrate)
app.command()(server.sweep)
app.command()(server.doctor)
app.command()(offline.check)
app.command()(offline.measure)
app.command()(offline.lint)
app.command()(offline.schema)
app.command("test")(offline.try_samples)
app.command()(offline.demo)

packs = typer.Typer(cls=offline.Packs, help="List and show packs: what ghapp looks for and asks.")
packs.command("list")(offline.list_packs)
packs.command("show")(offline.show_packs)
app.add_typer(packs, name="packs")


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
