"""The numbers of a self-review, side by side with those of the time before, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from ghapp.core.i18n import Words
from ghapp.core.markdown import paragraphs, visible
from ghapp.core.self_review import GROUPS, SelfReview, numbers

VERSION = 1  # of the JSON


@dataclass(frozen=True, slots=True)
class Period:
    """first, last: its days."""

    first: date
    last: date
    numbers: SelfReview


@dataclass(frozen=True, slots=True)
class Yearly:
    """A year and the one before. repository: the only one that was asked for; "" for all."""

    year: Period
    before: Period
    repository: str = ""


def as_text(report: Yearly, words: Words) -> str:
    """A table for each group."""
    periods = report.year, report.before
    days = [f"{one.first.isoformat()} - {one.last.isoformat()}" for one in periods]
    heading = words("review_heading", year=days[0], before=days[1])
    if report.repository:
        heading = words("report_noted", name=heading, note=visible(report.repository, 200))
    blocks = [heading]
    for group, names in GROUPS.items():
        lines = [words(f"review_{group}")]
        for name in names:
            now, then = (_number(numbers(one.numbers)[name], words) for one in periods)
            lines.append(f"  {now:>10} {then:>10}  {words(f'review_{name}')}")
        blocks.append("\n".join(lines))
    return paragraphs(*blocks, words("review_uncounted"))


def _number(count: int | None, words: Words) -> str:
    return words("review_not_kept") if count is None else str(count)


def as_json(report: Yearly, words: Words) -> str:
    """An object; null where a number is not kept for as long."""
    del words
    named = {"year": report.year, "before": report.before}
    return json.dumps(
        {
            "version": VERSION,
            "repository": report.repository,
            **{
                name: {
                    "first": one.first.isoformat(),
                    "last": one.last.isoformat(),
                    **numbers(one.numbers),
                }
                for name, one in named.items()
            },
        },
        ensure_ascii=False,
        indent=2,
    )


YEARLY_FORMATS: Mapping[str, Callable[[Yearly, Words], str]] = {"text": as_text, "json": as_json}
