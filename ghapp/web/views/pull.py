"""A review as recorded -> the page of its pull request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ghapp.core.i18n import Words
from ghapp.core.markdown import code, dotted, link, literal, paragraphs, visible
from ghapp.core.marks import PutCheckRun
from ghapp.core.model import ORGANISATION
from ghapp.core.policy.policy import REPOSITORY
from ghapp.core.records import FlaggedArea, Overview, PolicyFile, RunNote
from ghapp.core.text.places import Place
from ghapp.core.text.turns import age, freeze_named, release_named, waited
from ghapp.core.text.turns import why as why_it_waits
from ghapp.store.pages import Due, PullPage
from ghapp.web.views.entries import EntryView, entries_markdown, entry_view
from ghapp.web.views.follow_ups import FollowUpRow, follow_up_row
from ghapp.web.views.parts import (
    MOST_NAME,
    MOST_NOTE,
    MOST_TITLE,
    MOST_WHY,
    NoteView,
    listed,
    note_view,
)


@dataclass(frozen=True, slots=True)
class ItemView:
    id: str
    severity: str
    question: str
    answer: NoteView | None


@dataclass(frozen=True, slots=True)
class FoundView:
    """A finding. line: 0 if it is gone. url: of the line on GitHub. accepted: why; "" if open."""

    hazard: str
    severity: str
    item: str
    path: str
    line: int
    message: str
    accepted: str
    url: str


@dataclass(frozen=True, slots=True)
class AreaView:
    """state_text, mode_text: in words."""

    id: str
    title: str
    mode: str
    state: str
    state_text: str
    why: str
    reviewers: tuple[str, ...]
    signed: NoteView | None
    items: tuple[ItemView, ...]
    fingerprint: str
    findings: tuple[FoundView, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. delivery: as in RunNote. writes: kinds of effects. error: why it is parked."""

    read_at: datetime
    state: str
    state_text: str
    head_sha: str
    delivery: str
    waited_seconds: float
    seconds: float
    calls: int
    writes: tuple[str, ...]
    error: str


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A file that the policy comes from. sha: of the blob in force; "" if none of it is."""

    repository: str
    sha: str
    is_current: bool
    url: str


@dataclass(frozen=True, slots=True)
class PullView:
    """next: what has to happen. judged: how many entries the ledger has in all.

    trouble: why the last check failed, or the review is parked; "" if neither. policy: its files,
    topmost first; () if only what is built in applies. runs: the last ones, newest first.
    release, release_on: as in ReviewRow. freeze: the release freeze in force, in words.
    project: None if it has none that the reader may see.
    """

    now: datetime
    repository: str
    number: int
    title: str
    author: str
    url: str
    state: str
    state_text: str
    is_open: bool
    is_draft: bool
    since: datetime
    waited_seconds: int
    waited: str
    next: str
    head_sha: str
    base_ref: str
    checked_at: datetime
    areas: tuple[AreaView, ...]
    timeline: tuple[EntryView, ...]
    judged: int
    follow_ups: tuple[FollowUpRow, ...]
    trouble: str
    policy: tuple[PolicyView, ...]
    runs: tuple[RunView, ...]
    release_on: str
    release: str
    freeze: str
    project: OfProjectView | None


@dataclass(frozen=True, slots=True)
class OfProjectView:
    """The project of a pull. inherited: how many answers it has from there. text: all in words."""

    repository: str
    number: int
    title: str
    inherited: int
    page: str
    text: str


def pull_view(page: PullPage, place: Place, words: Words, *, marks: bool = False) -> PullView:
    """Everything about one pull. marks: also what ghapp wrote, as far as it is recorded."""
    overview, verdict = page.overview, page.verdict
    today = page.now.astimezone(place.zone).date()
    passed = waited(page.since, page.now, overview.hours if overview else None, place.zone)
    areas = overview.areas if overview else ()
    turn = {"waiting_reviewers": "reviewers", "waiting_author": "author", "on_hold": "hold"}
    turn["frozen"] = "hold"
    freeze = overview.freeze if overview else None
    next_step = visible(verdict.title, MOST_WHY)
    if overview and verdict.is_open and page.state in turn:
        next_step = why_it_waits(turn[page.state], overview, words)
    elif page.error:
        next_step = visible(page.error, MOST_WHY)
    return PullView(
        now=page.now,
        repository=visible(page.full_name, MOST_NAME),
        number=page.number,
        title=visible(overview.title, MOST_TITLE) if overview else "",
        author=visible(overview.author, MOST_NAME) if overview else "",
        url=place.pull(page.full_name, page.number),
        state=page.state,
        state_text=words(f"page_state_{page.state}"),
        is_open=verdict.is_open,
        is_draft=bool(overview and overview.is_draft),
        since=page.since,
        waited_seconds=int(passed[0].total_seconds()),
        waited=age(passed, words),
        next=next_step,
        head_sha=verdict.head_sha,
        base_ref=visible(verdict.base_ref, MOST_NAME),
        checked_at=page.checked_at,
        areas=tuple(_area(one, page, place, words) for one in areas),
        timeline=tuple(_timeline(page, place, words, marks=marks)),
        judged=page.judged,
        follow_ups=tuple(
            follow_up_row(Due(page.full_name, one), today, place, words)
            for one in page.follow_ups
            if one.is_open
        ),
        trouble=visible(page.error, MOST_WHY),
        policy=tuple(
            _policy(one, page.full_name, place) for one in (overview.policy if overview else ())
        ),
        runs=tuple(_run(one, words) for one in page.runs),
        release_on=overview.release_on if overview and verdict.is_open else "",
        release=release_named(overview.release, words) if overview and verdict.is_open else "",
        freeze=freeze_named(freeze, words) if freeze and verdict.is_open else "",
        project=_of_project(overview, words) if overview else None,
    )


def inherited(overview: Overview) -> tuple[str, ...]:
    """Ids of the questions that the project answers for a pull."""
    return tuple(item.id for area in overview.areas for item in area.items if item.is_inherited)


def _of_project(overview: Overview, words: Words) -> OfProjectView | None:
    if overview.project is None:
        return None
    key, count = overview.project.key, len(inherited(overview))
    name = visible(key.repository.full_name, MOST_NAME)
    title = visible(overview.project.title, MOST_TITLE)
    text = words(
        f"page_inherits_{'one' if count == 1 else 'many'}",
        number=key.number,
        title=title,
        count=count,
    )
    return OfProjectView(name, key.number, title, count, key.page, text)


def _policy(one: PolicyFile, full_name: str, place: Place) -> PolicyView:
    owner = full_name.partition("/")[0]
    name = full_name if one.layer == REPOSITORY else f"{owner}/{ORGANISATION}"
    return PolicyView(visible(name, MOST_NAME), one.sha, one.is_current, place.policy(name))


def _run(one: RunNote, words: Words) -> RunView:
    return RunView(
        *(one.read_at, one.state, words(f"page_state_{one.state}"), one.head_sha),
        visible(one.delivery, MOST_NAME),
        *(round(one.waited_seconds, 3), round(one.seconds, 3), one.calls),
        tuple(name.partition(" ")[0] for name in one.writes),
        visible(one.error, MOST_WHY),
    )


def _timeline(page: PullPage, place: Place, words: Words, *, marks: bool) -> Iterator[EntryView]:
    """The ledger, newest first; with `marks`, also what ghapp wrote.

    Of runs that are too old to be listed, only check runs are known.
    """
    url = place.pull(page.full_name, page.number)
    entries = [entry_view(one, page.overview, url, words) for one in page.entries]
    if marks:
        oldest = min((one.read_at for one in page.runs), default=page.now)
        written = [(one.read_at, one.writes, one.head_sha) for one in page.runs if one.writes]
        written += [
            (one.accepted_at, (PutCheckRun.__name__,), one.head_sha)
            for one in page.shown
            if one.accepted_at < oldest
        ]
        entries += [
            EntryView(
                *(at, "ghapp", "", "", "", words("page_wrote")),
                words.joined(dict.fromkeys(name.partition(" ")[0] for name in names)),
                *(head_sha, "", ""),
            )
            for at, names, head_sha in written
        ]
    yield from sorted(entries, key=lambda one: one.at, reverse=True) if marks else entries


def _area(area: FlaggedArea, page: PullPage, place: Place, words: Words) -> AreaView:
    return AreaView(
        visible(area.id, MOST_NAME),
        visible(words.text(area.title), MOST_TITLE),
        area.mode,
        area.state,
        words(f"page_area_{area.state}"),
        visible(words.text(area.why), MOST_WHY),
        tuple(visible(one, MOST_NAME) for one in area.reviewers),
        note_view(area.signed, words) if area.signed else None,
        tuple(
            ItemView(
                visible(item.id, MOST_NAME),
                item.severity,
                visible(words.text(item.question), MOST_WHY),
                note_view(item.answer, words) if item.answer else None,
            )
            for item in area.items
        ),
        area.fingerprint,
        tuple(
            FoundView(
                *(one.hazard, one.severity, visible(one.item, MOST_NAME)),
                *(visible(one.path, MOST_WHY), one.line),
                visible(words.text(one.message), MOST_WHY),
                visible(one.accepted, MOST_NOTE),
                place.line(page.full_name, page.verdict.head_sha, one.path, one.line),
            )
            for one in area.findings
        ),
    )


def pull_markdown(view: PullView, place: Place, words: Words) -> str:
    """One pull as text to paste."""
    name = link(f"{view.repository}#{view.number}", view.url)
    areas = [f"- {dotted(code(one.id), one.state_text, literal(one.why))}" for one in view.areas]
    items = [
        "- "
        + dotted(
            code(item.id),
            words(f"sev_{item.severity}"),
            dotted(item.answer.what, literal(item.answer.who), literal(item.answer.text))
            if item.answer
            else words("page_item_open"),
        )
        for area in view.areas
        for item in area.items
    ]
    entries = entries_markdown(view.timeline, place)
    return (
        paragraphs(
            f"## {name} {literal(view.title, MOST_TITLE)}",
            dotted(f"**{view.state_text}**", view.waited, literal(view.next)),
            dotted(
                f"{words('page_project')} {literal(view.project.text)}" if view.project else "",
                f"{words('page_release')} {literal(view.release)}" if view.release else "",
                f"{words('page_freeze')} ({literal(view.freeze)})" if view.freeze else "",
            ),
            listed(words("page_areas"), len(view.areas), areas, words),
            listed(words("page_questions"), len(items), items, words),
            listed(words("page_timeline"), max(view.judged, len(entries)), entries, words),
        )
        + "\n"
    )
