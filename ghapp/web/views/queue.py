"""What waits -> the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ghapp.core.i18n import Words
from ghapp.core.markdown import dotted, link, literal, paragraphs, visible
from ghapp.core.model import project_page, pull_page
from ghapp.core.records import Consultation
from ghapp.core.text.places import Place
from ghapp.core.text.turns import age, longest, next_release, quoted, release_named, waited
from ghapp.core.text.turns import why as why_it_waits
from ghapp.store import runs
from ghapp.store.pages import OVERDUE, TODAY, Parked, Planned, Waiting
from ghapp.store.stand_up import Broken, Failing, StandUp
from ghapp.web.views.follow_ups import FollowUpSection, sections_markdown, sections_of
from ghapp.web.views.parts import (
    MOST_NAME,
    MOST_NOTE,
    MOST_TITLE,
    MOST_WHY,
    listed,
    time_of,
)

# Whose turn it is, in the order of the page; "waived" and "admin" come after the follow-ups.
TURNS = ("new", "reviewers", "consultations", "hold", "author", "waived", "admin")


TURN_OF = {**runs.TURNS, "waived": "waived"}


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One line of the queue. page: its path here, "" if it has none. why: why it is listed.

    is_new: since the last stand-up. state: as in PullView, "" of what is no pull.
    release: the next one in words, and release_on its day; "" if none is known. frozen: whether a
    release freeze is in force.
    """

    repository: str
    number: int
    title: str
    author: str
    url: str
    page: str
    areas: tuple[str, ...]
    why: str
    since: datetime
    waited_seconds: int
    waited: str
    is_new: bool = False
    state: str = ""
    state_text: str = ""
    release_on: str = ""
    release: str = ""
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Reviews that wait for the same: the most urgent ones, and how many there are."""

    id: str
    title: str
    total: int
    reviews: tuple[ReviewRow, ...]


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """The next release. text: all of it in words."""

    on: str
    name: str
    flagged: int
    unsigned: int
    text: str


@dataclass(frozen=True, slots=True)
class QueueView:
    """standup: the last one. longest: the longest wait on reviewers, in words; "" for none."""

    now: datetime
    standup: datetime
    longest: str
    sections: tuple[Section, ...]
    follow_ups: tuple[FollowUpSection, ...]
    release: ReleaseView | None


def queue_view(found: StandUp, place: Place, words: Words) -> QueueView:
    """The queue for the stand-up."""
    queue, sections = found.queue, []
    changed = {"new": found.new, "waived": found.waived}
    for turn in TURNS:
        total, reviews = changed.get(turn) or queue.turns.get(turn, (0, ()))
        rows = [_waiting(one, found, place, words) for one in reviews]
        if turn == "consultations":
            total, asked = queue.consultations
            rows = [_consultation(one, found, place, words) for one in asked]
        if turn == "admin":
            needs = (queue.parked, found.failing, found.broken)
            total += sum(count for count, _ in needs)
            rows += [_admin(one, queue.now, place, words) for _, some in needs for one in some]
        sections.append(Section(turn, words(f"page_turn_{turn}"), total, tuple(rows)))
    due = sections_of(queue.follow_ups, (OVERDUE, TODAY), queue.now, place, words)
    wait = longest(queue.waits, queue.now, place.zone, words)
    release = _planned(queue.planned, words) if queue.planned else None
    return QueueView(queue.now, found.since, wait, tuple(sections), due, release)


def _planned(planned: Planned, words: Words) -> ReleaseView:
    release, counts = planned.release, (planned.flagged, planned.unsigned)
    text = next_release(release, *counts, words)
    return ReleaseView(release.on, visible(release.name, MOST_NAME), *counts, text)


def _waiting(one: Waiting, found: StandUp, place: Place, words: Words) -> ReviewRow:
    overview, turn = one.overview, TURN_OF[one.state]
    passed = waited(one.since, found.queue.now, overview.hours, place.zone)
    why = why_it_waits(turn, overview, words)
    if turn == "waived":
        notes = [area.signed for area in overview.areas if area.state == "waived" and area.signed]
        why = words.sentences(
            *dict.fromkeys(
                words("page_waived", who=visible(n.who, MOST_NAME), note=quoted(n.text, words))
                for n in notes
            )
        )
    return ReviewRow(
        visible(one.full_name, MOST_NAME),
        one.number,
        visible(overview.title, MOST_TITLE),
        visible(overview.author, MOST_NAME),
        place.pull(one.full_name, one.number),
        pull_page(one.full_name, one.number),
        tuple(visible(area.id, MOST_NAME) for area in overview.waiting),
        why or visible(one.title, MOST_WHY),
        one.since,
        int(passed[0].total_seconds()),
        age(passed, words),
        one.flagged_since > found.since,
        one.state,
        words(f"page_state_{one.state}"),
        overview.release_on,
        release_named(overview.release, words),
        overview.freeze is not None,
    )


def _consultation(one: Consultation, found: StandUp, place: Place, words: Words) -> ReviewRow:
    """What a project waits for the reviewers to answer."""
    passed = waited(one.asked_at, found.queue.now, None, place.zone)
    return ReviewRow(
        visible(one.full_name, MOST_NAME),
        one.number,
        visible(one.title, MOST_TITLE),
        visible(one.who, MOST_NAME),
        place.issue(one.full_name, one.number),
        project_page(one.full_name, one.number),
        tuple(visible(area, MOST_NAME) for area in one.areas),
        words("page_consulted", note=quoted(one.question, words)),
        one.asked_at,
        int(passed[0].total_seconds()),
        age(passed, words),
        one.asked_at > found.since,
    )


def _admin(one: Parked | Failing | Broken, now: datetime, place: Place, words: Words) -> ReviewRow:
    """What somebody who runs ghapp, or a repository's policy, has to look at."""
    number, url = 0, ""
    match one:
        case Parked(name, number, error, since):
            why = words("page_parked", error=visible(error, MOST_NOTE))
        case Failing(name, number, error, attempts, since):
            why = words("page_failing", count=attempts, error=visible(error, MOST_NOTE))
        case Broken(name, has_good, since):
            url = place.policy(name)
            why = words("page_broken_good" if has_good else "page_broken")
    passed = waited(since, now, None, place.zone)
    return ReviewRow(
        *(visible(name, MOST_NAME), number, "", ""),
        url=place.pull(name, number) if number else url,
        page=pull_page(name, number) if number else "",
        areas=(),
        why=why,
        since=since,
        waited_seconds=int(passed[0].total_seconds()),
        waited=age(passed, words),
    )


def queue_markdown(view: QueueView, place: Place, words: Words) -> str:
    """The queue as text to paste into a chat or a wiki."""
    blocks = [
        f"## {words('page_queue')} ({time_of(view.now, place)})",
        words("page_longest", waited=view.longest) if view.longest else "",
        literal(view.release.text) if view.release else "",
    ]
    for section in view.sections:
        lines = [
            dotted(
                f"- {one.waited}" + (f" **{words('page_new')}**" if one.is_new else ""),
                link(_named(one), one.url),
                literal(one.title, MOST_TITLE),
                literal(words.joined(one.areas)),
                literal(one.why),
                f"{words('page_release')} {literal(one.release)}" if one.release else "",
                words("page_freeze") if one.frozen else "",
            )
            for one in section.reviews
        ]
        if section.id == "waived":
            blocks += sections_markdown(view.follow_ups, words)
        blocks.append(listed(section.title, section.total, lines, words))
    return paragraphs(*blocks) + "\n"


def _named(row: ReviewRow) -> str:
    return f"{row.repository}#{row.number}" if row.number else row.repository
