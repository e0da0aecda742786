"""What other files of a pull say about a suspicious line: a new table, or one that only moved."""

from __future__ import annotations

import re
from functools import cached_property

from ghapp.core.detection.look import Seen
from ghapp.core.detection.suspects import Suspect
from ghapp.core.matching.regexes import as_bytes

NEW_TABLE = (
    r"(?i)(?:\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?[\"`]?{table}\b"
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
        return bool(suspect.table) and self._makes(suspect.table)

    def _makes(self, table: str) -> bool:
        if table not in self._made:
            new = re.compile(as_bytes(NEW_TABLE.format(table=re.escape(table))))
            self._made[table] = any(new.search(one.change.added) for one in self._seen)
        return self._made[table]

    @cached_property
    def _added(self) -> frozenset[str]:
        texts = (one.change.added.decode() for one in self._seen)
        return frozenset(line.strip() for text in texts for line in text.split("\n"))
