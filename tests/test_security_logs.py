"""Logs and error messages hold no row and no part of a password or token."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import structlog
from githubkit import GitHub, TokenAuthStrategy
from sqlalchemy import text

from ghapp.errors import StoreFailed, WrongDatabase, WrongSetting
from ghapp.github.host import Token
from ghapp.logs import configure
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.store.sql import Connection, Statement

CANARY = "canary-7f3a"


def test_refused_row_is_in_no_message_and_no_traceback(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    wrong = Statement(text("INSERT INTO ledger (key, id, entry) VALUES (:key, NULL, :entry)"))

    def write(connection: Connection) -> None:
        connection.change(wrong, {"key": "k", "entry": CANARY})

    async def story() -> StoreFailed:
        store = await Store.open(database_url)
        try:
            await store.records.write(write)
        except StoreFailed as failed:
            structlog.get_logger().exception("run failed")
            return failed
        finally:
            await store.close()
        raise AssertionError("it was taken")

    failed = asyncio.run(story())
    shown = capsys.readouterr().err
    assert ("Traceback" in shown and "IntegrityError" in str(failed)) or "NotNull" in str(failed)
    assert CANARY not in f"{shown}{failed!r}{failed.__cause__!r}"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u@127.0.0.1:1/x?password={CANARY}",
        f"postgresql://u:a@{CANARY}@127.0.0.1:1/x",
        f"postgresql://u:{CANARY}@127.0.0.1:1/x?sslmode=bogus",
        f"postgresql://u:{CANARY}@127.0.0.1:nowhere/x",
        f"postgresql://u:a/{CANARY}@127.0.0.1:1/x",
        f"mysql://u:{CANARY}@127.0.0.1/x",
    ],
)
def test_wrong_database_url_is_named_without_its_password(url: str) -> None:
    async def story(settings: Settings) -> None:
        await (await Store.open(settings.database_url)).close()

    with pytest.raises((WrongSetting, WrongDatabase)) as wrong:
        asyncio.run(
            story(Settings.from_environment({"GHAPP_DATABASE_URL": url}, needs_github=False))
        )
    assert CANARY not in str(wrong.value)


def test_a_token_is_not_shown_by_what_holds_it() -> None:
    github = GitHub(TokenAuthStrategy(CANARY))
    held = Token(github, datetime.now(UTC), {})
    assert CANARY not in f"{held!r}{held}{[held]}"
