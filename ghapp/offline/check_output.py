"""The outcome of `ghapp check`: text and Markdown for people, and what programs read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from ghapp.core.areas import Finding, Hazard, Item
from ghapp.core.i18n import Words
from ghapp.core.markdown import code, visible
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import SEVERITIES, Checklist, Flagged
from ghapp.core.text import findings
from ghapp.core.text.reasons import decided, why
from ghapp.offline import git, reports
from ghapp.terminal import counted, wrapped

JSON_VERSION = 1
CHECK_RUN = "NFR review"
LEVELS: Mapping[str, reports.Level] = {"must": "error", "should": "warning", "could": "note"}
MOST_OF_PATH = 4_096
MOST_NAMED = 3  # files that could not be read in full


@dataclass(frozen=True, slots=True)
class Checked:
    """A range and what is asked about it.

    policy_name: where the policy was read; "" without one. unfolded: show all questions.
    fail_on: must | should | finding | never. changes: what was added to the head: "" | staged |
    worktree. uncommitted: files with changes that were not reviewed.
    """

    range: git.Range
    policy: Policy
    policy_name: str
    checklist: Checklist
    words: Words
    unfolded: bool
    fail_on: str = "must"
    changes: str = ""
    uncommitted: tuple[str, ...] = ()

    @property
    def flagged(self) -> bool:
        asked = self.checklist
        return bool(asked.flagged or asked.unread) or not asked.complete

    @property
    def failed(self) -> bool:
        """Whether a finding is as heavy as `fail_on`, or may be: what was not read counts as must.

        Accepted findings do not count.
        """
        if self.fail_on == "never":
            return False
        asked = self.checklist
        lightest = "could" if self.fail_on == "finding" else self.fail_on
        heavy = SEVERITIES[: SEVERITIES.index(lightest) + 1]
        found = findings.opened(one for area in asked.flagged for one in area.findings)
        unread = asked.unread or not asked.complete
        return bool(unread) or any(one.severity in heavy for one in found)

    @property
    def head(self) -> str:
        """The head as people know it."""
        name = visible(self.range.pull.head_ref)
        return f"{name} + {self.words(f'check_{self.changes}')}" if self.changes else name

    def warnings(self) -> list[str]:
        """Reasons why the whole result may be wrong."""
        if self.range.merge_base:
            return []
        return [self.words("check_unrelated", base=visible(self.range.base), head=self.head)]

    def heading(self) -> str:
        asked, pull, words = self.checklist, self.range.pull, self.words
        if asked.ignored:
            return words("check_ignored", author=visible(asked.ignored))
        ends = {
            "base": visible(self.range.base),
            "head": self.head,
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
        for one in asked.exempt:
            because = decided(one.reasons, words, visible)
            notes.append(words("exempt", area=words.text(one.area.title), why=because))
        if unknown := sorted(self.policy.asks & self.range.pull.unknown):
            facts = words.joined(words(f"fact_{kind}") for kind in unknown)
            notes.append(words("check_unknown", facts=facts))
        if self.uncommitted:
            left = len(self.uncommitted) - MOST_NAMED
            paths = words.joined(map(code, self.uncommitted[:MOST_NAMED]), left, "and_more_files")
            notes.append(words("check_uncommitted", paths=paths))
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
            found = [finding_line(finding, words) for finding in shown]
            found += [words("check_beyond", hazard=one, count=left[one]) for one in left]
            lines += [wrapped(line, "  ", "      ") for line in found]
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, *map(wrapped, checked.notes())])


def styles(words: Words) -> Mapping[str, str]:
    """The colours of the text on a terminal, by regular expressions."""
    severities = zip(SEVERITIES, ("bold red", "yellow", "cyan"), strict=True)
    return {
        r"\A.+$|(?<=\n\n)\S.*$": "bold",  # the heading, and the title of each area
        r"\[[\w-]+\]": "dim",  # ids
        r"^  [^\s:]+(:\d+)?(?=: )": "bold",  # the place of a finding
        **{  # before a question, and after the place of a finding
            rf"(?<=^  ){word}(?=  )|(?<=: ){word}(?=: |：)": style
            for severity, style in severities
            for word in [re.escape(words(f"sev_{severity}"))]
        },
    }


def finding_line(finding: Finding, words: Words) -> str:
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
    """For programs; the shape is a promise, and `version` changes with it.

    Keys may be added without that. A finding has `accepted`, the reason, only if `nfr:ignore` on
    its line accepts it.
    """
    asked, words, policy = checked.checklist, checked.words, checked.policy
    outcome = {
        "version": JSON_VERSION,
        "flagged": checked.flagged,
        "failed": checked.failed,
        "fail_on": checked.fail_on,
        "base": visible(checked.range.base),
        "head": visible(checked.range.pull.head_ref),
        "changes": checked.changes or None,
        "uncommitted": [*map(visible, checked.uncommitted)],
        "policy": visible(checked.policy_name) or None,
        "mode": policy.mode,
        "complete": asked.complete,
        "exempt": [one.area.id for one in asked.exempt],
        "unknown": sorted(policy.asks & checked.range.pull.unknown),
        "unread": [visible(path) for path in (*asked.unread, *asked.partly)],
        "areas": [
            {
                "id": one.area.id,
                "title": words.text(one.area.title),
                "mode": one.area.mode,
                "reviewers": {
                    "teams": one.area.reviewers.teams,
                    "users": one.area.reviewers.users,
                },
                "reasons": [why(hit, words, visible) for hit in one.hits],
                "items": [_item(item, checked) for item in one.items],
            }
            for one in asked.flagged
        ],
        "findings": [
            finding_json(finding, words) for one in asked.flagged for finding in one.findings
        ],
    }
    return json.dumps(outcome, ensure_ascii=False, indent=2)


def finding_json(finding: Finding, words: Words) -> dict[str, object]:
    """A finding, for programs."""
    return {
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


def _item(item: Item, checked: Checked) -> dict[str, object]:
    """A question. kind: of the evidence: "tick" if none is asked for."""
    text = checked.words.text
    return {
        "id": item.id,
        "severity": item.severity,
        "category": item.category,
        "question": text(item.question),
        "why": text(item.why),
        "evidence": text(item.evidence),
        "kind": item.kind or "tick",
        "choices": item.choices,
        "links": [{"title": title, "url": url} for title, url in item.links],
        "shown": item.id in checked.checklist.shown,
    }


def as_commands(checked: Checked) -> str:
    """For GitHub Actions: each finding on its line, then the outcome and what was not read."""
    summary = [reports.command("notice", checked.heading(), title=CHECK_RUN)]
    warnings = (*checked.warnings(), *checked.notes())
    said = [reports.command("warning", text, title=CHECK_RUN) for text in warnings]
    return "\n".join(filter(None, (reports.as_commands(_results(checked)), *said, *summary)))


def as_sarif(checked: Checked) -> str:
    """For code scanning: findings are results; questions are none, because they have no line."""
    rules = [
        rule(hazard, checked.words) for area in checked.policy.areas for hazard in area.hazards
    ]
    warnings = (*checked.warnings(), *checked.notes())
    return reports.as_sarif("check", _results(checked), rules, warnings)


def _results(checked: Checked) -> list[reports.Result]:
    """The findings, heaviest first."""
    found = [one for area in checked.checklist.flagged for one in area.findings]
    return results(found, checked.policy, checked.words)


def results(found: Iterable[Finding], policy: Policy, words: Words) -> list[reports.Result]:
    """Findings under this policy, heaviest first."""
    hazards = {one.id: rule(one, words) for area in policy.areas for one in area.hazards}
    return [
        reports.Result(
            rule=hazards[one.hazard],
            level=LEVELS[one.severity],
            text=words.sentences(
                visible(words.text(one.message), findings.MOST_WORDS),
                words("finding_fix", fix=code(one.fix)) if one.fix else "",
                words("finding_unsure") if one.unsure else "",
            ),
            path=visible(one.path, MOST_OF_PATH),
            line=one.line,
            accepted=visible(one.accepted),
        )
        for one in sorted(found, key=findings.rank)
    ]


def rule(hazard: Hazard, words: Words) -> reports.Rule:
    """What may be found."""
    text = words.text(hazard.message.naming(""))
    return reports.Rule(hazard.id, text, LEVELS[hazard.severity], tags=(hazard.area, hazard.item))


FORMATS: Mapping[str, Callable[[Checked], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
    "github": as_commands,
    "sarif": as_sarif,
}
