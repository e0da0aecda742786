"""Logs and messages of errors: no row, no part of a password, nothing that steers a terminal."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog
from sqlalchemy import text

from ghapp.errors import StoreFailed, WrongDatabase, WrongSetting
from ghapp.github.tokens import Token
from ghapp.logs import configure
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.store.connection import Connection
from ghapp.store.statements import Statement

CANARY = "canary-7f3a"
# A colour, a way up, an 8-bit one, a turn of the reading direction, and a line of its own.
EVIL = 'x\x1b[31m\x1b[2A\x9b31m\u202e\u200b\n{"event": "run", "outcome": "done"}'


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def told(log_format: str, capsys: pytest.CaptureFixture[str]) -> str:
    configure(log_format)
    structlog.get_logger().error("run", reason=EVIL, reasons=[EVIL])
    logging.getLogger("some.library").error("%s", EVIL)
    try:
        raise RuntimeError(EVIL)
    except RuntimeError:
        structlog.get_logger().exception("run failed")
    return capsys.readouterr().err


@pytest.mark.parametrize("log_format", ["json", "console", "off"])
def test_words_of_strangers_do_not_steer_a_terminal(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = told(log_format, capsys)
    assert not set("\x1b\x9b\u202e\u200b\r\b") & set(shown)
    assert "\\u001b[31m" in shown and "\\u202e" in shown


def test_words_of_strangers_make_no_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in told("json", capsys).splitlines()]
    assert [line["event"] for line in lines] == ["run", EVIL, "run failed"]
    assert lines[0]["reason"] == EVIL  # as it was, to those who read JSON
    for line in told("console", capsys).splitlines():
        assert line.startswith(("20", "  ")), line


def test_a_row_that_the_database_refuses_is_in_no_message_and_no_traceback(
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
def test_a_wrong_address_of_the_database_is_told_without_its_password(url: str) -> None:
    async def story(settings: Settings) -> None:
        await (await Store.open(settings.database_url)).close()

    with pytest.raises((WrongSetting, WrongDatabase)) as wrong:
        asyncio.run(
            story(Settings.from_environment({"GHAPP_DATABASE_URL": url}, needs_github=False))
        )
    assert CANARY not in str(wrong.value)


def test_a_token_is_not_shown_by_what_holds_it() -> None:
    held = Token(CANARY, datetime.now(UTC))
    assert CANARY not in f"{held!r}{held}{[held]}"
