"""The questions of an area as Markdown: the task list, and what stands behind each question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ghapp.core.areas import Finding, Item
from ghapp.core.i18n import joined, say
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import code, folded, link, plain
from ghapp.core.review.review import AreaReview, Review
from ghapp.core.review.special_areas import CONCERN, WITHOUT_PACK
from ghapp.core.text import findings
from ghapp.core.text.parts import BETWEEN
from ghapp.core.text.status import owner

MOST_FINDINGS = 5  # of one question in the comment; the check run has all that are shown


def asked(area: AreaReview, seen: Review) -> str:
    """The task list of one area: what is asked first, the rest folded."""
    language = seen.facts.policy.language
    if _asks_nothing(area):
        return say(language, "no_question")
    lines: list[str] = []
    for item in _shown(area, seen):
        lines += _lines(item, area, seen)
    rest = [item for item in area.items if item.id not in seen.checklist.shown]
    if rest:
        more = say(language, "more_questions", count=len(rest))
        inner = [line for item in rest for line in _lines(item, area, seen)]
        lines += [*([""] if lines else []), *folded(more, (*inner,))]
    return "\n".join(lines)


def details(seen: Review) -> str:
    """The folded block of the comment: what stands behind each question that is not folded."""
    language = seen.facts.policy.language
    lines = [
        line
        for area in seen.areas
        for item in _shown(area, seen)
        for line in _behind(item, area, language)
    ]
    if not lines:
        return ""
    if any(findings.opened(area.findings) for area in seen.areas):
        lines += ["", say(language, "findings_hint")]
    return "\n".join(folded(say(language, "details"), (*lines,)))


def explained(area: AreaReview, seen: Review) -> str:
    """One area in the check run's text: each question, its answer, and what stands behind it."""
    language = seen.facts.policy.language
    lines = [say(language, "no_question")] if _asks_nothing(area) else []
    for item in area.items:
        lines += _lines(item, area, seen, ticks=True)
        lines += [f"  - {line}" for line in findings.listed(_of(item, area), language)]
        lines += wording(item, language).below
    asked = {item.id for item in area.items}
    elsewhere = [one for one in area.findings if one.item not in asked]
    lines += [f"- {line}" for line in findings.listed(elsewhere, language)]
    return "\n".join(lines)


def _asks_nothing(area: AreaReview) -> bool:
    """Whether the area waits for a sign-off alone; what cannot be read says so itself."""
    return not area.items and area.id not in WITHOUT_PACK


def _shown(area: AreaReview, seen: Review) -> list[Item]:
    return [item for item in area.items if item.id in seen.checklist.shown]


def _of(item: Item, area: AreaReview) -> list[Finding]:
    return [one for one in area.findings if one.item == item.id]


def _lines(item: Item, area: AreaReview, seen: Review, *, ticks: bool = False) -> Iterator[str]:
    """The question and below it its answer. ticks: also where it was only ticked.

    A tick adds and takes no words: below it stands what stood there before.
    """
    language = seen.facts.policy.language
    words, holds = wording(item, language), area.answered.get(item.id)
    line = _answered(item, holds, language) if holds else words.open
    count = len(findings.opened(_of(item, area)))
    if count:
        line += say(language, "item_findings", findings=findings.counted(count, language))
    yield line if holds else line + words.wants
    entry = (area.given if ticks else area.told).get(item.id)
    if entry and (ticks or _speaks(entry, area)):
        yield f"  {_answer(entry, item, area, seen)}"


def _answered(item: Item, holds: Entry, language: str) -> str:
    """The line of a question that is answered: ticked, but for one put off."""
    words = wording(item, language).question
    words = f"~~{words}~~" if holds.verb is Verb.NA else words
    return task(item, language, " " if holds.verb is Verb.DEFER else "x", words)


def _speaks(entry: Entry, area: AreaReview) -> bool:
    """Whether an answer says more than its box does."""
    return entry.verb is not Verb.CHECK or bool(entry.note) or not area.is_present(entry)


def _answer(entry: Entry, item: Item, area: AreaReview, seen: Review) -> str:
    """Who answered, to which diff, and in which words; where it is followed up."""
    language = seen.facts.policy.language
    holds = "before_open" if item.severity == "must" else "before_holds"
    words = say(
        language,
        f"given_{entry.verb.value}",
        who=entry.speaker,
        until=entry.until,
        owner=owner(entry.owner),
        before="" if area.is_present(entry) else say(language, holds),
    )
    issue = next((one.issue for one in seen.follow_ups if one.item == item.id), 0)
    said = (words, entry.note and code(entry.note, 1000), f"#{issue}" if issue else "")
    return BETWEEN.join(one for one in said if one)


def _behind(item: Item, area: AreaReview, language: str) -> Iterator[str]:
    """One question in the comment's folded block."""
    listed = findings.listed(_of(item, area), language)
    details = wording(item, language).details
    yield from details or ([f"- `{item.id}`"] if listed else [])
    yield from (f"  - {line}" for line in listed[:MOST_FINDINGS])
    left = len(listed) - MOST_FINDINGS
    if left > 0:
        yield "  - " + say(language, "more_in_check", count=left)


MOST_CONCERN = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of an item in one language, whatever is said about it.

    open: its line in a task list, unanswered. wants: how to answer what a mere tick does not, "".
    below: what stands below it in the check run. details: in the comment's folded block, where a
    new line is a new line; () where there is nothing to say.
    """

    question: str
    open: str
    wants: str
    below: tuple[str, ...]
    details: tuple[str, ...]


def wording(item: Item, language: str) -> Wording:
    """The item's words, remembered as long as the item is there."""
    known: Wording | None = item.memo.get(language)
    if known is None:
        known = item.memo[language] = _worded(item, language)
    return known


def task(item: Item, language: str, box: str, words: str) -> str:
    """A line of a task list, as `ticks.py` reads it back."""
    return f"- [{box}] `{item.id}` **{say(language, f'sev_{item.severity}')}** {words}"


def _worded(item: Item, language: str) -> Wording:
    question, why = _question(item, language), plain(item.why.to(language))
    proof = tuple(_proof(item, language))
    reason = [say(language, "why_it_matters", words=why)] if why else []
    return Wording(
        question=question,
        open=task(item, language, " ", question),
        wants=_wanted(item, language) if item.kind else "",
        below=tuple(f"  - {line}" for line in (*reason, *proof)),
        details=(f"- `{item.id}` {why}".rstrip(), *(f"  {line}" for line in proof))
        if why or proof
        else (),
    )


def _question(item: Item, language: str) -> str:
    """The question inside Markdown; a person's own words, as a concern has them, as code."""
    words = item.question.to(language)
    return code(words, MOST_CONCERN) if item.category == CONCERN else plain(words)


def _wanted(item: Item, language: str) -> str:
    """How to answer a question that a mere tick does not answer."""
    kind = " | ".join(item.choices) if item.kind == "choice" else say(language, f"a_{item.kind}")
    return say(language, "item_wants", command=code(f"/nfr check {item.id} -- {kind}"))


def _proof(item: Item, language: str) -> Iterator[str]:
    """What shows the answer, and where to read on."""
    evidence = plain(item.evidence.to(language))
    if evidence:
        yield say(language, "to_show", words=evidence)
    if item.links:
        links = tuple(link(title, address) for title, address in item.links)
        yield say(language, "to_read", links=joined(language, links))
