"""What changes though nothing happens: a check run gets old, and a day comes that enforces."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.decide import CLOCKS_DIFFER, RENEWED_AFTER, Decision, decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import CheckRun, Marks
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    area,
    asked,
    entry,
    facts,
    flagged,
    history,
    policy,
    shown,
)

DB = area("db", "enforce")
SIGNED = entry(Verb.SIGN_OFF, "db")
PENDING, DONE = CheckRun(HEAD, "d"), CheckRun(HEAD, "d", "success")
NOW = facts(policy(DB)).now
OLD, YOUNG = NOW - RENEWED_AFTER, NOW - RENEWED_AFTER + timedelta(seconds=1)


def decided(
    *ledger: Entry,
    there: CheckRun | None = PENDING,
    since: datetime | None = OLD,
    found_at: datetime | None = None,
    **changes: object,
) -> Decision:
    seen = facts(policy(DB, mode="enforce"), observed=Marks(there), **changes)  # type: ignore[arg-type]
    was = replace(history(shown({"db": "f1"})), pending_since=since)
    return decide(replace(seen, found_at=found_at), was, asked(flagged(DB)), ledger, ())


def test_a_run_that_is_in_progress_for_twelve_days_is_renewed() -> None:
    assert timedelta(days=12) == RENEWED_AFTER
    assert (decided().pending_since, decided().renews) == (OLD, True)
    young = decided(since=YOUNG)
    assert (young.pending_since, young.renews) == (YOUNG, False)


def test_githubs_time_of_the_run_goes_before_our_record() -> None:
    assert not decided(found_at=YOUNG).renews
    assert decided(since=YOUNG, found_at=OLD).renews


@pytest.mark.parametrize(
    "decision",
    [
        decided(since=None),
        decided(there=None),
        decided(there=DONE),  # it goes back to pending by a new run anyway
        decided(there=replace(PENDING, head_sha=NEXT_HEAD)),
        decided(SIGNED),
        decided(is_open=False),
    ],
    ids=["of unknown age", "no run", "completed", "of another head", "to be completed", "closed"],
)
def test_no_other_run_is_renewed(decision: Decision) -> None:
    assert (decision.pending_since, decision.renews) == (None, False)


def test_renewing_changes_nothing_of_what_the_run_shows() -> None:
    assert decided().marks == decided(since=YOUNG).marks


def test_the_state_is_as_old_as_the_first_run_that_found_it() -> None:
    seen = facts(policy(DB, mode="enforce"))
    was = replace(history(), state="waiting_author", state_since=OLD)
    checklist = asked(flagged(DB))
    assert decide(seen, was, checklist, (), ()).state_since == OLD
    assert decide(seen, replace(was, state_since=None), checklist, (), ()).state_since == NOW
    assert decide(seen, replace(was, state="on_hold"), checklist, (), ()).state_since == NOW


@pytest.mark.parametrize("is_open", [True, False])
def test_an_open_pull_is_checked_again_when_more_begins_to_be_enforced(is_open: bool) -> None:
    day, midnight = "2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)
    later = replace(DB, mode="advise", enforce_from=day)
    for rules in (policy(later), policy(area("db", "advise"), enforce_from=day)):
        made = decide(facts(rules, is_open=is_open), history(), asked(), (), ())
        assert made.recheck_at == (midnight + CLOCKS_DIFFER if is_open else None)
    assert decided().recheck_at is None
