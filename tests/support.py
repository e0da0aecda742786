"""What the worlds and databases of several folders share."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from ghapp.emulator.github import new_private_key
from ghapp.store import Store

PRIVATE_KEY = new_private_key()  # one for all: making a key takes a while


def migrated(url: str) -> None:
    """Give an empty database the newest schema."""

    async def opened() -> None:
        await (await Store.open(url)).close()

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop that runs
        thread.submit(lambda: asyncio.run(opened())).result()


@cache
def _template() -> Path:
    file = Path(tempfile.mkdtemp(prefix="ghapp-template-")) / "ghapp.db"
    migrated(f"sqlite:///{file}")
    return file


def sqlite_at(file: Path) -> str:
    """The URL of a new database there with the newest schema, a copy: migrations take a while."""
    shutil.copyfile(_template(), file)
    return f"sqlite:///{file}"
