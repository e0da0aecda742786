"""The outcome of `ghapp scan`: text and Markdown for people, and what programs read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ghapp.core.areas import Finding
from ghapp.core.i18n import Words
from ghapp.core.markdown import code, visible
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.core.text import findings
from ghapp.offline import reports
from ghapp.offline.check_output import finding_json, finding_line, results, rule
from ghapp.terminal import counted, wrapped

JSON_VERSION = 1
MOST_NAMED = 3  # files that could not be searched
TITLE = "NFR configuration"


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found in the configuration of a repository.

    name: what was scanned, as the user calls it. policy_name: where the policy was read; "" without
    one. files: how many were searched. unread: those of them that could not be, in full. unfolded:
    show all findings. fail_on: must | should | finding | never. incomplete: GitHub lists only a
    part of the files.
    """

    name: str
    policy_name: str
    policy: Policy
    found: tuple[Finding, ...]
    files: int
    unread: tuple[str, ...]
    words: Words
    unfolded: bool = False
    fail_on: str = "never"
    incomplete: bool = False

    @property
    def failed(self) -> bool:
        """Whether a finding is as heavy as `fail_on`; accepted ones do not count."""
        if self.fail_on == "never":
            return False
        lightest = "could" if self.fail_on == "finding" else self.fail_on
        heavy = SEVERITIES[: SEVERITIES.index(lightest) + 1]
        return any(one.severity in heavy for one in findings.opened(self.found))

    def heading(self) -> str:
        words = self.words
        counts = findings.by_severity(self.found, words) or words("scan_none")
        return words(
            "scan_heading",
            name=visible(self.name),
            files=counted(self.files, "file", words),
            findings=counts,
        )

    def notes(self) -> list[str]:
        """What could not be searched."""
        words, notes = self.words, list[str]()
        if self.incomplete:
            notes.append(words("scan_incomplete"))
        if self.unread:
            left = len(self.unread) - MOST_NAMED
            paths = words.joined(map(code, self.unread[:MOST_NAMED]), left, "and_more_files")
            notes.append(words("scan_unread", paths=paths))
        return notes

    def by_area(self) -> Iterator[tuple[str, tuple[Finding, ...]]]:
        """The titles of the areas with their findings, the heaviest area first."""
        for area in self.policy.areas:
            if here := tuple(one for one in self.found if one.area == area.id):
                yield self.words.text(area.title), here


def as_text(scanned: Scanned) -> str:
    """For a terminal, wrapped to its width."""
    words, blocks = scanned.words, [scanned.heading()]
    for title, here in scanned.by_area():
        shown, beyond = findings.split(here)
        if scanned.unfolded:
            shown, beyond = tuple(sorted(here, key=findings.rank)), ()
        left = Counter(one.hazard for one in beyond)
        lines = [finding_line(one, words) for one in shown]
        lines += [words("check_beyond", hazard=one, count=left[one]) for one in left]
        blocks.append("\n".join([title, *(wrapped(line, "  ", "      ") for line in lines)]))
    if any(findings.split(here)[1] for _, here in scanned.by_area()) and not scanned.unfolded:
        blocks.append(words("scan_unfold"))
    return "\n\n".join([*blocks, *map(wrapped, scanned.notes())])


def as_markdown(scanned: Scanned) -> str:
    """For an issue or a job summary."""
    parts = [f"## {scanned.heading()}"]
    for title, here in scanned.by_area():
        lines = findings.listed(here, scanned.words)
        parts += [f"### {title}", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join([*parts, *scanned.notes()])


def as_json(scanned: Scanned) -> str:
    """For programs; the shape is a promise, and `version` changes with it."""
    outcome = {
        "version": JSON_VERSION,
        "name": visible(scanned.name),
        "policy": visible(scanned.policy_name) or None,
        "failed": scanned.failed,
        "fail_on": scanned.fail_on,
        "files": scanned.files,
        "complete": not scanned.incomplete,
        "unread": [visible(path) for path in scanned.unread],
        "findings": [finding_json(one, scanned.words) for one in scanned.found],
    }
    return json.dumps(outcome, ensure_ascii=False, indent=2)


def as_commands(scanned: Scanned) -> str:
    """For GitHub Actions: each finding on its line, then the outcome and what was not searched."""
    found = results(scanned.found, scanned.policy, scanned.words)
    notes = [reports.command("warning", text, title=TITLE) for text in scanned.notes()]
    summary = reports.command("notice", scanned.heading(), title=TITLE)
    return "\n".join(filter(None, (reports.as_commands(found), *notes, summary)))


def as_sarif(scanned: Scanned) -> str:
    """For code scanning."""
    areas = [area for area in scanned.policy.areas if area.configuration]
    rules = [rule(hazard, scanned.words) for area in areas for hazard in area.hazards]
    found = results(scanned.found, scanned.policy, scanned.words)
    return reports.as_sarif("scan", found, rules, scanned.notes())


FORMATS: Mapping[str, Callable[[Scanned], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
    "github": as_commands,
    "sarif": as_sarif,
}
