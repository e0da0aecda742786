"""`/nfr incident`: who may link an incident, to which questions, and by which addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import literal
from ghapp.core.model import Rights
from ghapp.core.review.answers import MOST_URL
from ghapp.core.review.judge import judge
from tests.core.build import area, asked, comment, facts, history, policy

RULES = policy(area("db"))
WRITES = {"bob": Rights(write=True)}
URL = "https://status.example.com/incidents/42?x=Ab"


def told(text: str, who: str = "bob", *before: Entry, **known: Any) -> tuple[Entry, ...]:
    """What it comes to on a pull in which nothing is flagged. before: the ledger until then."""
    rights = known.pop("rights", WRITES)
    said = facts(RULES, comment(text, who, number=9), rights=rights, **known)
    return judge(said, history(ledger=before), asked()).entries


def reasons(entries: tuple[Entry, ...]) -> list[str]:
    return [one.refusal.reason for one in entries if one.refusal]


def test_an_incident_is_linked_to_a_question_that_was_not_even_asked() -> None:
    (one,) = told(f"/nfr incident {URL} DB-Rollback -- no way back")
    assert (one.verb, one.subject, one.right) == (Verb.INCIDENT, "db-rollback", "write")
    assert one.note == f"{URL} no way back"
    assert [one.subject for one in told(f"/nfr incident db-plan, db-rollback <{URL}>")] == [
        "db-plan",
        "db-rollback",
    ]


def test_what_was_linked_to_a_question_here_is_undone_whoever_linked_it() -> None:
    first = told(f"/nfr incident {URL} db-plan db-rollback")
    other = replace(first[0], message_id="comment:7", verb=Verb.REFRESH, subject="")
    (one,) = told("/nfr incident undo DB-Plan", "bob", *first, other)
    assert (one.verb, one.subject, one.note) == (Verb.UNLINK, "db-plan", "")
    again = told("/nfr incident undo db-plan", "bob", *first, replace(one, message_id="comment:8"))
    assert reasons(again) == ["no_incident"]
    both = told("/nfr incident undo db-plan, db-rolback", "bob", *first)
    assert [each.verb for each in both] == [Verb.UNLINK, Verb.REFUSED]
    assert both[1].refusal and both[1].refusal.instead == "db-rollback"
    assert reasons(told("/nfr incident undo", "bob", *first)) == ["subjects_missing"]
    assert reasons(told("/nfr incident undo db-plan", "eve", *first, rights={})) == [
        "incident_no_write"
    ]
    assert reasons(told(f"/nfr incident undo {URL} db-plan", "bob", *first))[-1] == (
        "unknown_policy_item"
    )


def test_only_people_with_write_access_may() -> None:
    assert reasons(told(f"/nfr incident {URL} db-plan", "eve", rights={})) == ["incident_no_write"]


def test_the_question_has_to_be_one_of_the_policy() -> None:
    (one,) = told(f"/nfr incident {URL} db-rolback")
    assert one.refusal
    assert (one.refusal.reason, one.refusal.instead) == ("unknown_policy_item", "db-rollback")
    assert reasons(told(f"/nfr incident {URL}")) == ["subjects_missing"]


@pytest.mark.parametrize(
    "address",
    [
        *("http://example.com/1", "javascript://x", "https://ann@example.com", "https://x/(a)"),
        *("https://x/'onload='", "https://", "https://x/|y", f"https://x/{'a' * MOST_URL}"),
    ],
)
def test_the_address_has_to_be_a_plain_one(address: str) -> None:
    assert reasons(told(f"/nfr incident {address} db-plan"))[0] == "incident_url"


def test_without_an_address_it_is_refused() -> None:
    assert reasons(told("/nfr incident db-plan")) == ["incident_url"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
@example("https://x.example/a?b=c#d")
def test_what_is_kept_of_an_address_is_nothing_but_an_address(text: str) -> None:
    for one in told(f"/nfr incident https://x/{text} db-plan"):
        if one.verb is Verb.INCIDENT:
            address = one.note.split()[0]
            assert address.isascii()
            assert not set(address) & set("<>\"'`()[]|\\")
            assert literal(address)
