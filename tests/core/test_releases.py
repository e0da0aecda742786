"""Release days and freezes: zones, changes of the clock, the end of a year, hostile calendars."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core import releases
from ghapp.core.releases import (
    MOST_BYTES,
    MOST_PARTS,
    MOST_SERIES,
    NOT_INSTALLED,
    Freeze,
    Milestone,
    Release,
    fault,
    frozen,
    midnight,
    release_of,
    turns_at,
    upcoming,
)

TOKYO, CAIRO = ZoneInfo("Asia/Tokyo"), ZoneInfo("Africa/Cairo")
NEW_YORK, HONOLULU = ZoneInfo("America/New_York"), ZoneInfo("Pacific/Honolulu")
ZONES = (UTC, TOKYO, CAIRO, NEW_YORK, HONOLULU, ZoneInfo("Pacific/Apia"))
NEW_YEAR = Freeze("2026-12-29", "2027-01-03", "年末年始")
TODAY = date(2026, 11, 20)


def calendar(*events: str, head: str = "") -> str:
    body = "".join(
        f"BEGIN:VEVENT\r\nUID:{place}\r\nSUMMARY:v{place}\r\n{one}\r\nEND:VEVENT\r\n"
        for place, one in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n{head}{body}END:VCALENDAR\r\n"


def days(text: str, zone: ZoneInfo = TOKYO) -> list[str]:
    found, wrong = upcoming(text, zone, TODAY)
    assert wrong == ""
    return [one.on for one in found]


# --- freezes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "is_frozen"),
    [
        ("2026-12-28T23:59:59+09:00", False),
        ("2026-12-29T00:00:00+09:00", True),
        ("2027-01-03T23:59:59+09:00", True),
        ("2027-01-04T00:00:00+09:00", False),
        ("2026-12-28T15:00:00+00:00", True),  # the same moments by another clock
        ("2027-01-03T15:00:00+00:00", False),
    ],
)
def test_a_freeze_over_new_year_goes_by_the_clock_of_its_zone(now: str, *, is_frozen: bool) -> None:
    at = datetime.fromisoformat(now)
    assert (frozen([NEW_YEAR], at, TOKYO) is NEW_YEAR) is is_frozen


def test_a_freeze_begins_and_ends_at_midnight_of_its_zone() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    begins, ends = datetime(2026, 12, 28, 15, tzinfo=UTC), datetime(2027, 1, 3, 15, tzinfo=UTC)
    assert turns_at([NEW_YEAR], now, TOKYO) == begins
    assert turns_at([NEW_YEAR], begins, TOKYO) == ends
    assert turns_at([NEW_YEAR], ends, TOKYO) is None
    assert turns_at((), now, TOKYO) is None


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        (NEW_YORK, "2026-03-08", "2026-03-08T05:00Z"),  # the clock is changed later that day
        (NEW_YORK, "2026-03-09", "2026-03-09T04:00Z"),
        (NEW_YORK, "2026-11-02", "2026-11-02T05:00Z"),
        (CAIRO, "2026-04-24", "2026-04-23T22:00Z"),  # midnight itself is skipped
        (CAIRO, "2026-10-30", "2026-10-29T22:00Z"),  # the hour before it comes twice
    ],
)
def test_a_day_begins_once_however_the_clock_is_changed(
    zone: ZoneInfo, day: str, begins: str
) -> None:
    at = midnight(date.fromisoformat(day), zone)
    assert at == datetime.fromisoformat(begins)
    assert at.astimezone(zone).date().isoformat() == day
    assert (at - timedelta(seconds=1)).astimezone(zone).date().isoformat() < day


def test_of_several_freezes_the_one_that_ends_last_is_in_force() -> None:
    longer = Freeze("2026-12-20", "2027-01-10")
    at = datetime(2026, 12, 30, tzinfo=UTC)
    assert frozen([longer, NEW_YEAR], at, UTC) is longer
    assert frozen([NEW_YEAR, longer], at, UTC) is longer
    assert (str(longer), str(NEW_YEAR)) == (
        "2026-12-20..2027-01-10",
        "2026-12-29..2027-01-03 年末年始",
    )


FIRST = st.dates(date(2026, 1, 1), date(2027, 12, 31))
LENGTH = st.integers(0, 20)
MOMENTS = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 -- in UTC, as the test adds
    datetime(2027, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
PERIODS = st.lists(st.tuples(FIRST, LENGTH), max_size=4)


@given(PERIODS, MOMENTS, st.sampled_from(ZONES))
def test_nothing_changes_until_the_next_turn(
    periods: list[tuple[date, int]], now: datetime, zone: ZoneInfo
) -> None:
    freezes = [
        Freeze(day.isoformat(), (day + timedelta(days=length)).isoformat())
        for day, length in periods
    ]
    turn = turns_at(freezes, now, zone)
    until = turn or now + timedelta(days=1_000)
    assert until > now
    before = frozen(freezes, now, zone) is None
    last_moment = until - timedelta(microseconds=1)
    assert (frozen(freezes, last_moment, zone) is None) is before
    assert (frozen(freezes, now + (until - now) / 2, zone) is None) is before
    if turn is None:
        assert before


# --- milestones and the next release --------------------------------------------------------------


@pytest.mark.parametrize("due_on", ["2026-11-26T08:00:00Z", "2026-07-02T07:00:00Z"])
def test_a_milestone_is_due_on_the_day_that_people_chose(due_on: str) -> None:
    found = Milestone("v5.12", datetime.fromisoformat(due_on)).release
    assert found == Release(due_on[:10], "v5.12")


def test_a_milestone_that_is_closed_or_has_no_day_is_no_release() -> None:
    due = datetime(2026, 11, 26, 8, tzinfo=UTC)
    assert Milestone("v1", due, is_open=False).release is None
    assert Milestone("v1").release is None
    named = Milestone("v1\n\u202e" + "x" * 100, due).release
    assert named
    assert (len(named.name), "\n" in named.name, "\u202e" in named.name) == (60, False, False)


BOTH = ("milestone", "calendar")
MILESTONE = Milestone("v2", datetime(2026, 12, 10, 8, tzinfo=UTC))
WEEKLY = (Release("2026-12-03", "w1"), Release("2026-12-17", "w2"))


@pytest.mark.parametrize(
    ("sources", "milestone", "now", "expected"),
    [
        (BOTH, MILESTONE, "2026-12-01T00:00Z", "v2"),
        (("calendar", "milestone"), MILESTONE, "2026-12-01T00:00Z", "w1"),
        (("milestone",), None, "2026-12-01T00:00Z", None),
        (("calendar",), MILESTONE, "2026-12-04T00:00Z", "w2"),
        (BOTH, None, "2026-12-01T00:00Z", "w1"),
        (BOTH, MILESTONE, "2026-12-10T14:59Z", "v2"),
        (BOTH, MILESTONE, "2026-12-10T15:00Z", "w2"),  # the day is over in Tokyo
        (BOTH, MILESTONE, "2027-01-01T00:00Z", None),
        ((), MILESTONE, "2026-12-01T00:00Z", None),
    ],
)
def test_the_next_release_is_that_of_the_first_source_that_has_one(
    sources: tuple[str, ...], milestone: Milestone | None, now: str, expected: str | None
) -> None:
    found = release_of(sources, milestone, WEEKLY, datetime.fromisoformat(now), TOKYO)
    assert (found.name if found else None) == expected


# --- calendars ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:20261126", ["2026-11-26"]),
        ("DTSTART:20261126T145959Z", ["2026-11-26"]),
        ("DTSTART:20261126T150000Z", ["2026-11-27"]),
        ("DTSTART:20261126T235900", ["2026-11-26"]),
        ("DTSTART;TZID=America/New_York:20261126T110000", ["2026-11-27"]),
        ("DTSTART;TZID=../../etc/passwd:20261126T110000", ["2026-11-26"]),
        ("DTSTART;VALUE=DATE:20261119", []),  # over
        ("DTSTART;VALUE=DATE:20261119\r\nDTEND;VALUE=DATE:20261201", []),  # it began before
        ("DTSTART;VALUE=DATE:20261120", ["2026-11-20"]),
        ("DTSTART;VALUE=DATE:20271226", []),  # too far ahead
        ("DTSTART;VALUE=DATE:20261126\r\nSTATUS:cancelled", []),
        (
            "DTSTART;VALUE=DATE:20261105\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20261220",
            ["2026-12-03", "2026-12-17"],
        ),
        (
            "DTSTART;VALUE=DATE:20261105\r\nRRULE:FREQ=MONTHLY;BYDAY=2TH;COUNT=4\r\n"
            "EXDATE;VALUE=DATE:20261210",
            ["2027-01-14", "2027-02-11"],
        ),
        # By the clock of New York: over its change in March the same hour there.
        (
            "DTSTART;TZID=America/New_York:20270309T093000\r\nRRULE:FREQ=WEEKLY;COUNT=2",
            ["2027-03-09", "2027-03-16"],
        ),
    ],
)
def test_the_days_of_a_calendar(event: str, expected: list[str]) -> None:
    assert days(calendar(event)) == expected


def test_a_calendar_names_its_releases_in_order() -> None:
    text = calendar(
        "DTSTART;VALUE=DATE:20261210", "DTSTART;VALUE=DATE:20261126", head="X-WR-TIMEZONE:UTC\r\n"
    )
    found = (Release("2026-11-26", "v1"), Release("2026-12-10", "v0"))
    assert upcoming(text, TOKYO, TODAY) == (found, "")
    assert upcoming("\ufeff" + text.replace("\r\n", "\n"), TOKYO, TODAY) == (found, "")
    assert fault(text) == ""


def test_an_exception_to_a_series_moves_its_release() -> None:
    moved = calendar("DTSTART;VALUE=DATE:20261126\r\nRRULE:FREQ=WEEKLY;COUNT=2").replace(
        "END:VCALENDAR",
        "BEGIN:VEVENT\r\nUID:0\r\nRECURRENCE-ID;VALUE=DATE:20261203\r\n"
        "DTSTART;VALUE=DATE:20261204\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    assert days(moved) == ["2026-11-26", "2026-12-04"]


START = "DTSTART;VALUE=DATE:20261105\r\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a calendar"),
        ("BEGIN:VCALENDAR\n", "not a calendar"),
        ("<html>\nEND:VCALENDAR\n", "not a calendar"),
        (calendar() + "x" * MOST_BYTES, "more than 262,144 bytes"),
        (calendar("SUMMARY:" + "あ" * (MOST_BYTES // 2)), "more than 262,144 bytes"),
        (calendar(*[START] * MOST_PARTS), "more than 2,000 entries"),
        (calendar(*[f"{START}RRULE:FREQ=YEARLY"] * (MOST_SERIES + 1)), "11 events repeat"),
        (calendar("DTSTART:00010101T000000"), "before 2000"),
        (calendar("DTSTART:garbage"), "before 2000"),
        (calendar("DTSTART;VALUE=DATE:20260230"), "cannot be read"),
        (calendar("SUMMARY:no day"), "cannot be read"),
        (calendar("DTSTART:20261126T000000\r\nDURATION:P9999999D"), "cannot be read"),
        (calendar(head="BEGIN:X\r\n" * 1_500), "cannot be read"),
    ],
)
def test_what_is_no_calendar_or_too_much_is_named(text: str, why: str) -> None:
    found, wrong = upcoming(text, TOKYO, TODAY)
    assert found == ()
    assert why in wrong


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=SECONDLY",
        "rrule:freq=hourly",
        "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;INTERVAL=1;INTERVAL=0",
        "RRULE:FREQ=DAILY;INTERVAL=-1",
        "RRULE:FREQ=DAILY\r\n ;INTERVAL=0",
        "RRULE:FREQ=DAILY\n\n  ;INTERVAL=0",
        "RR\r\n\tULE:FREQ=SECONDLY",
        f"RRULE;X={'y' * 500}:FREQ=SECONDLY",
        'RRULE;X="a:b":FREQ=SECONDLY',
        "EXRULE:FREQ=MINUTELY",
        "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=YEARLY;BYYEARDAY=400",
        "RRULE:FREQ=YEARLY;BYSECOND=1,2,3",
        "RRULE:COUNT=3",
        "RRULE:",
    ],
)
def test_a_rule_that_may_never_end_is_refused(rule: str) -> None:
    found, wrong = upcoming(calendar(START + rule), TOKYO, TODAY)
    assert (found, "is not read: repeat by day, week, month or year" in wrong) == ((), True)


def test_zones_that_a_file_defines_are_not_computed() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Foo\r\nBEGIN:STANDARD\r\nDTSTART:19000101T000000\r\n"
        "RRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+0900\r\nTZOFFSETTO:+0900\r\nEND:STANDARD\r\n"
        "END:VTIMEZONE\r\n"
    )
    assert days(calendar("DTSTART;TZID=Foo:20261126T100000", head=zone)) == ["2026-11-26"]


@pytest.mark.parametrize(
    "event",
    [
        "RRULE:FREQ=MONTHLY;BYDAY=6MO",  # never
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",  # never
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=999999999",
        "RRULE:FREQ=DAILY;COUNT=999999999",
        "DTEND;VALUE=DATE:29991231",
        "DURATION:P99999D",
    ],
)
def test_series_that_have_no_day_or_many_come_to_an_end(event: str) -> None:
    found, wrong = upcoming(calendar(f"DTSTART;VALUE=DATE:20000101\r\n{event}"), TOKYO, TODAY)
    assert len(found) == (releases.MOST_RELEASES if "DAILY" in event else 0)
    assert wrong == ""


@given(st.text(alphabet="\r\n \tRULE:;=x", max_size=60))
def test_no_line_stays_folded(text: str) -> None:
    read = releases._read(text)
    assert releases._FOLD.search(read) is None


def test_without_the_extra_a_calendar_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    text = calendar("DTSTART;VALUE=DATE:20261126", head="X-NAME:not read before\r\n")
    assert upcoming(text, TOKYO, TODAY) == ((), NOT_INSTALLED)
    assert "`uv pip install '.[calendar]'`" in NOT_INSTALLED
