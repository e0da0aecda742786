"""The report of what would have blocked whom."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ghapp.core.i18n import Words
from ghapp.core.markdown import MOST_TEXT
from ghapp.core.records import Trial, TrialArea, Tried
from ghapp.core.text.report import BUSIEST, FORMATS, Report, as_json, as_markdown, as_text
from tests.core.build import HEAD, at
from tests.core.text.scenes import same_as_snapshot

NOW = at(60 * 24 * 3 + 250)
URL = "https://github.com/acme/{}/pull/{}"


def pull(number: int, *areas: TrialArea, name: str = "shop", **changes: object) -> Tried:
    url = URL.format(name, number)
    values = {"since": at(0), "title": f"feat: {number}", "url": url, "author": "ann"}
    trial = Trial(head_sha=HEAD, areas=areas, **values | changes)  # type: ignore[arg-type]
    return Tried(f"acme/{name}", number, trial)


DB = TrialArea("database-migration", "observe", ("dbm-rollback", "dbm-lock"), ("DBM-001",))
WEB = TrialArea("http-api", "advise")
ROWS = (
    pull(1, DB, until=at(90), ended="merged", author="robot[bot]"),
    pull(2, DB, WEB),
    pull(3, WEB, until=at(30), ended="signed_off", name="api", title="Bob @ann | `x` <b>\n"),
    pull(4, TrialArea("", "advise"), since=at(100)),
    pull(5, DB, until=at(20), ended="merged", seconds=7200.0),
)
REPORT = Report(ROWS, 14, NOW)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("format", ["text", "markdown"])
def test_reads_as_recorded(format: str, language: str) -> None:
    text = FORMATS[format](REPORT, Words(language))
    assert same_as_snapshot(f"report_{format}", language, f"{text}\n")


def test_those_that_wait_come_first_and_the_longest_of_each() -> None:
    assert [one.number for one in REPORT.rows] == [2, 4, 5, 1, 3]


def test_counts_by_area_and_repository() -> None:
    assert {name: dict(found) for name, found in REPORT.areas.items()} == {
        "database-migration": {"count": 3, "merged": 2, "waiting": 1},
        "http-api": {"count": 2, "waiting": 1, "signed_off": 1},
        "": {"count": 1, "waiting": 1},
    }
    assert {name: found["count"] for name, found in REPORT.repositories.items()} == {
        "acme/shop": 4, "acme/api": 1,
    }  # fmt: skip


def test_markdown_mentions_nobody_and_its_cells_hold() -> None:
    text = as_markdown(REPORT, Words("en"))
    assert "@" not in text.replace("&#64;", "")
    rows = [line for line in text.splitlines() if "/pull/" in line]
    assert len(rows) == len(ROWS)
    (odd,) = [line for line in rows if "Bob" in line]
    assert "<b>" not in odd
    assert len([part for part in odd.replace("\\|", "").split("|") if part]) == 6


def test_an_address_that_is_not_safe_is_no_link() -> None:
    odd = Report((pull(1, DB, url="javascript:x"),), 14, NOW)
    assert "javascript" not in as_markdown(odd, Words("en"))


@pytest.mark.parametrize("format", ["text", "markdown"])
def test_an_empty_report_says_what_it_would_list(format: str) -> None:
    text = FORMATS[format](Report((), 7, NOW, "acme/shop"), Words("en"))
    assert "No pull request would have been blocked in the last 7 days in acme/shop." in text
    assert "in the mode observe or advise" in text


def test_one_repository_is_not_counted_by_repository() -> None:
    one = Report(ROWS[:2], 14, NOW)
    assert "repository" not in as_text(one, Words("en"))
    assert "| repository |" not in as_markdown(one, Words("en"))


def test_json_for_programs() -> None:
    found = json.loads(as_json(REPORT, Words("en")))
    assert (found["version"], found["days"], found["repository"]) == (1, 14, None)
    first, *_, last = found["pulls"]
    assert first == {
        "repository": "acme/shop",
        "number": 2,
        "url": URL.format("shop", 2),
        "title": "feat: 2",
        "author": "ann",
        "head_sha": HEAD,
        "areas": [
            {"id": "database-migration", "mode": "observe",
             "musts": ["dbm-rollback", "dbm-lock"], "hazards": ["DBM-001"]},
            {"id": "http-api", "mode": "advise", "musts": [], "hazards": []},
        ],
        "since": at(0).isoformat(),
        "until": None,
        "outcome": "waiting",
        "blocked_seconds": (NOW - at(0)).total_seconds(),
    }  # fmt: skip
    assert (last["outcome"], last["until"]) == ("signed_off", at(30).isoformat())
    assert found["areas"][0] == {
        "id": "database-migration", "count": 3, "waiting": 1, "merged": 2, "waived": 0,
        "signed_off": 0, "enforced": 0, "cleared": 0, "closed": 0,
    }  # fmt: skip
    one = json.loads(as_json(replace(REPORT, repository="acme/shop"), Words("ja")))
    assert one["repository"] == "acme/shop"


def test_a_long_report_fits_into_an_issue_and_says_what_is_missing() -> None:
    rows = tuple(pull(number, DB, WEB, name=f"shop-{number % 40}") for number in range(600))
    text = as_markdown(Report(rows, 14, NOW), Words("en"))
    assert len(text) <= MOST_TEXT
    assert text.endswith("`ghapp report --format json` lists all.")
    assert text.count("| `acme/shop-") == BUSIEST
    assert len(json.loads(as_json(Report(rows, 14, NOW), Words("en")))["repositories"]) == 40
