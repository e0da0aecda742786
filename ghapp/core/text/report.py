"""What would have blocked whom: the trials of a while as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from ghapp.core.i18n import Words
from ghapp.core.markdown import code, cut, link, literal, paragraphs, visible
from ghapp.core.records import Trial, TrialArea, Tried

VERSION = 1  # of the JSON
LASTS = "waiting"  # the outcome of a trial that has not ended
# First those that somebody may still act on, then those that went in unseen.
OUTCOMES = (LASTS, "merged", "waived", "signed_off", "enforced", "cleared", "closed")
COLUMNS = ("pull", "author", "areas", "musts", "time", "outcome")
COUNTS = ("count", LASTS, "merged")
BUSIEST = 20  # repositories


@dataclass(frozen=True)
class Report:
    """The pulls that would have been blocked in the last `days` days, by the time `now`.

    repository: the only one that was asked for; "" for all.
    """

    found: tuple[Tried, ...]
    days: int
    now: datetime
    repository: str = ""

    @cached_property
    def rows(self) -> tuple[Tried, ...]:
        """By outcome, the longest first."""

        def place(one: Tried) -> tuple[int, float, str, int]:
            rank = OUTCOMES.index(outcome(one.trial))
            return rank, -one.trial.blocked_seconds(self.now), one.full_name, one.number

        return tuple(sorted(self.found, key=place))

    def counts(self, names: Callable[[Tried], Iterable[str]]) -> Mapping[str, Counter[str]]:
        """By name, how many pulls there are, in all ("count") and by outcome; the most first.

        names: under which a pull counts.
        """
        found: dict[str, Counter[str]] = {}
        for one in self.found:
            for name in names(one):
                found.setdefault(name, Counter()).update(["count", outcome(one.trial)])
        return dict(sorted(found.items(), key=lambda pair: (-pair[1]["count"], pair[0])))

    @property
    def areas(self) -> Mapping[str, Counter[str]]:
        """As `counts`, by the area's id."""
        return self.counts(lambda one: [area.id for area in one.trial.areas])

    @property
    def repositories(self) -> Mapping[str, Counter[str]]:
        """As `counts`, by the repository's full name."""
        return self.counts(lambda one: [one.full_name])


def outcome(trial: Trial) -> str:
    """One of OUTCOMES."""
    return trial.ended or LASTS


def summary(report: Report, words: Words) -> tuple[str, ...]:
    """How many there are and what became of them; what to know if there are none."""
    where = words("report_where", repository=report.repository) if report.repository else ""
    if not report.found:
        return words("report_none", days=report.days, where=where), words("report_why")
    counts = Counter(outcome(one.trial) for one in report.found)
    listed = words.joined(
        words("report_of", outcome=words(f"report_{one}"), count=counts[one])
        for one in OUTCOMES
        if counts[one]
    )
    heading = words("report_heading", days=report.days, where=where, count=len(report.found))
    return heading, listed


def as_text(report: Report, words: Words) -> str:
    """For a terminal."""
    blocks = ["\n".join(summary(report, words))]
    for one in report.rows:
        trial = one.trial
        state = _noted(words(f"report_{outcome(trial)}"), _time(trial, report.now, words), words)
        blocks.append(
            "\n".join(
                (
                    f"{one.full_name}#{one.number}  {visible(trial.author)}  {state}",
                    f"    {visible(trial.title)}",
                    *(f"    {_area(area, words)}" for area in trial.areas),
                )
            )
        )
    for key, counted in _tables(report):
        lines = [words(f"report_{key}")]
        for name, counts in counted.items():
            parts = (f"{words(f'report_{one}')} {counts[one]}" for one in COUNTS[1:] if counts[one])
            shown = _noted(name or words("whole_pull"), words.joined(parts), words)
            lines.append(f"{counts['count']:>5}  {shown}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _noted(name: str, note: str, words: Words) -> str:
    return words("report_noted", name=name, note=note) if note else name


def _area(area: TrialArea, words: Words) -> str:
    """An area with its mode, its open must questions and what was found."""
    found = words.joined([*area.musts, *area.hazards])
    name = _noted(area.id or words("whole_pull"), area.mode, words)
    return words("area_waits", area=name, missing=found) if found else name


def as_markdown(report: Report, words: Words) -> str:
    """For an issue or a wiki, within its limit; it mentions nobody."""
    heading, rest = summary(report, words)
    blocks = [f"## {heading}", rest]
    for key, counted in _tables(report):
        head = [words(f"report_{one}") for one in (key, *COUNTS)]
        lines = [head, ["---", *["--:"] * len(COUNTS)]]
        for name, counts in counted.items():
            shown = code(name) if name else words("whole_pull")
            lines.append([shown, *(str(counts[one]) for one in COUNTS)])
        blocks.append(_table(lines))
    if report.found:
        lines = [[words(f"report_{one}") for one in COLUMNS], ["---"] * len(COLUMNS)]
        blocks.append(_table([*lines, *(_cells(one, report, words) for one in report.rows)]))
    return cut(paragraphs(*blocks), words("report_cut"))


def _cells(one: Tried, report: Report, words: Words) -> list[str]:
    trial = one.trial
    areas = (
        _noted(code(area.id) if area.id else words("whole_pull"), area.mode, words)
        for area in trial.areas
    )
    musts = (code(item) for area in trial.areas for item in area.musts)
    return [
        f"{link(f'{one.full_name}#{one.number}', trial.url)} {literal(trial.title, 80)}",
        code(trial.author),
        words.joined(areas),
        words.joined(musts),
        _time(trial, report.now, words),
        words(f"report_{outcome(trial)}"),
    ]


def _table(lines: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _tables(report: Report) -> Iterable[tuple[str, Mapping[str, Counter[str]]]]:
    """The counts by area, and by repository if there are several: those with the most."""
    if report.found:
        yield "area", report.areas
    if len(report.repositories) > 1:
        yield "repository", dict([*report.repositories.items()][:BUSIEST])


def _time(trial: Trial, now: datetime, words: Words) -> str:
    """How long a pull would have been blocked."""
    minutes = int(trial.blocked_seconds(now) // 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return words("report_days", days=days, hours=hours % 24)
    if hours:
        return words("report_hours", hours=hours, minutes=minutes % 60)
    return words("report_minutes", minutes=minutes)


def as_json(report: Report, words: Words) -> str:
    """For programs; the shape is a promise, with a version. Times are in UTC."""
    pulls = [
        {
            "repository": one.full_name,
            "number": one.number,
            "url": one.trial.url,
            "title": visible(one.trial.title),
            "author": one.trial.author,
            "head_sha": one.trial.head_sha,
            "areas": [asdict(area) for area in one.trial.areas],
            "since": one.trial.since.isoformat(),
            "until": one.trial.until.isoformat() if one.trial.until else None,
            "outcome": outcome(one.trial),
            "blocked_seconds": round(one.trial.blocked_seconds(report.now)),
        }
        for one in report.rows
    ]

    def counted(counts: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
        return [
            {"id": name, **{one: found[one] for one in ("count", *OUTCOMES)}}
            for name, found in counts.items()
        ]

    outcome_of_all = {
        "version": VERSION,
        "days": report.days,
        "now": report.now.isoformat(),
        "repository": report.repository or None,
        "pulls": pulls,
        "areas": counted(report.areas),
        "repositories": counted(report.repositories),
    }
    return json.dumps(outcome_of_all, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Report, Words], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}
