"""`ghapp check`: a local git range -> what the review would ask, as text, Markdown or JSON.

Offline, with the same core as the App.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ghapp import catalogue, gitrange, layout
from ghapp.core.areas import Item, Text
from ghapp.core.checklist import Checklist, Flagged, checklist
from ghapp.core.hazards import findings
from ghapp.core.markdown import code, visible
from ghapp.core.memory import PolicySource
from ghapp.core.policy import POLICY_PATH, Policy, effective, problems_of
from ghapp.core.reasons import why
from ghapp.core.scan import scan
from ghapp.core.texts import joined, say
from ghapp.errors import BadRange

CLEAR, FLAGGED, WRONG = 0, 1, 2

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
    "clear": Text(
        "No flagged area in {base}...{head} ({files}). Nothing to do.",
        "{base}...{head}（変更ファイル {files} 件）に確認対象の領域はありません。対応は不要です。",
    ),
    "ignored": Text(
        "Nothing is asked: all commits are by {author}, whom the policy leaves out.",
        "確認は不要です。すべてのコミットが、ポリシーで対象外の {author} によるものです。",
    ),
    "unrelated": Text(
        "{base} and {head} have no common ancestor in this clone, so the two are compared as they "
        "are. If it is a shallow clone, run `git fetch --unshallow` and check again.",
        "{base} と {head} に共通の祖先がないため、両者をそのまま比較しました。"
        "浅いクローンの場合は `git fetch --unshallow` を実行してから、もう一度確認してください。",
    ),
}

# English counts; Japanese does without.
NOUNS = {"files": "file", "areas": "area", "items": "question"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A range and what is asked about it.

    policy_name: where the policy was read; "" where there is none. unfolded: show all questions.
    """

    range: gitrange.Range
    policy: Policy
    policy_name: str
    checklist: Checklist
    language: str
    unfolded: bool

    @property
    def flagged(self) -> bool:
        return bool(self.checklist.flagged) or not self.checklist.complete

    def say(self, key: str, **values: object) -> str:
        """One of our sentences, which may name the two ends of the range."""
        pull = self.range.pull
        known = {"base": pull.base_ref, "head": pull.head_ref, "files": len(pull.files), **values}
        if self.language == "en":
            known |= {name: _counted(known[name], name) for name in NOUNS if name in known}
        return WORDS[key].to(self.language).format_map(known)


def run(
    path: str,
    base: str,
    head: str,
    policy_file: str | None,
    format: str,
    language: str | None,
    *,
    unfolded: bool = False,
) -> int:
    """Prints what would be asked about the range from `head` into `base`.

    policy_file: None is the policy at `base`. format: text | markdown | json. language: None is
    that of the policy. unfolded: show the questions beyond the policy's `max_items`, too.
    The result is the exit status: 0 nothing flagged, 1 something flagged, 2 wrong use, a broken
    policy or an output that takes nothing.
    """
    try:
        found = gitrange.range_of(path, base, head)
        name, text = _policy(path, found, policy_file)
    except BadRange as error:
        return _wrong(f"ghapp check: {visible(str(error), 1_000)}")
    rules = catalogue.rules("advise")
    if problems := problems_of(text, rules, name) if text is not None else ():
        return _wrong(*map(str, problems), "ghapp check: mend the policy and check again")
    policy = effective(PolicySource(text=text), rules)
    seen = scan(found.pull, policy, only_author_pushed=found.one_author)
    hazards = findings(seen.suspicion, gitrange.contents(path, seen.wanted))
    asked = checklist(seen, policy, hazards)
    where = "" if text is None else policy_file or f"{base}:{POLICY_PATH}"
    checked = Checked(found, policy, where, asked, language or policy.language, unfolded)
    return _printed(FORMATS[format](checked)) or (FLAGGED if checked.flagged else CLEAR)


def _policy(path: str, found: gitrange.Range, policy_file: str | None) -> tuple[str, str | None]:
    """The policy's name for problems, and its text; None where the base has none."""
    if policy_file is None:
        raw = gitrange.file_at(path, found.base_sha, POLICY_PATH)
        return POLICY_PATH, None if raw is None else raw.decode("utf-8", "surrogateescape")
    try:
        raw = Path(policy_file).read_bytes()
    except OSError as error:
        raise BadRange(f"cannot read the policy {policy_file}: {error.strerror}") from error
    return policy_file, raw.decode("utf-8", "surrogateescape")


def _printed(text: str) -> int:
    """0, or WRONG where the output takes nothing; one who reads no further is not wrong."""
    try:
        _print(text, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        return _wrong(f"ghapp check: cannot write the output: {error.strerror}")
    return 0


def _drop_output() -> None:
    # What is left in the buffer would fail once more when Python ends.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _wrong(*lines: str) -> int:
    for line in lines:
        _print(line, sys.stderr)
    return WRONG


def as_text(checked: Checked) -> str:
    """For a terminal, wrapped to its width."""
    return "\n\n".join(
        [layout.wrapped(warning) for warning in _warnings(checked)]
        + [_heading(checked)]
        + [layout.area(*_parts(one, checked)) for one in checked.checklist.flagged]
        + [layout.wrapped(note) for note in _notes(checked)]
    )


def as_markdown(checked: Checked) -> str:
    """For a comment or a job summary."""
    language = checked.language
    parts = [f"## {_heading(checked)}" if checked.checklist.flagged else _heading(checked)]
    for one in checked.checklist.flagged:
        reasons = joined(
            language, (*[why(hit, language) for hit in one.hits], *_more(one, checked))
        )
        parts.append(f"### {one.area.title.to(language)}")
        parts.append(say(language, "flagged_by", why=reasons))
        parts.append("\n".join(_task(item, language) for item in _shown(one, checked)))
        parts += [_folded(one, checked)] if _rest(one, checked) else []
    return "\n\n".join([*_warnings(checked), *parts, *_notes(checked)])


def as_json(checked: Checked) -> str:
    """For programs; the shape is a promise."""
    language, shown = checked.language, checked.checklist.shown
    areas = [
        {
            "id": one.area.id,
            "title": one.area.title.to(language),
            "reasons": [why(hit, language, visible) for hit in one.hits],
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
        for one in checked.checklist.flagged
    ]
    pull = checked.range.pull
    found = {
        "flagged": checked.flagged,
        "base": visible(pull.base_ref),
        "head": visible(pull.head_ref),
        "policy": visible(checked.policy_name) or None,
        "areas": areas,
        "findings": [],
    }
    return json.dumps(found, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Checked], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
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
    titles = {area.id: area.title.to(language) for area in checked.policy.areas}
    hints = joined(language, tuple(titles[area] for area in asked.hints))
    return [
        *([] if asked.complete else [say(language, "incomplete")]),
        *([say(language, "hint", areas=hints)] if hints else []),
    ]


def _parts(one: Flagged, checked: Checked) -> tuple[str, list[str], list[tuple[str, str]], str]:
    """Title, reasons, questions with their severity, and the line of those folded."""
    language = checked.language
    title = checked.say("area", title=one.area.title.to(language), files=len(one.files))
    reasons = [*[why(hit, language, visible) for hit in one.hits], *_more(one, checked)]
    questions = [
        (
            say(language, f"sev_{item.severity}"),
            f"{item.question.to(language)} [{item.id}]",
        )
        for item in _shown(one, checked)
    ]
    folded = f"{_folded(one, checked)} {checked.say('unfold')}" if _rest(one, checked) else ""
    return title, reasons, questions, folded


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


def _print(text: str, stream: TextIO) -> None:
    # File names need not be UTF-8, and a terminal need not know Japanese.
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=stream)
