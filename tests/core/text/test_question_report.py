"""The report of questions with a proposal, and of merges without sign-off."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ghapp.core.i18n import Words
from ghapp.core.insights import Question
from ghapp.core.text.question_report import QUESTION_FORMATS, Merged, QuestionReport

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
URL = "https://github.com/acme/shop/pull/7"
LOCK = Question("db", "dbm-lock", 40, answered=2, not_applicable=38, in_bulk=30)
OWN = Question("ranking", "rank-p99", 20, answered=20, worded=20, same=True)
MERGED = Merged("acme/shop", 7, "Bob @ann | <b>\n", ("db", "api"), NOON, URL)
REPORT = QuestionReport((LOCK, OWN), (MERGED,), 3, 12, {"dbm-lock": "checklists/db.yml:9"})
NOTHING = QuestionReport((), (), 0, 4, {}, "acme/shop")


def test_text_names_each_proposal_with_its_numbers_and_the_line_of_the_pack() -> None:
    assert QUESTION_FORMATS["text"](REPORT, Words("en")).splitlines() == [
        "Questions with a proposal in the last 12 weeks: 2",
        "dbm-lock  checklists/db.yml:9",
        "    Retire? Of 40 answers 95 % are n.a., and no finding raised it in 40 askings.",
        "    Reword? Of 40 answers 75 % were given in bulk, at least 3 by one person within 10 s.",
        "rank-p99",
        "    Automate? All 20 answers have the same words: a hazard could check this.",
        "",
        "Merged without sign-off in the last 12 weeks: 3",
        "acme/shop#7  2026-04-01  Bob @ann | <b>",
        "    db, api",
    ]


def test_markdown_mentions_nobody() -> None:
    text = QUESTION_FORMATS["markdown"](REPORT, Words("en"))
    assert "- `dbm-lock` Of 40 answers 95 % are n.a." in text
    assert "`checklists/db.yml:9`" in text
    assert f"[acme/shop#7]({URL})" in text
    assert "@" not in text.replace("&#64;", "") and "<b>" not in text


@pytest.mark.parametrize("format", ["text", "markdown"])
def test_an_empty_report_says_what_it_would_list(format: str) -> None:
    text = QUESTION_FORMATS[format](NOTHING, Words("en"))
    assert "Questions with a proposal in the last 4 weeks in acme/shop: 0" in text
    assert "A question needs 20 askings for a proposal." in text
    assert "提案のある質問：0 件" in QUESTION_FORMATS[format](NOTHING, Words("ja"))


def test_json_for_programs() -> None:
    found = json.loads(QUESTION_FORMATS["json"](REPORT, Words("en")))
    assert (found["version"], found["weeks"], found["repository"]) == (1, 12, None)
    first, second = found["questions"]
    assert first["proposals"] == ["retire", "reword"]
    assert len(first["texts"]) == 2
    assert (first["asked"], first["not_applicable"], first["defined"]) == (
        *(40, 38),
        "checklists/db.yml:9",
    )
    assert (second["defined"], second["median_minutes"]) == ("", None)
    assert found["merged"][0]["areas"] == ["db", "api"]
    assert found["merged_count"] == 3
