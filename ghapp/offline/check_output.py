"""The outcome of `ghapp check` as text for a terminal, as Markdown, and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from ghapp.core.areas import Finding, Item
from ghapp.core.i18n import Words
from ghapp.core.markdown import code, visible
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import Checklist, Flagged
from ghapp.core.text import findings
from ghapp.core.text.reasons import why
from ghapp.offline import git
from ghapp.terminal import counted, wrapped

MOST_NAMED = 3  # files that could not be read in full


@dataclass(frozen=True, slots=True)
class Checked:
    """A range and what is asked about it.

    policy_name: where the policy was read; "" without one. unfolded: show all questions.
    """

    range: git.Range
    policy: Policy
    policy_name: str
    checklist: Checklist
    words: Words
    unfolded: bool

    @property
    def flagged(self) -> bool:
        asked = self.checklist
        return bool(asked.flagged or asked.unread) or not asked.complete

    def warnings(self) -> list[str]:
        """Reasons why the whole result may be wrong."""
        if self.range.merge_base:
            return []
        pull = self.range.pull
        base, head = visible(pull.base_ref), visible(pull.head_ref)
        return [self.words("check_unrelated", base=base, head=head)]

    def heading(self) -> str:
        asked, pull, words = self.checklist, self.range.pull, self.words
        if asked.ignored:
            return words("check_ignored", author=visible(asked.ignored))
        ends = {
            "base": visible(pull.base_ref),
            "head": visible(pull.head_ref),
            "files": counted(len(pull.files), "file", words),
        }
        if not asked.flagged:
            return words("check_clear", **ends)
        items = sum(len(one.items) for one in asked.flagged)
        return words(
            "check_heading",
            areas=counted(len(asked.flagged), "area", words),
            items=counted(items, "question", words),
            **ends,
        )

    def reasons(self, one: Flagged, name: Callable[[str], str]) -> list[str]:
        """Why the area is flagged, and how many more of its files there are."""
        reasons = [why(hit, self.words, name) for hit in one.hits]
        named = {hit.path for hit in one.hits if hit.path}  # none for a label or the size
        left = len(one.files) - len(named)
        if named and left > 0:
            reasons.append(self.words("check_more", files=counted(left, "file", self.words)))
        return reasons

    def shown(self, one: Flagged) -> list[Item]:
        return [item for item in one.items if self.unfolded or item.id in self.checklist.shown]

    def folded(self, one: Flagged) -> str:
        """The questions that are not shown; "" if all are."""
        ids = [item.id for item in one.items if item not in self.shown(one)]
        if not ids:
            return ""
        items = counted(len(ids), "question", self.words)
        return self.words("check_folded", items=items, names=self.words.joined(ids))

    def notes(self) -> list[str]:
        """Remarks below the result: what was not read, and areas that only the title suggests."""
        asked, words, notes = self.checklist, self.words, []
        if not asked.complete:
            notes.append(words("incomplete"))
        if unread := (*asked.unread, *asked.partly):
            left = len(unread) - MOST_NAMED
            paths = words.joined(map(code, unread[:MOST_NAMED]), left, "and_more_files")
            notes.append(words("partly", paths=paths))
        if asked.hints and self.range.pull.files:  # a label would bring these areas in
            titles = {area.id: words.text(area.title) for area in self.policy.areas}
            named = words.joined(titles[area] for area in asked.hints)
            labels = words.joined(code(f"nfr/area: {area}") for area in asked.hints)
            notes.append(words("check_hint", titles=named, labels=labels))
        return notes


def as_text(checked: Checked) -> str:
    """For a terminal, wrapped to its width."""
    words = checked.words
    blocks = [*map(wrapped, checked.warnings()), checked.heading()]
    for one in checked.checklist.flagged:
        files = counted(len(one.files), "file", words)
        lines = [words("check_area", title=words.text(one.area.title), files=files)]
        lines += [wrapped(reason, "  ", "    ") for reason in checked.reasons(one, visible)]
        items = checked.shown(one)
        labels = [f"  {words(f'sev_{item.severity}')}" for item in items]
        column = max(map(cell_len, labels), default=0) + 2
        lines += [""] if items else []
        for label, item in zip(labels, items, strict=True):
            question = f"{words.text(item.question)} [{item.id}]"
            lines.append(wrapped(question, set_cell_size(label, column)))
        if folded := checked.folded(one):
            lines.append(wrapped(f"{folded} {words('check_unfold')}", "  "))
        if one.findings:
            shown, beyond = findings.split(one.findings)
            left = Counter(finding.hazard for finding in beyond)
            lines += ["", f"  {findings.counted(len(one.findings), words)}"]
            found = [_finding(finding, words) for finding in shown]
            found += [words("check_beyond", hazard=one, count=left[one]) for one in left]
            lines += [wrapped(line, "  ", "      ") for line in found]
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, *map(wrapped, checked.notes())])


def _finding(finding: Finding, words: Words) -> str:
    """One finding. Its place comes first, so that terminals link to it."""
    path = visible(finding.path)
    text = words(
        "check_finding",
        place=f"{path}:{finding.line}" if finding.line else path,
        severity=words("accepted" if finding.accepted else f"sev_{finding.severity}"),
        hazard=finding.hazard,
        message=words.text(finding.message),
    )
    return words.sentences(
        text,
        words("finding_fix", fix=code(finding.fix)) if finding.fix else "",
        words("finding_unsure") if finding.unsure else "",
        words("finding_reason", reason=visible(finding.accepted)) if finding.accepted else "",
    )


def as_markdown(checked: Checked) -> str:
    """For a comment or a job summary."""
    words = checked.words
    flagged = checked.checklist.flagged
    parts = [*checked.warnings(), f"## {checked.heading()}" if flagged else checked.heading()]
    for one in flagged:
        parts += [
            f"### {words.text(one.area.title)}",
            words("flagged_by", why=words.joined(checked.reasons(one, code))),
            "\n".join(
                f"- [ ] {code(item.id)} **{words(f'sev_{item.severity}')}** "
                f"{words.text(item.question)}"
                for item in checked.shown(one)
            ),
        ]
        if folded := checked.folded(one):
            parts.append(folded)
        if listed := findings.listed(one.findings, words):
            parts.append(f"**{findings.counted(len(one.findings), words)}**")
            parts.append("\n".join(f"- {line}" for line in listed))
    return "\n\n".join([*parts, *checked.notes()])


def as_json(checked: Checked) -> str:
    """For programs; the shape is a promise.

    A finding has `accepted`, the reason, only if `nfr:ignore` on its line accepts it.
    """
    asked, pull, words = checked.checklist, checked.range.pull, checked.words
    outcome = {
        "flagged": checked.flagged,
        "base": visible(pull.base_ref),
        "head": visible(pull.head_ref),
        "policy": visible(checked.policy_name) or None,
        "areas": [
            {
                "id": one.area.id,
                "title": words.text(one.area.title),
                "reasons": [why(hit, words, visible) for hit in one.hits],
                "items": [
                    {
                        "id": item.id,
                        "severity": item.severity,
                        "question": words.text(item.question),
                        "shown": item.id in asked.shown,
                    }
                    for item in one.items
                ],
            }
            for one in asked.flagged
        ],
        "findings": [
            {
                "hazard": finding.hazard,
                "severity": finding.severity,
                "item": finding.item,
                "area": finding.area,
                "path": visible(finding.path),
                "line": finding.line,
                "message": words.text(finding.message),
                **({"fix": finding.fix} if finding.fix else {}),
                **({"accepted": visible(finding.accepted)} if finding.accepted else {}),
            }
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
