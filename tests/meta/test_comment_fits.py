"""The comment on a pull that touches one built-in area fits on one screen, in both languages."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest

from ghapp import builtin_packs
from ghapp.core.areas import Area, Finding
from ghapp.core.decide import decide
from tests.core.build import asked, facts, flagged, history, policy

MOST_LINES, COLUMNS = 45, 100


def height(body: str) -> int:
    """Lines on the screen, empty ones too, before anything is unfolded."""
    unfolded = re.sub(r"</summary>.*?</details>", "", body, flags=re.DOTALL)
    widths = (
        sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)
        for line in unfolded.splitlines()
    )
    return sum(1 + max(width - 1, 0) // COLUMNS for width in widths)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("one", builtin_packs.builtin(), ids=lambda one: one.id)
def test_one_area_with_all_its_findings_fits_on_a_screen(one: Area, language: str) -> None:
    found = (
        Finding(hazard.id, hazard.severity, hazard.item, one.id, "db/1.sql", 1, hazard.message)
        for hazard in one.hazards
    )
    asked_first = frozenset([item.id for item in one.items][:12])
    seen = replace(asked(flagged(one, "f1", *found)), shown=asked_first)
    rules = policy(one, language=language)
    assert height(decide(facts(rules), history(), seen, (), ()).marks.comment) <= MOST_LINES
