"""Text for standard output and error, whatever they take."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from ghapp.core.markdown import visible

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
