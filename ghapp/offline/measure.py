"""`ghapp measure`: the merged changes of a clone -> how much a policy would have asked."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.areas import Text
from ghapp.core.i18n import joined, say
from ghapp.core.markdown import code, plain, visible
from ghapp.core.policy.policy import Policy, effective
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.errors import BadPack, BadRange
from ghapp.offline import check, git, terminal
from ghapp.offline.git import Merged
from ghapp.offline.terminal import printed, wrong

COMMAND = "ghapp measure"
SEED = 1  # the same clone gives the same sample
PROGRESS = 25  # changes between two words on a terminal


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that one change would have been asked."""

    item: str
    area: str
    severity: str


@dataclass(frozen=True, slots=True)
class Found:
    """One finding on one change."""

    hazard: str
    severity: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One change and what would have been asked about it; folded questions are not.

    lines: added ones. areas: flagged. unreadable: why git could not read it, else "".
    """

    change: Merged
    lines: int = 0
    areas: tuple[str, ...] = ()
    questions: tuple[Asked, ...] = ()
    findings: tuple[Found, ...] = ()
    unreadable: str = ""

    @property
    def flagged(self) -> bool:
        return bool(self.areas)

    @property
    def has_must(self) -> bool:
        return any(one.severity == "must" for one in self.questions)


@dataclass(frozen=True, slots=True)
class Measure:
    """All that was measured.

    merged: how many changes there are; changes: those that were drawn, newest first.
    address: of the repository on the web, "" where it is not known. policy: where it was read.
    """

    changes: tuple[Measured, ...]
    merged: int
    since: str = ""
    address: str = ""
    policy: str = ""
    language: str = "en"
    titles: dict[str, str] = field(default_factory=dict)

    @property
    def readable(self) -> tuple[Measured, ...]:
        return tuple(one for one in self.changes if not one.unreadable)

    @property
    def flagged(self) -> tuple[Measured, ...]:
        return tuple(one for one in self.changes if one.flagged)


def run(
    path: str,
    since: str,
    sample: int,
    head: str,
    policy_file: str | None,
    format: str,
    language: str | None,
) -> int:
    """Prints what the policy would have asked about the merged changes of the clone.

    sample: how many to draw at most, 0 for all. policy_file: None is the policy at `head`.
    format: text | markdown | json. The result is the exit status: 0, or 2 for wrong use, a broken
    policy or an output that takes nothing.
    """
    rules = builtin_packs.rules("advise")
    try:
        merged = git.merged(path, head, since)
        if policy_file:
            read = check.policy_of_file(Path(policy_file), rules)
        else:
            read = check.policy_at(path, git.commit_of(path, head), head, rules)
        address = git.address(path)
    except (BadRange, BadPack) as error:
        return wrong(f"{COMMAND}: {error}")
    if read.problems:
        return wrong(*map(str, read.problems), f"{COMMAND}: fix the policy and measure again")
    if not merged:
        return wrong(f"{COMMAND}: {path} has no merged change{f' since {since}' if since else ''}")
    policy = effective(read.source, rules)
    language = language or policy.language
    measured = Measure(
        changes=tuple(_measured(path, policy, drawn(merged, sample))),
        merged=len(merged),
        since=since,
        address=address,
        policy=read.name,
        language=language,
        titles={one.id: one.question.to(language) for area in policy.areas for one in area.items},
    )
    return printed(FORMATS[format](measured), COMMAND)


def drawn(merged: Sequence[Merged], sample: int, seed: int = SEED) -> tuple[Merged, ...]:
    """So many of the changes, newest first; all of them where there are fewer, or for 0."""
    if not sample or len(merged) <= sample:
        return tuple(merged)
    chosen = random.Random(seed).sample(range(len(merged)), sample)  # noqa: S311  no secret
    return tuple(merged[place] for place in sorted(chosen))


def measure(path: git.Folder, policy: Policy, change: Merged) -> Measured:
    """What the policy would have asked about one change."""
    try:
        found = git.range_of(path, change.parent, change.head)
        asked = check.reviewed(path, found, policy)
    except BadRange as error:
        return Measured(change, unreadable=str(error))
    return Measured(
        change,
        lines=sum(file.additions for file in found.pull.files),
        areas=tuple(one.area.id for one in asked.flagged),
        questions=tuple(
            Asked(item.id, one.area.id, item.severity)
            for one in asked.flagged
            for item in one.items
            if item.id in asked.shown
        ),
        findings=tuple(
            Found(one.hazard, one.severity, one.path, one.line)
            for area in asked.flagged
            for one in area.findings
        ),
    )


def _measured(path: str, policy: Policy, changes: Sequence[Merged]) -> Iterator[Measured]:
    """Each change in turn, on all processors; a terminal sees how far it is."""
    tells = sys.stderr.isatty()
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(measure, path, policy, one) for one in changes]
        for count, job in enumerate(jobs, 1):
            yield job.result()
            if tells and (count % PROGRESS == 0 or count == len(jobs)):
                words = f"\r{count:,} of {len(jobs):,} changes"
                print(words, end="\n" if count == len(jobs) else "", file=sys.stderr, flush=True)


BUSIEST = 20
EXAMPLES = 3  # commits beside each
VERSION = 1  # of the JSON

WORDS: Mapping[str, Text] = {
    "heading": Text(
        "{changes} of {merged} merged changes{since}: {flagged} flagged ({share})",
        "マージ済みの変更 {merged} 件{since}のうち {changes} 件を調査："
        "対象 {flagged} 件（{share}）",
    ),
    "since": Text(" since {since}", "（{since} 以降）"),
    "policy": Text("Policy: {policy}", "ポリシー：{policy}"),
    "default": Text(
        "the built-in packs, no policy file", "組み込みのパック（ポリシーファイルなし）"
    ),
    "questions": Text(
        "Questions of a flagged change: median {median}, 90th percentile {p90}, most {most}",
        "対象となった変更の質問数：中央値 {median}、90 パーセンタイル {p90}、最大 {most}",
    ),
    "must": Text(
        "With a must question: {count} ({share})", "必須の質問がある変更：{count} 件（{share}）"
    ),
    "mild": Text(
        "With nothing but should and could: {count} ({share})",
        "推奨・任意の質問だけの変更：{count} 件（{share}）",
    ),
    "found": Text("With a finding: {count} ({share})", "検出事項がある変更：{count} 件（{share}）"),
    "unread": Text(
        "Not readable in this clone, and left out: {count}",
        "このクローンでは読み取れず、除外した変更：{count} 件",
    ),
    "areas": Text("Areas", "領域"),
    "items": Text("Busiest questions", "多く出た質問"),
    "hazards": Text("Busiest rules", "多く検出したルール"),
    "count": Text("changes", "変更数"),
    "of": Text("of all", "全体比"),
    "severity": Text("severity", "重要度"),
    "name": Text("name", "名前"),
    "examples": Text("for example", "例"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """How often one area, question or rule came up. severities: with their counts."""

    name: str
    count: int
    severities: Mapping[str, int]
    examples: tuple[str, ...]
    words: str = ""


def as_text(measured: Measure) -> str:
    """For a terminal, wrapped to its width."""
    language = measured.language
    blocks = ["\n".join(terminal.wrapped(line) for line in _summary(measured))]
    for key, rows in _tables(measured):
        lines = [_say(key, language)]
        for row in rows:
            share = _share(row.count, len(measured.readable))
            head = f"{row.count:>5}  {share:>4}  {row.name}{_severities(row, language)}"
            lines.append(head)
            lines += [terminal.wrapped(words, 13, 13) for words in (row.words,) if words]
            lines += [terminal.wrapped(" ".join(row.examples), 13, 13)] if row.examples else []
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def as_markdown(measured: Measure) -> str:
    """For an issue or a wiki."""
    language = measured.language
    heading, *rest = _summary(measured)
    blocks = [f"## {heading}", "\n".join(f"- {line}" for line in rest)]
    keys = ("name", "count", "of", "severity", "examples")
    for key, rows in _tables(measured):
        lines = [" | ".join(_say(one, language) for one in keys), "--- | --: | --: | --- | ---"]
        for row in rows:
            links = (_linked(one, measured) for one in row.examples)
            share = _share(row.count, len(measured.readable))
            name = f"{code(row.name)} {plain(row.words)}".strip()
            severities = _severities(row, language).strip(" ()（）")
            lines.append(f"{name} | {row.count} | {share} | {severities} | {' '.join(links)}")
        blocks += [f"### {_say(key, language)}", "\n".join(f"| {line} |" for line in lines)]
    return "\n\n".join(blocks)


def as_json(measured: Measure) -> str:
    """For programs; the shape is a promise, with a version."""
    counts = _counts(measured)
    outcome = {
        "version": VERSION,
        "repository": measured.address or None,
        "policy": visible(measured.policy) or None,
        "merged": measured.merged,
        "measured": len(measured.readable),
        "flagged": len(measured.flagged),
        "with_must": sum(one.has_must for one in measured.flagged),
        "with_finding": sum(bool(one.findings) for one in measured.flagged),
        "questions": {"median": counts[0], "p90": counts[1], "most": counts[2]},
        **{key: [_row_as_json(row) for row in rows] for key, rows in _tables(measured, most=0)},
        "changes": [_change_as_json(one) for one in measured.changes],
    }
    return json.dumps(outcome, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Measure], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}


def _summary(measured: Measure) -> list[str]:
    language, flagged = measured.language, measured.flagged
    every, left_out = len(measured.readable), len(measured.changes) - len(measured.readable)
    musts = sum(one.has_must for one in flagged)
    found = sum(bool(one.findings) for one in flagged)
    mild = sum(not (one.has_must or one.findings) for one in flagged)
    since = _say("since", language, since=measured.since) if measured.since else ""
    median, p90, most = _counts(measured)
    return [
        _say(
            "heading",
            language,
            changes=f"{every:,}",
            merged=f"{measured.merged:,}",
            since=since,
            flagged=f"{len(flagged):,}",
            share=_share(len(flagged), every),
        ),
        _say("questions", language, median=median, p90=p90, most=most),
        _say("must", language, count=musts, share=_share(musts, every)),
        _say("mild", language, count=mild, share=_share(mild, every)),
        _say("found", language, count=found, share=_share(found, every)),
        *([_say("unread", language, count=left_out)] if left_out else []),
        _say("policy", language, policy=visible(measured.policy) or _say("default", language)),
    ]


def _counts(measured: Measure) -> tuple[int, int, int]:
    """Of the questions of a flagged change: median, 90th percentile, most."""
    counts = sorted(len(one.questions) for one in measured.flagged) or [0]
    return counts[len(counts) // 2], counts[len(counts) * 9 // 10], counts[-1]


def _tables(measured: Measure, most: int = BUSIEST) -> list[tuple[str, list[Row]]]:
    """The busiest areas, questions and rules. most: rows of each, 0 for all."""
    tables = (
        ("areas", [(one, [(area, "") for area in one.areas]) for one in measured.flagged]),
        (
            "items",
            [
                (one, [(each.item, each.severity) for each in one.questions])
                for one in measured.flagged
            ],
        ),
        (
            "hazards",
            [
                (one, [(each.hazard, each.severity) for each in one.findings])
                for one in measured.flagged
            ],
        ),
    )
    made = [(key, _rows(pairs, measured)[: most or None]) for key, pairs in tables]
    return [(key, rows) for key, rows in made if rows or not most]


def _rows(
    pairs: Iterable[tuple[Measured, Sequence[tuple[str, str]]]], measured: Measure
) -> list[Row]:
    """By how many changes each name came up in."""
    counts: Counter[str] = Counter()
    severities: dict[str, Counter[str]] = {}
    examples: dict[str, list[str]] = {}
    for one, named in pairs:
        for name, severity in dict(named).items():
            counts[name] += 1
            severities.setdefault(name, Counter())[severity] += 1
            if len(examples.setdefault(name, [])) < EXAMPLES:
                examples[name].append(one.change.commit[:12])
    return [
        Row(name, count, severities[name], tuple(examples[name]), measured.titles.get(name, ""))
        for name, count in counts.most_common()
    ]


def _severities(row: Row, language: str) -> str:
    named = tuple(
        f"{row.severities[one]} {say(language, f'sev_{one}')}"
        for one in SEVERITIES
        if row.severities.get(one)
    )
    return f" ({joined(language, named)})" if named else ""


def _linked(commit: str, measured: Measure) -> str:
    return f"[{commit}]({measured.address}/commit/{commit})" if measured.address else code(commit)


def _row_as_json(row: Row) -> Mapping[str, object]:
    severities = {key: count for key, count in row.severities.items() if key}
    return {
        "id": row.name,
        "changes": row.count,
        **({"severities": severities} if severities else {}),
        "examples": list(row.examples),
    }


def _change_as_json(one: Measured) -> Mapping[str, object]:
    return {
        "commit": one.change.commit,
        "parent": one.change.parent,
        "added_lines": one.lines,
        "areas": list(one.areas),
        "questions": [
            {"item": each.item, "area": each.area, "severity": each.severity}
            for each in one.questions
        ],
        "findings": [
            {
                "hazard": each.hazard,
                "severity": each.severity,
                "path": visible(each.path),
                "line": each.line,
            }
            for each in one.findings
        ],
        **({"unreadable": visible(one.unreadable)} if one.unreadable else {}),
    }


def _share(count: int, every: int) -> str:
    return f"{100 * count / every:.0f} %" if every else "0 %"


def _say(key: str, language: str, **values: object) -> str:
    return WORDS[key].to(language).format_map(values)
