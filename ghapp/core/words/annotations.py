"""The findings of a review -> annotations on the lines of its diff; plain text, no Markdown."""

from __future__ import annotations

import re

from ghapp.core.findings import Finding
from ghapp.core.markdown import visible
from ghapp.core.marks import Annotation
from ghapp.core.review import Review
from ghapp.core.words.found import rank, split
from ghapp.core.words.texts import say

# Source: https://docs.github.com/en/rest/checks/runs#create-a-check-run
MOST_TITLE = 255  # characters
MOST_MESSAGE = 64 * 1024  # bytes
MOST_WORDS = 1_000  # of one finding's message
# Fifty go into one request, and requests that write are few: the others stand in the text.
MOST_NOTES = 250
SENTENCE = re.compile(r"[.!?](?= [A-Z`*])|。")
LEVELS = ("failure", "warning", "notice", "notice")  # by rank: must, should, could, accepted


def notes(seen: Review) -> tuple[Annotation, ...]:
    """One for each line with findings, the first 250: heaviest first, then by path and line.

    A file that is gone has no line to put one on.
    """
    lines: dict[tuple[str, int], list[Finding]] = {}
    for area in seen.areas:
        for one in split(area.findings)[0]:
            if one.line > 0:
                lines.setdefault((one.path, one.line), []).append(one)
    language = seen.facts.policy.language
    made = [(min(map(rank, found)), _annotation(found, language)) for found in lines.values()]
    made.sort(key=lambda one: (one[0], one[1].path, one[1].line))
    return tuple(annotation for _, annotation in made[:MOST_NOTES])


def _annotation(found: list[Finding], language: str) -> Annotation:
    """found: on one line."""
    found = sorted(found, key=rank)
    title, message = _message(found[0], language)
    more = ("".join(_message(one, language)) for one in found[1:])
    return Annotation(
        path=found[0].path,
        line=found[0].line,
        level=LEVELS[rank(found[0])],
        title=visible(title, MOST_TITLE),
        message=_fitted("\n\n".join((message.strip(), *more))),
    )


def _message(finding: Finding, language: str) -> tuple[str, str]:
    """A sentence on what is wrong; then what to do, and which rule and question this is."""
    words = visible(finding.message.to(language), MOST_WORDS)
    end = SENTENCE.search(words)
    wrong, rest = (words[: end.end()], words[end.end() :]) if end else (words, "")
    severity = say(language, f"sev_{finding.severity}")
    if finding.accepted:
        reason = visible(finding.accepted)
        severity = say(language, "annotation_accepted", reason=reason)
    lines = [rest]
    if finding.fix:
        lines.append(say(language, "annotation_fix", fix=finding.fix))
    if finding.unsure:
        lines.append(say(language, "finding_unsure"))
    if finding.unheard:
        lines.append(say(language, "finding_unheard", hazard=finding.hazard))
    named = {"hazard": finding.hazard, "severity": severity, "item": finding.item}
    lines.append(say(language, "annotation", **named))
    return wrong, "\n".join(lines)


def _fitted(message: str) -> str:
    whole = message.encode("utf-8", "replace")
    return message if len(whole) <= MOST_MESSAGE else whole[:MOST_MESSAGE].decode("utf-8", "ignore")
