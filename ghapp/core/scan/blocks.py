"""A place in a file -> the block that it opens or is in, by brackets or by indentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ghapp.core.patterns import regexes

MOST_LINES = 200
MOST_STEPS = 6
PAIRS = {"(": ")", "[": "]", "{": "}"}
QUOTES = "\"'`"
LIST_ITEM = "- "
COMMENT = re.compile(r"(?:(?<=\s)|^)(?:#|//|--)(?=\s)")
MOST_TEXT = 64 << 10  # characters of a block that a regex searches


class Blocks:
    """The blocks of a file; what thousands of suspects ask of its lines is worked out once.

    lines: the whole file. A line is named by its index, from 0.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._text = "\n".join(lines)
        self._starts = (*accumulate((len(line) + 1 for line in lines), initial=0),)
        self._indents = [_indent(line) for line in lines]
        self._says = [not _says_nothing(line) for line in lines]
        places, how = range(len(lines)), (self._indents, self._says)
        self._above, self._outside_above = _nearest(places, *how, -1)
        self._below, self._outside_below = _nearest(reversed(places), *how, len(lines))
        self._depths: dict[int, tuple[int, int]] = {}
        self._matching: dict[tuple[str, int, int], bool] = {}

    def matching(self, pattern: str, place: int, end: int, within: str) -> bool:
        """Whether the pattern matches somewhere in the block.

        place: of the line in question. end: of the match in it. The block is what the match or the
        rest of its line opens, else the block it stands in; with `within` the next outer block
        until its text matches that.
        """
        return self._matches(pattern, *self._block(place, end, within))

    def text(self, place: int, end: int, within: str) -> str:
        """The lines of the block, joined. Takes what `matching` takes."""
        return self._joined(*self._block(place, end, within))

    def _block(self, place: int, end: int, within: str) -> tuple[int, int]:
        """The first and the last line."""
        if opened := self._opened(place, end):
            first, last = opened
        elif self._lines[place].lstrip().startswith(LIST_ITEM):
            first, last = place, self._down(place, self._indents[place] + len(LIST_ITEM))
        else:
            first, last = self._around(place)
        for _ in range(MOST_STEPS if within else 0):
            if self._matches(within, first, last):
                break
            above, below = self._around(first)
            outer = above, max(below, last)
            if outer == (first, last):
                break
            first, last = outer
        return first, last

    def _joined(self, first: int, last: int) -> str:
        start = self._starts[first]
        return self._text[start : min(self._starts[last + 1] - 1, start + MOST_TEXT)]

    def _matches(self, pattern: str, first: int, last: int) -> bool:
        key = pattern, first, last
        if key not in self._matching:
            self._matching[key] = regexes.anywhere(pattern, self._joined(first, last))
        return self._matching[key]

    def _opened(self, place: int, end: int) -> tuple[int, int] | None:
        """From the line to the bracket that closes what is opened; None if nothing is."""
        line = self._lines[place]
        at = end - 1 if line[end - 1 : end] in PAIRS else end
        signs = [sign for column, sign in _brackets(line) if column >= at]
        opens = next((index for index, sign in enumerate(signs) if sign in PAIRS), None)
        if opens is None:
            return None
        lowest, depth = _depth(signs[opens:])
        last, end, depths = place, min(place + MOST_LINES, len(self._lines)) - 1, self._depths
        # Until it is closed, or even what was opened before it is.
        while lowest >= 0 and depth and last < end:
            last += 1
            if last not in depths:
                depths[last] = _depth(sign for _, sign in _brackets(self._lines[last]))
            lowest, change = depths[last]
            lowest += depth
            depth += change
        return place, last

    def _around(self, place: int) -> tuple[int, int]:
        """The lines that are indented at least as deep, with the line above that opens them."""
        indent, top = self._indents[place], max(place - MOST_LINES + 1, 0)
        first = self._above[place]
        while first >= top and self._indents[first] >= indent:
            first = self._outside_above[first]
        if first < top:  # nothing opens them
            first = min(top if self._says[top] else self._below[top], place)
        return first, self._down(place, indent)

    def _down(self, place: int, indent: int) -> int:
        """The last line below that is indented so deep, before the first one that is not."""
        end = min(place + MOST_LINES + 1, len(self._lines))
        below = self._below[place]
        while below < end and self._indents[below] >= indent:
            below = self._outside_below[below]
        return max(self._above[min(below, end)], place)


def _nearest(
    order: Iterable[int], indents: Sequence[int], says: Sequence[bool], beyond: int
) -> tuple[list[int], list[int]]:
    """For each line, the nearest one passed before it that says something; and for each of those,
    the nearest one that is indented less.

    order: in which the lines are passed. beyond: stands for none. One more item: after them all.
    """
    nearest, outside, latest = [beyond] * len(says), [beyond] * len(says), beyond
    for place in order:
        nearest[place] = latest
        if says[place]:
            less = latest
            while less != beyond and indents[less] >= indents[place]:
                less = outside[less]
            outside[place] = less
            latest = place
    return [*nearest, latest], outside


def _depth(signs: Iterable[str]) -> tuple[int, int]:
    """The lowest depth that these brackets reach, at most 0, and the depth at which they end."""
    lowest = depth = 0
    for sign in signs:
        depth += 1 if sign in PAIRS else -1
        lowest = min(lowest, depth)
    return lowest, depth


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


def _says_nothing(line: str) -> bool:
    """Whether its indentation means nothing: a blank line, or one that steers a template."""
    return not line.strip() or line.lstrip().startswith("{{")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
