"""What was read -> what a page says, in one language: for HTML, Markdown and JSON alike.

Titles, notes and names come from strangers. They are kept to one visible line here; the templates
escape them, and the Markdown shows them as plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import quote

from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry
from ghapp.core.markdown import code, dotted, link, literal, paragraphs, visible
from ghapp.core.marks import PutCheckRun
from ghapp.core.model import ORGANISATION
from ghapp.core.policy.policy import DEFAULT_LABELS, REPOSITORY
from ghapp.core.records import (
    Consultation,
    FlaggedArea,
    Note,
    Overview,
    PolicyFile,
    ProjectArea,
    RunNote,
)
from ghapp.core.review.configuration import Tracked
from ghapp.core.review.projects import open_concerns
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.core.text.places import Place
from ghapp.core.text.replies import address, reason
from ghapp.core.text.turns import (
    age,
    freeze_named,
    longest,
    next_release,
    quoted,
    release_named,
    reviewers,
    waited,
)
from ghapp.core.text.turns import why as why_it_waits
from ghapp.store import runs
from ghapp.store.pages import (
    MOST_ENTRIES,
    MOST_ROWS,
    OVERDUE,
    PARTS,
    TODAY,
    ConfigurationPage,
    Configured,
    Due,
    FollowUps,
    Parked,
    Parts,
    Planned,
    ProjectMember,
    ProjectPage,
    ProjectsPage,
    PullPage,
    Waiting,
)
from ghapp.store.stand_up import Broken, Failing, StandUp

MOST_PULLS, MOST_USED = 50, 5  # of a project; in which an answer counts
MOST_TITLE, MOST_NOTE, MOST_NAME, MOST_WHY = 200, 500, 100, 1_000
SOON_DAYS = 7
CLOSED = "closed"
SHOWN = ("open", *PARTS, CLOSED)  # what the follow-ups can be narrowed to
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
class EntryView:
    """One entry of the ledger, or a write of ghapp, with neither channel nor verb.

    refusal: why it was not done; "" if it was. refusal_text: the same in a sentence, as Markdown
    with code spans. url: of the message on GitHub.
    """

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
    refusal_text: str = ""
    url: str = ""


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


# --- views ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundRow:
    """What a rule finds in one file. note: why it is accepted, or since when it is there."""

    path: str
    lines: str
    url: str
    note: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule with the files in which it finds something."""

    hazard: str
    severity: str
    message: str
    files: tuple[FoundRow, ...]


@dataclass(frozen=True, slots=True)
class WeekRow:
    monday: str
    must: int
    should: int
    could: int
    accepted: int
    total: int


@dataclass(frozen=True, slots=True)
class ConfigurationView:
    """The standing review of a repository. weeks: newest first; most: the highest total."""

    repository: str
    url: str
    issue: int
    searched_at: datetime
    files: int
    counts: str
    opened: tuple[RuleView, ...]
    accepted: tuple[RuleView, ...]
    weeks: tuple[WeekRow, ...]
    most: int


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
    due = _follow_ups(queue.follow_ups, (OVERDUE, TODAY), queue.now, place, words)
    wait = longest(queue.waits, queue.now, place.zone, words)
    release = _planned(queue.planned, words) if queue.planned else None
    return QueueView(queue.now, found.since, wait, tuple(sections), due, release)


def _planned(planned: Planned, words: Words) -> ReleaseView:
    release, counts = planned.release, (planned.flagged, planned.unsigned)
    text = next_release(release, *counts, words)
    return ReleaseView(release.on, visible(release.name, MOST_NAME), *counts, text)


def follow_ups_view(found: FollowUps, place: Place, words: Words, show: str = "") -> FollowUpsView:
    """Follow-ups by when they are due. show: one of SHOWN; all of them otherwise."""
    parts = [one for one in PARTS if show in (one, "open") or show not in SHOWN]
    sections = _follow_ups(found.parts, parts, found.now, place, words)
    if show == CLOSED or show not in SHOWN:
        total, in_time, rows = found.closed
        today = found.now.astimezone(place.zone).date()
        shown = tuple(
            replace(
                _follow_up(Due(one.full_name, one.follow_up), today, place, words),
                closed=one.on.isoformat(),
                when=words("page_closed_on", day=one.on.isoformat()),
            )
            for one in rows
        )
        note = words("page_in_time", count=in_time, total=total) if total else ""
        title = words("page_due_closed")
        sections = (*sections, FollowUpSection(CLOSED, title, total, shown, note))
    return FollowUpsView(found.now, sections)


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
            _follow_up(Due(page.full_name, one), today, place, words)
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


def _inherited(overview: Overview) -> tuple[str, ...]:
    """Ids of the questions that the project answers for a pull."""
    return tuple(item.id for area in overview.areas for item in area.items if item.is_inherited)


def _of_project(overview: Overview, words: Words) -> OfProjectView | None:
    if overview.project is None:
        return None
    key, count = overview.project.key, len(_inherited(overview))
    name = visible(key.repository.full_name, MOST_NAME)
    title = visible(overview.project.title, MOST_TITLE)
    text = words(
        f"page_inherits_{'one' if count == 1 else 'many'}",
        number=key.number,
        title=title,
        count=count,
    )
    return OfProjectView(name, key.number, title, count, key.page, text)


def project_view(page: ProjectPage, place: Place, words: Words) -> ProjectView:
    """Everything about one project."""
    url, today = place.issue(page.full_name, page.number), page.now.astimezone(place.zone).date()
    used: dict[str, list[str]] = {}
    for one in page.pulls:
        for item in _inherited(one.overview) if one.overview else ():
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
        concerns=tuple(_entry(one, None, url, words) for one in open_concerns(page.ledger)),
        pulls=tuple(_member(one, place, words) for one in page.pulls[:MOST_PULLS]),
        pulls_total=len(page.pulls),
        follow_ups=tuple(
            _follow_up(one, today, place, words) for one in page.follow_ups[:MOST_ROWS]
        ),
        follow_ups_total=len(page.follow_ups),
        timeline=tuple(_entry(one, None, url, words) for one in newest),
        judged=len(page.ledger),
    )


def _project_area(
    area: ProjectArea, used: Mapping[str, Sequence[str]], words: Words
) -> ProjectAreaView:
    return ProjectAreaView(
        visible(area.id, MOST_NAME),
        visible(words.text(area.title), MOST_TITLE) or words("page_project_general"),
        _note(area.consulted, words) if area.consulted else None,
        _note(area.accepted, words) if area.accepted else None,
        tuple(
            ProjectItemView(
                visible(item.id, MOST_NAME),
                item.severity,
                visible(words.text(item.question), MOST_WHY),
                _note(item.answer, words) if item.answer else None,
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
        len(_inherited(overview)) if overview else 0,
        place.pull(one.full_name, one.number),
        page_path(one.full_name, one.number),
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
                project_path(one.full_name, one.number),
            )
            for one in found.projects
        ),
    )


def configuration_view(page: ConfigurationPage, place: Place, words: Words) -> ConfigurationView:
    standing, name = page.standing, visible(page.full_name, MOST_NAME)
    assert standing.searched_at
    weeks = [
        WeekRow(*(one.monday, one.must, one.should, one.could, one.accepted), total=sum(counts))
        for one in reversed(page.weeks)
        for counts in [(one.must, one.should, one.could)]
    ]
    counts = standing.counts()
    return ConfigurationView(
        repository=name,
        url=place.issue(page.full_name, page.issue) if page.issue else "",
        issue=page.issue,
        searched_at=standing.searched_at,
        files=standing.files,
        counts=words.joined(
            words("findings_of", count=counts[one], severity=words(f"sev_{one}"))
            for one in SEVERITIES
            if counts[one]
        ),
        opened=tuple(_rules(standing.open, page, place, words)),
        accepted=tuple(_rules(standing.waived, page, place, words)),
        weeks=tuple(weeks),
        most=max((one.total for one in weeks), default=0),
    )


@dataclass(frozen=True, slots=True)
class ConfiguredRow:
    """What is open in one repository, by severity. page: its path here. url: of the issue."""

    repository: str
    must: int
    should: int
    could: int
    accepted: int
    searched_at: datetime
    issue: int
    url: str
    page: str


@dataclass(frozen=True, slots=True)
class ConfigurationsView:
    repositories: tuple[ConfiguredRow, ...]


def configurations_view(found: Iterable[Configured], place: Place) -> ConfigurationsView:
    """All standing reviews."""
    return ConfigurationsView(
        tuple(
            ConfiguredRow(
                visible(one.full_name, MOST_NAME),
                *(one.week.must, one.week.should, one.week.could, one.week.accepted),
                one.searched_at,
                one.issue,
                place.issue(one.full_name, one.issue) if one.issue else "",
                f"/configuration/{quote(one.full_name)}",
            )
            for one in found
        )
    )


def _rules(
    found: Iterable[Tracked], page: ConfigurationPage, place: Place, words: Words
) -> Iterable[RuleView]:
    """The rules of these findings in the order given, each with its files."""
    groups: dict[str, dict[str, list[Tracked]]] = {}
    for one in found:
        groups.setdefault(one.hazard, {}).setdefault(one.path, []).append(one)
    for hazard, files in groups.items():
        message = page.legend.get(hazard)
        severity = next(iter(files.values()))[0].severity
        yield RuleView(
            hazard,
            words(f"sev_{severity}"),
            visible(words.text(message), MOST_WHY) if message else "",
            tuple(_found(path, here, page, place, words) for path, here in files.items()),
        )


def _found(
    path: str, here: list[Tracked], page: ConfigurationPage, place: Place, words: Words
) -> FoundRow:
    first, day = here[0], min(one.first_seen for one in here).astimezone(place.zone).date()
    note = words("configuration_since", day=day.isoformat())
    if page.standing.is_accepted(first):
        entry = (page.standing.accepted or {}).get(str(first.place))
        reason = first.accepted or (entry.note if entry else "")
        note = f"{reason} ({entry.speaker})" if entry and not first.accepted else reason
    address = place.line(page.full_name, "HEAD", path, first.line)
    return FoundRow(
        visible(path, MOST_TITLE),
        ", ".join(dict.fromkeys(str(one.line) for one in here)),
        address,
        visible(note, MOST_NOTE),
        any(map(page.standing.is_new, here)),
    )


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
    entries = [_entry(one, page.overview, url, words) for one in page.entries]
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
        page_path(one.full_name, one.number),
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
        project_path(one.full_name, one.number),
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
        page=page_path(name, number) if number else "",
        areas=(),
        why=why,
        since=since,
        waited_seconds=int(passed[0].total_seconds()),
        waited=age(passed, words),
    )


def _area(area: FlaggedArea, page: PullPage, place: Place, words: Words) -> AreaView:
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


def _entry(entry: Entry, overview: Overview | None, url: str, words: Words) -> EntryView:
    refusal, sentence = entry.refusal, ""
    if refusal:
        areas = overview.areas if overview else ()
        named = [one for one in areas if one.id in refusal.names]
        meant = named or [one for one in areas if not one.settled]
        waivers = [visible(one, MOST_NAME) for one in (overview.waivers if overview else ())]
        sentence = reason(
            *(refusal, words, entry.said_at, (overview and overview.labels) or DEFAULT_LABELS),
            who=words.joined(dict.fromkeys(reviewers(one, words) for one in meant))
            or words("who_maintain"),
            waivers=words.joined(waivers) or words("who_maintain"),
        )
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
        sentence,
        address(entry, url),
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
        page_path(name, what.number),
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


def page_path(full_name: str, number: int) -> str:
    return f"/pulls/{quote(full_name)}/{number}"


def project_path(full_name: str, number: int) -> str:
    return f"/projects/{quote(full_name)}/{number}"


# --- Markdown -------------------------------------------------------------------------------------


def queue_markdown(view: QueueView, place: Place, words: Words) -> str:
    """The queue as text to paste into a chat or a wiki."""
    blocks = [
        f"## {words('page_queue')} ({_time(view.now, place)})",
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
            blocks += _follow_ups_markdown(view.follow_ups, words)
        blocks.append(_listed(section.title, section.total, lines, words))
    return paragraphs(*blocks) + "\n"


def _named(row: ReviewRow) -> str:
    return f"{row.repository}#{row.number}" if row.number else row.repository


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
    entries = _entries_markdown(view.timeline, place)
    return (
        paragraphs(
            f"## {name} {literal(view.title, MOST_TITLE)}",
            dotted(f"**{view.state_text}**", view.waited, literal(view.next)),
            dotted(
                f"{words('page_project')} {literal(view.project.text)}" if view.project else "",
                f"{words('page_release')} {literal(view.release)}" if view.release else "",
                f"{words('page_freeze')} ({literal(view.freeze)})" if view.freeze else "",
            ),
            _listed(words("page_areas"), len(view.areas), areas, words),
            _listed(words("page_questions"), len(items), items, words),
            _listed(words("page_timeline"), max(view.judged, len(entries)), entries, words),
        )
        + "\n"
    )


def configuration_markdown(view: ConfigurationView, place: Place, words: Words) -> str:
    """The standing review of a repository as text to paste."""
    name = link(view.repository, view.url) if view.url else literal(view.repository)
    weeks = [
        f"- {one.monday}: "
        + words.joined(
            words("findings_of", count=getattr(one, severity), severity=words(f"sev_{severity}"))
            for severity in SEVERITIES
        )
        for one in view.weeks
    ]
    return (
        paragraphs(
            f"## {words('page_configuration')} {name} ({_time(view.searched_at, place)})",
            view.counts or words("page_none"),
            *(
                _listed(title, len(lines), lines, words)
                for title, rules in (
                    (words("page_configuration_open"), view.opened),
                    (words("configuration_accepted"), view.accepted),
                )
                for lines in [list(_found_markdown(rules, words))]
            ),
            _listed(words("page_configuration_by_week"), len(weeks), weeks, words),
        )
        + "\n"
    )


def _found_markdown(rules: Iterable[RuleView], words: Words) -> Iterator[str]:
    for rule in rules:
        for one in rule.files:
            yield "- " + dotted(
                f"{code(rule.hazard)} {rule.severity}",
                link(one.path, one.url),
                words("page_configuration_lines", lines=one.lines),
                literal(one.note),
                literal(rule.message),
            )


def configurations_markdown(view: ConfigurationsView, place: Place, words: Words) -> str:
    """All standing reviews as text to paste."""
    lines = [
        "- "
        + dotted(
            link(one.repository, one.url) if one.url else literal(one.repository),
            words.joined(
                words(
                    "findings_of", count=getattr(one, severity), severity=words(f"sev_{severity}")
                )
                for severity in SEVERITIES
            ),
            f"{words('accepted')} {one.accepted}",
            _time(one.searched_at, place),
        )
        for one in view.repositories
    ]
    heading = words("page_configuration")
    return "\n".join((f"## {heading}", "", *(lines or [words("page_none")]), ""))


def _entries_markdown(entries: Iterable[EntryView], place: Place) -> list[str]:
    return [
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
            one.refusal_text,
        )
        for one in entries
    ]


def projects_markdown(view: ProjectsView, place: Place, words: Words) -> str:
    """All projects as text to paste."""
    lines = [
        "- "
        + dotted(
            link(f"{one.repository}#{one.number}", one.url),
            literal(one.title, MOST_TITLE),
            "" if one.is_open else words("page_closed"),
            one.text,
            words("page_projects_active", at=_time(one.active_at, place)),
        )
        for one in view.projects
    ]
    return _listed(words("page_projects"), view.total, lines, words) + "\n"


def project_markdown(view: ProjectView, place: Place, words: Words) -> str:
    """One project as text to paste."""
    name = link(f"{view.repository}#{view.number}", view.url)
    blocks = [
        f"## {name} {literal(view.title, MOST_TITLE)}",
        "" if view.is_open else words("page_closed"),
    ]
    for area in view.areas:
        lines = [
            "- " + dotted(one.what, literal(one.who), _time(one.at, place), literal(one.text))
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
            _listed(words("page_project_concerns"), len(concerns), concerns, words),
            _listed(words("page_project_pulls"), view.pulls_total, pulls, words),
            *_follow_ups_markdown([owed], words),
            _listed(
                words("page_timeline"),
                view.judged,
                _entries_markdown(view.timeline, place),
                words,
            ),
        )
        + "\n"
    )


def _used(item: ProjectItemView, words: Words) -> str:
    return words.joined(item.used, item.used_total - len(item.used))


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


def _listed(title: str, total: int, lines: list[str], words: Words) -> str:
    more = [f"- {words('page_more', count=total - len(lines))}"] if total > len(lines) else []
    return "\n".join((f"### {title} ({total})", "", *(lines or [words("page_none")]), *more))


def _time(at: datetime, place: Place) -> str:
    return at.astimezone(place.zone).strftime("%Y-%m-%d %H:%M %Z")
