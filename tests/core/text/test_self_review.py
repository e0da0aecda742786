"""The self-review of a year as text and as JSON."""

from __future__ import annotations

import json
from datetime import date

from ghapp.core.i18n import Words
from ghapp.core.self_review import GROUPS, SelfReview, numbers
from ghapp.core.text.self_review import YEARLY_FORMATS, Period, Yearly

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31), SelfReview(1, 2, 3, 4, 5, 6, 7, 8))
BEFORE = Period(date(2025, 1, 1), date(2025, 12, 31), SelfReview(9))


def test_every_number_is_in_one_group() -> None:
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted(numbers(SelfReview()))


def test_the_text_has_both_years_beside_each_other() -> None:
    text = YEARLY_FORMATS["text"](Yearly(YEAR, BEFORE, "acme/shop"), Words("en"))
    assert text.startswith(
        "Self-review of 2026-01-01 - 2026-12-31, beside 2025-01-01 - 2025-12-31 (acme/shop)"
    )
    assert "         1          9  areas about which SRE was asked" in text
    assert "         7   not kept  sign-offs kept over a push" in text
    japanese = YEARLY_FORMATS["text"](Yearly(YEAR, BEFORE), Words("ja"))
    assert japanese.startswith("自己点検：2026-01-01 - 2026-12-31（")
    assert "保存期間外" in japanese


def test_the_json_has_null_for_what_is_not_kept() -> None:
    found = json.loads(YEARLY_FORMATS["json"](Yearly(YEAR, BEFORE), Words("en")))
    assert found["year"]["kept"] == 7
    assert found["before"]["kept"] is None
    assert found["before"]["first"] == "2025-01-01"
