"""`ghapp check`, `measure`, `lint`, `schema`, `test` and `demo`: commands that need no account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from ghapp.cli.ending import GOOD, PROBLEMS, wrong


def check(
    base: Annotated[
        str, typer.Option(help="What it is to be merged into, such as `--base origin/main`.")
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
    from ghapp.offline.check import run

    file = str(policy) if policy else None
    raise typer.Exit(run(str(path), base, head, file, output, lang, unfolded=everything))


def measure(
    path: Annotated[
        Path, typer.Argument(help="A clone, with the history to be measured.")
    ] = Path(),
    since: Annotated[
        str, typer.Option(help="Only changes since a date, such as `2026-01-01` or `6 months ago`.")
    ] = "",
    sample: Annotated[
        int, typer.Option(min=0, help="Draw so many changes at most, always the same; 0: all.")
    ] = 300,
    head: Annotated[str, typer.Option(help="The main line, such as `origin/main`.")] = "HEAD",
    policy: Annotated[
        Path | None, typer.Option(help="A policy file; else `.github/nfr.yml` at the head.")
    ] = None,
    output: Annotated[Literal["text", "markdown", "json"], typer.Option("--format")] = "text",
    lang: Annotated[
        Literal["en", "ja"] | None, typer.Option(help="Else the policy's language.")
    ] = None,
) -> None:
    """Measure what would have been asked about the changes already merged, offline.

    It prints how many are flagged, how much each is asked, and the busiest questions and rules.
    Exit status 0, or 2: wrong use, a broken policy, no room to write.
    """
    from ghapp.offline.measure import run

    file = str(policy) if policy else None
    raise typer.Exit(run(str(path), since, sample, head, file, output, lang))


def lint(
    files: Annotated[
        list[Path], typer.Argument(help="Policies, packs, and references beside packs.")
    ],
) -> None:
    """Find what is wrong with policies and the packs they name, as FILE:LINE:COLUMN: message.

    Exit status 0: good, 1: problems, 2: wrong use.
    """
    from ghapp.errors import BadPack
    from ghapp.offline.lint import problems

    try:
        found = problems(files)
    except BadPack as bad:
        wrong(str(bad))
    for problem in found:
        typer.echo(str(problem))
    raise typer.Exit(PROBLEMS if found else GOOD)


def schema(
    pack: Annotated[bool, typer.Option("--pack", help="Of a pack instead.")] = False,
) -> None:
    """Print the JSON Schema of the policy file or of a pack, for editors."""
    import json

    from ghapp.core.policy import own_packs, policy_schema

    found = own_packs.schema() if pack else policy_schema.schema()
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def try_samples(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Packs or folders of them; else the built-in ones.")
    ] = None,
) -> None:
    """Try the samples of packs with the engine of the App, and say which do not hold and why.

    Exit status 0: all hold, 1: some do not, or a pack has problems, 2: wrong use.
    """
    from ghapp.offline.pack_test import run

    raise typer.Exit(run(files or ()))


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the story.")] = False,
    lang: Annotated[Literal["en", "ja"], typer.Option(help="Of story, page and review.")] = "en",
) -> None:
    """Show the whole job against a built-in GitHub, without any account."""
    from ghapp.demo import run

    try:
        run(once=once, language=lang)
    except TimeoutError as late:
        typer.echo(str(late), err=True)
        raise typer.Exit(PROBLEMS) from None


Lang = Annotated[Literal["en", "ja"], typer.Option(help="Of the words.")]


class Packs(TyperGroup):
    """Without a command of its own: `list` before options or nothing, else `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "list"
        if not args or (first.startswith("-") and first not in ctx.help_option_names):
            args = ["list", *args]
        elif first not in self.commands and not first.startswith("-"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


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
    from ghapp.offline.packs import listed

    raise typer.Exit(listed(files or (), output, lang))


def show_packs(
    areas: Annotated[list[str], typer.Argument(help="Areas, packs or folders of packs.")],
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    lang: Lang = "en",
) -> None:
    """Show what packs look for and ask; `ghapp packs AREA` does so, too.

    Exit status 0: good, 1: a pack has problems, 2: wrong use, such as an unknown area.
    """
    from ghapp.offline.pack_show import shown

    raise typer.Exit(shown(areas, output, lang))
