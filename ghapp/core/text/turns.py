"""Whose turn a review is, since when and why, in words: for pages and for messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from ghapp.core.i18n import Words
from ghapp.core.markdown import visible
from ghapp.core.records import FlaggedArea, Hours, Note
from ghapp.core.working_time import WorkingTime

MOST_NAME, MOST_NOTE = 100, 500


def why(turn: str, waiting: Iterable[FlaggedArea], holds: Iterable[Note], words: Words) -> str:
    """Why it is this turn, in a sentence; "" if the areas do not say."""
    if turn == "hold":
        return words.sentences(
            *(
                words("page_held", who=visible(one.who, MOST_NAME), note=_quoted(one.text, words))
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
                    who=_reviewers(area, words),
                )
                for area in waiting
            )
        )
    return ""


def _quoted(note: str, words: Words) -> str:
    return words("page_quoted", note=visible(note, MOST_NOTE)) if note.strip() else ""


def _reviewers(area: FlaggedArea, words: Words) -> str:
    named = [visible(one, MOST_NAME) for one in area.reviewers]
    return words.joined(named) if named else words("who_maintain")


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
