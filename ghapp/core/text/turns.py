"""Whose turn a review is, since when and why, in words: for pages and for messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from ghapp.core.i18n import Words
from ghapp.core.markdown import visible
from ghapp.core.records import FlaggedArea, Hours, Overview
from ghapp.core.releases import Freeze, Release
from ghapp.core.text import status
from ghapp.core.working_time import WorkingTime

MOST_NAME, MOST_NOTE = 100, 500


def why(turn: str, overview: Overview, words: Words) -> str:
    """Why it is this turn, in a sentence; "" if the areas do not say."""
    waiting, holds = overview.waiting, overview.holds
    if turn == "hold" and overview.freeze and not holds:
        return words("page_frozen", freeze=freeze_named(overview.freeze, words))
    if turn == "hold":
        return words.sentences(
            *(
                words("page_held", who=visible(one.who, MOST_NAME), note=quoted(one.text, words))
                for one in holds
            )
        )
    if turn == "author":
        musts = [item for area in waiting for item in area.open_musts]
        named = words.joined([visible(one, MOST_NAME) for one in musts[:5]], len(musts) - 5)
        return words("page_open_musts", count=len(musts), items=named) if musts else ""
    if turn == "reviewers":
        return words.sentences(
            *(
                words(
                    "page_stale" if area.state == "stale" else "page_signs_off",
                    area=visible(area.id, MOST_NAME),
                    who=reviewers(area, words),
                )
                for area in waiting
            )
        )
    return ""


def quoted(note: str, words: Words) -> str:
    """A note after what it is about; "" if there is none."""
    return words("page_quoted", note=visible(note, MOST_NOTE)) if note.strip() else ""


def reviewers(area: FlaggedArea, words: Words) -> str:
    """Who may sign the area off."""
    named = [visible(one, MOST_NAME) for one in area.reviewers]
    return words.joined(named) if named else words("who_maintain")


def release_named(release: Release | None, words: Words) -> str:
    """A release in short, "26 Nov (v5.12)"; "" if there is none."""
    if release is None:
        return ""
    _, month, number = release.on.split("-")
    name = words("short_months").split()[int(month) - 1]
    day = words("short_day", month=name, number=int(number))
    if not release.name:
        return day
    return words("page_release_on", day=day, name=visible(release.name, MOST_NAME))


def next_release(release: Release, flagged: int, unsigned: int, words: Words) -> str:
    """The next release, with how many pulls are flagged for it and how many are not signed off."""
    named = release_named(release, words)
    return words("page_next_release", release=named, flagged=flagged, unsigned=unsigned)


def freeze_named(freeze: Freeze, words: Words) -> str:
    """A release freeze in short, "New Year, until 3 January 2027"."""
    return status.freeze(freeze, words, lambda name: visible(name, MOST_NAME))


def age(waited: tuple[timedelta, timedelta], words: Words) -> str:
    """The two largest units that are needed."""
    passed, day = waited
    days, rest = divmod(passed, day)
    hours, minutes = divmod(int(rest.total_seconds()) // 60, 60)
    if days:
        return words("report_days", days=days, hours=hours)
    if hours:
        return words("report_hours", hours=hours, minutes=minutes)
    return words("report_minutes", minutes=minutes)


def waited(
    since: datetime, now: datetime, hours: Hours | None, zone: tzinfo
) -> tuple[timedelta, timedelta]:
    """How much working time has passed, beside the length of a working day."""
    working = WorkingTime(zone=zone)
    if hours:
        working = WorkingTime(hours.days, hours.hours, zone, hours.holidays, hours.days_off)
    return working.between(since, now), working.day


def longest(
    waits: Iterable[tuple[datetime, Hours | None]], now: datetime, zone: tzinfo, words: Words
) -> str:
    """The longest of some waits, in words; "" if there are none. waits: since when, and hours."""
    times = [waited(since, now, hours, zone) for since, hours in waits]
    return age(max(times), words) if times else ""
