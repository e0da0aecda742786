"""What is shown of an item wherever it is asked, as Markdown: worked out once for each item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ghapp.core.areas import Item
from ghapp.core.markdown import code, link, plain
from ghapp.core.packless import CONCERN
from ghapp.core.words.texts import joined, say

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
