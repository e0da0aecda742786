"""Release days and freezes: what milestones, a team's calendar and a policy say of days.

A day is written as "2026-11-26", and begins at midnight by the clock of the policy's zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ghapp.core.markdown import visible

# What is read of a calendar, however many events somebody puts into it.
MOST_BYTES = 256 << 10
MOST_PARTS, MOST_SERIES, MOST_RELEASES = 2_000, 10, 200
MOST_NAME = 60
AHEAD = timedelta(days=400)
FIRST_YEAR, LAST_YEAR = 2000, 2999

# GitHub stores the day that people choose as midnight in its own zone.
# Source: https://github.com/microsoft/PowerShellForGitHub/pull/133
GITHUBS_ZONE = ZoneInfo("America/Los_Angeles")

NOT_INSTALLED = (
    "calendars are not read, because the extra `calendar` is not installed: run "
    "`uv pip install '.[calendar]'` in ghapp's folder, or start it with `--extra calendar`"
)
# As the libraries read it: what is left after this holds no folded line.
_FOLD = re.compile(r"(?:\r?\n)+[ \t]([ \t]*)")
_ZONES = re.compile(r"(?ims)^BEGIN:VTIMEZONE\r?$.*?^END:VTIMEZONE\r?\n")
_PART = re.compile(r"^BEGIN:", re.MULTILINE | re.IGNORECASE)
_RULE = re.compile(r"^(?:RRULE|EXRULE)[^:\n]*:([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
# By how often a series repeats, what else its rule may say. With other parts, or with an interval
# of 0, a rule may ask for days that never come, and the libraries search for them for ever.
_PARTS = {
    "DAILY": "FREQ INTERVAL COUNT UNTIL WKST",
    "WEEKLY": "FREQ INTERVAL COUNT UNTIL WKST BYDAY",
    "MONTHLY": "FREQ INTERVAL COUNT UNTIL WKST BYDAY BYMONTHDAY BYSETPOS",
    "YEARLY": "FREQ INTERVAL COUNT UNTIL WKST BYDAY BYMONTHDAY BYMONTH BYSETPOS",
}


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """on: its day. name: "" if it has none."""

    on: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Milestone:
    """Of a pull. due_on: as GitHub has it; None if no day was chosen."""

    title: str
    due_on: datetime | None = None
    is_open: bool = True
    number: int = 0

    @property
    def release(self) -> Release | None:
        """The release that it stands for; None if it is closed or has no day."""
        if self.due_on is None or not self.is_open:
            return None
        return Release(self.due_on.astimezone(GITHUBS_ZONE).date().isoformat(), _name(self.title))


@dataclass(frozen=True, slots=True)
class Freeze:
    """Days on which nothing is to be released, the first and the last included."""

    first: str
    last: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.first}..{self.last} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a policy plans releases.

    sources: milestone | calendar, the preferred one first. calendar: its path; "" for none.
    freeze: what a freeze does, note | hold.
    """

    sources: tuple[str, ...] = ("milestone", "calendar")
    calendar: str = ""
    freeze: str = "note"
    freezes: tuple[Freeze, ...] = ()


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins; if its midnight is skipped by a change of the clock, when the clock is."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def frozen(freezes: Iterable[Freeze], now: datetime, zone: tzinfo) -> Freeze | None:
    """The freeze in force; of several the one that ends last."""
    today = now.astimezone(zone).date().isoformat()
    found = (one for one in freezes if one.first <= today <= one.last)
    return max(found, key=lambda one: one.last, default=None)


def turns_at(freezes: Iterable[Freeze], now: datetime, zone: tzinfo) -> datetime | None:
    """When the next freeze begins, or one ends; None if none does."""
    days = {date.fromisoformat(one.first) for one in freezes}
    days |= {date.fromisoformat(one.last) + timedelta(days=1) for one in freezes}
    return min((at for day in days if (at := midnight(day, zone)) > now), default=None)


def release_of(
    sources: Iterable[str],
    milestone: Milestone | None,
    releases: Iterable[Release],
    now: datetime,
    zone: tzinfo,
) -> Release | None:
    """The next release for a pull: of the first source that has one from today on.

    sources: milestone | calendar, the preferred one first. releases: of the calendar.
    """
    today = now.astimezone(zone).date().isoformat()
    own = milestone.release if milestone else None
    known = {"milestone": [own] if own else [], "calendar": [*releases]}
    for source in sources:
        found = [one for one in known[source] if one.on >= today]
        if found:
            return min(found)
    return None


def missing() -> str:
    """Why calendars are neither read nor written here, and what to do; "" if they are."""
    try:
        import icalendar  # noqa: F401, PLC0415
        import recurring_ical_events  # noqa: F401, PLC0415
    except ImportError:
        return NOT_INSTALLED
    return ""


@lru_cache(maxsize=64)
def upcoming(text: str, zone: tzinfo, today: date) -> tuple[tuple[Release, ...], str]:
    """The releases of a calendar from today on, for 400 days; and what is wrong with it, or "".

    Each event that is not cancelled is a release, on the day on which it begins. One that names
    neither a zone nor UTC is in `zone`. A file with a problem has no releases. Slow: seconds for
    the worst file. Source: RFC 5545
    """
    if wrong := _fault(text) or missing():
        return (), wrong
    import icalendar  # noqa: PLC0415 -- an extra, and slow to import
    import recurring_ical_events  # noqa: PLC0415

    last, found = today + AHEAD, set[Release]()
    margin = timedelta(days=2)  # between zones
    try:  # a file that breaks the format makes the libraries raise almost anything
        calendar = icalendar.Calendar.from_ical(_read(text))
        query = recurring_ical_events.of(calendar, components=["VEVENT"])
        for event in query.between(today - margin, last + margin):
            day = _day(event.get("DTSTART").dt, zone)
            if today <= day <= last and str(event.get("STATUS", "")).upper() != "CANCELLED":
                found.add(Release(day.isoformat(), _name(str(event.get("SUMMARY", "")))))
    except Exception as error:  # noqa: BLE001
        why = visible(str(error), 200) or type(error).__name__
        return (), f"the calendar cannot be read: {why}"
    return tuple(sorted(found)[:MOST_RELEASES]), ""


def fault(text: str) -> str:
    """What is wrong with the text of a calendar, and what to do; "" if nothing is. Slow."""
    return upcoming(text, UTC, date(FIRST_YEAR, 1, 1))[1]


def _read(text: str) -> str:
    """What the libraries get: without a BOM, folded lines, and the file's own rules for zones.

    Zones are known by their names. Rules of the file would be computed as far as they say.
    """
    return _ZONES.sub("", _FOLD.sub(r"\1", text.removeprefix("\ufeff")))


def _fault(text: str) -> str:
    """Why the text is not given to the libraries; "" if it is."""
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        return f"the file has more than {MOST_BYTES:,} bytes: take old events out"
    unfolded = _read(text)
    lines = [line.strip().upper() for line in unfolded.splitlines() if line.strip()]
    if not lines or lines[0] != "BEGIN:VCALENDAR" or lines[-1] != "END:VCALENDAR":
        return "not a calendar: it begins with BEGIN:VCALENDAR and ends with END:VCALENDAR"
    if len(_PART.findall(unfolded)) > MOST_PARTS:
        return f"the calendar has more than {MOST_PARTS:,} entries: take old ones out"
    rules = _RULE.findall(unfolded)
    if len(rules) > MOST_SERIES:
        return f"{len(rules)} events repeat, more than {MOST_SERIES}: write some as single events"
    for rule in rules:
        parts = dict(part.upper().partition("=")[::2] for part in rule.strip().split(";"))
        allowed = _PARTS.get(parts.get("FREQ", ""), "").split()
        interval = parts.get("INTERVAL", "1")
        steps = interval.isascii() and interval.isdigit() and 0 < int(interval) <= 1_000
        if not steps or not allowed or parts.keys() - {*allowed}:
            shown = visible(rule, 80)
            return f"`RRULE:{shown}` is not read: repeat by day, week, month or year"
    for line in lines:
        if line.startswith("DTSTART") and not _is_late(line.rpartition(":")[2][:4]):
            return f"an event begins before {FIRST_YEAR}: take it out, or let it begin later"
    return ""


def _is_late(year: str) -> bool:
    return year.isascii() and year.isdigit() and FIRST_YEAR <= int(year) <= LAST_YEAR


def _day(start: Any, zone: tzinfo) -> date:
    """The day of a date, or of a time, in the zone."""
    if not isinstance(start, datetime):
        return date(start.year, start.month, start.day)
    return (start if start.tzinfo else start.replace(tzinfo=zone)).astimezone(zone).date()


def _name(title: str) -> str:
    return visible(title, MOST_NAME).strip()
