"""A line that a hazard's `match` has found -> whether the rest of the rule lets it stand.

The rest may need more of the file than its patch shows; then the answer is None: not known yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ghapp.core.areas import Guard, Hazard
from ghapp.core.markdown import seen
from ghapp.core.model import File
from ghapp.core.patterns import regexes
from ghapp.core.scan.blocks import block
from ghapp.core.scan.new_file import NewSide

NEAREST_LINES = 15  # above the line, as far as `nearest` is looked for

ASKING = "nfr:ignore"
ACCEPTED = re.compile(
    r"[ \t]+([A-Z][A-Z0-9]*-\d{1,4}(?:[ \t]*,[ \t]*[A-Z][A-Z0-9]*-\d{1,4})*)[ \t]+(\S.*)"
)
COMMENT_ENDS = ("*/", "-->", "#}", "%>", "}}")


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
        for said in self.line.split(ASKING)[1:]:
            found = ACCEPTED.match(said)
            if found and self.hazard.id in re.split(r"[ \t]*,[ \t]*", found[1]):
                return _reason(found[2])
        return ""


def _reason(words: str) -> str:
    """The words without the end of their comment; "" where there is nothing to see."""
    words = words.rstrip()
    for end in COMMENT_ENDS:
        words = words.removesuffix(end)
    return seen(words).strip()


def stands(suspect: Suspect, side: NewSide) -> bool | None:
    """Whether the finding stands, by what is known of the new file; None: the rest decides."""
    hazard = suspect.hazard
    answers = [
        _unguarded(hazard.unless, suspect, side) if hazard.unless else True,
        _required(hazard.requires, side) if hazard.requires else True,
        side.forward(suspect.number) if hazard.skip_rollback else True,
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
        return False if side.matches(guard.pattern) else (True if side.whole else None)
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
    if side.matches(pattern):
        return True
    return False if side.whole else None
