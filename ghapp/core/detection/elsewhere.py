"""What other lines of a pull say about a suspicious one: its table is new, or it only moved."""

from __future__ import annotations

import re
from collections import Counter

from ghapp.core.areas import Hazard
from ghapp.core.detection.rulebook import Rulebook
from ghapp.core.detection.search import Read, readers
from ghapp.core.detection.suspects import Suspect
from ghapp.core.matching.regexes import PATTERN_BYTES, build, compiled

NEW_TABLE = (
    r"(?i)(?:\bcreate\s+(?:(?:unlogged\s+)?table|materialized\s+view)\s+(?:if\s+not\s+exists\s+)?"
    r"(?:[\"`]?\w+[\"`]?\.)?[\"`]?{table}\b"
    r"|\bCreateModel\s*\(\s*(?:name\s*=\s*)?[\"']{table}\b"
    r"|<createTable\b[^>]*\btableName\s*=\s*[\"']{table}\b"
    r"|\bcreate_table\s*\(?\s*[:\"']{table}\b|\bSchema::create\s*\(\s*[\"']{table}\b"
    r"|->createTable\s*\(\s*[\"']{table}\b|\bcreateTable\s*\(\s*[\"']{table}\b)"
)
# Whether there is any: to make the pattern above for a table takes longer than to look.
ANY_NEW_TABLE = (
    r"(?i)create\s+(?:unlogged\s+)?table\s|create\s+materialized|create_?table|Schema::create"
    r"|CreateModel"
)
COMMENT = (b"--", b"#", b"//", b"/*", b"*")


class Elsewhere:
    """The added lines that a hazard reads; gone through only for the suspects that ask for it."""

    def __init__(self, book: Rulebook, read: tuple[Read, ...]) -> None:
        self._book = book
        self._read = read
        self._texts: dict[str, bytes] = {}
        self._made: dict[tuple[str, str], bool] = {}
        self._moved: dict[str, Counter[str]] = {}

    def clears(self, suspect: Suspect) -> bool:
        """Whether the suspect is none, seen beside the rest of the pull.

        To be asked once for each: an added line makes up for one removed line, not for two.
        """
        hazard = suspect.hazard
        if hazard.removed:
            lines = self._moved.setdefault(hazard.id, self._added(hazard))
            line = suspect.line.strip()
            lines[line] -= 1
            return lines[line] >= 0
        return hazard.skip_new_table and self._makes(hazard, suspect.table)

    def _makes(self, hazard: Hazard, table: str) -> bool:
        # A schema in front may be written at one place and left out at the other.
        name = table.rpartition(".")[2]
        if not name:
            return False
        key = hazard.id, name
        if key not in self._made:
            self._made[key] = _makes(self._text(hazard), name)
        return self._made[key]

    def _added(self, hazard: Hazard) -> Counter[str]:
        lines = self._text(hazard).decode("utf-8", "replace").split("\n")
        return Counter(line.strip() for line in lines)

    def _text(self, hazard: Hazard) -> bytes:
        """All added lines that the hazard reads, without comments."""
        if hazard.id not in self._texts:
            seen = readers(self._book, hazard, self._read)
            lines = (line for one in seen for line in one.change.added.split(b"\n"))
            kept = [line for line in lines if not line.lstrip().startswith(COMMENT)]
            self._texts[hazard.id] = b"\n".join(kept)
        return self._texts[hazard.id]


def _makes(text: bytes, table: str) -> bool:
    if compiled(ANY_NEW_TABLE).search(text) is None:
        return False
    new = build(NEW_TABLE.format(table=re.escape(table)), PATTERN_BYTES)
    return new.search(text) is not None
