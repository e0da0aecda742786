"""What pulls count for, and what the numbers say about the questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Text
from ghapp.core.insights import (
    AUTOMATE,
    MOST_TIMINGS,
    RETIRE,
    REWORD,
    WORDS,
    Cell,
    Counted,
    Question,
    Seen,
    Step,
    before,
    counted,
    day_of,
    difference,
    is_unsigned,
    percent,
    percentile,
    steps,
    worth_it,
)
from ghapp.core.ledger import Verb
from ghapp.core.records import Asked, FlaggedArea, FollowUp, Hours, Note, Overview
from ghapp.core.working_time import WorkingTime

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = day_of(MONDAY, UTC)
HOURS = Hours(("mon", "tue", "wed", "thu", "fri"), "09:00-18:00")
NEW, OLD = "b" * 40, "a" * 40


def note(verb: Verb = Verb.CHECK, minutes: int = 30, text: str = "", who: str = "ann") -> Note:
    return Note(verb, who, MONDAY + timedelta(minutes=minutes), text, head_sha=OLD)


def item(id: str, answer: Note | None = None, findings: int = 0) -> Asked:
    return Asked(id, "must", Text(id, id), answer, findings)


def area(id: str = "db", state: str = "waiting", *items: Asked, **changes: object) -> FlaggedArea:
    area = FlaggedArea(id, Text(id, id), "enforce", state, Text("why", "why"), items=items)
    return replace(area, **changes)  # type: ignore[arg-type]


def seen(*areas: FlaggedArea, days: int = 0, **changes: object) -> Seen:
    """A pull that is open and waits, or as `changes` say of the overview or what is around it."""
    at = MONDAY + days * DAY
    of_all = {name: changes.pop(name) for name in ("is_merged",) if name in changes}
    overview = Overview("t", "ann", False, HOURS, areas, at=at, head_sha=NEW, **of_all)  # type: ignore[arg-type]
    values: dict[str, object] = {"state": "waiting_reviewers", "is_open": True}
    return Seen(at, overview, **(values | changes))  # type: ignore[arg-type]


def numbers(one: Counted) -> dict[tuple[str, str, str, int], int]:
    """By area, name and column, on which day since MONDAY: the number."""
    return {
        (cell.area, cell.name, cell.what, cell.day - TODAY): count
        for cell, count in one.cells.items()
        if cell.what != WORDS
    }


def test_areas_are_counted_on_the_day_on_which_they_were_flagged() -> None:
    first = counted(None, seen(area(), area("api")), UTC)
    later = counted(first, seen(area(), area("web"), days=2), UTC)
    assert numbers(later) == {
        ("", "", "flagged", 0): 1,
        ("db", "", "flagged", 0): 1,
        ("api", "", "flagged", 0): 1,
        ("web", "", "flagged", 2): 1,
    }


def test_a_pull_that_is_clear_counts_for_nothing() -> None:
    assert counted(None, seen(state="clear", is_open=False, is_merged=True), UTC).cells == {}


def test_a_sign_off_counts_on_its_day_until_it_goes_stale() -> None:
    signed = area(state="signed_off", signed=note(Verb.SIGN_OFF))
    first = counted(None, seen(signed, days=1, state="signed_off"), UTC)
    assert numbers(first)["db", "", "signed_off", 0] == 1
    assert numbers(first)["db", "", "kept", 1] == 1
    stale = counted(first, seen(area(state="stale"), days=3), UTC)
    assert ("db", "", "signed_off", 0) not in numbers(stale)
    assert numbers(stale)["db", "", "stale", 3] == 1
    back = counted(stale, seen(replace(signed, signed=replace(note(), head_sha=NEW)), days=4), UTC)
    assert numbers(back)["db", "", "stale", 3] == numbers(back)["db", "", "kept", 1] == 1


@pytest.mark.parametrize(
    ("state", "is_merged", "outcome"),
    [
        ("signed_off", True, "signed_off"),
        ("waived", True, "waived"),
        ("waiting_author", True, "unsigned"),
        ("waiting_reviewers", True, "unsigned"),
        ("on_hold", True, "unsigned"),
        ("waiting_reviewers", False, "closed"),
        ("clear", True, "closed"),
    ],
)
def test_what_a_pull_comes_to_once_it_is_closed(state: str, is_merged: bool, outcome: str) -> None:
    first = counted(None, seen(area()), UTC)
    last = seen(area(), days=1, state=state, is_open=False, is_merged=is_merged)
    ended = counted(first, last, UTC)
    assert numbers(ended)["", "", outcome, 1] == 1
    unsigned = ("db", "", "unsigned", 1) in numbers(ended)
    assert unsigned == is_merged
    assert is_unsigned(last.overview, state) == (outcome == "unsigned")
    again = counted(ended, seen(area(), days=2), UTC)
    assert numbers(again) == numbers(first)


def test_follow_ups_are_opened_and_closed() -> None:
    due = FollowUp(7, "lock", "db", "2026-04-01", "ann")
    first = counted(None, seen(area(), follow_ups=(due,)), UTC)
    closed = replace(due, is_open=False)
    done = counted(first, seen(area(), days=5, follow_ups=(closed,)), UTC)
    for place in ("", "db"):
        assert numbers(done)[place, "", "deferred", 0] == 1
        assert numbers(done)[place, "", "resolved", 5] == 1
    again = counted(done, seen(area(), days=6, follow_ups=(due,)), UTC)
    assert numbers(again) == numbers(first)


def test_answers_are_counted_by_kind_and_by_how_long_they_took() -> None:
    asked = area("db", "waiting", *(item(one) for one in "abcdef"), item("open", findings=2))
    first = counted(None, seen(asked), UTC)
    answers = (
        note(minutes=5),
        note(Verb.NA, 15, "no table"),
        note(Verb.DEFER, 60),
        note(minutes=240),
        note(minutes=8 * 60 + 15 * 60, who="bob"),  # on Tuesday at 9
        note(minutes=10 * 24 * 60),
    )
    given = zip("abcdef", answers, strict=True)
    now = area("db", "waiting", *(item(id, one) for id, one in given), item("open", findings=2))
    found = numbers(counted(first, seen(now, area("concern-1"), days=10), UTC))
    assert {(id, what) for place, id, what, _ in found if place == "db" and id} == {
        *((id, "asked") for id in "abcdef"),
        *((id, "concerns") for id in "abcdef"),
        *(("a", "answered"), ("a", "within_5")),
        *(("b", "not_applicable"), ("b", "within_15"), ("b", "worded")),
        *(("c", "deferred"), ("c", "within_60")),
        *(("d", "answered"), ("d", "within_240")),
        *(("e", "answered"), ("e", "within_540")),
        *(("f", "answered"), ("f", "later")),
        *(("open", "asked"), ("open", "concerns"), ("open", "findings")),
    }
    assert found["db", "open", "findings", 0] == 2
    assert all(day == 0 for *_, day in found)


def test_a_question_of_a_later_day_is_timed_from_then() -> None:
    first = counted(None, seen(area()), UTC)
    late = area("db", "waiting", item("a", note(minutes=24 * 60 + 3)))
    assert numbers(counted(first, seen(late, days=1), UTC))["db", "a", "within_5", 1] == 1


@pytest.mark.parametrize(
    ("minutes", "people", "in_bulk"),
    [((0, 0, 0), "aaa", 3), ((0, 0), "aa", 0), ((0, 0, 1), "aaa", 0), ((0, 0, 0), "aab", 0)],
)
def test_ticks_in_bulk(minutes: Iterable[int], people: str, in_bulk: int) -> None:
    answers = zip(minutes, people, strict=True)
    items = [item(str(n), note(minutes=at, who=who)) for n, (at, who) in enumerate(answers)]
    found = counted(None, seen(area("db", "waiting", *items)), UTC)
    assert sum(n for cell, n in found.cells.items() if cell.what == "in_bulk") == in_bulk


def test_answers_in_words_are_compared_by_a_digest() -> None:
    def digest(text: str, verb: Verb = Verb.CHECK) -> set[int]:
        found = counted(None, seen(area("db", "waiting", item("a", note(verb, text=text)))), UTC)
        return {count for cell, count in found.cells.items() if cell.what == WORDS}

    assert digest("No  lock") == digest("no lock\n") != digest("some lock")
    assert digest("no lock") != digest("no lock", Verb.NA)
    assert digest(" ") == set()


def test_waits_end_with_the_turn_and_are_working_time() -> None:
    friday = MONDAY + timedelta(days=4, hours=7)  # at 17
    first = counted(None, seen(area(), steps=(Step("turn", "reviewers", friday),)), UTC)
    assert first.since == friday
    assert first.turn == "reviewers"
    next_monday = MONDAY + 7 * DAY  # at 10
    moved = (
        Step("turn", "reviewers", friday + DAY),  # as after a run that failed
        Step("turn", "author", next_monday),
        Step("turn", "hold", next_monday + timedelta(minutes=7)),
        Step("turn", "", next_monday + timedelta(hours=1)),
        Step("check", "1234", next_monday),
    )
    found = numbers(counted(first, seen(area(), days=7, steps=moved), UTC))
    assert {place: count for place, count in found.items() if place[1]} == {
        ("", "reviewers", "120", 7): 1,
        ("db", "reviewers", "120", 7): 1,
        ("", "author", "7", 7): 1,
        ("db", "author", "7", 7): 1,
        ("", "check", "1234", 7): 1,
    }


def test_a_pull_that_changes_turns_for_ever_is_not_counted_for_ever() -> None:
    turns = tuple(
        Step("turn", ("author", "reviewers")[n % 2], MONDAY + n * n * timedelta(minutes=1))
        for n in range(3 * MOST_TIMINGS)
    )
    assert len(counted(None, seen(steps=turns), UTC).cells) == MOST_TIMINGS


def test_steps_are_read_as_they_are_written() -> None:
    text = f"turn reviewers {MONDAY.timestamp()}\nturn  {MONDAY.timestamp()}\ncheck 12 5.5\nche"
    assert steps(text) == (
        Step("turn", "reviewers", MONDAY),
        Step("turn", "", MONDAY),
        Step("check", "12", datetime.fromtimestamp(5.5, UTC)),
    )
    for cut in ("", "check 12", "check  5", "check -3 5", "turn", "turn author 5.5.5", "other x 5"):
        assert steps(cut) == ()


# --- the difference -------------------------------------------------------------------------------

_states = st.sampled_from(["waiting", "signed_off", "stale", "waived"])
_items = st.lists(
    st.builds(
        item,
        st.sampled_from("xyz"),
        st.none() | st.builds(note, st.sampled_from([Verb.CHECK, Verb.NA, Verb.DEFER])),
    ),
    max_size=3,
    unique_by=lambda one: one.id,
)
_areas = st.builds(
    lambda name, state, items: area(name, state, *items, signed=note(Verb.SIGN_OFF)),
    st.sampled_from(["db", "api", "concern-1"]),
    _states,
    _items,
)
_pulls = st.builds(
    lambda areas, days, state, merged, is_open: seen(
        *areas, days=days, state=state, is_merged=merged, is_open=is_open
    ),
    st.lists(_areas, max_size=3, unique_by=lambda one: one.id),
    st.integers(0, 30),
    st.sampled_from(["clear", "waiting_author", "signed_off", "waived"]),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(_pulls, min_size=1, max_size=5))
def test_the_differences_add_up_to_what_the_pull_counts_for(pulls: list[Seen]) -> None:
    total, last = Counter[Cell](), None
    for one in pulls:
        now = counted(last, one, UTC)
        for cell, change in difference(last, now).items():
            total[cell] += change
        assert difference(now, counted(now, one, UTC)) == {}
        last = now
    assert last is not None
    sums = {cell: count for cell, count in total.items() if count}
    assert sums == {cell: n for cell, n in last.cells.items() if n}


def test_other_words_take_the_place_of_the_first() -> None:
    def worded(text: str) -> Seen:
        return seen(area("db", "waiting", item("a", note(text=text))))

    first = counted(None, worded("one"), UTC)
    (change,) = difference(first, counted(first, worded("two"), UTC)).items()
    assert change[0].what == WORDS
    assert difference(first, counted(first, worded(""), UTC)).keys() == {
        Cell("question", TODAY, "db", "a", "worded")
    }


# --- what the numbers say -------------------------------------------------------------------------

QUESTION = Question("db", "lock", asked=20, answered=20)


@pytest.mark.parametrize(
    ("changes", "proposals"),
    [
        ({}, ()),
        ({"answered": 3, "not_applicable": 17}, (RETIRE,)),
        ({"answered": 4, "not_applicable": 16}, ()),  # 80 % is not above 80 %
        ({"answered": 3, "not_applicable": 17, "findings": 1}, ()),
        ({"answered": 3, "not_applicable": 17, "asked": 19}, ()),
        ({"in_bulk": 11}, (REWORD,)),
        ({"in_bulk": 10}, ()),
        ({"answered": 4, "in_bulk": 4}, ()),  # too few answers
        ({"worded": 20, "same": True}, (AUTOMATE,)),
        ({"worded": 20}, ()),
        ({"worded": 19, "same": True}, ()),
        ({"answered": 19, "worded": 19, "same": True}, ()),
        ({"answered": 0, "not_applicable": 20, "worded": 20, "same": True}, (RETIRE, AUTOMATE)),
    ],
)
def test_proposals(changes: dict[str, int], proposals: tuple[str, ...]) -> None:
    assert replace(QUESTION, **changes).proposals == proposals  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("took", "median"),
    [
        ((4, 0, 0, 0, 0, 0), None),
        ((10, 0, 0, 0, 0, 0), 2),
        ((0, 0, 10, 0, 0, 0), 38),
        ((2, 2, 2, 2, 2, 0), 38),
        ((0, 0, 0, 0, 0, 9), 540),
        ((3, 0, 0, 0, 0, 9), 540),
    ],
)
def test_the_median_is_estimated_within_its_bounds(
    took: tuple[int, ...], median: int | None
) -> None:
    assert replace(QUESTION, took=took).median_minutes == median


def test_questions_with_a_proposal_come_first_then_the_most_asked() -> None:
    odd = replace(QUESTION, item="odd", in_bulk=20)
    often = replace(QUESTION, item="often", asked=99)
    assert worth_it((QUESTION, often, odd)) == (odd, often, QUESTION)


def test_percentiles_are_nearest_ranks() -> None:
    waits = {30: 5, 10: 4, 600: 1}
    assert [percentile(waits, one) for one in (1, 40, 50, 90, 91, 100)] == [
        10,
        10,
        30,
        30,
        600,
        600,
    ]
    assert (percent(1, 3), percent(0, 0)) == (33, 0)


@given(st.integers(1, 27), st.integers(0, 6))
def test_before_is_the_inverse_of_between(hours: int, days: int) -> None:
    working, now = WorkingTime(), MONDAY + days * DAY
    since = before(now, timedelta(hours=hours), working)
    assert working.between(since, now) >= timedelta(hours=hours)
    assert working.between(since + timedelta(minutes=1), now) < timedelta(hours=hours)
