from __future__ import annotations

import pytest

from ghapp.core.memory import Entry, Verb
from ghapp.core.standing import State, answers, standing
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


def test_who_took_a_sign_off_back_is_known() -> None:
    assert standing([SIGNED, UNDONE], "db", "f1", HEAD, "never").undone == UNDONE
    assert standing([UNDONE], "db", "f1", HEAD, "never").undone is None


def test_the_last_answer_counts_until_it_is_taken_back() -> None:
    first, second = entry(Verb.CHECK, "x", minutes=1), entry(Verb.CHECK, "x", minutes=2)
    taken = entry(Verb.UNCHECK, "x", minutes=3)
    assert answers([first, second]) == {"x": second}
    assert answers([second, first]) == {"x": second}
    assert answers([first, taken, entry(Verb.REFUSED, "x")]) == {}


def test_in_the_same_second_the_later_comment_is_the_later_word() -> None:
    done, undone = (
        entry(verb, "db", minutes=5, number=number)
        for number, verb in [(1, Verb.SIGN_OFF), (2, Verb.UNDO)]
    )
    assert standing([undone, done], "db", "f1", HEAD, "never").state is State.WAITING
