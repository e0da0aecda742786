"""Findings, and how they are printed for people and programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from ghapp.terminal import wrapped


class CheckVerdict(StrEnum):
    """unknown: it could not be checked, as a rule because of another problem."""

    GOOD = "good"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding. part, name: what was checked. fix: what to change, "" if nothing."""

    part: str
    name: str
    verdict: CheckVerdict
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Makes the findings of one part."""

    name: str

    def good(self, name: str, found: str) -> Checked:
        return Checked(self.name, name, CheckVerdict.GOOD, found)

    def warning(self, name: str, found: str, fix: str) -> Checked:
        return Checked(self.name, name, CheckVerdict.WARNING, found, fix)

    def problem(self, name: str, found: str, fix: str) -> Checked:
        return Checked(self.name, name, CheckVerdict.PROBLEM, found, fix)

    def unknown(self, name: str, found: str, fix: str = "") -> Checked:
        return Checked(self.name, name, CheckVerdict.UNKNOWN, found, fix)


SETTINGS, DATABASE, SERVER = Section("Settings"), Section("Database"), Section("Server")
GITHUB, PERMISSIONS, EVENTS = Section("GitHub"), Section("Permissions"), Section("Events")
INSTALLATIONS, POLICIES = Section("Installations"), Section("Policies")
WEBHOOK = Section("Webhook")

SYMBOLS = dict(zip(CheckVerdict, "✓!✗?", strict=True))
PLAIN = dict(zip(CheckVerdict, "+!x?", strict=True))
NAME_WIDTH = 16
STYLES = {
    r"^\S.*": "bold",  # the title of a part
    r"^  [✓+](?= )": "green",
    r"^  !(?= )": "yellow",
    r"^  [✗x](?= )": "bold red",
    r"(?<= )(→|->)(?= )": "cyan",
}


def duration(seconds: float) -> str:
    """The duration in the largest unit that fits, as "4 minutes"."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return counted(int(seconds // length), unit)
    return counted(int(seconds), "second")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: tuple[str, ...], most: int = 5) -> str:
    """The names, cut if there are many."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def lines(finding: Checked, previous: Checked | None, *, plain: bool = False) -> Iterator[str]:
    """One finding as text, under the title of its part if that is new.

    plain: for an output that supports ASCII only.
    """
    if previous is None or previous.part != finding.part:
        yield from ("",) * (previous is not None)
        yield finding.part
    symbol, arrow = (PLAIN[finding.verdict], "->") if plain else (SYMBOLS[finding.verdict], "→")
    first = f"  {symbol} {finding.name:<{NAME_WIDTH}} "
    yield wrapped(finding.found, first, margin := " " * len(f"    {'':<{NAME_WIDTH}} "))
    if finding.fix:
        yield wrapped(finding.fix, f"{margin}{arrow} ")


def summary(findings: Iterable[Checked]) -> str:
    counts = Counter(one.verdict for one in findings)
    warnings, problems = counts[CheckVerdict.WARNING], counts[CheckVerdict.PROBLEM]
    return (
        f"{counts[CheckVerdict.GOOD]} good, {counted(warnings, 'warning')}, "
        f"{counted(problems, 'problem')}, {counts[CheckVerdict.UNKNOWN]} unknown."
    )


def encoded(findings: Iterable[Checked]) -> str:
    """As JSON: every finding in order, and how many there are of each verdict."""
    found = tuple(findings)
    counts = Counter(one.verdict for one in found)
    report = {
        "findings": [asdict(one) for one in found],
        "counts": {verdict.value: counts[verdict] for verdict in CheckVerdict},
    }
    return json.dumps(report, indent=2, ensure_ascii=False)
