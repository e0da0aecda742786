"""Projects as recorded -> the page of each, and the one that lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ghapp.core.i18n import Words
from ghapp.core.markdown import code, dotted, link, literal, paragraphs, visible
from ghapp.core.model import project_page, pull_page
from ghapp.core.records import ProjectArea
from ghapp.core.review.projects import open_concerns
from ghapp.core.text.places import Place
from ghapp.store.pages import MOST_ENTRIES, MOST_ROWS, ProjectMember, ProjectPage, ProjectsPage
from ghapp.web.views.entries import EntryView, entries_markdown, entry_view
from ghapp.web.views.follow_ups import (
    FollowUpRow,
    FollowUpSection,
    follow_up_row,
    sections_markdown,
)
from ghapp.web.views.parts import (
    MOST_NAME,
    MOST_TITLE,
    MOST_WHY,
    NoteView,
    listed,
    note_view,
    time_of,
)
from ghapp.web.views.pull import inherited

MOST_PULLS, MOST_USED = 50, 5  # of a project; in which an answer counts


@dataclass(frozen=True, slots=True)
class ProjectItemView:
    """used: the first of the pulls in which the answer counts. used_total: how many there are."""

    id: str
    severity: str
    question: str
    answer: NoteView | None
    used: tuple[str, ...]
    used_total: int


@dataclass(frozen=True, slots=True)
class ProjectAreaView:
    """id: "" for what is about no area. consulted: None if nobody asked the reviewers."""

    id: str
    title: str
    consulted: NoteView | None
    accepted: NoteView | None
    items: tuple[ProjectItemView, ...]


@dataclass(frozen=True, slots=True)
class ProjectPullRow:
    """areas: their titles. inherited: how many answers it has from the project."""

    repository: str
    number: int
    title: str
    state: str
    state_text: str
    is_open: bool
    areas: tuple[str, ...]
    inherited: int
    url: str
    page: str


@dataclass(frozen=True, slots=True)
class ProjectView:
    """Totals count what is cut off. concerns: those that nobody has answered here."""

    now: datetime
    repository: str
    number: int
    title: str
    url: str
    is_open: bool
    checked_at: datetime
    areas: tuple[ProjectAreaView, ...]
    concerns: tuple[EntryView, ...]
    pulls: tuple[ProjectPullRow, ...]
    pulls_total: int
    follow_ups: tuple[FollowUpRow, ...]
    follow_ups_total: int
    timeline: tuple[EntryView, ...]
    judged: int


def project_view(page: ProjectPage, place: Place, words: Words) -> ProjectView:
    """Everything about one project."""
    url, today = place.issue(page.full_name, page.number), page.now.astimezone(place.zone).date()
    used: dict[str, list[str]] = {}
    for one in page.pulls:
        for item in inherited(one.overview) if one.overview else ():
            used.setdefault(item, []).append(f"{visible(one.full_name, MOST_NAME)}#{one.number}")
    newest = page.ledger[::-1][:MOST_ENTRIES]
    return ProjectView(
        now=page.now,
        repository=visible(page.full_name, MOST_NAME),
        number=page.number,
        title=visible(page.title, MOST_TITLE),
        url=url,
        is_open=page.is_open,
        checked_at=page.checked_at,
        areas=tuple(_project_area(one, used, words) for one in page.areas),
        concerns=tuple(entry_view(one, None, url, words) for one in open_concerns(page.ledger)),
        pulls=tuple(_member(one, place, words) for one in page.pulls[:MOST_PULLS]),
        pulls_total=len(page.pulls),
        follow_ups=tuple(
            follow_up_row(one, today, place, words) for one in page.follow_ups[:MOST_ROWS]
        ),
        follow_ups_total=len(page.follow_ups),
        timeline=tuple(entry_view(one, None, url, words) for one in newest),
        judged=len(page.ledger),
    )


def _project_area(
    area: ProjectArea, used: Mapping[str, Sequence[str]], words: Words
) -> ProjectAreaView:
    return ProjectAreaView(
        visible(area.id, MOST_NAME),
        visible(words.text(area.title), MOST_TITLE) or words("page_project_general"),
        note_view(area.consulted, words) if area.consulted else None,
        note_view(area.accepted, words) if area.accepted else None,
        tuple(
            ProjectItemView(
                visible(item.id, MOST_NAME),
                item.severity,
                visible(words.text(item.question), MOST_WHY),
                note_view(item.answer, words) if item.answer else None,
                tuple(used.get(item.id, ())[:MOST_USED]),
                len(used.get(item.id, ())),
            )
            for item in area.items
        ),
    )


def _member(one: ProjectMember, place: Place, words: Words) -> ProjectPullRow:
    overview = one.overview
    return ProjectPullRow(
        visible(one.full_name, MOST_NAME),
        one.number,
        visible(overview.title, MOST_TITLE) if overview else "",
        one.state,
        words(f"page_state_{one.state}" if one.is_open else "page_closed"),
        one.is_open,
        tuple(visible(words.text(area.title), MOST_NAME) for area in overview.areas)
        if overview
        else (),
        len(inherited(overview)) if overview else 0,
        place.pull(one.full_name, one.number),
        pull_page(one.full_name, one.number),
    )


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project in numbers, as in ListedProject. url: of its issue. text: the numbers in words."""

    repository: str
    number: int
    title: str
    is_open: bool
    questions: int
    waits: bool
    open_pulls: int
    pulls: int
    active_at: datetime
    text: str
    url: str
    page: str


@dataclass(frozen=True, slots=True)
class ProjectsView:
    """total: how many there are, listed or not."""

    now: datetime
    total: int
    projects: tuple[ProjectRow, ...]


def projects_view(found: ProjectsPage, place: Place, words: Words) -> ProjectsView:
    """All projects."""
    return ProjectsView(
        found.now,
        found.total,
        tuple(
            ProjectRow(
                visible(one.full_name, MOST_NAME),
                one.number,
                visible(one.title, MOST_TITLE),
                *(one.is_open, one.questions, one.waits, one.open_pulls, one.pulls, one.active_at),
                dotted(
                    words("page_projects_questions", count=one.questions),
                    words("consult_waits") if one.waits else "",
                    words("page_projects_pulls", open=one.open_pulls, count=one.pulls),
                ),
                place.issue(one.full_name, one.number),
                project_page(one.full_name, one.number),
            )
            for one in found.projects
        ),
    )


def projects_markdown(view: ProjectsView, place: Place, words: Words) -> str:
    """All projects as text to paste."""
    lines = [
        "- "
        + dotted(
            link(f"{one.repository}#{one.number}", one.url),
            literal(one.title, MOST_TITLE),
            "" if one.is_open else words("page_closed"),
            one.text,
            words("page_projects_active", at=time_of(one.active_at, place)),
        )
        for one in view.projects
    ]
    return listed(words("page_projects"), view.total, lines, words) + "\n"


def project_markdown(view: ProjectView, place: Place, words: Words) -> str:
    """One project as text to paste."""
    name = link(f"{view.repository}#{view.number}", view.url)
    blocks = [
        f"## {name} {literal(view.title, MOST_TITLE)}",
        "" if view.is_open else words("page_closed"),
    ]
    for area in view.areas:
        lines = [
            "- " + dotted(one.what, literal(one.who), time_of(one.at, place), literal(one.text))
            for one in (area.consulted, area.accepted)
            if one
        ]
        lines += [
            "- "
            + dotted(
                code(item.id),
                words(f"sev_{item.severity}"),
                dotted(item.answer.what, literal(item.answer.who), literal(item.answer.text))
                if item.answer
                else words("page_item_open"),
                words("page_used", pulls=literal(_used(item, words))) if item.used else "",
            )
            for item in area.items
        ]
        blocks.append("\n".join((f"### {literal(area.title)}", "", *lines)))
    concerns = [
        f"- {dotted(code(one.subject), literal(one.who), literal(one.note))}"
        for one in view.concerns
    ]
    pulls = [
        "- "
        + dotted(
            link(f"{one.repository}#{one.number}", one.url),
            literal(one.title, MOST_TITLE),
            literal(words.joined(one.areas)),
            one.state_text,
        )
        for one in view.pulls
    ]
    owed = FollowUpSection("", words("page_follow_ups"), view.follow_ups_total, view.follow_ups)
    return (
        paragraphs(
            *blocks,
            listed(words("page_project_concerns"), len(concerns), concerns, words),
            listed(words("page_project_pulls"), view.pulls_total, pulls, words),
            *sections_markdown([owed], words),
            listed(
                words("page_timeline"),
                view.judged,
                entries_markdown(view.timeline, place),
                words,
            ),
        )
        + "\n"
    )


def _used(item: ProjectItemView, words: Words) -> str:
    return words.joined(item.used, item.used_total - len(item.used))
