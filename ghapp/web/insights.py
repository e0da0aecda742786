"""`/insights`: what was counted -> what the page says, as HTML with charts, Markdown and JSON.

People are not compared: nothing here counts by person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate
from typing import Any

from starlette.datastructures import QueryParams

from ghapp import builtin_packs
from ghapp.core.areas import Text
from ghapp.core.i18n import Words
from ghapp.core.insights import (
    AUTHOR,
    CHECK,
    LEAST_EVENTS,
    OUTCOMES,
    REVIEWERS,
    Question,
    percentile,
    worth_it,
)
from ghapp.core.markdown import code, dotted, link, literal, paragraphs, visible
from ghapp.core.model import pull_page
from ghapp.core.self_review import GROUPS, SelfReview, numbers
from ghapp.core.text.places import Place
from ghapp.core.text.question_report import proposals
from ghapp.store.insights import AGES, OLDER, Insights, Narrowed, Unsigned, Week
from ghapp.web.charts import Chart, Point, Series, lines, rows, stacks
from ghapp.web.views.parts import MOST_NAME, MOST_TITLE, MOST_WHY

WEEKS = (4, 12, 26, 52)
MOST_QUESTIONS = 50
DAY_MINUTES = 540  # of a working day
QUINTILES = 5


@dataclass(frozen=True, slots=True)
class Wait:
    """How long people waited, in minutes of working time, in the week in which it ended.

    median, p90: None below 5 waits; then `minutes` are all of them.
    """

    count: int
    median: int | None
    p90: int | None
    minutes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WeekView:
    """monday: its first day. signed_off to closed: what flagged pull requests came to."""

    monday: date
    reviewers: Wait
    author: Wait
    flagged: int
    signed_off: int
    waived: int
    unsigned: int
    closed: int
    deferred: int
    resolved: int


@dataclass(frozen=True, slots=True)
class AgeView:
    id: str
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class AreaView:
    """kept, stale: sign-offs that outlived a push, and that did not."""

    id: str
    flagged: int
    signed_off: int
    waived: int
    unsigned: int
    deferred: int
    kept: int
    stale: int


@dataclass(frozen=True, slots=True)
class ProposalView:
    """kind: retire | reword | automate. text: with the numbers behind it."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class QuestionView:
    """question: "" if no built-in pack has it. defined: the pack and the line."""

    id: str
    area: str
    question: str
    defined: str
    asked: int
    answered: int
    not_applicable: int
    not_applicable_percent: int
    in_bulk: int
    in_bulk_percent: int
    deferred: int
    concerns: int
    findings: int
    median_minutes: int | None
    proposals: tuple[ProposalView, ...]


@dataclass(frozen=True, slots=True)
class UnsignedView:
    repository: str
    number: int
    title: str
    author: str
    areas: tuple[str, ...]
    at: datetime
    url: str
    page: str


@dataclass(frozen=True, slots=True)
class NumberView:
    """count: None if it is not kept for as long."""

    id: str
    title: str
    count: int | None


@dataclass(frozen=True, slots=True)
class GroupView:
    """Numbers of the self-review, of all areas."""

    id: str
    title: str
    numbers: tuple[NumberView, ...]


@dataclass(frozen=True, slots=True)
class InsightsView:
    """since: the first week with numbers; None if there are none. checks: deliveries that led to a
    check run. check_p95_milliseconds: None below 5.
    """

    now: datetime
    since: date | None
    repository: str
    area: str
    weeks: tuple[WeekView, ...]
    open: tuple[AgeView, ...]
    areas: tuple[AreaView, ...]
    questions_total: int
    questions: tuple[QuestionView, ...]
    follow_ups_open: int
    follow_ups_overdue: int
    unsigned_total: int
    unsigned: tuple[UnsignedView, ...]
    checks: int
    check_p95_milliseconds: int | None
    kept: int
    stale: int
    review: tuple[GroupView, ...]


def narrowed(query: QueryParams) -> Narrowed:
    """What an address asks for; 12 weeks if it asks for a number that is not offered."""
    weeks = query.get("weeks", "")
    offered = {str(one): one for one in WEEKS}
    return Narrowed(query.get("repository", ""), query.get("area", ""), offered.get(weeks, 12))


def insights_view(found: Insights, asked: Narrowed, place: Place, words: Words) -> InsightsView:
    """All numbers, in one language."""
    total, unsigned = found.unsigned
    checks = Counter[int]()
    for week in found.weeks.values():
        checks.update(week.waits.get(CHECK, {}))
    count = sum(checks.values())
    return InsightsView(
        now=found.now,
        since=found.since,
        repository=visible(asked.repository, MOST_NAME),
        area=visible(asked.area, MOST_NAME),
        weeks=tuple(_week(day, week) for day, week in found.weeks.items()),
        open=tuple(
            AgeView(one, words(f"page_age_{one}"), found.ages.get(one, 0)) for one in (*AGES, OLDER)
        ),
        areas=tuple(
            AreaView(visible(id, MOST_NAME), **{one: sums[one] for one in AREA_SUMS})
            for id, sums in found.areas.items()
        ),
        questions_total=len(found.questions),
        questions=tuple(
            question_view(one, words) for one in worth_it(found.questions)[:MOST_QUESTIONS]
        ),
        follow_ups_open=found.owed,
        follow_ups_overdue=found.overdue,
        unsigned_total=total,
        unsigned=tuple(_unsigned(one, place) for one in unsigned),
        checks=count,
        check_p95_milliseconds=percentile(checks, 95) if count >= LEAST_EVENTS else None,
        kept=sum(sums["kept"] for sums in found.areas.values()),
        stale=sum(sums["stale"] for sums in found.areas.values()),
        review=_review(found.review, words),
    )


def _review(found: SelfReview, words: Words) -> tuple[GroupView, ...]:
    counts = numbers(found)
    return tuple(
        GroupView(
            group,
            words(f"review_{group}"),
            tuple(NumberView(one, words(f"review_{one}"), counts[one]) for one in names),
        )
        for group, names in GROUPS.items()
    )


AREA_SUMS = ("flagged", "signed_off", "waived", "unsigned", "deferred", "kept", "stale")


def _week(day: date, week: Week) -> WeekView:
    return WeekView(
        day,
        reviewers=_wait(week.waits.get(REVIEWERS, {})),
        author=_wait(week.waits.get(AUTHOR, {})),
        **{name: int(week.sums.get(name, 0)) for name in ("flagged", *OUTCOMES, *DEBT)},
    )


DEBT = ("deferred", "resolved")


def _wait(minutes: Mapping[int, int]) -> Wait:
    count = sum(minutes.values())
    if count < LEAST_EVENTS:
        return Wait(count, None, None, tuple(sorted(Counter(minutes).elements())))
    return Wait(count, percentile(minutes, 50), percentile(minutes, 90), ())


def question_view(one: Question, words: Words) -> QuestionView:
    """A question with its numbers and what they propose."""
    item = _items().get(one.item)
    return QuestionView(
        visible(one.item, MOST_NAME),
        visible(one.area, MOST_NAME),
        visible(words.text(item), MOST_WHY) if item else "",
        builtin_packs.places().get(one.item, ""),
        one.asked,
        *(one.answered, one.not_applicable, one.not_applicable_percent),
        *(one.in_bulk, one.in_bulk_percent, one.deferred, one.concerns, one.findings),
        one.median_minutes,
        tuple(map(ProposalView, one.proposals, proposals(one, words))),
    )


def _items() -> Mapping[str, Text]:
    """The questions of the built-in packs by id."""
    return {item.id: item.question for area in builtin_packs.builtin() for item in area.items}


def _unsigned(one: Unsigned, place: Place) -> UnsignedView:
    return UnsignedView(
        visible(one.full_name, MOST_NAME),
        one.number,
        visible(one.overview.title, MOST_TITLE),
        visible(one.overview.author, MOST_NAME),
        tuple(visible(area.id, MOST_NAME) for area in one.overview.waiting),
        one.at,
        place.pull(one.full_name, one.number),
        pull_page(one.full_name, one.number),
    )


# --- charts ---------------------------------------------------------------------------------------


def charts(view: InsightsView, words: Words) -> Mapping[str, Chart]:
    """The charts of the page by name."""
    return {
        REVIEWERS: _waits(REVIEWERS, view, words),
        AUTHOR: _waits(AUTHOR, view, words),
        "outcomes": _outcomes(view, words),
        "open": _open(view, words),
        "debt": _debt(view, words),
    }


def page_values(view: InsightsView, found: Insights, words: Words) -> Mapping[str, Any]:
    """What the template needs beside the view."""
    return {
        "charts": charts(view, words),
        "shades": shades(view),
        "area_sums": AREA_SUMS,
        "question_columns": QUESTION_COLUMNS,
        "took": lambda minutes: "" if minutes is None else minutes_text(minutes, words),
        "options": {
            "weeks": WEEKS,
            "repository": found.repositories,
            "area": found.all_areas,
        },
    }


def _day(week: WeekView, words: Words) -> str:
    return words("page_day", month=week.monday.month, day=week.monday.day)


def minutes_text(minutes: int, words: Words) -> str:
    """Working time in its two largest units."""
    days, rest = divmod(minutes, DAY_MINUTES)
    if days:
        return words("report_days", days=days, hours=rest // 60)
    if rest >= 60:
        return words("report_hours", hours=rest // 60, minutes=rest % 60)
    return words("report_minutes", minutes=rest)


def _waits(turn: str, view: InsightsView, words: Words) -> Chart:
    """Median and 90 % of a week, or each wait if there are few; one working day is marked."""
    weeks = [week.reviewers if turn == REVIEWERS else week.author for week in view.weeks]
    days = [_day(week, words) for week in view.weeks]
    found: dict[str, list[Point]] = {"s1": [], "s2": [], "few": []}
    rows: list[tuple[str, ...]] = []
    for place, (day, wait) in enumerate(zip(days, weeks, strict=True)):
        given = {"s1": wait.median, "s2": wait.p90}
        for kind, value in given.items():
            if value is not None:
                text = f"{day}: {words(f'page_{kind}_wait')} {minutes_text(value, words)}"
                found[kind].append(Point(place, value, f"{text} (n {wait.count})"))
        for one in wait.minutes:
            found["few"].append(Point(place, one, f"{day}: {minutes_text(one, words)}", alone=True))
        few = words.joined(minutes_text(one, words) for one in wait.minutes)
        cells = [minutes_text(one, words) if one is not None else "" for one in given.values()]
        rows.append((day, str(wait.count), *cells, few))
    series = [
        Series("s1", words("page_s1_wait"), tuple(found["s1"])),
        Series("s2", words("page_s2_wait"), tuple(found["s2"])),
        Series("few", words("page_few_wait"), tuple(found["few"])),
    ]
    marks = [(0.0, "0"), (float(DAY_MINUTES), words("page_one_day"))]
    top = max((one.value for each in series for one in each.points), default=0.0)
    if top > 2 * DAY_MINUTES:
        whole = round(top // DAY_MINUTES)
        marks.append((float(whole * DAY_MINUTES), words("page_days", days=whole)))
    drawn, dots, labels = lines(series, days, marks)
    return Chart(
        turn,
        words(f"page_wait_{turn}"),
        words("page_wait_caption", count=sum(wait.count for wait in weeks)),
        tuple((one.kind, one.name) for one in series),
        tuple(words(f"page_{one}") for one in ("week", "count", "s1_wait", "s2_wait", "few_wait")),
        tuple(rows),
        lines=drawn if any(dots) else (),
        dots=dots,
        labels=labels,
    )


def _outcomes(view: InsightsView, words: Words) -> Chart:
    days = [_day(week, words) for week in view.weeks]
    names = {one: words(f"page_outcome_{one}") for one in OUTCOMES}
    counts = {one: [int(getattr(week, one)) for week in view.weeks] for one in OUTCOMES}
    series = [
        Series(
            f"s{number}",
            names[one],
            tuple(
                Point(place, count, f"{days[place]}: {names[one]} {count}")
                for place, count in enumerate(counts[one])
                if count
            ),
        )
        for number, one in enumerate(OUTCOMES, 1)
    ]
    bars, labels = stacks(series, days)
    return Chart(
        "outcomes",
        words("page_outcomes"),
        words("page_outcomes_caption", count=sum(map(sum, counts.values()))),
        tuple((one.kind, one.name) for one in series),
        (words("page_week"), *names.values()),
        tuple(
            (day, *(str(counts[one][place]) for one in OUTCOMES)) for place, day in enumerate(days)
        ),
        bars=bars,
        labels=labels,
    )


def _open(view: InsightsView, words: Words) -> Chart:
    named = [(one.title, one.count) for one in view.open]
    total = sum(count for _, count in named)
    bars, labels = rows("s1", named)
    return Chart(
        "open",
        words("page_open"),
        words("page_open_caption", count=total),
        (),
        (words("page_age"), words("page_count")),
        tuple((name, str(count)) for name, count in named),
        bars=bars if total else (),
        labels=labels,
    )


def _debt(view: InsightsView, words: Words) -> Chart:
    """Follow-ups that were opened and closed since the first week shown, added up."""
    days = [_day(week, words) for week in view.weeks]
    series = []
    sums: list[list[int]] = []
    for kind, name in (("s1", "deferred"), ("s2", "resolved")):
        each = list(accumulate(int(getattr(week, name)) for week in view.weeks))
        text = words(f"page_debt_{name}")
        points = [Point(at, one, f"{days[at]}: {text} {one}") for at, one in enumerate(each)]
        series.append(Series(kind, text, tuple(points)))
        sums.append(each)
    most = max(each[-1] for each in sums)
    drawn, dots, labels = lines(series, days, [(0.0, "0"), (float(most or 1), str(most or 1))])
    return Chart(
        "debt",
        words("page_debt"),
        words("page_debt_caption", count=view.follow_ups_open, overdue=view.follow_ups_overdue),
        tuple((one.kind, one.name) for one in series),
        (words("page_week"), *(one.name for one in series)),
        tuple((day, *(str(each[at]) for each in sums)) for at, day in enumerate(days)),
        lines=drawn if most else (),
        dots=dots if most else (),
        labels=labels,
    )


def shades(view: InsightsView) -> Mapping[str, Mapping[str, int]]:
    """By column of the areas and area, the quintile of a number, 1 to 5; 0 for none."""
    found: dict[str, dict[str, int]] = {}
    for name in AREA_SUMS:
        ordered = sorted({getattr(one, name) for one in view.areas} - {0})
        found[name] = {
            one.id: QUINTILES * (ordered.index(count) + 1) // len(ordered) or 1 if count else 0
            for one in view.areas
            for count in (getattr(one, name),)
        }
    return found


# --- Markdown -------------------------------------------------------------------------------------


def insights_markdown(view: InsightsView, place: Place, words: Words) -> str:
    """The numbers as text to paste."""
    blocks = [
        f"## {words('page_insights')} ({view.now.astimezone(place.zone):%Y-%m-%d %H:%M %Z})",
        words("page_since_week", day=view.since) if view.since else words("page_no_numbers"),
    ]
    for chart in charts(view, words).values():
        blocks.append(f"### {chart.title}\n\n{literal(chart.caption)}")
        blocks.append(table(chart.head, chart.rows))
    blocks.append(f"### {words('page_review')}")
    for group in view.review:
        found = (
            f"- {one.title}: {words('review_not_kept') if one.count is None else one.count}"
            for one in group.numbers
        )
        blocks.append("\n".join((f"{group.title}", "", *found)))
    if view.areas:
        head = (words("page_area"), *(words(f"page_sum_{one}") for one in AREA_SUMS))
        lines = [(code(one.id), *(str(getattr(one, n)) for n in AREA_SUMS)) for one in view.areas]
        blocks += [f"### {words('page_areas')}", table(head, lines)]
    blocks.append(f"### {words('page_questions')} ({view.questions_total})")
    if view.questions:
        head = tuple(words(f"page_q_{one}") for one in QUESTION_COLUMNS)
        blocks.append(table(head, [_question_cells(one, words) for one in view.questions]))
    blocks.append(f"### {words('page_unsigned')} ({view.unsigned_total})")
    blocks.append(
        "\n".join(
            dotted(
                f"- {one.at.astimezone(place.zone):%Y-%m-%d}",
                link(f"{one.repository}#{one.number}", one.url),
                literal(one.title, MOST_TITLE),
                literal(words.joined(one.areas)),
            )
            for one in view.unsigned
        )
        or words("page_none")
    )
    return paragraphs(*blocks) + "\n"


QUESTION_COLUMNS = (
    *("item", "asked", "answered", "not_applicable", "in_bulk", "concerns", "deferred"),
    *("findings", "minutes", "proposal"),
)


def _question_cells(one: QuestionView, words: Words) -> tuple[str, ...]:
    return (
        code(one.id),
        *(str(one.asked), str(one.answered)),
        *(f"{one.not_applicable_percent} %", f"{one.in_bulk_percent} %"),
        *(str(one.concerns), str(one.deferred), str(one.findings)),
        "" if one.median_minutes is None else minutes_text(one.median_minutes, words),
        words.sentences(*(proposal.text for proposal in one.proposals)),
    )


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = [*head]
    found = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in found)
