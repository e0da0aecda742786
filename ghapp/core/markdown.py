"""Text from people -> Markdown that shows it and does nothing else.

Whatever comes from a pull request is put into a code span: GitHub makes no mention, link, image
or HTML of it there, and it cannot close our markers.
"""

from __future__ import annotations

import re

MOST_TEXT = 65_535  # characters of a comment, summary or text: GitHub's limit
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_TICKS = re.compile(r"`+")


def visible(text: str, most: int = 200) -> str:
    """One line without control, zero-width and direction-changing characters, cut to `most`."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def code(text: str, most: int = 200) -> str:
    """The text as a code span, whatever backticks it holds."""
    line = visible(text, most) or " "
    fence = "`" * (max((len(run) for run in _TICKS.findall(line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def folded(summary: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    """A block that opens on a click; GitHub wants the empty lines for Markdown inside."""
    return (f"<details><summary>{summary}</summary>", "", *lines, "", "</details>")


def cut(text: str, note: str) -> str:
    """The text within GitHub's limit; where it does not fit, whole lines and then the note."""
    if len(text) <= MOST_TEXT:
        return text
    room = MOST_TEXT - len(note) - 2
    return f"{text[:room].rpartition(chr(10))[0]}\n\n{note}"
