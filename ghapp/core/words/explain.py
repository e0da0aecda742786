"""The reply to `/nfr explain`: why each area and each question is here, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ghapp.core.areas import Clause, InFile, Item, When
from ghapp.core.findings import Finding
from ghapp.core.markdown import code
from ghapp.core.review import AreaReview, Review
from ghapp.core.words import found, parts
from ghapp.core.words.nextstep import signers
from ghapp.core.words.texts import joined, say

MOST_REASONS = 10  # hits of an area
MOST_NAMED = 4  # values of a clause, parts of a condition, findings of an item
NUMBERS = ("files_gte", "added_gte", "pull_files_gte", "pull_added_gte")


def explanation(seen: Review) -> str:
    """Every area with what flagged it, every question with what brought it up."""
    language = seen.facts.policy.language
    sha = code(seen.facts.pull.head_sha[:7])
    words: tuple[str, ...]
    if not seen.areas:
        words = (say(language, "explain_clear", sha=sha), parts.hints(seen))
    else:
        areas = (_area(area, seen) for area in seen.areas)
        words = (say(language, "explain", sha=sha), *areas, parts.hints(seen))
    return "\n\n".join(block for block in words if block)


def _area(area: AreaReview, seen: Review) -> str:
    language = seen.facts.policy.language
    head = say(
        language,
        "explain_area",
        area=parts.title(area, language),
        id=code(area.id),
        why=parts.reasons(area, seen, MOST_REASONS),
        who=signers([area], seen),
    )
    items = [_item(item, area, language) for item in area.items]
    return "\n".join([head, *([""] if items else []), *items])


def _item(item: Item, area: AreaReview, language: str) -> str:
    """Its condition in words, and the findings that answer to it."""
    mine = [one for one in area.findings if one.item == item.id]
    reasons = [say(language, "explain_found", findings=_findings(mine, language))] if mine else []
    if item.must_when is not None and item.severity == "must":
        reasons.append(say(language, "explain_must", when=condition(item.must_when, language)))
    if item.when is not None:
        reasons.append(say(language, "explain_when", when=condition(item.when, language)))
    elif not mine:
        raised = "explain_raised" if area.is_concern else "explain_always"
        reasons.append(say(language, raised))
    severity = say(language, f"sev_{item.severity}")
    because = say(language, "explain_between").join(reasons)
    return say(language, "explain_item", item=code(item.id), severity=severity, why=because)


def condition(when: When, language: str) -> str:
    """A `when` as a clause of a sentence."""
    if isinstance(when, Clause):
        return say(language, f"when_{when.kind}", values=_values(when, language))
    if isinstance(when, InFile):
        return say(language, "when_file", values=_in_file(when, language))
    words = [_inner(one, language) for one in islice(when.of, MOST_NAMED)]
    left = len(when.of) - len(words)
    words += [say(language, "when_more", count=left)] if left > 0 else []
    if when.how == "not":
        return say(language, "when_not", words=words[0])
    return say(language, f"when_{when.how}").join(words)


def _in_file(when: InFile, language: str) -> str:
    kinds = (("path", when.path), ("diff", when.diff), ("removed", when.removed))
    words = [condition(Clause(kind, values), language) for kind, values in kinds if values]
    words += [say(language, "when_file_new")] if when.new else []
    words += [say(language, "when_file_bump", part=code(when.bump))] if when.bump else []
    return joined(language, tuple(words))


def _inner(when: When, language: str) -> str:
    words = condition(when, language)
    simple = isinstance(when, Clause | InFile) or when.how == "not" or len(when.of) == 1
    return words if simple else say(language, "when_inner", words=words)


def _values(clause: Clause, language: str) -> str:
    if clause.kind in NUMBERS:
        return f"{int(clause.values[0]):,}"
    return _listed(map(code, clause.values), len(clause.values), language)


def _findings(findings: list[Finding], language: str) -> str:
    ordered = sorted(findings, key=found.rank)
    places = (f"{one.path}:{one.line}" if one.line else one.path for one in ordered)
    named = (f"{code(one.hazard)} {code(at)}" for one, at in zip(ordered, places, strict=True))
    return _listed(named, len(ordered), language)


def _listed(names: Iterable[str], count: int, language: str) -> str:
    first = [*islice(names, MOST_NAMED)]
    left = count - len(first)
    first += [say(language, "and_more", count=left)] if left else []
    return joined(language, (*first,))
