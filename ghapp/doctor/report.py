"""Findings as people or programs read them."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from ghapp.doctor.findings import Finding, Verdict

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
