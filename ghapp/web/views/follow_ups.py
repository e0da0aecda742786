"""Follow-ups -> their page, and their part of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from ghapp.core.i18n import Words
from ghapp.core.markdown import code, dotted, link, literal, paragraphs, visible
from ghapp.core.model import pull_page
from ghapp.core.text.places import Place
from ghapp.store.pages import PARTS, Due, FollowUps, Parts
from ghapp.web.views.parts import MOST_NAME, MOST_NOTE, listed, time_of

SOON_DAYS = 7


CLOSED = "closed"


SHOWN = ("open", *PARTS, CLOSED)  # what the follow-ups can be narrowed to


@dataclass(frozen=True, slots=True)
class FollowUpRow:
    """days: until it is due; negative if it is overdue. issue: 0 if there is none.

    asked_by: who deferred it; "" if that is not known. age: since then, in words. closed: the day
    on which it was; "" while it is open.
    """

    repository: str
    number: int
    item: str
    area: str
    reason: str
    owner: str
    due: str
    days: int
    when: str
    issue: int
    url: str
    page: str
    extended: bool
    asked_by: str
    age: str
    closed: str = ""


@dataclass(frozen=True, slots=True)
class FollowUpSection:
    """note: more about all of it; "" for nothing."""

    id: str
    title: str
    total: int
    follow_ups: tuple[FollowUpRow, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class FollowUpsView:
    now: datetime
    sections: tuple[FollowUpSection, ...]


def follow_ups_view(found: FollowUps, place: Place, words: Words, show: str = "") -> FollowUpsView:
    """Follow-ups by when they are due. show: one of SHOWN; all of them otherwise."""
    parts = [one for one in PARTS if show in (one, "open") or show not in SHOWN]
    sections = sections_of(found.parts, parts, found.now, place, words)
    if show == CLOSED or show not in SHOWN:
        total, in_time, rows = found.closed
        today = found.now.astimezone(place.zone).date()
        shown = tuple(
            replace(
                follow_up_row(Due(one.full_name, one.follow_up), today, place, words),
                closed=one.on.isoformat(),
                when=words("page_closed_on", day=one.on.isoformat()),
            )
            for one in rows
        )
        note = words("page_in_time", count=in_time, total=total) if total else ""
        title = words("page_due_closed")
        sections = (*sections, FollowUpSection(CLOSED, title, total, shown, note))
    return FollowUpsView(found.now, sections)


def sections_of(
    found: Parts,
    parts: Iterable[str],
    now: datetime,
    place: Place,
    words: Words,
) -> tuple[FollowUpSection, ...]:
    today = now.astimezone(place.zone).date()
    sections = []
    for part in parts:
        total, rows = found.get(part, (0, ()))
        shown = tuple(follow_up_row(one, today, place, words) for one in rows)
        sections.append(FollowUpSection(part, words(f"page_due_{part}"), total, shown))
    return tuple(sections)


def follow_up_row(one: Due, today: date, place: Place, words: Words) -> FollowUpRow:
    name, what = one.full_name, one.follow_up
    days = (date.fromisoformat(what.last_day) - today).days
    return FollowUpRow(
        visible(name, MOST_NAME),
        what.number,
        visible(what.item, MOST_NAME),
        visible(what.area, MOST_NAME),
        visible(what.reason, MOST_NOTE),
        visible(what.owner, MOST_NAME),
        what.due,
        days,
        _due_in(days, words),
        what.issue,
        place.follow_up(name, what),
        pull_page(name, what.number),
        what.extended,
        visible(what.asked_by, MOST_NAME),
        words("page_days_ago", days=(today - what.asked_at.astimezone(place.zone).date()).days)
        if what.asked_at
        else "",
    )


def _due_in(days: int, words: Words) -> str:
    if days < 0:
        return words("page_days_over", days=-days)
    return words("page_days_left", days=days) if days else words("page_is_today")


def follow_ups_markdown(view: FollowUpsView, place: Place, words: Words) -> str:
    """The follow-ups as text to paste."""
    heading = f"## {words('page_follow_ups')} ({time_of(view.now, place)})"
    return paragraphs(heading, *sections_markdown(view.sections, words)) + "\n"


def sections_markdown(sections: Iterable[FollowUpSection], words: Words) -> list[str]:
    return [
        listed(
            section.title,
            section.total,
            [
                dotted(
                    f"- {one.due} ({one.when})",
                    code(one.item),
                    link(f"{one.repository}#{one.number}", one.url),
                    literal(one.owner),
                    literal(one.reason),
                    words("page_asked_by", who=literal(one.asked_by)) if one.asked_by else "",
                    one.age,
                    words("page_extended") if one.extended else "",
                )
                for one in section.follow_ups
            ],
            words,
        )
        for section in sections
    ]
