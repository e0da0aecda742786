"""A lock file beside a SQLite database, so that only one process at a time works on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ghapp.errors import WrongSetting
from ghapp.settings import Settings


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the lock while inside, if the database is SQLite. Raises WrongSetting (it is held)."""
    with held(settings) as is_ours:
        if settings.is_sqlite and not is_ours:
            raise WrongSetting(
                f"{settings.database_variable}: another ghapp holds {_lock_path(settings)}; "
                "stop it, or share a PostgreSQL: GHAPP_DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME"
            )
        yield


@contextmanager
def held(settings: Settings) -> Iterator[bool]:
    """Try to take the lock; True if it is ours while inside, always False on PostgreSQL.

    Raises WrongSetting (the lock file cannot be written).
    """
    if not settings.is_sqlite:
        yield False
        return
    with _lock_file(settings) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            is_ours = False
        else:
            is_ours = True
        yield is_ours


def is_served(settings: Settings) -> bool | None:
    """Whether a process works on the SQLite database now; None on PostgreSQL.

    Raises WrongSetting (the lock file cannot be written).
    """
    with held(settings) as is_ours:
        return not is_ours if settings.is_sqlite else None


def _lock_path(settings: Settings) -> Path:
    return Path(f"{settings.file}.lock")


def _lock_file(settings: Settings) -> TextIO:
    path = _lock_path(settings)
    try:
        return os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w")
    except OSError as error:
        raise WrongSetting(
            f"{settings.database_variable}: {path} cannot be written ({error.strerror or error}); "
            "let it lead to a folder that is writable for this user"
        ) from error
