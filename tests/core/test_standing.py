from __future__ import annotations

import pytest

from ghapp.core.memory import Entry, Verb
from ghapp.core.standing import State, answers, standing
from tests.core.build import HEAD, NEXT_HEAD, entry

SIGNED = entry(Verb.SIGN_OFF, "db", number=1)
UNDONE = entry(Verb.UNDO, "db", minutes=6, number=2)
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
        ([SIGNED, UNDONE, SIGNED], "f1", HEAD, "area-change", State.SIGNED_OFF),
        ([SIGNED], "f1", NEXT_HEAD, "any-push", State.STALE),
        ([SIGNED], "f2", HEAD, "any-push", State.SIGNED_OFF),
        ([SIGNED], "f2", NEXT_HEAD, "never", State.SIGNED_OFF),
    ],
)
def test_a_sign_off_holds_while_the_policy_says_it_does(
    ledger: list[Entry], fingerprint: str, head: str, stale_on: str, expected: State
) -> None:
    found = standing(ledger, "db", fingerprint, head, stale_on)
    assert found.state is expected
    assert (found.signed is None) == (expected is State.WAITING)


def test_an_answer_holds_until_it_is_taken_back_or_its_area_changes() -> None:
    given = entry(Verb.CHECK, "rollback")
    taken = entry(Verb.UNCHECK, "rollback")
    assert answers([given], {"rollback": "f1"}) == {"rollback": given}
    assert answers([given], {"rollback": "f2"}) == {}
    assert answers([given], {}) == {}
    assert answers([given, taken], {"rollback": "f1"}) == {}
