"""What pull requests left behind -> numbers by day, and what these say about the questions.

A pull is counted again whenever a run has changed it: `counted` joins what was counted before with
what is so now, and the difference goes into the roll-ups. So counting twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import accumulate
from typing import NamedTuple

from ghapp.core.ledger import Verb
from ghapp.core.records import Asked, FlaggedArea, FollowUp, Overview
from ghapp.core.working_time import WorkingTime

AREAS, QUESTIONS, TIMINGS = "area", "question", "timing"  # what a cell is of
WHOLE = ""  # in the place of an area: the pull request itself
REVIEWERS, AUTHOR, CHECK = "reviewers", "author", "check"
CONCERN = "concern-"  # how ids of areas begin that a reviewer raised
# Answers by one person within so many seconds are ticks in bulk if there are so many of them.
BULK, LEAST_IN_BULK = timedelta(seconds=10), 3
# In minutes of working time, the columns of answers that took no longer.
WITHIN: Mapping[int, str] = {
    5: "within_5",
    15: "within_15",
    60: "within_60",
    240: "within_240",
    540: "within_540",
}
LATER = "later"
WORDS = "words"  # in the place of a column: its value is a digest, and no sum
ANSWERS: Mapping[Verb, str] = {
    Verb.CHECK: "answered",
    Verb.NA: "not_applicable",
    Verb.DEFER: "deferred",
}
# What flagged pulls come to; closed: without a merge, or with nothing flagged in the end.
OUTCOMES = ("signed_off", "waived", "unsigned", "closed")
# Nobody waits so often for one pull; what exceeds it is not counted.
MOST_TIMINGS = 200

# --- counting -------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """The place of a number. day: as `date.toordinal`, by the team's clock.

    name: of a question its item, of a timing its kind. what: the column; of a timing the amount.
    """

    of: str
    day: int
    area: str
    name: str
    what: str


class Step(NamedTuple):
    """Something that happened to a pull between two countings.

    kind: turn | check. value: the turn that began, "" for nobody's; or the milliseconds from a
    delivery to the check run that it led to. at: when.
    """

    kind: str
    value: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """What the roll-ups have of a pull.

    since: when a run first read it. turn, turn_since: whose it is. asked: item -> since when it is
    asked. things: by what was counted, its cells with their numbers.
    """

    since: datetime
    turn: str = ""
    turn_since: datetime | None = None
    asked: Mapping[str, datetime] = field(default_factory=dict)
    things: Mapping[str, tuple[tuple[Cell, int], ...]] = field(default_factory=dict)

    @property
    def cells(self) -> Mapping[Cell, int]:
        """All that it counts for; of WORDS the digest, with the cell of the question it is of."""
        found = Counter[Cell]()
        for cells in self.things.values():
            for cell, count in cells:
                found[cell] += count
        return found


@dataclass(frozen=True, slots=True)
class Seen:
    """A pull as its last run left it.

    at: when that read it. state: as in `review.PullState`. steps: since it was last counted, oldest
    first. follow_ups: all of this pull.
    """

    at: datetime
    overview: Overview
    state: str
    is_open: bool
    steps: tuple[Step, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()


def steps(text: str) -> tuple[Step, ...]:
    """The steps of lines "KIND VALUE SECONDS"; lines that are cut are left out."""
    found = []
    for line in text.splitlines():
        kind, value, at = [*line.split(" "), "", "", ""][:3]
        is_known = kind == "turn" or (kind == CHECK and value.isdigit())
        if is_known and at.replace(".", "", 1).isdigit():
            found.append(Step(kind, value, datetime.fromtimestamp(float(at), UTC)))
    return tuple(found)


def day_of(at: datetime, zone: tzinfo) -> int:
    return at.astimezone(zone).date().toordinal()


def counted(before: Counted | None, seen: Seen, zone: tzinfo) -> Counted:
    """What the pull counts for now. before: what it counted for; None if it never did.

    Whatever was counted once stays on its day. What is gone since stays counted, except a sign-off
    that went stale, and what a pull came to that was opened again.
    """
    overview, hours = seen.overview, seen.overview.hours
    since = before.since if before else min((one.at for one in seen.steps), default=seen.at)
    last = before or Counted(since)
    working = WorkingTime(hours.days, hours.hours, zone, hours.holidays, hours.days_off)
    things = _Things(last.things, day_of(seen.at, zone))
    areas = [one for one in overview.areas if not one.id.startswith(CONCERN)]
    if areas:
        things.put("pull", _area(WHOLE, "flagged"))
    for area in areas:
        _count_area(things, area, overview, zone)
    if seen.is_open:
        things.drop("end")
    elif "pull" in things.cells:
        things.put("end", _area(WHOLE, _outcome(seen)))
    for one in seen.follow_ups:
        things.put(f"due {one.item}", _area(one.area, "deferred"), _area(WHOLE, "deferred"))
        if one.is_open:
            things.drop(f"done {one.item}")
        else:
            things.put(f"done {one.item}", _area(one.area, "resolved"), _area(WHOLE, "resolved"))
    asked = dict(last.asked)
    concerns, bulk = len(overview.areas) - len(areas), _in_bulk(overview)
    for area in areas:
        for item in area.items:
            asked.setdefault(item.id, seen.at if before else since)
            took = timedelta()
            if item.answer:
                took = working.between(asked[item.id], item.answer.at)
            whats = _question(item, took, in_bulk=item.id in bulk, concerns=concerns)
            cells = [((QUESTIONS, area.id, item.id, what), count) for what, count in whats.items()]
            things.put(f"item {item.id}", *cells)
    turn, turn_since = _count_timings(things, seen, last, [one.id for one in areas], working)
    return Counted(since, turn, turn_since, asked, things.cells)


def _count_area(things: _Things, area: FlaggedArea, overview: Overview, zone: tzinfo) -> None:
    """Whether the area is signed off, and whether a sign-off of it outlived a push."""
    things.put(f"area {area.id}", _area(area.id, "flagged"))
    things.drop(f"signed {area.id}")
    things.drop(f"unsigned {area.id}")
    if area.settled and area.signed:
        day = day_of(area.signed.at, zone)
        things.put(f"signed {area.id}", _area(area.id, area.state), day=day)
        if area.signed.head_sha != overview.head_sha:
            things.put(f"kept {area.id}", _area(area.id, "kept"))
    elif area.state == "stale":
        things.put(f"stale {area.id}", _area(area.id, "stale"))
    if overview.is_merged and not area.settled:
        things.put(f"unsigned {area.id}", _area(area.id, "unsigned"))


def _count_timings(
    things: _Things, seen: Seen, last: Counted, areas: Iterable[str], working: WorkingTime
) -> tuple[str, datetime | None]:
    """How long everybody had the turn who has passed it on; whose it is, and since when."""
    turn, since = last.turn, last.turn_since
    timings = Counter(dict(last.things.get(TIMINGS, ())))
    for step in seen.steps:
        day = day_of(step.at, working.zone)
        if step.kind == CHECK:
            timings[Cell(TIMINGS, day, WHOLE, CHECK, step.value)] += 1
        elif step.value != turn:
            if since and turn in (REVIEWERS, AUTHOR):
                waited = int(working.between(since, step.at).total_seconds()) // 60
                for place in (WHOLE, *areas):
                    timings[Cell(TIMINGS, day, place, turn, str(waited))] += 1
            turn, since = step.value, step.at
    things.cells[TIMINGS] = tuple(timings.items())[:MOST_TIMINGS]
    return turn, since


Place = tuple[str, str, str, str]  # a cell without its day


class _Things:
    """What a pull counts for, on the days on which it was first counted. today: for what is new."""

    def __init__(self, before: Mapping[str, tuple[tuple[Cell, int], ...]], today: int) -> None:
        self.cells = dict(before)
        self._days = {name: cells[0][0].day for name, cells in before.items() if cells}
        self._today = today

    def put(self, name: str, *found: tuple[Place, int], day: int = 0) -> None:
        on = day or self._days.get(name, self._today)
        self.cells[name] = tuple(
            (Cell(of, on, area, item, what), count) for (of, area, item, what), count in found
        )

    def drop(self, name: str) -> None:
        self.cells.pop(name, None)


def _area(id: str, what: str) -> tuple[Place, int]:
    return (AREAS, id, "", what), 1


def _question(item: Asked, took: timedelta, *, in_bulk: bool, concerns: int) -> Mapping[str, int]:
    """By column, what one question counts for. took: until it was answered, in working time."""
    found = {"asked": 1, "findings": item.findings, "concerns": concerns}
    if item.answer:
        found[ANSWERS[item.answer.verb]] = 1
        minutes = took.total_seconds() / 60
        found[next((one for most, one in WITHIN.items() if minutes <= most), LATER)] = 1
        found["in_bulk"] = int(in_bulk)
        if words := " ".join(item.answer.text.casefold().split()):
            digest = hashlib.sha256(f"{item.answer.verb} {words}".encode()).digest()
            found |= {"worded": 1, WORDS: int.from_bytes(digest[:7])}
    return {what: count for what, count in found.items() if count}


def _in_bulk(overview: Overview) -> frozenset[str]:
    """The questions that one person answered within seconds, several together."""
    given: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for area in overview.areas:
        for item in area.items:
            if item.answer:
                given[item.answer.who].append((item.answer.at, item.id))
    found: set[str] = set()
    for answers in given.values():
        for at, _ in answers:
            near = {item for other, item in answers if timedelta() <= other - at <= BULK}
            if len(near) >= LEAST_IN_BULK:
                found |= near
    return frozenset(found)


def _outcome(seen: Seen) -> str:
    if seen.state in ("signed_off", "waived"):
        return seen.state
    return "unsigned" if is_unsigned(seen.overview, seen.state) else "closed"


def is_unsigned(overview: Overview, state: str) -> bool:
    """Whether the pull was merged while it waited for sign-offs, or was on hold."""
    waits = state in ("waiting_author", "waiting_reviewers", "on_hold")
    return overview.is_merged and waits


def difference(before: Counted | None, now: Counted) -> Mapping[Cell, int]:
    """What to add to the roll-ups; of WORDS the digest if it is another one."""
    old, new = before.cells if before else {}, now.cells
    found = {}
    for cell in {**old, **new}:
        if cell.what == WORDS:
            if cell in new and old.get(cell) != new[cell]:
                found[cell] = new[cell]
        elif change := new.get(cell, 0) - old.get(cell, 0):
            found[cell] = change
    return found


# --- what the numbers say -------------------------------------------------------------------------

# Fewer say nothing about a question, and no percentile.
LEAST_ASKED, LEAST_EVENTS = 20, 5
RETIRE_PERCENT, REWORD_PERCENT = 80, 50
RETIRE, REWORD, AUTOMATE = "retire", "reword", "automate"


@dataclass(frozen=True, slots=True)
class Question:
    """The numbers of one question over some time, as the columns of `question_days`.

    took: answers by how many minutes of working time they took at most; the last has no bound.
    same: whether all answers in words were the same.
    """

    area: str
    item: str
    asked: int
    answered: int = 0
    not_applicable: int = 0
    deferred: int = 0
    in_bulk: int = 0
    concerns: int = 0
    findings: int = 0
    worded: int = 0
    took: tuple[int, ...] = (0,) * (len(WITHIN) + 1)
    same: bool = False

    @property
    def given(self) -> int:
        """Answers of all kinds."""
        return self.answered + self.not_applicable + self.deferred

    @property
    def not_applicable_percent(self) -> int:
        return percent(self.not_applicable, self.given)

    @property
    def in_bulk_percent(self) -> int:
        return percent(self.in_bulk, self.given)

    @property
    def median_minutes(self) -> int | None:
        """Until an answer, estimated within its bound; None if there are too few answers."""
        total = sum(self.took)
        if total < LEAST_EVENTS:
            return None
        passed, low = 0, 0
        for most, count in zip(WITHIN, self.took, strict=False):
            if (passed + count) * 2 >= total:
                return round(low + (most - low) * (total / 2 - passed) / count)
            passed, low = passed + count, most
        return low

    @property
    def proposals(self) -> tuple[str, ...]:
        """What to do about the question: RETIRE, REWORD, AUTOMATE."""
        if self.asked < LEAST_ASKED:
            return ()
        found = []
        if self.not_applicable_percent > RETIRE_PERCENT and not self.findings:
            found.append(RETIRE)
        if self.given >= LEAST_EVENTS and self.in_bulk_percent > REWORD_PERCENT:
            found.append(REWORD)
        if self.same and self.worded == self.given >= LEAST_ASKED:
            found.append(AUTOMATE)
        return tuple(found)


def percent(part: int, whole: int) -> int:
    """0 if there is nothing."""
    return round(100 * part / whole) if whole else 0


def percentile(amounts: Mapping[int, int], percent: int) -> int:
    """The amount that so many percent do not exceed. amounts: how many there are of each."""
    needed = percent * sum(amounts.values())
    ordered = sorted(amounts)
    passed = accumulate(amounts[one] * 100 for one in ordered)
    return next(one for one, count in zip(ordered, passed, strict=True) if count >= needed)


def before(now: datetime, amount: timedelta, working: WorkingTime) -> datetime:
    """Since when so much working time has passed, to the minute; at most 60 days ago."""
    low, high = now - timedelta(days=60), now
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) / 2
        if working.between(middle, now) >= amount:
            low = middle
        else:
            high = middle
    return low


def worth_it(questions: Iterable[Question]) -> tuple[Question, ...]:
    """Those with a proposal first, then by how often they are asked."""
    return tuple(sorted(questions, key=lambda one: (not one.proposals, -one.asked, one.item)))
