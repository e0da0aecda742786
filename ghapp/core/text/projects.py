"""Projects in words: on their pulls, and in the one comment on their issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ghapp.core.areas import Area, Item
from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, Verb, answers
from ghapp.core.markdown import code, cut, dotted, link, login, paragraphs, plain
from ghapp.core.records import ProjectPull
from ghapp.core.review.facts import Facts
from ghapp.core.review.projects import (
    Consulted,
    consulted,
    due_at,
    new_areas,
    open_concerns,
    spelled,
)
from ghapp.core.review.review import AreaReview, Review

MARKER = "<!-- ghapp:project -->"
MOST_PULLS = 50
MOST_NOTE = 200


def answer(item: str, area: AreaReview, review: Review, words: Words) -> str:
    """What a pull has from its project for a question: the answer, or why it is asked again."""
    found, project = area.inherited.get(item), review.facts.project
    if found is None or project is None:
        return ""
    entry = found.entry
    if found.again == "unchecked":
        return words("again_unchecked", who=login(entry.speaker))
    text = _answer(entry, _place(project.key.reference, review), words)
    return f"~~{text}~~ {words(f'again_{found.again}')}" if found.again else text


def _answer(entry: Entry, place: str, words: Words) -> str:
    """`from #12 "500 rps" tanaka 2 Nov`, with what it is if it is no answer."""
    kind = "" if entry.verb is Verb.CHECK else words(f"project_{entry.verb}", until=entry.until)
    note = code(entry.note, MOST_NOTE) if entry.note else ""
    parts = (place, kind, note, login(entry.speaker), _day(entry, words))
    return words("from_project", words=" ".join(filter(None, parts)))


def _day(entry: Entry, words: Words) -> str:
    name = words("months_short").split()[entry.said_at.month - 1]
    return words("day_short", month=name, number=entry.said_at.day)


def _place(reference: str, review: Review) -> str:
    return spelled(reference, review.facts.pull.key.repository.full_name)


def line(review: Review, words: Words) -> str:
    """The project of a pull, how it was found, and what it was not consulted about."""
    found, project = review.facts.membership, review.facts.project
    if found is None:
        return ""
    place = _place(found.reference, review)
    if found.standing == "hint":
        return words("project_hint", project=place, command=code(f"/nfr project {place}"))
    if project is None and found.how not in ("command", "trailer"):
        return ""
    if project is None:
        label = code(review.facts.policy.projects.label)
        return words("project_missing", project=place, label=label)
    key = "project_of" if project.is_open else "project_closed"
    place = _place(project.key.reference, review)
    how = words(f"project_by_{found.how}", who=login(found.by))
    text = words(key, project=link(place, project.url), title=code(project.title), how=how)
    flagged = (area.flagged for area in review.areas)
    new = [plain(words.text(one.area.title)) for one in new_areas(review.facts, flagged)]
    note = words("project_new_area", areas=words.joined(new), project=place) if new else ""
    return words.sentences(text, note)


@dataclass(frozen=True, slots=True)
class Board:
    """What the comment on the issue of a project shows.

    areas: those with questions about the project, by id. pulls: the newest first.
    """

    facts: Facts
    ledger: tuple[Entry, ...]
    areas: Mapping[str, Area]
    pulls: tuple[ProjectPull, ...]

    @property
    def consulted(self) -> Mapping[str, Consulted]:
        return consulted(self.ledger)

    @property
    def shown(self) -> tuple[Area, ...]:
        """The areas that somebody asked about, answered, or touched."""
        given = answers(self.ledger)
        touched = {id for pull in self.pulls for id, _ in pull.areas}
        return tuple(
            area
            for id, area in self.areas.items()
            if id in self.consulted or id in touched or any(one.id in given for one in area.items)
        )

    @property
    def given(self) -> Mapping[str, Entry]:
        """The answers that count by now, by item: a deferral counts until its day is over."""
        now = self.facts.now
        return {
            item: one
            for item, one in answers(self.ledger).items()
            if one.verb is not Verb.DEFER or now < due_at(one)
        }

    @property
    def open_items(self) -> tuple[Item, ...]:
        given = self.given
        return tuple(one for area in self.shown for one in area.items if one.id not in given)


def comment(board: Board) -> str:
    """The one comment on the issue: open questions, consultations, concerns, and its pulls."""
    words = Words(board.facts.policy.language)
    count = len(board.open_items)
    named = words("open_one" if count == 1 else "open_many", count=count)
    heading = words("project_heading", questions=named) if count else words("project_heading_done")
    blocks = [f"{MARKER}\n### {heading}", words("project_intro")]
    if not board.shown:
        ids = words.joined(code(id) for id in board.areas)
        blocks.append(words("project_start", areas=ids))
    if "" in board.consulted:
        blocks.append(_consultation(board.consulted[""], words))
    blocks += ["\n".join(_area(area, board, words)) for area in board.shown]
    if any(one.verb is Verb.DEFER for one in board.given.values()):
        blocks.append(words("project_defers"))
    raised = open_concerns(board.ledger)
    if raised:
        lines = (
            f"- {dotted(code(one.subject), code(one.note, 1_000), login(one.speaker))}"
            for one in raised
        )
        blocks.append("\n".join((f"**{words('project_concerns')}**", "", *lines)))
    blocks.append(_table(board, words))
    details = board.facts.details
    if details:
        blocks.append(words("details_link", url=details))
    rest = words("cut_linked", url=details) if details else words("cut")
    return cut(paragraphs(*blocks), rest)


def _area(area: Area, board: Board, words: Words) -> Iterator[str]:
    answered, given = answers(board.ledger), board.given
    count = sum(item.id in given for item in area.items)
    done = words("answered", answered=count, count=len(area.items))
    yield f"#### {dotted(plain(words.text(area.title)), done, code(area.id))}"
    yield ""
    if area.id in board.consulted:
        yield _consultation(board.consulted[area.id], words)
        yield ""
    for item in area.items:
        entry = answered.get(item.id)
        box = "☑" if item.id in given else "☐"
        severity = words(f"sev_{item.severity}")
        question = f"**{plain(words.text(item.question))}**"
        yield f"- {box} {question} {dotted(code(item.id), severity)}"
        if entry:
            kind = words(f"project_{entry.verb}", until=entry.until)
            note = code(entry.note, MOST_NOTE) if entry.note else ""
            text = dotted(kind, note, login(entry.speaker), _day(entry, words))
            yield f"  {text}" if item.id in given else f"  ~~{text}~~ {words('again_due')}"


def _consultation(one: Consulted, words: Words) -> str:
    note = code(one.last.note, MOST_NOTE) if one.last.note else ""
    asked = words("consult_asked", who=login(one.last.speaker), day=_day(one.last, words))
    if one.answered is None:
        return dotted(asked, note, words("consult_waits"))
    entry = one.answered
    answered = words("consult_answered", who=login(entry.speaker), day=_day(entry, words))
    return dotted(asked, note, answered, code(entry.note, MOST_NOTE) if entry.note else "")


def _table(board: Board, words: Words) -> str:
    """The pulls, the newest first; at most 50."""
    if not board.pulls:
        return ""
    here = board.facts.pull.key.repository.full_name
    rows = [words("project_table"), "| --- | --- | --- |"]
    for pull in board.pulls[:MOST_PULLS]:
        name = spelled(f"{pull.full_name.casefold()}#{pull.number}", here)
        areas = words.joined(plain(words.text(title)) for _, title in pull.areas)
        state = words(f"project_pull_{pull.state}" if pull.is_open else "project_pull_ended")
        rows.append(f"| {name} {code(pull.title, 80)} | {_cell(areas)} | {state} |")
    left = len(board.pulls) - MOST_PULLS
    more = words("and_more", count=left) if left > 0 else ""
    return paragraphs("\n".join(rows), more)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def members(pulls: Sequence[ProjectPull]) -> Mapping[str, str]:
    """Area id -> the first pull that touches it; as in `Project.touched`."""
    found: dict[str, str] = {}
    for pull in sorted(pulls, key=lambda one: (one.number, one.full_name)):
        for area, _ in pull.areas:
            found.setdefault(area, pull.reference)
    return found
