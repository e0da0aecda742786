"""The outcome of `ghapp check` as text for a terminal, as Markdown, and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ghapp.core.areas import Finding, Item, Text
from ghapp.core.i18n import Words, joined, say, sentences
from ghapp.core.markdown import code, visible
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import Checklist, Flagged
from ghapp.core.text import findings
from ghapp.core.text.reasons import why
from ghapp.offline import git, terminal

WORDS: Mapping[str, Text] = {
    "heading": Text(
        "NFR review of {base}...{head}: {files}, {areas}, {items}",
        "非機能レビュー {base}...{head}：変更ファイル {files} 件、対象領域 {areas} 件、"
        "質問 {items} 件",
    ),
    "area": Text("{title} ({files})", "{title}（{files} ファイル）"),
    "more": Text("and {files} more", "ほか {files} ファイル"),
    "folded": Text("{items} folded: {names}", "ほか {items} 件の質問（折りたたみ）：{names}"),
    "unfold": Text("(--all shows them)", "（--all で表示）"),
    "finding": Text(
        "{place}: {severity}: {message} [{hazard}]", "{place}: {severity}：{message} [{hazard}]"
    ),
    "beyond": Text("{hazard}: {count} more", "{hazard}：ほか {count} 件"),
    "clear": Text(
        "No flagged area in {base}...{head} ({files}). Nothing to do.",
        "{base}...{head}（変更ファイル {files} 件）に確認対象の領域はありません。対応は不要です。",
    ),
    "ignored": Text(
        "Nothing is asked: all commits are by {author}, whom the policy leaves out.",
        "確認は不要です。すべてのコミットが、ポリシーで対象外の {author} によるものです。",
    ),
    "hint": Text(
        "The last commit's title suggests {titles}, but no file in the diff does; if it is meant, "
        "the pull request would need the label {labels}.",
        "最後のコミットの件名は{titles}を示唆していますが、差分に該当するファイルはありません。"
        "該当する場合は、PR にラベル {labels} が必要です。",
    ),
    "unrelated": Text(
        "{base} and {head} have no common ancestor in this clone, so the two are compared as they "
        "are. If it is a shallow clone, run `git fetch --unshallow` and check again.",
        "{base} と {head} に共通の祖先がないため、両者をそのまま比較しました。"
        "浅いクローンの場合は `git fetch --unshallow` を実行してから、もう一度確認してください。",
    ),
}

MOST_NAMED = 3  # files that could not be looked at as a whole

# English counts; Japanese does without.
NOUNS = {"files": "file", "areas": "area", "items": "question"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A range and what is asked about it.

    policy_name: where the policy was read; "" where there is none. unfolded: show all questions.
    """

    range: git.Range
    policy: Policy
    policy_name: str
    checklist: Checklist
    language: str
    unfolded: bool

    @property
    def flagged(self) -> bool:
        asked = self.checklist
        return bool(asked.flagged or asked.unread) or not asked.complete

    def say(self, key: str, **values: object) -> str:
        """One of our sentences, which may name the two ends of the range."""
        pull = self.range.pull
        known = {"base": pull.base_ref, "head": pull.head_ref, "files": len(pull.files), **values}
        if self.language == "en":
            known |= {name: _counted(known[name], name) for name in NOUNS if name in known}
        return WORDS[key].to(self.language).format_map(known)


def as_text(checked: Checked) -> str:
    """For a terminal, wrapped to its width."""
    return "\n\n".join(
        [terminal.wrapped(warning) for warning in _warnings(checked)]
        + [_heading(checked)]
        + [_area_as_text(one, checked) for one in checked.checklist.flagged]
        + [terminal.wrapped(note) for note in _notes(checked)]
    )


def as_markdown(checked: Checked) -> str:
    """For a comment or a job summary."""
    parts = [f"## {_heading(checked)}" if checked.checklist.flagged else _heading(checked)]
    for one in checked.checklist.flagged:
        parts += _area_as_markdown(one, checked)
    return "\n\n".join([*_warnings(checked), *parts, *_notes(checked)])


def as_json(checked: Checked) -> str:
    """For programs; the shape is a promise."""
    asked, pull = checked.checklist, checked.range.pull
    outcome = {
        "flagged": checked.flagged,
        "base": visible(pull.base_ref),
        "head": visible(pull.head_ref),
        "policy": visible(checked.policy_name) or None,
        "areas": [_area_as_json(one, checked) for one in asked.flagged],
        "findings": [
            _finding_as_json(finding, checked.language)
            for one in asked.flagged
            for finding in one.findings
        ],
    }
    return json.dumps(outcome, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Checked], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}


def _area_as_text(one: Flagged, checked: Checked) -> str:
    """Why it is flagged, what is asked, and the suspicious lines."""
    language = checked.language
    title = checked.say("area", title=one.area.title.to(language), files=len(one.files))
    reasons = [*[why(hit, Words(language), visible) for hit in one.hits], *_more(one, checked)]
    questions = [
        (say(language, f"sev_{item.severity}"), f"{item.question.to(language)} [{item.id}]")
        for item in _shown(one, checked)
    ]
    folded = f"{_folded(one, checked)} {checked.say('unfold')}" if _rest(one, checked) else ""
    lines = [terminal.area(title, reasons, questions, folded)]
    if one.findings:
        lines += ["", f"  {findings.counted(len(one.findings), Words(language))}"]
        lines += [terminal.wrapped(line, 2, 6) for line in _finding_lines(one, checked)]
    return "\n".join(lines)


def _finding_lines(one: Flagged, checked: Checked) -> list[str]:
    shown, beyond = findings.split(one.findings)
    left = Counter(finding.hazard for finding in beyond)
    return [
        *(_finding(finding, checked) for finding in shown),
        *(checked.say("beyond", hazard=hazard, count=left[hazard]) for hazard in left),
    ]


def _finding(finding: Finding, checked: Checked) -> str:
    """One finding; its place comes first, so that terminals lead to it."""
    language, path = checked.language, visible(finding.path)
    words = checked.say(
        "finding",
        place=f"{path}:{finding.line}" if finding.line else path,
        severity=say(language, "accepted" if finding.accepted else f"sev_{finding.severity}"),
        hazard=finding.hazard,
        message=finding.message.to(language),
    )
    accepted = finding.accepted and say(
        language, "finding_reason", reason=visible(finding.accepted)
    )
    fix = say(language, "finding_fix", fix=code(finding.fix)) if finding.fix else ""
    unsure = say(language, "finding_unsure") if finding.unsure else ""
    return sentences(language, words, fix, unsure, accepted)


def _area_as_markdown(one: Flagged, checked: Checked) -> list[str]:
    language = checked.language
    reasons = joined(
        language, (*[why(hit, Words(language)) for hit in one.hits], *_more(one, checked))
    )
    listed = [f"- {line}" for line in findings.listed(one.findings, Words(language))]
    return [
        f"### {one.area.title.to(language)}",
        say(language, "flagged_by", why=reasons),
        "\n".join(_task(item, language) for item in _shown(one, checked)),
        *([_folded(one, checked)] if _rest(one, checked) else []),
        *([f"**{findings.counted(len(one.findings), Words(language))}**"] if listed else []),
        *(["\n".join(listed)] if listed else []),
    ]


def _area_as_json(one: Flagged, checked: Checked) -> Mapping[str, object]:
    language, shown = checked.language, checked.checklist.shown
    return {
        "id": one.area.id,
        "title": one.area.title.to(language),
        "reasons": [why(hit, Words(language), visible) for hit in one.hits],
        "items": [
            {
                "id": item.id,
                "severity": item.severity,
                "question": item.question.to(language),
                "shown": item.id in shown,
            }
            for item in one.items
        ],
    }


def _finding_as_json(finding: Finding, language: str) -> Mapping[str, object]:
    """accepted: only of what `nfr:ignore` on the line accepts, with the reason given there."""
    return {
        "hazard": finding.hazard,
        "severity": finding.severity,
        "item": finding.item,
        "area": finding.area,
        "path": visible(finding.path),
        "line": finding.line,
        "message": finding.message.to(language),
        **({"fix": finding.fix} if finding.fix else {}),
        **({"accepted": visible(finding.accepted)} if finding.accepted else {}),
    }


def _heading(checked: Checked) -> str:
    asked = checked.checklist
    if asked.ignored:
        return checked.say("ignored", author=visible(asked.ignored))
    if not asked.flagged:
        return checked.say("clear")
    items = sum(len(one.items) for one in asked.flagged)
    return checked.say("heading", areas=len(asked.flagged), items=items)


def _warnings(checked: Checked) -> list[str]:
    """What makes the whole result doubtful."""
    return [] if checked.range.merge_base else [checked.say("unrelated")]


def _notes(checked: Checked) -> list[str]:
    """What else has to be known to read the result right."""
    asked, language = checked.checklist, checked.language
    hints = asked.hints if checked.range.pull.files else ()
    unread = (*asked.unread, *asked.partly)
    return [
        *([] if asked.complete else [say(language, "incomplete")]),
        *([say(language, "partly", paths=_named(unread, language))] if unread else []),
        *([_hint(hints, checked)] if hints else []),
    ]


def _hint(areas: tuple[str, ...], checked: Checked) -> str:
    """What would bring these areas in; no label can be put on here."""
    titles = {area.id: area.title.to(checked.language) for area in checked.policy.areas}
    names = joined(checked.language, tuple(titles[area] for area in areas))
    labels = joined(checked.language, tuple(code(f"nfr/area: {area}") for area in areas))
    return checked.say("hint", titles=names, labels=labels)


def _named(paths: tuple[str, ...], language: str) -> str:
    """The first few, and how many more there are."""
    left = len(paths) - MOST_NAMED
    more = (say(language, "and_more_files", count=left),) if left > 0 else ()
    return joined(language, (*map(code, paths[:MOST_NAMED]), *more))


def _more(one: Flagged, checked: Checked) -> list[str]:
    """How many files of the area no reason names; none is named for a label or the size."""
    named = {hit.path for hit in one.hits if hit.path}
    left = len(one.files) - len(named)
    return [checked.say("more", files=left)] if named and left > 0 else []


def _shown(one: Flagged, checked: Checked) -> list[Item]:
    shown = checked.checklist.shown
    return [item for item in one.items if checked.unfolded or item.id in shown]


def _rest(one: Flagged, checked: Checked) -> list[Item]:
    shown = _shown(one, checked)
    return [item for item in one.items if item not in shown]


def _folded(one: Flagged, checked: Checked) -> str:
    rest = tuple(item.id for item in _rest(one, checked))
    return checked.say("folded", items=len(rest), names=joined(checked.language, rest))


def _task(item: Item, language: str) -> str:
    severity = say(language, f"sev_{item.severity}")
    return f"- [ ] {code(item.id)} **{severity}** {item.question.to(language)}"


def _counted(number: object, noun: str) -> str:
    return f"{number} {NOUNS[noun]}{'' if number == 1 else 's'}"
