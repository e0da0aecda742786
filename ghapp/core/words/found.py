"""Findings -> which of them are shown, and the Markdown that shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ghapp.core.checklist import SEVERITIES
from ghapp.core.findings import Finding
from ghapp.core.markdown import code, literal
from ghapp.core.words.texts import joined, say, sentences

MOST_A_HAZARD = 10
MOST_NAMED = 3  # hazards, in the one line that an area has for its findings
MOST_FILES = 3


def opened(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that nobody has accepted on their line."""
    return tuple(one for one in findings if not one.accepted)


def rank(finding: Finding) -> int:
    """0 first: must, should, could, then what is accepted."""
    return len(SEVERITIES) if finding.accepted else SEVERITIES.index(finding.severity)


def split(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The first ten of each hazard, heaviest first, and those beyond.

    Of each hazard the open ones come first, then the order is that of files and lines.
    """
    shown: list[Finding] = []
    beyond: list[Finding] = []
    seen: Counter[str] = Counter()
    for one in sorted(findings, key=rank):
        seen[one.hazard] += 1
        (shown if seen[one.hazard] <= MOST_A_HAZARD else beyond).append(one)
    return tuple(shown), tuple(beyond)


def counted(count: int, language: str) -> str:
    """How many findings, as words."""
    return say(language, "findings_one" if count == 1 else "findings_many", count=count)


def by_severity(findings: Iterable[Finding], language: str) -> str:
    """How many findings of each severity, and how many are accepted; "" without any."""
    counts = Counter(map(rank, findings))
    names = [say(language, f"sev_{severity}") for severity in SEVERITIES]
    names.append(say(language, "accepted"))
    said = (
        say(language, "findings_of", count=counts[at], severity=name)
        for at, name in enumerate(names)
        if counts[at]
    )
    return joined(language, tuple(said))


def line(findings: tuple[Finding, ...], language: str) -> str:
    """The one line about an area's findings: the heaviest hazards by name, the rest counted."""
    count = len(opened(findings))
    accepted = len(findings) - count
    if not count:
        return say(language, "findings_accepted", count=accepted) if accepted else ""
    hazards: dict[str, list[Finding]] = {}
    for one in sorted(opened(findings), key=rank):
        hazards.setdefault(one.hazard, []).append(one)
    heaviest = list(hazards.values())[:MOST_NAMED]
    before = ("", *(same[0].path for same in heaviest))
    named = [_short(same, path, language) for same, path in zip(heaviest, before, strict=False)]
    left = count - sum(map(len, heaviest))
    named += [say(language, "and_more", count=left)] if left else []
    named += [say(language, "and_accepted", count=accepted)] if accepted else []
    words = joined(language, (*named,))
    return say(language, "findings_line", findings=counted(count, language), named=words)


def listed(findings: Sequence[Finding], language: str) -> tuple[str, ...]:
    """Each hazard with its lines and message; how many more there are of it, and where."""
    if not findings:  # as of most questions
        return ()
    shown, beyond = split(findings)
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for one in shown:
        kind = (one.hazard, one.severity, one.accepted, one.unsure, one.unheard, one.message)
        alike.setdefault(kind, []).append(one)
    rest: dict[str, list[str]] = {}
    for one in beyond:
        rest.setdefault(one.hazard, []).append(one.path)
    more = (_more(hazard, paths, language) for hazard, paths in rest.items())
    return (*(_whole(same, language) for same in alike.values()), *more)


def _whole(same: list[Finding], language: str) -> str:
    """Findings that differ in nothing but where they are."""
    first = same[0]
    before = ("", *(one.path for one in same))
    places = (
        _place(one, one.path, path, language) for one, path in zip(same, before, strict=False)
    )
    words = say(
        language,
        "finding",
        severity=say(language, "accepted" if first.accepted else f"sev_{first.severity}"),
        hazard=code(first.hazard),
        places=joined(language, tuple(places)),
        message=literal(first.message.to(language)),
    )
    fix = say(language, "finding_fix", fix=code(first.fix)) if first.fix else ""
    unsure = say(language, "finding_unsure") if first.unsure else ""
    unheard = say(language, "finding_unheard", hazard=first.hazard) if first.unheard else ""
    reason = first.accepted and say(language, "finding_reason", reason=code(first.accepted))
    return sentences(language, words, fix, unsure, unheard, reason)


def _short(same: list[Finding], before: str, language: str) -> str:
    """The first of a hazard's findings, and how many follow. before: the path named before it."""
    first = same[0]
    named = say(
        language,
        "finding_short",
        severity=say(language, f"sev_{first.severity}"),
        hazard=code(first.hazard),
        place=_place(first, first.path.rpartition("/")[2], before, language),
    )
    left = len(same) - 1
    return say(language, "also_there", named=named, count=left) if left else named


def _place(finding: Finding, name: str, before: str, language: str) -> str:
    """File and line; the line alone where the file was named before it."""
    if not finding.line:
        return say(language, "place_gone", place=code(name))
    if finding.path == before:
        return say(language, "place_line", line=finding.line)
    return code(f"{name}:{finding.line}")


def _more(hazard: str, paths: list[str], language: str) -> str:
    files = Counter(paths).most_common()
    named = [f"{code(path)} ({count})" for path, count in files[:MOST_FILES]]
    left = len(files) - MOST_FILES
    named += [say(language, "and_more_files", count=left)] if left > 0 else []
    places = joined(language, (*named,)) if len(files) > 1 else code(paths[0])
    return say(language, "findings_beyond", hazard=code(hazard), count=len(paths), places=places)
