"""Regular expressions of users (RE2, multi-line) and a line -> the pattern that matches.

RE2 takes time linear in the line and bounded memory, whatever the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol, cast

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

MAX_PATTERN = 2_000
# What RE2 makes of the text: on a hostile line each step costs 5 ns for every byte, so that a
# hundred steps take 0.5 s for a megabyte. A `.` is 9 steps, and a repeat count multiplies.
MAX_STEPS = 500
MAX_HAZARD_STEPS = 4_000  # the shapes of all kinds of credentials take 3,100
MAX_LINE = 2_000  # characters; what stands behind them in a line is not looked at

PATTERN_BYTES = 1 << 20
ALTERNATION_BYTES = 8 << 20

# Ends of the whole text, or (?m) switched off: these tell one line from many.
WHOLE_TEXT = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-[a-zA-Z]*m")

Broken: type[Exception] = re2.error

# RE2 names the construct it does not know, but not what its user meant by it.
MEANINGS = (
    ("invalid perl operator: (?=", "RE2 has no lookahead: match the text itself"),
    ("invalid perl operator: (?!", "RE2 has no lookahead: match the text itself"),
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


class Pattern(Protocol):
    """A compiled pattern of RE2. programsize: its steps; groupindex: its named groups."""

    @property
    def programsize(self) -> int: ...

    @property
    def groupindex(self) -> Mapping[bytes, int]: ...

    def search(self, text: bytes, /) -> object | None:
        """A match somewhere in UTF-8 text, or None."""


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
    """The pattern in multi-line mode. Raises Broken where `fault` finds something."""
    return build("(?m)" + pattern, PATTERN_BYTES)


@lru_cache(maxsize=1024)
def fault(pattern: str, most_steps: int = MAX_STEPS) -> str:
    """What is wrong with a pattern and what to do, one line; "" where nothing is."""
    if not pattern:
        return "the regular expression is empty and would match every line: take it out"
    if len(pattern) > MAX_PATTERN:
        return (
            f"the regular expression is {len(pattern)} characters long, "
            f"more than {MAX_PATTERN}: split it"
        )
    try:
        compiled(pattern)
    except Broken as error:
        return _explained(error.args[0].decode("utf-8", "replace").replace("(?m)", "", 1))
    if (count := steps(pattern)) > most_steps:
        return (
            f"the regular expression takes {count:,} steps, more than {most_steps:,}: "
            "lower its repeat counts"
        )
    return ""


def steps(pattern: str) -> int:
    """How large a pattern in which `fault` finds nothing is once compiled."""
    return compiled(pattern).programsize


def groups(pattern: str) -> frozenset[str]:
    """The names of its groups; none where `fault` finds something."""
    if fault(pattern, MAX_HAZARD_STEPS):
        return frozenset()
    return frozenset(name.decode() for name in compiled(pattern).groupindex)


def search(pattern: str, line: str) -> bool:
    """Whether the pattern matches somewhere in the first 2,000 characters of the line."""
    return compiled(pattern).search(as_bytes(line[:MAX_LINE])) is not None


def first(patterns: tuple[str, ...], line: str) -> str:
    """The first of the patterns that matches the line, "" where none does."""
    text = as_bytes(line[:MAX_LINE])
    either = _either(patterns)
    if either is not None and either.search(text) is None:
        return ""
    return next((each for each in patterns if compiled(each).search(text) is not None), "")


def possible(patterns: tuple[str, ...], lines: str) -> bool:
    """Whether some line may match: False is certain, True asks for a look line by line.

    lines: any number of them joined by line breaks, each cut to 2,000 characters.
    """
    either = _either(patterns)
    if either is None or _see_whole_text(patterns):
        return bool(patterns)
    return either.search(as_bytes(lines)) is not None


def as_bytes(text: str) -> bytes:
    """UTF-8; names that are not UTF-8 come as lone surrogates and are read as `?`."""
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=256)
def _see_whole_text(patterns: tuple[str, ...]) -> bool:
    return any(WHOLE_TEXT.search(each) for each in patterns)


@lru_cache(maxsize=256)
def _either(patterns: tuple[str, ...]) -> Pattern | None:
    """One pattern that matches where any of them does; None where they cannot be joined."""
    # `\Q` without its `\E` would swallow the patterns behind it.
    if not patterns or any("\\Q" in each for each in patterns):
        return None
    try:
        return build("(?m)" + "|".join(f"(?:{each})" for each in patterns), ALTERNATION_BYTES)
    except Broken:  # together too large for the memory they may take
        return None


def _explained(complaint: str) -> str:
    meaning = next((text for start, text in MEANINGS if complaint.startswith(start)), "")
    shown = " ".join(complaint[:100].split())
    return f"{meaning} ({shown})" if meaning else f"not a regular expression: {shown}"
