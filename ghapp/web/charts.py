"""Numbers -> where the marks of a chart are, for the macro that draws it as SVG.

Shapes have classes only, so that the style sheet decides their colours. Every mark has a title, and
series differ by dashes, hatching or place as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 24  # room for the labels
MOST_LABELS = 4  # below a chart


@dataclass(frozen=True, slots=True)
class Bar:
    """kind: the class. title: what it says to whoever points at it, or listens."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    kind: str
    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """points: as the attribute of a polyline."""

    kind: str
    points: str
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """anchor: start | middle | end."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """legend: class and name of each series. head, rows: the same as a table."""

    id: str
    title: str
    caption: str
    legend: tuple[tuple[str, str], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    lines: tuple[Line, ...] = ()
    labels: tuple[Label, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        return not (self.bars or self.dots or self.lines)


@dataclass(frozen=True, slots=True)
class Point:
    """A value of one place. title: in words. alone: a single event, which no line joins."""

    place: int
    value: float
    title: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """kind: the class, s1 to s4, which is also its dashes or hatching."""

    kind: str
    name: str
    points: tuple[Point, ...]


def lines(
    series: Sequence[Series], places: Sequence[str], marks: Sequence[tuple[float, str]]
) -> tuple[tuple[Line, ...], tuple[Dot, ...], tuple[Label, ...]]:
    """Lines over places. marks: of the scale, values with their words; the last is the top."""
    top = max([marks[-1][0], *(one.value for each in series for one in each.points)])
    step = (WIDTH - LEFT - RIGHT) / max(len(places) - 1, 1)

    def x(place: int) -> float:
        return round(LEFT + place * step, 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    drawn, dots = [], []
    for each in series:
        joined = [one for one in each.points if not one.alone]
        if len(joined) > 1:
            points = " ".join(f"{x(one.place)},{y(one.value)}" for one in joined)
            drawn.append(Line(each.kind, points, each.name))
        dots += [Dot(each.kind, x(one.place), y(one.value), one.title) for one in each.points]
    for value, _ in marks[1:]:
        ends = f"{LEFT},{y(value)} {WIDTH - RIGHT},{y(value)}"
        drawn.insert(0, Line("scale", ends, ""))
    labels = [Label(LEFT - 4, y(value) + 4, words, "end") for value, words in marks]
    return tuple(drawn), tuple(dots), (*labels, *below(places, x))


def stacks(
    series: Sequence[Series], places: Sequence[str]
) -> tuple[tuple[Bar, ...], tuple[Label, ...]]:
    """Bars over places, one series above the other; the label is the number of the highest."""
    totals = [0.0] * len(places)
    for each in series:
        for one in each.points:
            totals[one.place] += one.value
    top = max(totals) or 1
    step = (WIDTH - LEFT - RIGHT) / len(places)
    room = HEIGHT - TOP - BOTTOM
    bars, bases = [], [0.0] * len(places)
    for each in series:
        for one in each.points:
            height = one.value / top * room
            bases[one.place] += height
            y = HEIGHT - BOTTOM - bases[one.place]
            place = round(LEFT + (one.place + 0.1) * step, 1), round(y, 1)
            bars.append(Bar(each.kind, *place, round(step * 0.8, 1), round(height, 1), one.title))
    scale = (
        Label(LEFT - 4, TOP + 6, f"{top:g}", "end"),
        Label(LEFT - 4, HEIGHT - BOTTOM, "0", "end"),
    )
    return tuple(bars), (
        *scale,
        *below(places, lambda place: round(LEFT + (place + 0.5) * step, 1)),
    )


def rows(kind: str, named: Sequence[tuple[str, int]]) -> tuple[tuple[Bar, ...], tuple[Label, ...]]:
    """Horizontal bars, one below the other, each with its name and number."""
    top, step = max(count for _, count in named) or 1, (HEIGHT - TOP) / len(named)
    bars, labels = [], []
    for place, (name, count) in enumerate(named):
        y = TOP + place * step
        width = round(count / top * (WIDTH - RIGHT - 40), 1)
        labels.append(Label(0, y + 12, name, "start"))
        bars.append(Bar(kind, 0, y + 17, width, round(step - 26, 1), f"{name}: {count}"))
        labels.append(Label(width + 6, round(y + step / 2 + 9, 1), str(count), "start"))
    return tuple(bars), tuple(labels)


def below(places: Sequence[str], x: Callable[[int], float]) -> list[Label]:
    """Names of some places, evenly spread; the first and the last are within the chart."""
    every = max(-(-(len(places) - 1) // (MOST_LABELS - 1)), 1)
    shown = range(0, len(places), every)
    return [
        Label(
            x(place),
            HEIGHT - 6,
            places[place],
            "start" if place == 0 else "end" if place == len(places) - 1 else "middle",
        )
        for place in shown
    ]
