"""The questions of an area: the task list, and the reason and evidence of each question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ghapp.core.areas import Finding, Item
from ghapp.core.i18n import Words
from ghapp.core.ledger import Verb
from ghapp.core.markdown import code, dotted, folded, link, login, plain
from ghapp.core.review.review import AreaReview, Review
from ghapp.core.review.special_areas import CONCERN, REVIEW_POLICY, WITHOUT_PACK
from ghapp.core.text import findings, projects
from ghapp.core.text.reasons import flagged_by

MOST_CONCERN = 1_000  # characters


def asked(area: AreaReview, review: Review, words: Words) -> str:
    """The task list of one area: the questions that are shown, then the rest folded.

    All is folded if nothing is asked any more.
    """
    if not area.items and (note := _without_questions(area, words)):
        return note
    lines: list[str] = []
    rest: list[str] = []
    for item in area.items:
        shown = item.id in review.checklist.shown
        (lines if shown else rest).extend(_lines(item, area, review, words))
    count = sum(item.id not in review.checklist.shown for item in area.items)
    if count:
        summary = words("more_questions", count=count)
        lines += [*([""] if lines else []), *folded(summary, rest)]
    over = area.settled or not review.facts.pull.is_open
    return "\n".join(folded(words("questions"), lines) if over and lines else lines)


def details(review: Review, words: Words) -> str:
    """The comment's folded block: why each area is flagged, and the reasons of its questions."""
    lines: list[str] = []
    for area in review.areas:
        shown = [item for item in area.items if item.id in review.checklist.shown]
        if not area.is_concern:  # a concern's words are its question
            title, why = plain(words.text(area.title)), flagged_by(area, review, words)
            lines.append(words("area_flagged_by", area=title, why=why))
        lines += [line for item in shown for line in wording(item, words).details]
        accepted = [finding for finding in area.findings if finding.accepted]
        lines += [f"- {line}" for line in findings.listed(accepted, words)]
        lines += [""] if lines and lines[-1] else []
    if any(findings.opened(area.findings) for area in review.areas):
        lines += [words("findings_hint"), ""]
    return "\n".join(folded(words("details"), lines[:-1])) if lines else ""


def explained(area: AreaReview, review: Review, words: Words) -> str:
    """One area in the check run's text: each question with its answer, findings and reason."""
    note = "" if area.items else _without_questions(area, words)
    lines = [note] if note else []
    for item in area.items:
        lines += _lines(item, area, review, words, ticks=True)
        lines += [f"  - {line}" for line in findings.listed(_found(item, area), words)]
        lines += wording(item, words).below
    items = {item.id for item in area.items}
    elsewhere = [finding for finding in area.findings if finding.item not in items]
    lines += [f"- {line}" for line in findings.listed(elsewhere, words)]
    return "\n".join(lines)


def _without_questions(area: AreaReview, words: Words) -> str:
    """What to say of an area that has no question; those without a pack never have any."""
    if area.id == REVIEW_POLICY:
        return words("policy_check_shows")
    return "" if area.id in WITHOUT_PACK else words("no_question")


def _found(item: Item, area: AreaReview) -> list[Finding]:
    return [finding for finding in area.findings if finding.item == item.id]


def _lines(
    item: Item, area: AreaReview, review: Review, words: Words, *, ticks: bool = False
) -> Iterator[str]:
    """The question, and its answer below it. ticks: also name who only ticked it.

    Without `ticks`, a tick changes nothing below the question.
    """
    worded, holds = wording(item, words), area.answered.get(item.id)
    line = worded.open
    if holds:
        box = " " if holds.verb is Verb.DEFER else "x"
        line = task(item, words, box, struck=holds.verb is Verb.NA)
    count = len(findings.opened(_found(item, area)))
    if count:
        line = dotted(line, findings.counted(count, words))
    yield line if holds else line + worded.wants
    if of_project := projects.answer(item.id, area, review, words):
        yield f"  {of_project}"
    entry = (area.given if ticks else area.worded).get(item.id)
    if entry is None:
        return
    present = area.is_present(entry)
    if not ticks and entry.verb is Verb.CHECK and not entry.note and present:
        return
    last = area.given[item.id]
    before = ""
    if not present and area.is_present(last):
        before = words("confirmed", who=last.speaker, sha=code(last.head_sha[:7]))
    elif not present:
        before = words("before_open" if item.severity == "must" else "before_holds")
    answer = words(
        f"given_{entry.verb.value}",
        who=entry.speaker,
        until=entry.until,
        owner=login(entry.owner),
        before=before,
    )
    note = code(entry.note, 1_000) if entry.note else ""
    issue = next((one.issue for one in review.follow_ups if one.item == item.id), 0)
    yield f"  {dotted(answer, note, f'#{issue}' if issue else '')}"


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of an item in one language, whatever its answer.

    open: its line in a task list, unanswered. wants: how to answer if a tick is not enough, else
    "". below: the lines below it in the check run. details: its lines in the comment's folded
    block, where GitHub keeps line breaks; () if there are none.
    """

    question: str
    open: str
    wants: str
    below: tuple[str, ...]
    details: tuple[str, ...]


def wording(item: Item, words: Words) -> Wording:
    """The item's texts as Markdown, cached in the item.

    A concern's question is written by a person, so it is shown as code.
    """
    known: Wording | None = item.memo.get(words.language)
    if known is not None:
        return known
    text, why = words.text(item.question), plain(words.text(item.why))
    question = code(text, MOST_CONCERN) if item.category == CONCERN else plain(text)
    wants = ""
    if item.kind:
        example = " | ".join(item.choices) if item.kind == "choice" else words(f"a_{item.kind}")
        wants = words("item_wants", command=code(f"/nfr check {item.id} -- {example}"))
    evidence = plain(words.text(item.evidence))
    proof = [words("to_show", words=evidence)] if evidence else []
    if item.links:
        links = words.joined(link(title, address) for title, address in item.links)
        proof.append(words("to_read", links=links))
    reason = [words("why_it_matters", words=why)] if why else []
    details = [f"- `{item.id}` {why}".rstrip(), *(f"  {line}" for line in proof)]
    made = item.memo[words.language] = Wording(
        question=question,
        open=task(item, words, " "),
        wants=wants,
        below=tuple(f"  - {line}" for line in (*reason, *proof)),
        details=tuple(details) if why or proof else (),
    )
    return made


def task(item: Item, words: Words, box: str, *, struck: bool = False) -> str:
    """A line of a task list, as `comment_text.boxes` reads it back."""
    severity, text = words(f"sev_{item.severity}"), words.text(item.question)
    if item.category == CONCERN:  # anybody's words
        named = dotted(f"`{item.id}`", severity)
        return f"- [{box}] {named} · {code(text, MOST_CONCERN)}"
    question = f"**{plain(text)}**"
    asked = dotted(f"`{item.id}`", severity)
    return f"- [{box}] {f'~~{question}~~' if struck else question} {asked}"
