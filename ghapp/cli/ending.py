"""How commands end: with the settings they need, or with what is wrong and an exit status."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer

from ghapp.errors import WrongSetting

if TYPE_CHECKING:
    from ghapp.settings import Settings


T = TypeVar("T")

GOOD, PROBLEMS, WRONG = 0, 1, 2


def settings_or_wrong(*, needs_github: bool = True) -> Settings:
    """Those of the environment; ends the command where they are wrong."""
    from ghapp.settings import Settings

    return or_wrong(lambda: Settings.from_environment(needs_github=needs_github))


def or_wrong(started: Callable[[], T]) -> T:
    """What was started; ends the command where a setting does not let it."""
    try:
        return started()
    except WrongSetting as error:
        wrong(str(error))


def failed(text: str) -> NoReturn:
    """End the command: what it was to do has failed."""
    typer.echo(text, err=True)
    raise typer.Exit(PROBLEMS)


def wrong(text: str) -> NoReturn:
    """End the command: it was asked for in a way that cannot work."""
    typer.echo(text, err=True)
    raise typer.Exit(WRONG)
