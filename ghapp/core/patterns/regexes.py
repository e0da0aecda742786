"""Regular expressions of users (RE2, multi-line) and a line -> the pattern that matches.

RE2 takes time linear in the line and bounded memory, whatever the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol, cast

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

MAX_PATTERN = 2_000
# The size of the compiled program. On a hostile line each step costs 5 ns for every byte, so that a
# hundred steps take 0.5 s for a megabyte. A `.` is 9 steps, and a repeat count multiplies.
MAX_STEPS = 500
MAX_HAZARD_STEPS = 4_000  # the shapes of all kinds of credentials take 3,100

PATTERN_BYTES = 1 << 20  # of memory for one compiled pattern

# Ends of the whole text, or (?m) switched off. Such a pattern may match a line by itself, but not
# the same line inside a longer text, or the other way round.
WHOLE_TEXT = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-[a-zA-Z]*m")

HALF = re.compile(r"(?<!\\)(?:\\\\)*\\C")  # a single byte, which may be half a character

Broken: type[Exception] = re2.error

# RE2 names the construct it does not know, but not what its user meant by it.
MEANINGS = (
    ("invalid perl operator: (?=", "RE2 has no lookahead: match the text itself"),
    (
        "invalid perl operator: (?!",
        "RE2 has no lookahead: match the text itself; in a hazard `unless` takes exceptions",
    ),
    ("invalid perl operator: (?<", "RE2 has no lookbehind: match the text itself"),
    ("invalid perl operator: (?P", "RE2 has no backreferences: write the text out"),
    (
        "invalid perl operator",
        "RE2 knows only the groups (?:...), (?P<name>...) and flags imsU",
    ),
    ("invalid escape sequence: \\Z", "the end of the text is `\\z` in RE2"),
    ("invalid escape sequence: \\k", "RE2 has no backreferences: write the text out"),
    ("invalid escape sequence", "RE2 has neither backreferences nor this escape"),
    (
        "invalid repetition size",
        "RE2 repeats at most 1,000 times, nested repeats multiplied",
    ),
    ("pattern too large", "shorten it or lower its repeat counts"),
)


class Match(Protocol):
    """Where a pattern matches, in bytes."""

    def start(self) -> int: ...
    def end(self) -> int: ...
    def group(self, name: bytes, /) -> bytes | None: ...


class Span(NamedTuple):
    """A match in one line of a text: where the line and the match begin, and where it ends."""

    line: int
    start: int
    end: int


class Pattern(Protocol):
    """A compiled pattern of RE2. programsize: its steps; groupindex: its named groups."""

    @property
    def programsize(self) -> int: ...

    @property
    def groupindex(self) -> Mapping[bytes, int]: ...

    def search(self, text: bytes, at: int = 0, /) -> Match | None:
        """The first match in UTF-8 text from the byte `at` on, or None."""


def build(pattern: str, memory: int) -> Pattern:
    """The pattern compiled within so many bytes, quiet on standard error.

    Raises Broken (not in RE2, or too large); its argument is bytes.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    return cast(Pattern, re2.compile(pattern.encode("utf-8", "surrogatepass"), options))


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """The pattern in multi-line mode. Raises Broken if `fault` finds something."""
    return _multiline(pattern)


@lru_cache(maxsize=1024)
def fault(pattern: str, most_steps: int = MAX_STEPS) -> str:
    """What is wrong with a pattern and what to do, one line; "" if nothing is."""
    if not pattern:
        return "the regular expression is empty and would match every line: take it out"
    if HALF.search(pattern):
        return "`\\C` is half a character: write `.` for any"
    if len(pattern) > MAX_PATTERN:
        return (
            f"the regular expression is {len(pattern)} characters long, "
            f"more than {MAX_PATTERN}: split it"
        )
    try:
        count = steps(pattern)
    except Broken as error:
        complaint = error.args[0].decode("utf-8", "replace").replace("(?m)", "", 1)
        meaning = next((text for start, text in MEANINGS if complaint.startswith(start)), "")
        shown = " ".join(complaint[:100].split())
        return f"{meaning} ({shown})" if meaning else f"not a regular expression: {shown}"
    if count > most_steps:
        return (
            f"the regular expression takes {count:,} steps, more than {most_steps:,}: "
            "lower its repeat counts"
        )
    return ""


def steps(pattern: str) -> int:
    """How large the pattern is once compiled. Raises as `compiled` does.

    Not cached: most patterns of the packs are never searched for by themselves.
    """
    return _multiline(pattern).programsize


def groups(pattern: str) -> frozenset[str]:
    """The names of its groups; none if `fault` finds something."""
    if fault(pattern, MAX_HAZARD_STEPS):
        return frozenset()
    return frozenset(name.decode() for name in _multiline(pattern).groupindex)


def search(pattern: str, line: str) -> bool:
    """Whether the pattern matches somewhere in the line."""
    return compiled(pattern).search(as_bytes(line)) is not None


def anywhere(pattern: str, text: str) -> bool:
    """Whether the pattern matches somewhere in a text of many lines, also across them."""
    return compiled(pattern).search(as_bytes(text)) is not None


def first(patterns: tuple[str, ...], line: str) -> str:
    """The first of the patterns that matches the line, "" if none does."""
    return next((each for each in patterns if search(each, line)), "")


def matching(pattern: str, text: bytes) -> Iterator[Span]:
    """The lines that match, in their order, each at its first match.

    text: any number of lines joined by line breaks.
    """
    regex, line_by_line, at = compiled(pattern), sees_whole_text(pattern), 0
    while at <= len(text):
        # One search over all lines is quick, but what it finds may reach beyond one line.
        found = None if line_by_line else regex.search(text, at)
        if found is None and not line_by_line:
            return
        line = text.rfind(b"\n", 0, found.start()) + 1 if found else at
        end = text.find(b"\n", line)
        end = len(text) if end < 0 else end
        if found and found.end() <= end:
            yield Span(line, found.start(), found.end())
        elif own := regex.search(text[line:end]):
            yield Span(line, line + own.start(), line + own.end())
        at = end + 1


def _multiline(pattern: str) -> Pattern:
    return build("(?m)" + pattern, PATTERN_BYTES)


def as_bytes(text: str) -> bytes:
    """UTF-8; names that are not UTF-8 come as lone surrogates and are read as `?`."""
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=1024)
def sees_whole_text(pattern: str) -> bool:
    """Whether the pattern may match a line differently inside a text of many lines."""
    return WHOLE_TEXT.search(pattern) is not None
