"""Lines for a terminal: aligned, and wrapped by the cells that characters take."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TextIO

from ghapp.core.markdown import visible

MOST_CELLS = 100

# Latin words stay whole, Japanese may break anywhere but before closing punctuation.
WORD = re.compile(r"(?:[^\s\u3000-\u9fff\uff00-\uffef]+|\S)[、。，．？！）」』・：]*|\s+")


def area(title: str, reasons: Iterable[str], questions: Iterable[tuple[str, str]], end: str) -> str:
    """One flagged area: why it is one, then what is asked; `end` is a last line or empty."""
    pairs = list(questions)
    column = max((cells(severity) for severity, _ in pairs), default=0) + 4
    lines = [title, *(wrapped(reason, indent=2, hanging=4) for reason in reasons)]
    lines += [""] if pairs else []
    for severity, question in pairs:
        label = f"  {severity}" + " " * (column - 2 - cells(severity))
        lines.append(label + wrapped(question, indent=column)[column:])
    lines += [wrapped(end, indent=2)] if end else []
    return "\n".join(lines)


def wrapped(text: str, indent: int = 0, hanging: int | None = None) -> str:
    """The text in lines as wide as the terminal, `hanging` cells in from the second on."""
    later = " " * (indent if hanging is None else hanging)
    return f"\n{later}".join(_lines(text, " " * indent, later))


def width() -> int:
    """How many columns lines may take: those of the terminal, at most 100."""
    return min(shutil.get_terminal_size((MOST_CELLS, 24)).columns, MOST_CELLS)


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def _lines(text: str, first: str, later: str) -> Iterator[str]:
    line, room = first, width() - cells(first)
    for word in WORD.findall(text):
        if cells(word.rstrip()) > room and line.strip():
            yield line.rstrip()
            line, room = "", width() - cells(later)
        part = word if line else word.lstrip()
        line += part
        room -= cells(part)
    yield line.rstrip()


WRONG = 2
MOST_SAID = 1_000


def printed(text: str, command: str) -> int:
    """0, or WRONG where the output takes nothing; one who reads no further is not wrong."""
    try:
        put(text, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop()
    except OSError as error:
        _drop()
        return wrong(f"{command}: cannot write the output: {error.strerror}")
    return 0


def wrong(*lines: str) -> int:
    """WRONG, having said why."""
    for line in lines:
        put(visible(line, MOST_SAID), sys.stderr)
    return WRONG


def put(text: str, stream: TextIO) -> None:
    """The text with a line end; what the stream's encoding lacks is shown as `?`."""
    # File names need not be UTF-8, and a terminal need not know Japanese.
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=stream)


def _drop() -> None:
    # What is left in the buffer would fail once more when Python ends.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
