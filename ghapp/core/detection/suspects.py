"""A line that a hazard's `match` has found -> whether the rest of the rule lets it stand.

The rest may need more of the file than its patch shows; then the answer is None: not known yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ghapp.core.areas import Guard, Hazard
from ghapp.core.matching import regexes
from ghapp.core.matching.blocks import block
from ghapp.core.matching.newside import NewSide
from ghapp.core.model import File

NEAREST_LINES = 15  # above the line, as far as `nearest` is looked for

# Where a migration begins to be taken back, and where it goes forward again.
DOWN = (
    r"(?i)^\s*(?:(?:public\s+|protected\s+|static\s+|async\s+)*function\s+{down}\s*\("
    r"|def\s+(?:self\.)?(?:{down}|{grade})\b|(?:async\s+)?{down}\s*\(|(?:module\.)?exports\.{down}\b"
    r"|export\s+(?:async\s+)?function\s+{down}\b|--\s*\+goose\s+{down}|--\s*migrate:{down}"
    r"|--\s*\+migrate\s+{down}{more})"
)
ROLLBACK = re.compile(DOWN.format(down="down", grade="downgrade", more=r"|--\s*rollback\b"))
FORWARD = re.compile(DOWN.format(down="(?:up|change)", grade="upgrade", more=""))

ACCEPTED = re.compile(
    r"nfr:ignore[ \t]+([A-Z][A-Z0-9]*-\d{1,4}(?:[ \t]*,[ \t]*[A-Z][A-Z0-9]*-\d{1,4})*)[ \t]+(\S.*)"
)
COMMENT_END = re.compile(r"\s*(?:\*/|-->|#\}|%>|\}\})\s*$")


@dataclass(frozen=True, slots=True)
class Suspect:
    """One match of a hazard's `match`.

    number: of the line in the new file, for a removed line where it stood. line: its text.
    start, end: of the match in the line, in characters; 0 for a statement. text: what `unless` on
    the line itself looks at: the line, or its whole statement. table: that the match names, where
    the hazard asks for it.
    """

    hazard: Hazard
    file: File
    number: int
    line: str
    text: str
    start: int = 0
    end: int = 0
    table: str = ""

    @property
    def accepted(self) -> str:
        """The reason that a comment on the line gives for accepting it; "" without one."""
        for found in ACCEPTED.finditer(self.text):
            if self.hazard.id in re.split(r"[ \t]*,[ \t]*", found[1]):
                return COMMENT_END.sub("", found[2]).strip()
        return ""


def stands(suspect: Suspect, side: NewSide) -> bool | None:
    """Whether the finding stands, by what is known of the new file; None: the rest decides."""
    hazard = suspect.hazard
    answers = [
        _unguarded(hazard.unless, suspect, side) if hazard.unless else True,
        _required(hazard.requires, side) if hazard.requires else True,
        _forward(suspect.number, side) if hazard.skip_rollback else True,
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _unguarded(guard: Guard, suspect: Suspect, side: NewSide) -> bool | None:
    if guard.scope == "line":
        return not regexes.anywhere(guard.pattern, suspect.text)
    if guard.scope == "lines":
        known, full = side.around(suspect.number, guard.before, guard.after)
        return _missing(guard.pattern, "\n".join(known), full)
    if guard.scope == "file":
        return _missing(guard.pattern, side.text(), side.whole)
    if guard.scope == "nearest":
        return _nearest(guard, suspect, side)
    if not side.whole:
        return None
    text = block(side.lines, suspect.number, suspect.start, suspect.end, guard.within)
    return not regexes.anywhere(guard.pattern, text)


def _missing(pattern: str, text: str, full: bool) -> bool | None:
    if regexes.anywhere(pattern, text):
        return False
    return True if full else None


def _nearest(guard: Guard, suspect: Suspect, side: NewSide) -> bool | None:
    """By the closest line, at or above, that matches; where there is none, the finding stands."""
    known, full = side.around(suspect.number, NEAREST_LINES, 0)
    for line in reversed(known):
        if regexes.search(guard.within, line):
            return not regexes.search(guard.pattern, line)
    return True if full else None


def _required(pattern: str, side: NewSide) -> bool | None:
    if regexes.anywhere(pattern, side.text()):
        return True
    return False if side.whole else None


def _forward(number: int, side: NewSide) -> bool | None:
    """Whether the line belongs to the way forward: no rollback has begun above it."""
    for above in range(number, 0, -1):
        if above not in side.lines:
            return None
        if ROLLBACK.match(side.lines[above]):
            return False
        if FORWARD.match(side.lines[above]):
            return True
    return True
