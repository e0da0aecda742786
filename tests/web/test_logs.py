"""What stands in the log: one JSON object a line, of ours and of libraries, without values."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from ghapp.logs import configure


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def fail() -> None:
    token = "ghs_" + "secret"
    raise RuntimeError(f"with {len(token)} characters")


def test_ours_and_those_of_libraries_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    structlog.get_logger().info("run", key="pull:1:2")
    logging.getLogger("some.library").error("no %s", "luck")
    ours, library = map(json.loads, capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["key"], ours["level"]) == ("run", "pull:1:2", "info")
    assert (library["event"], library["logger"]) == ("no luck", "some.library")


@pytest.mark.parametrize("log_format", ["json", "console", "off"])
def test_a_traceback_shows_no_values(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format)
    try:
        fail()
    except RuntimeError:
        structlog.get_logger().exception("run failed")
    told = capsys.readouterr().err
    assert "with 10 characters" in told
    assert "ghs_secret" not in told


def test_off_tells_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    configure("off")
    structlog.get_logger().warning("delivery", outcome="refused")
    assert capsys.readouterr().err == ""


def test_configured_again_each_line_stands_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    configure("json")
    logging.getLogger("some.library").error("once")
    assert len(capsys.readouterr().err.splitlines()) == 1
