"""Findings -> which of them are shown, and the Markdown that shows them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from ghapp.core.areas import Finding, Hit, Text
from ghapp.core.i18n import joined, say, sentences
from ghapp.core.markdown import code, literal, visible
from ghapp.core.marks import Annotation
from ghapp.core.review.review import Review
from ghapp.core.scan.checklist import SEVERITIES

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


WORDS: Mapping[str, Text] = {
    "label": Text("label {what}", "ラベル {what}"),
    "path": Text("{path} (matches {what})", "{path}（{what} に一致）"),
    "diff": Text("{path}: {what}", "{path}：{what}"),
    "removed": Text("{path}: removed {what}", "{path}：削除された行 {what}"),
    "line": Text("{path}", "{path}"),
    "hazard": Text("{path} ({what})", "{path}（{what}）"),
    "unread": Text("{path} (GitHub shows no diff)", "{path}（GitHub が差分を表示しません）"),
    "concern": Text("{what}", "{what}"),
    "files": Text("{count} files changed", "変更ファイル {count} 件"),
    "lines": Text("{count} lines added", "追加 {count} 行"),
    "folder": Text("new top-level folder {what}", "最上位の新規フォルダ {what}"),
}


def why(hit: Hit, language: str, name: Callable[[str], str] = code) -> str:
    """The reason: which label, which file by which glob, which line, or how many of what.

    name: how a name from the pull is shown so that it does nothing else.
    """
    if hit.kind == "size":
        count, _, unit = hit.what.partition(" ")
        return WORDS[unit or "files"].to(language).format(count=f"{int(count):,}")
    place = f"{hit.path}:{hit.line}" if hit.line else hit.path
    return WORDS[hit.kind].to(language).format(path=name(place), what=name(hit.what))
