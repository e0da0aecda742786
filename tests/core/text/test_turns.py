"""Why a review waits, its release and its freeze, in short."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.areas import Text
from ghapp.core.i18n import Words
from ghapp.core.ledger import Verb
from ghapp.core.records import Asked, FlaggedArea, Hours, Note, Overview
from ghapp.core.releases import Freeze, Release
from ghapp.core.text.turns import age, longest, next_release, release_named, waited, why

EN, JA = Words("en"), Words("ja")
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
HOURS = Hours(("mon", "tue", "wed", "thu", "fri"), "09:00-18:00")
NEW_YEAR = Freeze("2026-12-29", "2027-01-03", "New Year")


def area(state: str = "waiting", **changes: object) -> FlaggedArea:
    asked = (Asked("db-rollback", "must", Text("Is there a way back?", "戻せますか？")),)
    values: dict[str, object] = {"reviewers": ("team dba",), "items": asked}
    why_flagged = Text("db/1.sql", "db/1.sql")
    title = Text("Database", "データベース")
    return FlaggedArea("db", title, "enforce", state, why_flagged, **(values | changes))  # type: ignore[arg-type]


def shown(*areas: FlaggedArea, **changes: object) -> Overview:
    return Overview("t", "ann", is_draft=False, hours=HOURS, areas=areas, **changes)  # type: ignore[arg-type]


HOLD = Note(Verb.HOLD, "suzuki", NOON, "load test first")


@pytest.mark.parametrize(
    ("turn", "overview", "expected"),
    [
        ("hold", shown(area(), holds=(HOLD,)), "held by suzuki: “load test first”."),
        ("hold", shown(area(), holds=(Note(Verb.HOLD, "sam", NOON),)), "held by sam."),
        (
            "hold",
            shown(area(), holds=(HOLD,), freeze=NEW_YEAR),
            "held by suzuki: “load test first”.",
        ),
        (
            "hold",
            shown(area("signed_off"), freeze=NEW_YEAR),
            "signed off; release freeze (New Year, until 3 January 2027).",
        ),
        ("author", shown(area()), "must questions still open: 1 (db-rollback)"),
        ("author", shown(area(items=())), ""),
        ("reviewers", shown(area()), "db: team dba can sign off."),
        (
            "reviewers",
            shown(area("stale", reviewers=())),
            "db: the sign-off went stale; a maintainer of this repository can sign off.",
        ),
        ("admin", shown(area()), ""),
    ],
)
def test_it_says_why_a_review_waits(turn: str, overview: Overview, expected: str) -> None:
    assert why(turn, overview, EN) == expected


def test_a_release_is_named_in_short_in_both_languages() -> None:
    release = Release("2026-11-26", "v5.12\n\u202e")
    assert (release_named(release, EN), release_named(release, JA)) == (
        "26 Nov (v5.12)",
        "11/26（v5.12）",
    )
    assert (release_named(Release("2027-01-04"), EN), release_named(None, EN)) == ("4 Jan", "")
    assert next_release(release, 3, 1, EN) == "Release 26 Nov (v5.12): 3 flagged, 1 not signed"
    assert next_release(release, 3, 1, JA) == ("リリース 11/26（v5.12）：対象 3 件、未承認 1 件")


@pytest.mark.parametrize(
    ("hours", "expected"), [(1, "1 h 0 min"), (0, "0 min"), (24, "1 d 0 h"), (27, "1 d 3 h")]
)
def test_ages_are_in_working_time(hours: int, expected: str) -> None:
    now = NOON + timedelta(hours=hours)
    found = {age(waited(NOON, now, one, UTC), EN) for one in (HOURS, None)}
    assert found == {expected}


def test_the_longest_wait_is_measured_by_the_hours_of_each() -> None:
    now = NOON + timedelta(hours=30)
    short_days = replace(HOURS, hours="12:00-13:00")
    waits = [(NOON, short_days), (now - timedelta(minutes=90), HOURS)]
    assert longest(waits, now, UTC, EN) == "2 d 0 h"
    assert longest(waits[1:], now, UTC, EN) == "1 h 30 min"
    assert longest((), now, UTC, EN) == ""
