"""What a hazard rule found in a diff. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from ghapp.core.areas import Text


@dataclass(frozen=True, slots=True)
class Finding:
    """One hazard on one line of the diff.

    severity: must | should | could. item, area: the checklist item it answers to and that item's
    area. line: in the new file; for a removed line the one that now stands in its place, and 0
    where the whole file is gone. source: the line itself, without indentation, cut.
    accepted: the reason that `nfr:ignore` on the line gives, "" without one.
    fix: the one right replacement, as code; "" where there is none.
    unsure: the rest of the file decides, and could not be read. unheard: the line asks to accept
    something, but not this finding, or without a reason.
    """

    hazard: str
    severity: str
    item: str
    area: str
    path: str
    line: int
    message: Text
    source: str = ""
    accepted: str = ""
    unsure: bool = False
    unheard: bool = False
    fix: str = ""
