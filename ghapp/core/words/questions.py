"""The questions of an area as Markdown: the task list, and what stands behind each question."""

from __future__ import annotations

from collections.abc import Iterator

from ghapp.core.areas import Item
from ghapp.core.findings import Finding
from ghapp.core.markdown import code, folded
from ghapp.core.memory import Entry, Verb
from ghapp.core.packless import WITHOUT_PACK
from ghapp.core.review import AreaReview, Review
from ghapp.core.words import found
from ghapp.core.words.parts import BETWEEN
from ghapp.core.words.putoff import owner
from ghapp.core.words.texts import say
from ghapp.core.words.wording import task, wording

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
    if any(found.opened(area.findings) for area in seen.areas):
        lines += ["", say(language, "findings_hint")]
    return "\n".join(folded(say(language, "details"), (*lines,)))


def explained(area: AreaReview, seen: Review) -> str:
    """One area in the check run's text: each question, its answer, and what stands behind it."""
    language = seen.facts.policy.language
    lines = [say(language, "no_question")] if _asks_nothing(area) else []
    for item in area.items:
        lines += _lines(item, area, seen, ticks=True)
        lines += [f"  - {line}" for line in found.listed(_of(item, area), language)]
        lines += wording(item, language).below
    asked = {item.id for item in area.items}
    elsewhere = [one for one in area.findings if one.item not in asked]
    lines += [f"- {line}" for line in found.listed(elsewhere, language)]
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
    count = len(found.opened(_of(item, area)))
    if count:
        line += say(language, "item_findings", findings=found.counted(count, language))
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
    findings = found.listed(_of(item, area), language)
    details = wording(item, language).details
    yield from details or ([f"- `{item.id}`"] if findings else [])
    yield from (f"  - {line}" for line in findings[:MOST_FINDINGS])
    left = len(findings) - MOST_FINDINGS
    if left > 0:
        yield "  - " + say(language, "more_in_check", count=left)
