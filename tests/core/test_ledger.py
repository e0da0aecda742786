from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ghapp.core.ledger import (
    AREA,
    CONCERN,
    HOLD,
    ITEM,
    ConcernState,
    Entry,
    HoldState,
    ItemState,
    State,
    Verb,
    answers,
    concerns,
    holds,
    standing,
)
from tests.core.build import HEAD, NEXT_HEAD, entry

SIGNED = entry(Verb.SIGN_OFF, "db", number=1)
UNDONE = entry(Verb.UNDO, "db", minutes=6, number=2)
AGAIN = entry(Verb.SIGN_OFF, "db", minutes=7, number=4)
ELSEWHERE = entry(Verb.SIGN_OFF, "web", number=3)


@pytest.mark.parametrize(
    ("ledger", "fingerprint", "head", "stale_on", "expected"),
    [
        ([], "f1", HEAD, "area-change", State.WAITING),
        ([ELSEWHERE], "f1", HEAD, "area-change", State.WAITING),
        ([UNDONE], "f1", HEAD, "area-change", State.WAITING),
        ([SIGNED], "f1", HEAD, "area-change", State.SIGNED_OFF),
        ([SIGNED], "f1", NEXT_HEAD, "area-change", State.SIGNED_OFF),
        ([SIGNED], "f2", NEXT_HEAD, "area-change", State.STALE),
        ([SIGNED, UNDONE], "f1", HEAD, "area-change", State.WAITING),
        ([SIGNED, UNDONE, AGAIN], "f1", HEAD, "area-change", State.SIGNED_OFF),
        ([SIGNED], "f1", NEXT_HEAD, "any-push", State.STALE),
        ([SIGNED], "f2", HEAD, "any-push", State.STALE),
        ([SIGNED], "f1", HEAD, "any-push", State.SIGNED_OFF),
        ([UNDONE, SIGNED], "f1", HEAD, "area-change", State.WAITING),  # said before, heard after
        ([SIGNED], "f2", NEXT_HEAD, "never", State.SIGNED_OFF),
    ],
)
def test_a_sign_off_holds_while_the_policy_says_it_does(
    ledger: list[Entry], fingerprint: str, head: str, stale_on: str, expected: State
) -> None:
    found = standing(ledger, "db", fingerprint, head, stale_on)
    assert found.state is expected
    assert (found.signed is None) == (expected is State.WAITING)


def test_who_undid_a_sign_off_is_known() -> None:
    assert standing([SIGNED, UNDONE], "db", "f1", HEAD, "never").undone == UNDONE
    assert standing([UNDONE], "db", "f1", HEAD, "never").undone is None


def test_the_last_answer_counts_until_it_is_undone() -> None:
    first, second = entry(Verb.CHECK, "x", minutes=1), entry(Verb.CHECK, "x", minutes=2)
    taken = entry(Verb.UNCHECK, "x", minutes=3)
    assert answers([first, second]) == {"x": second}
    assert answers([second, first]) == {"x": second}
    assert answers([first, taken, entry(Verb.REFUSED, "x")]) == {}


def test_in_the_same_second_the_later_comment_counts() -> None:
    done, undone = (
        entry(verb, "db", minutes=5, number=number)
        for number, verb in [(1, Verb.SIGN_OFF), (2, Verb.UNDO)]
    )
    assert standing([undone, done], "db", "f1", HEAD, "never").state is State.WAITING


def test_a_waiver_goes_stale_as_a_sign_off_does() -> None:
    waived = entry(Verb.WAIVE, "db", minutes=6, number=2)
    assert standing([SIGNED, waived], "db", "f1", HEAD, "area-change").state is State.WAIVED
    assert standing([waived, SIGNED], "db", "f1", HEAD, "area-change").state is State.WAIVED
    assert standing([waived, AGAIN], "db", "f1", HEAD, "area-change").state is State.SIGNED_OFF
    stale = standing([waived], "db", "f2", NEXT_HEAD, "area-change")
    assert (stale.state, stale.signed) == (State.STALE, waived)
    undone = entry(Verb.UNDO, "db", minutes=7, number=3)
    assert standing([waived, undone], "db", "f1", HEAD, "never").state is State.WAITING


@pytest.mark.parametrize("verb", [Verb.CHECK, Verb.NA, Verb.DEFER])
def test_every_kind_of_answer_counts_and_the_last_one_most(verb: Verb) -> None:
    first = entry(Verb.NA, "x", minutes=1)
    last = entry(verb, "x", minutes=2, fingerprint="f2")
    assert answers([first, last, entry(Verb.CHECK, "y", minutes=3)])["x"] == last
    assert "x" not in answers([first, last, entry(Verb.UNCHECK, "x", minutes=3)])


def held(subject: str, speaker: str, minutes: float) -> Entry:
    return entry(Verb.HOLD, subject, speaker, minutes, "")


def released(subject: str, speaker: str, minutes: float, whose: str = "") -> Entry:
    return entry(Verb.RELEASE, subject, speaker, minutes, "", whose=whose)


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [
        ([], []),
        ([held("db", "sam", 1)], [0]),
        ([held("db", "sam", 2), held("", "wes", 1)], [1, 0]),  # in the order of speaking
        ([held("db", "sam", 1), held("db", "Sam", 2)], [1]),  # one of each person and subject
        ([held("db", "sam", 1), released("db", "sam", 2)], []),
        ([held("db", "sam", 1), released("db", "wes", 2, "SAM")], []),
        ([held("db", "sam", 1), released("db", "wes", 2)], [0]),
        ([held("db", "sam", 1), released("", "sam", 2)], [0]),
        ([held("db", "sam", 1), held("db", "wes", 1), released("db", "sam", 2)], [1]),
        ([released("db", "sam", 1), held("db", "sam", 2)], [1]),
        ([released("db", "sam", 2), held("db", "sam", 1)], []),  # said before, heard after
    ],
)
def test_a_hold_is_in_force_until_it_is_released(ledger: list[Entry], expected: list[int]) -> None:
    assert holds(ledger) == tuple(ledger[at] for at in expected)


def test_a_concern_is_in_force_until_it_is_withdrawn() -> None:
    first = entry(Verb.CONCERN, "concern-1", minutes=3)
    second = entry(Verb.CONCERN, "concern-2", "wes", minutes=2)
    gone = entry(Verb.WITHDRAW, "concern-1", "wes", minutes=4)
    assert concerns([first, second]) == (second, first)
    assert concerns([first, second, gone]) == (second,)
    assert concerns([gone, first]) == ()
    assert concerns([entry(Verb.WITHDRAW, "concern-1", minutes=1), first]) == (first,)
    assert concerns([SIGNED]) == ()


@pytest.mark.parametrize(
    ("table", "start"),
    [
        (AREA, State.WAITING),
        (ITEM, ItemState.OPEN),
        (HOLD, HoldState.FREE),
        (CONCERN, ConcernState.WITHDRAWN),
    ],
    ids=["area", "item", "hold", "concern"],
)
def test_every_state_of_a_table_can_be_reached_and_left(
    table: Mapping[tuple[Any, Verb], Any], start: Any
) -> None:
    states = {state for state, _ in table} | set(table.values())
    assert start in states
    for state in states:
        ends, last = {state}, set()
        while ends != last:
            last, ends = ends, ends | {to for (one, _), to in table.items() if one in ends}
        assert ends == states
    assert State.STALE not in states  # seen, never said


def test_an_entry_about_one_thing_moves_no_other() -> None:
    """Each verb is in one table alone, but those of projects and those only the judge knows."""
    tables: tuple[Mapping[tuple[Any, Verb], Any], ...] = (AREA, ITEM, HOLD, CONCERN)
    verbs = [verb for table in tables for verb in {verb for _, verb in table}]
    assert len(verbs) == len(set(verbs))
    outside = {Verb.REFRESH, Verb.EXPLAIN, Verb.HELP, Verb.REFUSED, Verb.PROJECT, Verb.CONSULT}
    outside |= {Verb.ACCEPT, Verb.CLOSE, Verb.INCIDENT, Verb.UNLINK}
    assert set(Verb) - set(verbs) == outside
