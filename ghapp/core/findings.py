"""What a hazard rule found in a diff. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One hazard on one line of the diff.

    severity: must | should | could. item, area: the checklist item it answers to and that item's
    area. line: in the new file, or in the old one where the hazard lies in a removed line.
    """

    hazard: str
    severity: str
    item: str
    area: str
    path: str
    line: int
    message: str
