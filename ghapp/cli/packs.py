"""`ghapp packs`: what is looked for and asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

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
    from ghapp.local.packlist import listed

    raise typer.Exit(listed(files or (), output, lang))


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
