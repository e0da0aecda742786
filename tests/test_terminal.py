"""Text is wrapped by cells, and an output may fail."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from ghapp.terminal import painted, wrapped


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")


def test_latin_words_stay_whole():
    assert wrapped("one two three four five six", "  ").split("\n") == [
        "  one two three four",
        "  five six",
    ]


def test_japanese_breaks_anywhere_but_before_closing_punctuation():
    lines = wrapped("この変更は本番のテーブルを、長い間ロックしますか？").split("\n")
    assert len(lines) == 3
    assert max(map(cell_len, lines)) <= 24
    assert not [line for line in lines if line[0] in "、？"]


def test_later_lines_stand_below_the_text_of_the_first():
    assert wrapped("one two three four five", "must  ").split("\n") == [
        "must  one two three four",
        "      five",
    ]


def test_long_paths_stay_whole_and_patterns_are_cut_but_no_address():
    word = "a" * 30
    assert wrapped(f"see {word} there").split("\n") == ["see", word, "there"]
    assert wrapped(f"see {word} there", cut=True).split("\n") == ["see", "a" * 24, "aaaaaa there"]
    assert wrapped(f"https://{word}", cut=True) == f"https://{word}"


def test_terminal_that_is_too_narrow_wraps_by_itself():
    assert wrapped("one two three", " " * 10) == " " * 10 + "one two three"


@pytest.mark.parametrize("words", ["packs", "test", "packs show caching"])
def test_output_that_cannot_be_written_is_named(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ghapp", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = f"ghapp {words.split()[0]}: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_reader_that_stops_early_is_not_an_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ghapp", "packs", "show", "caching"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_characters_that_the_output_lacks_are_replaced():
    done = subprocess.run(
        [sys.executable, "-m", "ghapp", "packs", "--lang", "ja"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"database-migration" in done.stdout


RED = {"must": "bold red"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def colours(monkeypatch):
    """A terminal with colours, whatever the tests run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return monkeypatch


def test_a_terminal_shows_colours(colours):
    shown = painted("a must\n  of it, which is wider than the terminal", RED, Terminal())
    assert shown == ("a \x1b[1;31mmust\x1b[0m\n  of it, which is wider than the terminal")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colours_is_respected(colours, name, value):
    colours.setenv(name, value)
    assert painted("a must", RED, Terminal()) == "a must"


def test_a_pipe_is_plain(colours):
    assert painted("a must", RED, io.StringIO()) == "a must"


def test_markup_of_the_text_is_text(colours):
    assert painted("[red]a[/red] :smile:", RED, Terminal()) == "[red]a[/red] :smile:"
