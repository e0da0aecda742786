"""Text for a terminal, wrapped by the cells that characters take, and output that may fail."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TextIO, TypeVar

from rich.cells import cell_len, chop_cells

from ghapp.core.i18n import Words
from ghapp.core.markdown import visible

T = TypeVar("T")
WRONG = 2  # exit status
NO_STYLES: Mapping[str, str] = MappingProxyType({})
MOST_CELLS = 100
LEAST_CELLS = 16
MOST_OF_ERROR = 1_000
# Latin words stay whole; Japanese may break anywhere except before closing punctuation. rich itself
# breaks at spaces only.
WORD = re.compile(r"(?:[^\s\u3000-\u9fff\uff00-\uffef]+|\S)[、。，．？！）」』・：]*|\s+")


def wrapped(text: str, first: str = "", later: str | None = None, *, cut: bool = False) -> str:
    """The text in lines as wide as the terminal, at most 100 cells.

    first: begins the first line. later: begins the others; by default spaces as wide as `first`.
    cut: break words that are longer than a line, except addresses. Otherwise a long path stays
    whole, so that a terminal can open it. If the terminal is too narrow, the text is one line.
    """
    later = " " * cell_len(first) if later is None else later
    width = min(shutil.get_terminal_size((MOST_CELLS, 24)).columns, MOST_CELLS)
    lines, start, words = [], first, ""
    if width - cell_len(later) < LEAST_CELLS:
        return first + text
    for word in WORD.findall(text):
        if words and cell_len(start + words + word.rstrip()) > width:
            lines.append((start + words).rstrip())
            start, words = later, ""
        words += word if words else word.lstrip()
        if cut and cell_len(start + words.rstrip()) > width and not words.startswith("https://"):
            *full, words = chop_cells(words, width - cell_len(start))
            for piece in full:
                lines.append(start + piece)
                start = later
    return "\n".join([*lines, (start + words).rstrip()])


def counted(number: int, noun: str, words: Words) -> str:
    """The number with its noun in English, alone in Japanese."""
    if words.language == "ja":
        return str(number)
    return f"{number} {noun}{'' if number == 1 else 's'}"


def painted(text: str, styles: Mapping[str, str], stream: TextIO | None = None) -> str:
    """The text with colours, if the stream is a terminal that shows them and NO_COLOR is not set.

    styles: regular expressions in multi-line mode, each with the style that rich gives to what it
    matches. stream: standard output by default.
    """
    stream = stream or sys.stdout
    if not stream.isatty():  # rich takes a while to load
        return text
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, highlight=False)
    if console.no_color or not console.color_system:
        return text
    shown = Text(text)
    for pattern, style in styles.items():
        shown.highlight_regex(re.compile(pattern, re.MULTILINE), style)
    with console.capture() as captured:
        console.print(shown, soft_wrap=True, end="")
    return captured.get()


def progress(work: Sequence[T], unit: str = "changes") -> Iterator[T]:
    """The work, one after the other; on a terminal, standard error shows how much is done."""
    if not sys.stderr.isatty():
        yield from work
        return
    from rich.console import Console  # noqa: PLC0415  rich takes a while to load
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = BarColumn(), MofNCompleteColumn(), TextColumn(unit)
    # Without a thread of its own: processes are started while it is shown.
    console = Console(stderr=True)
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=len(work))
        for one in work:
            yield one
            bar.update(task, advance=1, refresh=True)


def printed(text: str, command: str, styles: Mapping[str, str] = NO_STYLES) -> int:
    """0, or WRONG if the output cannot be written. A reader that stops early is not an error.

    styles: as of `painted`.
    """
    try:
        put(painted(text, styles) if styles else text, sys.stdout)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail once more when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            return wrong(f"{command}: cannot write the output: {error.strerror}")
    return 0


def wrong(*lines: str) -> int:
    """WRONG, with the lines on standard error."""
    for line in lines:
        put(visible(line, MOST_OF_ERROR), sys.stderr)
    return WRONG


def put(text: str, stream: TextIO) -> None:
    """Print the text; characters that the stream's encoding lacks become `?`."""
    # File names need not be UTF-8, and a terminal need not know Japanese.
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=stream)
