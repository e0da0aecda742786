"""A place in a file -> the block that it opens or is in, by brackets or by indentation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ghapp.core.patterns import regexes

MOST_LINES = 200
MOST_STEPS = 6
PAIRS = {"(": ")", "[": "]", "{": "}"}
QUOTES = "\"'`"
LIST_ITEM = "- "
COMMENT = re.compile(r"(?:(?<=\s)|^)(?:#|//|--)(?=\s)")
MOST_TEXT = 64 << 10  # characters of a block that a regex searches


def block(lines: Mapping[int, str], number: int, end: int, within: str) -> str:
    """The text of the block that the match or the rest of its line opens, else of the one it is in.

    lines: the whole file by number. number: of the line with the match. end: of the match in it.
    within: if not "", the next outer block is taken until its text matches this.
    """
    line = lines[number]
    if opened := _opened(lines, number, end):
        first, last = opened
    elif line.lstrip().startswith(LIST_ITEM):
        first, last = number, _down(lines, number, _indent(line) + len(LIST_ITEM))
    else:
        first, last = _around(lines, number)
    for _ in range(MOST_STEPS if within else 0):
        if regexes.anywhere(within, _text(lines, first, last)):
            break
        above, below = _around(lines, first)
        outer = min(above, first), max(below, last)
        if outer == (first, last):
            break
        first, last = outer
    return _text(lines, first, last)


def _text(lines: Mapping[int, str], first: int, last: int) -> str:
    return "\n".join([lines[one] for one in range(first, last + 1)])[:MOST_TEXT]


def _opened(lines: Mapping[int, str], number: int, end: int) -> tuple[int, int] | None:
    """The first and last line of the bracketed block that is opened here; None if none is."""
    line = lines[number]
    at = end - 1 if line[end - 1 : end] in PAIRS else end
    opened = [sign for sign in _brackets(line) if sign[0] >= at and sign[1] in PAIRS]
    if not opened:
        return None
    depth, at = 0, opened[0][0]
    for current in _following(lines, number):
        signs = [sign for sign in _brackets(lines[current]) if current > number or sign[0] >= at]
        for _, sign in signs:
            depth += 1 if sign in PAIRS else -1
            if depth < 0:  # closes what was opened before the match
                return number, current
        if depth == 0:
            return number, current
    return number, current


def _following(lines: Mapping[int, str], number: int) -> Iterator[int]:
    """The numbers of the lines from here on, as far as a block may reach."""
    for current in range(number, number + MOST_LINES):
        if current not in lines:
            return
        yield current


@lru_cache(maxsize=4096)  # thousands of suspects may share a block
def _brackets(line: str) -> tuple[tuple[int, str], ...]:
    """The brackets of a line outside of quotes and comments, with their places."""
    found: list[tuple[int, str]] = []
    quote, escaped = "", False
    for place, sign in enumerate(line):
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in QUOTES and sign in line[place + 1 :]:
            quote = sign
        elif sign in "#/-" and COMMENT.match(line, place):
            break
        elif sign in "()[]{}":
            found.append((place, sign))
    return tuple(found)


def _around(lines: Mapping[int, str], number: int) -> tuple[int, int]:
    """The lines around that are indented at least as deep, with the line above that opens them."""
    first, indent = number, _indent(lines[number])
    for above in range(number - 1, max(0, number - MOST_LINES), -1):
        line = lines.get(above)
        if line is None:  # a gap between hunks
            break
        if _has_no_depth(line):
            continue
        first = above
        if _indent(line) < indent:
            break
    return first, _down(lines, number, indent)


def _down(lines: Mapping[int, str], number: int, indent: int) -> int:
    last = number
    for below in _following(lines, number + 1):
        line = lines[below]
        if not _has_no_depth(line):
            if _indent(line) < indent:
                break
            last = below
    return last


def _has_no_depth(line: str) -> bool:
    """Whether the line's indentation means nothing: it is blank, or a template's control line."""
    return not line.strip() or line.lstrip().startswith("{{")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
