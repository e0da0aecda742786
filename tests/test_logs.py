"""One line for each event, with no values in tracebacks and nothing that steers a terminal."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from ghapp.logs import configure

# A colour, a move up, an 8-bit escape, a change of direction, and a line that looks like ours.
EVIL = 'x\x1b[31m\x1b[2A\x9b31m\u202e\u200b\n{"event": "run", "outcome": "done"}'


def fail() -> None:
    token = "ghs_" + "secret"
    raise RuntimeError(f"with {len(token)} characters")


def test_our_lines_and_those_of_libraries_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    structlog.get_logger().info("run", key="pull:1:2")
    logging.getLogger("some.library").error("no %s", "luck")
    ours, library = map(json.loads, capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["key"], ours["level"]) == ("run", "pull:1:2", "info")
    assert (library["event"], library["logger"]) == ("no luck", "some.library")


@pytest.mark.parametrize("log_format", ["json", "console", "off"])
def test_traceback_shows_no_values(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format)
    try:
        fail()
    except RuntimeError:
        structlog.get_logger().exception("run failed")
    shown = capsys.readouterr().err
    assert "with 10 characters" in shown
    assert "ghs_secret" not in shown


def test_off_logs_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    configure("off")
    structlog.get_logger().warning("delivery", outcome="refused")
    assert capsys.readouterr().err == ""


def test_configuring_again_duplicates_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    configure("json")
    logging.getLogger("some.library").error("once")
    assert len(capsys.readouterr().err.splitlines()) == 1


def logged(log_format: str, capsys: pytest.CaptureFixture[str]) -> str:
    configure(log_format)
    structlog.get_logger().error("run", reason=EVIL, reasons=[EVIL])
    logging.getLogger("some.library").error("%s", EVIL)
    try:
        raise RuntimeError(EVIL)
    except RuntimeError:
        structlog.get_logger().exception("run failed")
    return capsys.readouterr().err


@pytest.mark.parametrize("log_format", ["json", "console", "off"])
def test_text_of_strangers_does_not_steer_a_terminal(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = logged(log_format, capsys)
    assert not set("\x1b\x9b\u202e\u200b\r\b") & set(shown)
    assert "\\u001b[31m" in shown and "\\u202e" in shown


def test_text_of_strangers_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in logged("json", capsys).splitlines()]
    assert [line["event"] for line in lines] == ["run", EVIL, "run failed"]
    assert lines[0]["reason"] == EVIL  # as it was, to those who read JSON
    for line in logged("console", capsys).splitlines():
        assert line.startswith(("20", "  ")), line
