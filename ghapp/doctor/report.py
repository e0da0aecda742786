"""Findings as people or programs read them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from ghapp.terminal import wrapped


class Verdict(StrEnum):
    """unknown: it could not be checked, as a rule because of another problem."""

    GOOD = "good"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """part, name: what was checked. fix: what to change, "" if nothing."""

    part: str
    name: str
    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Makes the findings of one part."""

    name: str

    def good(self, name: str, found: str) -> Finding:
        return Finding(self.name, name, Verdict.GOOD, found)

    def warning(self, name: str, found: str, fix: str) -> Finding:
        return Finding(self.name, name, Verdict.WARNING, found, fix)

    def problem(self, name: str, found: str, fix: str) -> Finding:
        return Finding(self.name, name, Verdict.PROBLEM, found, fix)

    def unknown(self, name: str, found: str, fix: str = "") -> Finding:
        return Finding(self.name, name, Verdict.UNKNOWN, found, fix)


SETTINGS, DATABASE, SERVER = Part("Settings"), Part("Database"), Part("Server")
GITHUB, PERMISSIONS, EVENTS = Part("GitHub"), Part("Permissions"), Part("Events")
INSTALLATIONS, WEBHOOK = Part("Installations"), Part("Webhook")

SYMBOLS = {Verdict.GOOD: "✓", Verdict.WARNING: "!", Verdict.PROBLEM: "✗", Verdict.UNKNOWN: "?"}
PLAIN = {Verdict.GOOD: "+", Verdict.WARNING: "!", Verdict.PROBLEM: "x", Verdict.UNKNOWN: "?"}
NAME_WIDTH = 16


def duration(seconds: float) -> str:
    """In the largest unit that fits."""
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


def lines(finding: Finding, previous: Finding | None, *, plain: bool = False) -> Iterator[str]:
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


def summary(findings: Iterable[Finding]) -> str:
    counts = Counter(one.verdict for one in findings)
    warnings, problems = counts[Verdict.WARNING], counts[Verdict.PROBLEM]
    return (
        f"{counts[Verdict.GOOD]} good, {counted(warnings, 'warning')}, "
        f"{counted(problems, 'problem')}, {counts[Verdict.UNKNOWN]} unknown."
    )


def encoded(findings: Iterable[Finding]) -> str:
    """As JSON: every finding in order, and how many there are of each verdict."""
    found = tuple(findings)
    counts = Counter(one.verdict for one in found)
    report = {
        "findings": [asdict(one) for one in found],
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
    }
    return json.dumps(report, indent=2, ensure_ascii=False)
