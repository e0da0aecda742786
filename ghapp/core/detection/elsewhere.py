"""What other files of a pull say about a suspicious line: a new table, or one that only moved."""

from __future__ import annotations

import re
from functools import cached_property

from ghapp.core.detection.look import Seen
from ghapp.core.detection.suspects import Suspect
from ghapp.core.matching.regexes import PATTERN_BYTES, build

NEW_TABLE = (
    r"(?i)(?:\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?(?:[\"`]?\w+[\"`]?\.)?[\"`]?{table}\b"
    r"|\bcreate_table\s*\(?\s*[:\"']{table}\b|\bSchema::create\s*\(\s*[\"']{table}\b"
    r"|->createTable\s*\(\s*[\"']{table}\b|\bcreateTable\s*\(\s*[\"']{table}\b)"
)


class Elsewhere:
    """All added lines of a pull, gone through only for the suspects that ask for it."""

    def __init__(self, seen: tuple[Seen, ...]) -> None:
        self._seen = seen
        self._made: dict[str, bool] = {}

    def clears(self, suspect: Suspect) -> bool:
        """Whether the suspect is none, seen beside the rest of the pull."""
        if suspect.hazard.removed:
            return suspect.line.strip() in self._added
        # A schema in front may be written at one place and left out at the other.
        return bool(suspect.table) and self._makes(suspect.table.rpartition(".")[2])

    def _makes(self, table: str) -> bool:
        if table not in self._made:
            new = build(NEW_TABLE.format(table=re.escape(table)), PATTERN_BYTES)
            self._made[table] = new.search(self._text) is not None
        return self._made[table]

    @cached_property
    def _text(self) -> bytes:
        return b"\n".join([one.change.added for one in self._seen])

    @cached_property
    def _added(self) -> frozenset[str]:
        return frozenset(line.strip() for line in self._text.decode().split("\n"))
