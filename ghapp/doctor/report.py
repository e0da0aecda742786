"""Findings as people or programs read them."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """unknown: it could not be looked at, as a rule because of another problem."""

    GOOD = "good"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """part, name: what was looked at. fix: what to change, "" where nothing."""

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


def duration(seconds: float) -> str:
    """In the largest unit that fits, as people say it."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return counted(int(seconds // length), unit)
    return counted(int(seconds), "second")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: tuple[str, ...], most: int = 5) -> str:
    """The names, cut where they are many."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


SYMBOLS = {Verdict.GOOD: "✓", Verdict.WARNING: "!", Verdict.PROBLEM: "✗", Verdict.UNKNOWN: "?"}
PLAIN = {Verdict.GOOD: "+", Verdict.WARNING: "!", Verdict.PROBLEM: "x", Verdict.UNKNOWN: "?"}
NAME_WIDTH, WIDTH = 16, 100


def lines(finding: Finding, previous: Finding | None, *, plain: bool = False) -> Iterator[str]:
    """One finding as text, under the title of its part where that is new.

    plain: for an output that takes ASCII only.
    """
    if previous is None or previous.part != finding.part:
        yield from ("",) * (previous is not None)
        yield finding.part
    symbol = (PLAIN if plain else SYMBOLS)[finding.verdict]
    begin = f"  {symbol} {finding.name:<{NAME_WIDTH}} "
    inside = " " * len(f"  {symbol} {'':<{NAME_WIDTH}} ")
    yield from _wrapped(finding.found, begin, inside)
    if finding.fix:
        arrow = "->" if plain else "→"
        yield from _wrapped(finding.fix, f"{inside}{arrow} ", f"{inside}{' ' * len(arrow)} ")


def _wrapped(text: str, begin: str, inside: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=begin,
        subsequent_indent=inside,
        break_long_words=False,
        break_on_hyphens=False,
    )


def summary(findings: Iterable[Finding]) -> str:
    counts = Counter(one.verdict for one in findings)
    some = {
        "good": counts[Verdict.GOOD],
        "warning" if counts[Verdict.WARNING] == 1 else "warnings": counts[Verdict.WARNING],
        "problem" if counts[Verdict.PROBLEM] == 1 else "problems": counts[Verdict.PROBLEM],
        "unknown": counts[Verdict.UNKNOWN],
    }
    return ", ".join(f"{count} {word}" for word, count in some.items()) + "."


def encoded(findings: Iterable[Finding]) -> str:
    """As JSON: every finding in order, and how many there are of each verdict."""
    found = tuple(findings)
    counts = Counter(one.verdict for one in found)
    told = {
        "findings": [asdict(one) for one in found],
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def is_bad(findings: Iterable[Finding]) -> bool:
    return any(one.verdict is Verdict.PROBLEM for one in findings)
