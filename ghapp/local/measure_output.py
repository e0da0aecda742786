"""The outcome of `ghapp measure` as text for a terminal, as Markdown, and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ghapp.core.areas import Text
from ghapp.core.checklist import SEVERITIES
from ghapp.core.markdown import code, plain, visible
from ghapp.core.words.texts import joined, say
from ghapp.local import layout

if TYPE_CHECKING:
    from ghapp.local.measure import Measure, Measured

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
    blocks = ["\n".join(layout.wrapped(line) for line in _summary(measured))]
    for key, rows in _tables(measured):
        lines = [_say(key, language)]
        for row in rows:
            share = _share(row.count, len(measured.readable))
            head = f"{row.count:>5}  {share:>4}  {row.name}{_severities(row, language)}"
            lines.append(head)
            lines += [layout.wrapped(words, 13, 13) for words in (row.words,) if words]
            lines += [layout.wrapped(" ".join(row.examples), 13, 13)] if row.examples else []
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
