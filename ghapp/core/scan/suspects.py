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
from ghapp.core.scan.new_file import NewSide

NEAREST_LINES = 15  # above the line, as far as `nearest` is searched for

ASKING = "nfr:ignore"
ACCEPTED = re.compile(
    r"[ \t]+([A-Z][A-Z0-9]*-\d{1,4}(?:[ \t]*,[ \t]*[A-Z][A-Z0-9]*-\d{1,4})*)[ \t]+(\S.*)"
)
COMMENT_ENDS = ("*/", "-->", "#}", "%>", "}}")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A place where a hazard's `match` matches.

    number: of the line in the new file, for a removed line where it was. line: its text.
    end: of the match in the line, in characters; 0 for a statement. text: the line, or its whole
    statement, in which `unless` with the scope `line` is searched. table: that the match is about;
    "" if the hazard needs no table.
    """

    hazard: Hazard
    file: File
    number: int
    line: str
    text: str
    end: int = 0
    table: str = ""

    @property
    def accepted(self) -> str:
        """The reason that a comment on the line gives for accepting it; "" without one."""
        for asked in self.line.split(ASKING)[1:]:
            found = ACCEPTED.match(asked)
            if found and self.hazard.id in re.split(r"[ \t]*,[ \t]*", found[1]):
                reason = found[2].rstrip()
                for end in COMMENT_ENDS:
                    reason = reason.removesuffix(end)
                return seen(reason).strip()
        return ""


def stands(suspect: Suspect, side: NewSide) -> bool | None:
    """Whether the finding stands, given this much of the new file; None if the rest decides."""
    hazard, answers = suspect.hazard, list[bool | None]()
    if hazard.unless:
        answers.append(_unguarded(hazard.unless, suspect, side))
    if hazard.unless_in_block:
        answers.append(_unguarded(Guard(hazard.unless_in_block, "block"), suspect, side))
    if hazard.requires and not side.matches(hazard.requires):
        answers.append(False if side.whole else None)
    if hazard.skip_rollback:
        answers.append(side.forward(suspect.number))
    if False in answers:
        return False
    return None if None in answers else True


def _unguarded(guard: Guard, suspect: Suspect, side: NewSide) -> bool | None:
    """Whether `unless` matches nowhere in its scope."""
    match guard.scope:
        case "line":
            return not regexes.anywhere(guard.pattern, suspect.text)
        case "lines":
            near, full = side.around(suspect.number, guard.before, guard.after)
            found = regexes.anywhere(guard.pattern, "\n".join(near))
            return False if found else (True if full else None)
        case "file":
            return False if side.matches(guard.pattern) else (True if side.whole else None)
        case "nearest":  # if no line at or above matches, the finding stands
            near, full = side.around(suspect.number, NEAREST_LINES, 0)
            for line in reversed(near):
                if regexes.search(guard.within, line):
                    return not regexes.search(guard.pattern, line)
            return True if full else None
        case _:
            if not side.whole:
                return None
            place = suspect.number - 1
            return not side.blocks.matching(guard.pattern, place, suspect.end, guard.within)
