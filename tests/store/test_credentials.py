"""The App's credentials in the database: one row, which only the right key opens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ghapp.errors import WrongSetting
from ghapp.settings import Credentials, Settings
from ghapp.store import Store, credentials
from ghapp.store.credentials import KEY_FILE, Seal
from tests.store.stores import opened, story

SECRET_KEY = "a key of more than thirty-two characters"
MADE = Credentials(
    7, "ghapp-acme", "https://github.com/apps/ghapp-acme", "Iv1.a", "client secret", "hook", "PEM"
)


def settings(folder: Path, **more: str) -> Settings:
    return Settings.from_environment({"GHAPP_DATA_DIR": str(folder), **more}, needs_github=False)


@story
async def test_only_the_first_credentials_are_stored(store: Store) -> None:
    assert await store.records.read(credentials.read) is None
    kept = [await store.records.write(credentials.keep, one) for one in (b"first", b"second")]
    assert kept == [True, False]
    assert await store.records.read(credentials.read) == b"first"


def test_of_two_that_finish_at_once_one_is_stored(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            kept = await asyncio.gather(
                *(
                    store.records.write(credentials.keep, name)
                    for store, name in ((one, b"one"), (other, b"other"))
                )
            )
            assert sorted(kept) == [False, True]
            stored = await other.records.read(credentials.read)
            assert stored == (b"one" if kept[0] else b"other")

    asyncio.run(play())


def test_what_is_sealed_is_opened_by_the_same_key_alone(tmp_path: Path) -> None:
    sealed = Seal(settings(tmp_path, GHAPP_SECRET_KEY=SECRET_KEY)).closed(MADE)
    for secret in ("PEM", "hook", "client secret"):
        assert secret.encode() not in sealed
    assert Seal(settings(tmp_path, GHAPP_SECRET_KEY=SECRET_KEY)).opened(sealed) == MADE
    with pytest.raises(WrongSetting, match="GHAPP_SECRET_KEY: is not the key"):
        Seal(settings(tmp_path, GHAPP_SECRET_KEY=SECRET_KEY[::-1])).opened(sealed)


def test_sqlite_makes_a_key_for_its_owner_alone_and_keeps_it(tmp_path: Path) -> None:
    found = settings(tmp_path)
    with pytest.raises(WrongSetting, match="cannot be read"):
        Seal(found)
    sealed = Seal(found, makes=True).closed(MADE)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert Seal(found, makes=True).opened(sealed) == MADE
    (tmp_path / KEY_FILE).write_text("")
    with pytest.raises(WrongSetting, match="it is empty"):
        Seal(found, makes=True)


def test_postgresql_requires_the_setting(tmp_path: Path) -> None:
    found = settings(tmp_path).model_copy(update={"database": "postgresql+psycopg://db/ghapp"})
    with pytest.raises(WrongSetting, match="GHAPP_SECRET_KEY: is missing"):
        Seal(found, makes=True)


def test_no_secret_is_in_the_repr() -> None:
    shown = repr(replace(MADE, private_key="-----BEGIN"))
    for secret in ("-----BEGIN", "hook", "client secret"):
        assert secret not in shown
