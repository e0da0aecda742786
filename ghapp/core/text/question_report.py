"""Which questions are not worth asking, and what was merged without sign-off, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from ghapp.core.i18n import Words
from ghapp.core.insights import Question
from ghapp.core.markdown import code, link, literal, paragraphs, visible

VERSION = 1  # of the JSON


@dataclass(frozen=True, slots=True)
class Merged:
    """A pull that was merged without sign-off. areas: that waited."""

    repository: str
    number: int
    title: str
    areas: tuple[str, ...]
    at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """The questions with a proposal, and the newest merges; `count` counts all of these.

    places: where questions are defined. repository: the only one that was asked for; "" for all.
    """

    questions: tuple[Question, ...]
    merged: tuple[Merged, ...]
    count: int
    weeks: int
    places: Mapping[str, str]
    repository: str = ""


def proposals(one: Question, words: Words) -> tuple[str, ...]:
    """What is proposed for a question, with the numbers behind it."""
    numbers = {
        "asked": one.asked,
        "given": one.given,
        "percent": one.not_applicable_percent,
        "bulk": one.in_bulk_percent,
    }
    return tuple(words(f"proposal_{kind}", **numbers) for kind in one.proposals)


def _headings(report: QuestionReport, words: Words) -> tuple[str, str]:
    where = words("report_where", repository=report.repository) if report.repository else ""
    asked = {"weeks": report.weeks, "where": where}
    return (
        words("report_questions", **asked, count=len(report.questions)),
        words("report_unsigned", **asked, count=report.count),
    )


def as_text(report: QuestionReport, words: Words) -> str:
    """For a terminal."""
    questions, merged = _headings(report, words)
    lines = [questions, *([] if report.questions else [words("report_questions_why")])]
    for one in report.questions:
        lines.append(f"{one.item}  {report.places.get(one.item, '')}".rstrip())
        for kind, text in zip(one.proposals, proposals(one, words), strict=True):
            lines.append(f"    {words(f'page_proposal_{kind}')} {text}")
    lines += ["", merged]
    for each in report.merged:
        lines.append(f"{each.repository}#{each.number}  {each.at:%Y-%m-%d}  {visible(each.title)}")
        lines.append(f"    {words.joined(map(visible, each.areas))}")
    return "\n".join(lines)


def as_markdown(report: QuestionReport, words: Words) -> str:
    """For an issue or a wiki; it mentions nobody."""
    questions, merged = _headings(report, words)
    asked = [
        f"- {code(one.item)} {' '.join(proposals(one, words))} "
        f"{code(report.places[one.item]) if one.item in report.places else ''}".rstrip()
        for one in report.questions
    ]
    listed = [
        f"- {link(f'{one.repository}#{one.number}', one.url)} {one.at:%Y-%m-%d} "
        f"{literal(one.title, 80)} {words.joined(map(code, one.areas))}"
        for one in report.merged
    ]
    return paragraphs(
        f"## {questions}",
        "\n".join(asked) or words("report_questions_why"),
        f"## {merged}",
        "\n".join(listed),
    )


def as_json(report: QuestionReport, words: Words) -> str:
    """For programs; the shape is a promise, with a version. Times are in UTC."""
    questions = [
        {
            **{name: value for name, value in asdict(one).items() if name not in ("took", "same")},
            "median_minutes": one.median_minutes,
            "defined": report.places.get(one.item, ""),
            "proposals": one.proposals,
            "texts": proposals(one, words),
        }
        for one in report.questions
    ]
    merged = [{**asdict(one), "at": one.at.isoformat()} for one in report.merged]
    found = {
        "version": VERSION,
        "weeks": report.weeks,
        "repository": report.repository or None,
        "questions": questions,
        "merged": merged,
        "merged_count": report.count,
    }
    return json.dumps(found, ensure_ascii=False, indent=2)


QUESTION_FORMATS: Mapping[str, Callable[[QuestionReport, Words], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}
