"""What would have blocked a pull if everything was enforced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ghapp.core.areas import Area
from ghapp.core.ledger import Entry, Verb
from ghapp.core.policy.policy import Policy
from ghapp.core.records import Trial, TrialArea
from ghapp.core.review.review import review_of
from ghapp.core.review.trial import MOST_TITLE, trial
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    START,
    area,
    asked,
    at,
    entry,
    facts,
    finding,
    flagged,
    history,
    policy,
    shown,
)

DB, OBSERVED, ENFORCED = area("db", "advise"), area("db", "observe"), area("db", "enforce")
WEB = area("web", "enforce")
SIGNED = entry(Verb.SIGN_OFF, "db")
HOLD, HOLD_DB = (entry(Verb.HOLD, subject, number=4) for subject in ("", "db"))
WAIVED = entry(Verb.WAIVE, "db", minutes=9)
MUSTS = ("db-rollback",)
BEFORE = Trial(HEAD, "ann", "feat: points", "", (TrialArea("db", "advise", MUSTS),), at(10))


def tried(
    rules: Policy,
    *ledger: Entry,
    before: Trial | None = None,
    minutes: float = 60,
    areas: tuple[Area, ...] | None = None,
    **changes: object,
) -> Trial | None:
    """The record of a run. areas: those that the pull touches, by default all."""
    now = rules.on(START)
    touched = now.shown.areas if areas is None else areas
    seen = replace(facts(now.shown, **changes), now=at(minutes))  # type: ignore[arg-type]
    found = asked(*(flagged(one, "f1", finding("DB-1"), finding("DB-1", 9)) for one in touched))
    return trial(review_of(seen, history(shown({"db": "f1"})), found, ledger), now, before)


@pytest.mark.parametrize(
    ("rules", "ledger", "blocking"),
    [
        (policy(DB), (), [("db", "advise")]),
        (policy(OBSERVED), (), [("db", "observe")]),
        (policy(OBSERVED, mode="observe"), (), [("db", "observe")]),
        # What is enforced blocks in earnest.
        (policy(ENFORCED, mode="enforce"), (), []),
        (policy(DB, WEB), (), [("db", "advise")]),
        (policy(OBSERVED, WEB), (), [("db", "observe")]),
        (policy(replace(ENFORCED, enforce_from="2030-01-01")), (), [("db", "advise")]),
        (policy(replace(ENFORCED, enforce_from="2020-01-01")), (), []),
        # What is signed off or waived would not have blocked, unless it is held.
        (policy(DB), (SIGNED,), []),
        (policy(DB), (WAIVED,), []),
        (policy(DB), (SIGNED, HOLD_DB), [("db", "advise")]),
        (policy(DB), (SIGNED, HOLD), [("", "advise")]),
        (policy(DB), (HOLD,), [("db", "advise"), ("", "advise")]),
        (policy(DB), (HOLD_DB, WAIVED), []),
        (policy(DB, WEB), (SIGNED, HOLD), []),
        (policy(), (), []),
    ],
)
def test_records_the_areas_that_would_have_blocked(
    rules: Policy, ledger: tuple[Entry, ...], blocking: list[tuple[str, str]]
) -> None:
    found = tried(rules, *ledger)
    assert [(one.id, one.mode) for one in found.areas] == blocking if found else not blocking


def test_records_whom_it_concerns_and_what_was_open() -> None:
    answered = entry(Verb.CHECK, "db-rollback", "ann")
    url, title = "https://github.com/acme/shop/pull/5", "x" * 999
    found = tried(policy(DB), url=url, title=title)
    assert found == Trial(
        *(HEAD, "ann", title[:MOST_TITLE], url, (TrialArea("db", "advise", MUSTS, ("DB-1",)),)),
        since=at(60),
    )
    later = tried(policy(DB), answered, before=found, minutes=90, head_sha=NEXT_HEAD)
    assert later
    assert (later.areas[0].musts, later.head_sha, later.since) == ((), NEXT_HEAD, at(60))
    assert later.blocked_seconds(at(120)) == 3600


@pytest.mark.parametrize(
    ("rules", "ledger", "changes", "ended"),
    [
        (policy(DB), (SIGNED,), {}, "signed_off"),
        (policy(DB), (WAIVED,), {}, "waived"),
        (policy(DB), (), {"is_open": False, "is_merged": True}, "merged"),
        (policy(OBSERVED), (), {"is_open": False, "is_merged": True}, "merged"),
        (policy(DB), (), {"is_open": False}, "closed"),
        (policy(DB), (), {"areas": ()}, "cleared"),
        (policy(ENFORCED), (), {}, "enforced"),
        (policy(), (), {}, "cleared"),
    ],
)
def test_ends_once_and_says_why(
    rules: Policy, ledger: tuple[Entry, ...], changes: dict[str, object], ended: str
) -> None:
    found = tried(rules, *ledger, before=BEFORE, minutes=40, **changes)  # type: ignore[arg-type]
    assert found == replace(BEFORE, until=at(40), ended=ended)
    assert found.blocked_seconds(at(999)) == 1800
    closed = tried(rules, *ledger, before=found, is_open=False, is_merged=True)
    assert closed == found


def test_a_pull_that_would_be_blocked_again_adds_to_the_time_before() -> None:
    ended = replace(BEFORE, until=at(40), ended="signed_off")
    again = tried(policy(DB), before=ended, minutes=100)
    assert again
    assert (again.since, again.until, again.ended, again.seconds) == (at(100), None, "", 1800)
    last = tried(policy(DB), SIGNED, before=tried(policy(DB), before=again), minutes=110)
    assert last and last.blocked_seconds(at(999)) == 1800 + 600


def test_a_closed_pull_that_no_run_saw_open_has_no_record() -> None:
    assert tried(policy(DB), is_open=False, is_merged=True) is None


def test_a_policy_that_nobody_can_read_leaves_the_record_as_it_is() -> None:
    unreadable = replace(policy(DB), standing="unreadable")
    assert tried(unreadable) is None
    assert tried(unreadable, before=BEFORE) == BEFORE


def test_what_a_policy_that_only_observes_would_ask_about_itself_is_recorded() -> None:
    huge = replace(asked(), complete=False)
    rules = policy(mode="observe")
    review = review_of(facts(rules.shown), history(), huge, ())
    found = trial(review, rules, None)
    assert found and found.areas == (TrialArea("too-many-files", "observe"),)
    assert found.since + timedelta(0) == at(60)
