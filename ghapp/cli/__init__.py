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


LOCAL, SERVER = (
    "On your machine, without an account",
    "Running the App",
)  # as `ghapp --help` groups them


def _examples(*lines: str) -> str:
    """The end of a command's help. lines: a command and what it does, separated by `#`."""
    pairs = (line.split("#", 1) for line in lines)
    return "\n\n".join(
        ("Examples:", *(f"- `{command.strip()}`: {what.strip()}" for command, what in pairs))
    )


app = typer.Typer(
    cls=Commands,
    help="Non-functional requirements on pull requests: a short checklist, tracked to sign-off.",
    epilog=_examples(
        "ghapp demo # try it, without any account",
        "ghapp check --worktree # what would be asked about your changes",
        "ghapp lint # is the policy good?",
        "ghapp COMMAND -h # more about a command",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode="markdown",  # in which a line of a docstring may end anywhere
    pretty_exceptions_enable=False,
)

app.command(
    rich_help_panel=LOCAL,
    epilog=_examples(
        "ghapp demo --lang ja # in Japanese", "ghapp demo --port 8080 # with pages on a fixed port"
    ),
)(offline.demo)
app.command(
    rich_help_panel=LOCAL,
    epilog=_examples(
        "ghapp check # your branch, against the remote's default branch",
        "ghapp check --staged --fail-on should # in a pre-commit hook",
        "ghapp check --base v1.0 --head v1.1 # a range that need not be checked out",
        "ghapp check --format github # in a workflow: annotations on the lines",
        "ghapp check --format sarif > ghapp.sarif # for code scanning",
    ),
)(offline.check)
app.command(
    rich_help_panel=LOCAL,
    epilog=_examples("ghapp measure --since '6 months ago' --policy new.yml # try a policy"),
)(offline.measure)
app.command(
    rich_help_panel=LOCAL,
    epilog=_examples(
        "ghapp init # write .github/nfr.yml in this checkout",
        "ghapp init --stdout --lang ja # only look at it, in Japanese",
        "GH_TOKEN=... ghapp init --team sre --pr acme/shop # as a pull request",
    ),
)(offline.init)
app.command(
    rich_help_panel=LOCAL,
    epilog=_examples(
        "ghapp lint # the policy of this repository, and its packs",
        "ghapp lint .github/nfr/*.yml --format github # packs, in a workflow",
        "ghapp lint - < nfr.yml # as an editor does",
    ),
)(offline.lint)
app.command(
    rich_help_panel=LOCAL,
    epilog=_examples(
        "ghapp schema > .github/nfr.schema.json # then begin the policy with "
        "`# yaml-language-server: $schema=nfr.schema.json`",
    ),
)(offline.schema)
app.command(
    "test",
    rich_help_panel=LOCAL,
    epilog=_examples(
        "ghapp test # the tests of this repository's policy",
        "ghapp test --policy new.yml # the same tests, with another policy",
        "ghapp test .github/nfr # your own packs, and tests",
    ),
)(offline.try_samples)

packs = typer.Typer(
    cls=offline.Packs,
    help="List and show packs: what ghapp looks for and asks.",
    epilog=_examples(
        "ghapp packs # all built-in packs", "ghapp packs caching # what one looks for and asks"
    ),
    rich_markup_mode="markdown",
)
packs.command("list")(offline.list_packs)
packs.command("show")(offline.show_packs)
app.add_typer(packs, name="packs", rich_help_panel=LOCAL)

app.command(rich_help_panel=SERVER)(server.serve)
app.command(rich_help_panel=SERVER)(server.work)
app.command(
    rich_help_panel=SERVER,
    epilog=_examples("ghapp credentials --export ghapp.env # what set-up stored, as a backup"),
)(server.credentials)
app.command(rich_help_panel=SERVER)(server.migrate)
app.command(rich_help_panel=SERVER)(server.sweep)
app.command(
    rich_help_panel=SERVER,
    epilog=_examples(
        "ghapp report # two weeks of what would have been blocked, had it been enforced",
        "ghapp report --repository acme/shop --days 30 --format markdown # to paste into an issue",
        "ghapp report --questions # which questions to retire, reword or automate",
    ),
)(server.report)
app.command(
    rich_help_panel=SERVER,
    epilog=_examples("ghapp digest --dry-run # what today's stand-up will read"),
)(server.digest)
app.command(rich_help_panel=SERVER)(server.doctor)
app.command(
    rich_help_panel=SERVER,
    epilog=_examples(
        "ghapp explain acme/shop#123 # why is it blocked, and by whom?",
        "ghapp explain --policy # of this checkout",
        "ghapp explain --policy --organisation ../.github/.github/nfr.yml # with both layers",
        "ghapp explain --policy acme/shop # as the App reads it now",
    ),
)(server.explain)
app.command(
    rich_help_panel=LOCAL,
    epilog=_examples(
        "ghapp scan # the configuration of this checkout",
        "ghapp scan --format sarif > ghapp.sarif # for code scanning",
        "ghapp scan --commit v1.0 # as it was then",
        "ghapp scan acme/shop # the default branch on GitHub, as the App",
    ),
)(server.scan)
app.command(
    rich_help_panel=SERVER,
    epilog=_examples(
        "ghapp export --since 2026-01-01 --until 2026-03-31 --output q1.csv # for a spreadsheet",
        "ghapp export --repository acme/shop --format json # for a program",
    ),
)(server.export)
app.command(
    rich_help_panel=SERVER,
    epilog=_examples(
        "ghapp forget 4711 # what is stored of this installation?",
        "ghapp forget 4711 --yes # delete it",
    ),
)(server.forget)


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
