"""What was read -> what a page says, in one language: for HTML, Markdown and JSON alike.

Titles, notes and names come from strangers. They are kept to one visible line here; the templates
escape them, and the Markdown shows them as plain text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from urllib.parse import quote

from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry
from ghapp.core.markdown import code, dotted, link, literal, paragraphs, visible
from ghapp.core.records import FlaggedArea, Note
from ghapp.core.text.turns import age, freeze_named, next_release, release_named, waited
from ghapp.core.text.turns import why as why_it_waits
from ghapp.store.pages import (
    OVERDUE,
    PARTS,
    TODAY,
    Due,
    FollowUps,
    Parked,
    Parts,
    Planned,
    PullPage,
    Queue,
    Waiting,
)

MOST_TITLE, MOST_NOTE, MOST_NAME, MOST_WHY = 200, 500, 100, 1_000
SOON_DAYS = 7
# Whose turn it is, in the order of the page.
TURNS = ("reviewers", "hold", "author", "admin")


@dataclass(frozen=True, slots=True)
class Place:
    """Where pages and people are. web_url: of GitHub's pages. zone: of the team's clock."""

    web_url: str
    zone: tzinfo

    def pull(self, full_name: str, number: int) -> str:
        """The address of a pull, or of an issue, on GitHub."""
        return f"{self.web_url}/{quote(full_name)}/pull/{number}"

    def issue(self, full_name: str, number: int) -> str:
        return f"{self.web_url}/{quote(full_name)}/issues/{number}"


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One line of the queue. page: its path here, "" if it has none. why: why it is listed.

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
class FollowUpRow:
    """days: until it is due; negative if it is overdue. issue: 0 if there is none."""

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


@dataclass(frozen=True, slots=True)
class FollowUpSection:
    id: str
    title: str
    total: int
    follow_ups: tuple[FollowUpRow, ...]


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
    now: datetime
    sections: tuple[Section, ...]
    follow_ups: tuple[FollowUpSection, ...]
    release: ReleaseView | None


@dataclass(frozen=True, slots=True)
class FollowUpsView:
    now: datetime
    sections: tuple[FollowUpSection, ...]


@dataclass(frozen=True, slots=True)
class NoteView:
    """what: the verb in words."""

    verb: str
    what: str
    who: str
    at: datetime
    text: str
    head_sha: str
    until: str


@dataclass(frozen=True, slots=True)
class ItemView:
    id: str
    severity: str
    question: str
    answer: NoteView | None


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


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry of the ledger. refusal: why it was not done; "" if it was."""

    at: datetime
    who: str
    right: str
    channel: str
    verb: str
    what: str
    subject: str
    head_sha: str
    note: str
    refusal: str


@dataclass(frozen=True, slots=True)
class PullView:
    """next: what has to happen. judged: how many entries the ledger has in all.

    release, release_on: as in ReviewRow. freeze: the release freeze in force, in words.
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
    release_on: str
    release: str
    freeze: str


# --- views ----------------------------------------------------------------------------------------


def queue_view(queue: Queue, place: Place, words: Words) -> QueueView:
    """The queue for the stand-up."""
    sections = []
    for turn in TURNS:
        total, found = queue.turns.get(turn, (0, ()))
        rows = [_waiting(one, turn, queue.now, place, words) for one in found]
        if turn == "admin":
            total += queue.parked[0]
            rows += [_parked(one, queue.now, place, words) for one in queue.parked[1]]
        sections.append(Section(turn, words(f"page_turn_{turn}"), total, tuple(rows)))
    due = _follow_ups(queue.follow_ups, (OVERDUE, TODAY), queue.now, place, words)
    release = _planned(queue.planned, words) if queue.planned else None
    return QueueView(queue.now, tuple(sections), due, release)


def _planned(planned: Planned, words: Words) -> ReleaseView:
    release, counts = planned.release, (planned.flagged, planned.unsigned)
    text = next_release(release, *counts, words)
    return ReleaseView(release.on, visible(release.name, MOST_NAME), *counts, text)


def follow_ups_view(found: FollowUps, place: Place, words: Words) -> FollowUpsView:
    """Open follow-ups by when they are due."""
    return FollowUpsView(found.now, _follow_ups(found.parts, PARTS, found.now, place, words))


def pull_view(page: PullPage, place: Place, words: Words) -> PullView:
    """Everything about one pull."""
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
        areas=tuple(_area(one, words) for one in areas),
        timeline=tuple(_entry(one, words) for one in page.entries),
        judged=page.judged,
        follow_ups=tuple(
            _follow_up(Due(page.full_name, one), today, place, words)
            for one in page.follow_ups
            if one.is_open
        ),
        release_on=overview.release_on if overview and verdict.is_open else "",
        release=release_named(overview.release, words) if overview and verdict.is_open else "",
        freeze=freeze_named(freeze, words) if freeze and verdict.is_open else "",
    )


def _waiting(one: Waiting, turn: str, now: datetime, place: Place, words: Words) -> ReviewRow:
    overview = one.overview
    passed = waited(one.since, now, overview.hours, place.zone)
    why = why_it_waits(turn, overview, words)
    return ReviewRow(
        visible(one.full_name, MOST_NAME),
        one.number,
        visible(overview.title, MOST_TITLE),
        visible(overview.author, MOST_NAME),
        place.pull(one.full_name, one.number),
        page_path(one.full_name, one.number),
        tuple(visible(area.id, MOST_NAME) for area in overview.waiting),
        why or visible(one.title, MOST_WHY),
        one.since,
        int(passed[0].total_seconds()),
        age(passed, words),
        overview.release_on,
        release_named(overview.release, words),
        overview.freeze is not None,
    )


def _parked(one: Parked, now: datetime, place: Place, words: Words) -> ReviewRow:
    passed = waited(one.since, now, None, place.zone)
    address = place.pull(one.full_name, one.number) if one.number else ""
    error = visible(one.error, MOST_NOTE)
    return ReviewRow(
        visible(one.full_name, MOST_NAME),
        one.number,
        *("", "", address, page_path(one.full_name, one.number) if one.number else "", ()),
        words("page_parked", error=error),
        one.since,
        int(passed[0].total_seconds()),
        age(passed, words),
    )


def _area(area: FlaggedArea, words: Words) -> AreaView:
    return AreaView(
        visible(area.id, MOST_NAME),
        visible(words.text(area.title), MOST_TITLE),
        area.mode,
        area.state,
        words(f"page_area_{area.state}"),
        visible(words.text(area.why), MOST_WHY),
        tuple(visible(one, MOST_NAME) for one in area.reviewers),
        _note(area.signed, words) if area.signed else None,
        tuple(
            ItemView(
                visible(item.id, MOST_NAME),
                item.severity,
                visible(words.text(item.question), MOST_WHY),
                _note(item.answer, words) if item.answer else None,
            )
            for item in area.items
        ),
    )


def _note(note: Note, words: Words) -> NoteView:
    return NoteView(
        note.verb.value,
        words(f"page_verb_{note.verb.value}"),
        visible(note.who, MOST_NAME),
        note.at,
        visible(note.text, MOST_NOTE),
        note.head_sha,
        note.until,
    )


def _entry(entry: Entry, words: Words) -> EntryView:
    refusal = entry.refusal
    return EntryView(
        entry.said_at,
        visible(entry.speaker, MOST_NAME),
        visible(entry.right, MOST_NAME),
        entry.channel.value,
        entry.verb.value,
        words(f"page_verb_{entry.verb.value}"),
        visible(entry.subject or (refusal.subject if refusal else ""), MOST_NAME),
        entry.head_sha,
        visible(entry.note, MOST_NOTE),
        refusal.reason if refusal else "",
    )


def _follow_ups(
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
        shown = tuple(_follow_up(one, today, place, words) for one in rows)
        sections.append(FollowUpSection(part, words(f"page_due_{part}"), total, shown))
    return tuple(sections)


def _follow_up(one: Due, today: date, place: Place, words: Words) -> FollowUpRow:
    name, what = one.full_name, one.follow_up
    days = (date.fromisoformat(what.due) - today).days
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
        place.issue(name, what.issue) if what.issue else place.pull(name, what.number),
        page_path(name, what.number),
        what.extended,
    )


def _due_in(days: int, words: Words) -> str:
    if days < 0:
        return words("page_days_over", days=-days)
    return words("page_days_left", days=days) if days else words("page_is_today")


def page_path(full_name: str, number: int) -> str:
    return f"/pulls/{quote(full_name)}/{number}"


# --- Markdown -------------------------------------------------------------------------------------


def queue_markdown(view: QueueView, place: Place, words: Words) -> str:
    """The queue as text to paste into a chat or a wiki."""
    blocks = [f"## {words('page_queue')} ({_time(view.now, place)})"]
    blocks.append(literal(view.release.text) if view.release else "")
    for section in view.sections:
        lines = [
            dotted(
                f"- {one.waited}",
                link(f"{one.repository}#{one.number}", one.url),
                literal(one.title, MOST_TITLE),
                literal(words.joined(one.areas)),
                literal(one.why),
                f"{words('page_release')} {literal(one.release)}" if one.release else "",
                words("page_freeze") if one.frozen else "",
            )
            for one in section.reviews
        ]
        blocks.append(_listed(section.title, section.total, lines, words))
    blocks += _follow_ups_markdown(view.follow_ups, words)
    return paragraphs(*blocks) + "\n"


def follow_ups_markdown(view: FollowUpsView, place: Place, words: Words) -> str:
    """The follow-ups as text to paste."""
    heading = f"## {words('page_follow_ups')} ({_time(view.now, place)})"
    return paragraphs(heading, *_follow_ups_markdown(view.sections, words)) + "\n"


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
    entries = [
        "- "
        + dotted(
            _time(one.at, place),
            literal(one.who),
            one.what,
            code(one.subject) if one.subject else "",
            literal(one.right),
            one.channel,
            code(one.head_sha[:7]) if one.head_sha else "",
            literal(one.note),
            one.refusal,
        )
        for one in view.timeline
    ]
    return (
        paragraphs(
            f"## {name} {literal(view.title, MOST_TITLE)}",
            dotted(f"**{view.state_text}**", view.waited, literal(view.next)),
            dotted(
                f"{words('page_release')} {literal(view.release)}" if view.release else "",
                f"{words('page_freeze')} ({literal(view.freeze)})" if view.freeze else "",
            ),
            _listed(words("page_areas"), len(view.areas), areas, words),
            _listed(words("page_questions"), len(items), items, words),
            _listed(words("page_timeline"), view.judged, entries, words),
        )
        + "\n"
    )


def _follow_ups_markdown(sections: Iterable[FollowUpSection], words: Words) -> list[str]:
    return [
        _listed(
            section.title,
            section.total,
            [
                dotted(
                    f"- {one.due} ({one.when})",
                    code(one.item),
                    link(f"{one.repository}#{one.number}", one.url),
                    literal(one.owner),
                    literal(one.reason),
                )
                for one in section.follow_ups
            ],
            words,
        )
        for section in sections
    ]


def _listed(title: str, total: int, lines: list[str], words: Words) -> str:
    more = [f"- {words('page_more', count=total - len(lines))}"] if total > len(lines) else []
    return "\n".join((f"### {title} ({total})", "", *(lines or [words("page_none")]), *more))


def _time(at: datetime, place: Place) -> str:
    return at.astimezone(place.zone).strftime("%Y-%m-%d %H:%M %Z")
