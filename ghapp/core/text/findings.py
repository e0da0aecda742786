"""Findings as lines of Markdown, and as annotations on lines of the diff."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ghapp.core.areas import Finding
from ghapp.core.i18n import Words
from ghapp.core.markdown import MOST_TITLE, code, folded, literal, visible
from ghapp.core.marks import Annotation
from ghapp.core.review.review import Review
from ghapp.core.scan.checklist import SEVERITIES

MOST_A_HAZARD = 10
MOST_FILES = 3
# Source: https://docs.github.com/en/rest/checks/runs#create-a-check-run
MOST_MESSAGE = 64 * 1024  # bytes
MOST_WORDS = 1_000  # characters of one finding's message
# One request takes fifty, and write requests are scarce. The others are only in the text.
MOST_ANNOTATIONS = 250
LEVELS = ("failure", "warning", "notice", "notice")  # by rank: must, should, could, accepted
_SENTENCE_END = re.compile(r"[.!?](?= [A-Z`*])|。")


def opened(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that nobody has accepted on their line."""
    return tuple(finding for finding in findings if not finding.accepted)


def rank(finding: Finding) -> int:
    """0 is first: must, should, could, then accepted findings."""
    return len(SEVERITIES) if finding.accepted else SEVERITIES.index(finding.severity)


def split(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The first ten of each hazard, and the rest; both heaviest first, then by file and line."""
    shown: list[Finding] = []
    beyond: list[Finding] = []
    counts: Counter[str] = Counter()
    for finding in sorted(findings, key=rank):
        counts[finding.hazard] += 1
        (shown if counts[finding.hazard] <= MOST_A_HAZARD else beyond).append(finding)
    return tuple(shown), tuple(beyond)


def counted(count: int, words: Words) -> str:
    """A number of findings, in words."""
    return words("findings_one" if count == 1 else "findings_many", count=count)


def severity(finding: Finding, words: Words) -> str:
    """The severity in a word, or "accepted"."""
    return words("accepted" if finding.accepted else f"sev_{finding.severity}")


def by_severity(findings: Iterable[Finding], words: Words) -> str:
    """How many findings there are of each severity, and how many are accepted."""
    counts = Counter(severity(finding, words) for finding in sorted(findings, key=rank))
    return words.joined(
        words("findings_of", count=count, severity=name) for name, count in counts.items()
    )


def summary(review: Review, words: Words) -> str:
    """The check run's sentence on all findings: how many, and what to do about a harmless one."""
    findings = [finding for area in review.areas for finding in area.findings]
    if not findings:
        return ""
    counts = words("findings_summary", counts=by_severity(findings, words))
    hint = words("findings_hint") if opened(findings) else ""
    return words.sentences(counts, marked(review, words), hint)


def marked(review: Review, words: Words) -> str:
    """Where the findings are marked; "" if none of them has a line."""
    any_line = any(finding.line for area in review.areas for finding in area.findings)
    return words("findings_where") if any_line else ""


MOST_LISTED = 5  # in the comment; the check run has all


def block(review: Review, words: Words) -> str:
    """The comment's list of findings, heaviest first; folded once nothing waits any more."""
    found = [finding for area in review.areas for finding in area.findings]
    lines = listed(sorted(opened(found), key=rank), words)
    if not lines:
        return words("findings_accepted", count=len(found)) if found else ""
    shown = [f"- {line}" for line in lines[:MOST_LISTED]]
    if len(lines) > MOST_LISTED:
        shown.append(f"- {words('more_in_check', count=len(lines) - MOST_LISTED)}")
    if not review.waiting:
        return "\n".join(folded(words("findings"), shown))
    return "\n".join((f"**{words('findings')}**", "", *shown))


def listed(findings: Sequence[Finding], words: Words) -> tuple[str, ...]:
    """Each hazard with its lines and message; then how many more findings there are, and where."""
    if not findings:  # true for most questions
        return ()
    shown, beyond = split(findings)
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for one in shown:
        alike = (
            one.hazard,
            one.severity,
            one.accepted,
            one.unsure,
            one.ignore_rejected,
            one.message,
        )
        groups.setdefault(alike, []).append(one)
    lines = [_listed(group, words) for group in groups.values()]
    rest: dict[str, list[str]] = {}
    for one in beyond:
        rest.setdefault(one.hazard, []).append(one.path)
    for hazard, paths in rest.items():
        files = [f"{code(path)} ({count})" for path, count in Counter(paths).most_common()]
        places = words.joined(files[:MOST_FILES], len(files) - MOST_FILES, "and_more_files")
        places = places if len(files) > 1 else code(paths[0])
        lines.append(words("findings_beyond", hazard=code(hazard), count=len(paths), places=places))
    return tuple(lines)


def _listed(alike: Sequence[Finding], words: Words) -> str:
    """The line for findings that differ only in their places."""
    first, paths = alike[0], ["", *(finding.path for finding in alike)]
    places = (
        _place(finding, finding.path, path, words)
        for finding, path in zip(alike, paths, strict=False)
    )
    text = words(
        "finding",
        severity=severity(first, words),
        hazard=code(first.hazard),
        places=words.joined(places),
        message=literal(words.text(first.message)),
    )
    fix = words("finding_fix", fix=code(first.fix)) if first.fix else ""
    reason = words("finding_reason", reason=code(first.accepted)) if first.accepted else ""
    return words.sentences(text, fix, *_doubts(first, words), reason)


def _place(finding: Finding, name: str, before: str, words: Words) -> str:
    """File and line, or only the line if the previous path is the same. name: of the file."""
    if not finding.line:
        return words("place_gone", place=code(name))
    if finding.path == before:
        return words("place_line", line=finding.line)
    return code(f"{name}:{finding.line}")


def _doubts(finding: Finding, words: Words) -> Iterator[str]:
    if finding.unsure:
        yield words("finding_unsure")
    if finding.ignore_rejected:
        yield words("finding_ignore_rejected", hazard=finding.hazard)


def notes(review: Review, words: Words) -> tuple[Annotation, ...]:
    """One for each line with findings, heaviest first, then by path and line; 250 at most.

    A removed file has no line to annotate.
    """
    lines: dict[tuple[str, int], list[Finding]] = {}
    for area in review.areas:
        for finding in split(area.findings)[0]:
            if finding.line > 0:
                lines.setdefault((finding.path, finding.line), []).append(finding)
    ranked = sorted((min(map(rank, found)), *place) for place, found in lines.items())
    made: list[Annotation] = []
    for weight, path, number in ranked[:MOST_ANNOTATIONS]:
        found = sorted(lines[path, number], key=rank)
        (title, rest), *others = (_message(finding, words) for finding in found)
        message = "\n\n".join((rest.strip(), *map("".join, others))).encode("utf-8", "replace")
        made.append(
            Annotation(
                path=path,
                line=number,
                level=LEVELS[weight],
                title=visible(title, MOST_TITLE),
                message=message[:MOST_MESSAGE].decode("utf-8", "ignore"),
            )
        )
    return tuple(made)


def _message(finding: Finding, words: Words) -> tuple[str, str]:
    """What is wrong, in a sentence; then what to do, and which hazard and question this is."""
    text = visible(words.text(finding.message), MOST_WORDS)
    end = _SENTENCE_END.search(text)
    wrong, rest = (text[: end.end()], text[end.end() :]) if end else (text, "")
    fix = [words("annotation_fix", fix=finding.fix)] if finding.fix else []
    weight = severity(finding, words)
    if finding.accepted:
        weight = words("annotation_accepted", reason=visible(finding.accepted))
    name = words("annotation", hazard=finding.hazard, severity=weight, item=finding.item)
    return wrong, "\n".join((rest, *fix, *_doubts(finding, words), name))
