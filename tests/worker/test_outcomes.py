"""What is remembered of a pass: the follow-ups as GitHub has them, whatever became of a write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.decide import Decision, decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import AddLabels, EditIssue, Effect, Issue, OpenIssue, Outcome, PutCheckRun
from ghapp.core.records import FollowUp, Run
from ghapp.core.review.facts import Facts
from ghapp.core.scan.checklist import Checklist
from ghapp.errors import Rejected, Retry, Wait
from ghapp.worker.effects import Applied, recorded
from tests.core.build import START, area, asked, entry, facts, flagged, history, policy, shown

DB = area("db")
SIGNED = entry(Verb.SIGN_OFF, "db", number=1)
DEFER = entry(
    Verb.DEFER, "db-plan", "ann", 4, note="later", number=2, until="2026-05-01", owner="bob"
)
LATER = replace(DEFER, message_id="c", said_at=SIGNED.said_at, until="2026-06-01", note="holiday")
NEW = FollowUp(
    *(5, "db-plan", "db", "2026-05-01", "bob", "later"), asked_by="ann", asked_at=DEFER.said_at
)
KEPT = replace(NEW, issue=12, assigned=False)
EXTENDED = replace(KEPT, due="2026-06-01", reason="holiday", extended=True)
OPEN = OpenIssue(Issue("db-plan", "2026-05-01"))
EDIT = EditIssue(Issue("db-plan", "2026-06-01"), 12)
LABELS = AddLabels((("x", "ededed", ""),))
LATE = Retry("502", after_seconds=7.0)


def decided(
    *ledger: Entry, known: tuple[FollowUp, ...] = (), mode: str = "advise"
) -> tuple[Decision, Facts]:
    one = area("db", mode)
    seen = replace(facts(policy(one, mode=mode)), follow_ups=known)
    wanted: Checklist = asked(flagged(one))
    was = replace(history(shown({"db": "f1"})), follow_ups=known)
    return decide(seen, was, wanted, ledger, ()), seen


def kept(
    *ledger: Entry,
    applied: Applied = Applied(),  # noqa: B008  # a value
    known: tuple[FollowUp, ...] = (),
    mode: str = "advise",
) -> Run:
    decision, seen = decided(*ledger, known=known, mode=mode)
    return recorded(decision, seen, applied, found=False)


def done(effect: Effect, id: int = 0, *, assigned: bool = True) -> Applied:
    return Applied(done=((effect, Outcome(id, START, assigned)),))


def failed(effect: Effect) -> Applied:
    return Applied(failed=((effect, LATE),))


def rejected(effect: Effect) -> Applied:
    return Applied(rejected=((effect, Rejected("403")),))


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        (done(OPEN, 12), (replace(NEW, issue=12),)),
        (done(OPEN, 12, assigned=False), (KEPT,)),
        (done(OPEN), (NEW,)),  # issues are switched off
        (rejected(OPEN), (NEW,)),
        (failed(OPEN), ()),
        (done(OpenIssue(Issue("other", "2026-05-01")), 13), ()),
        (Applied(), ()),
    ],
)
def test_a_new_follow_up_is_kept_once_it_is_settled_whether_it_has_an_issue(
    applied: Applied, expected: tuple[FollowUp, ...]
) -> None:
    run = kept(DEFER, SIGNED, applied=applied)
    assert run.follow_ups == expected
    assert run.unresolved == tuple(effect for effect, _ in applied.failed)


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        (done(EDIT, 12), EXTENDED),
        (rejected(EDIT), EXTENDED),  # it stays due then, though its issue does not say so
        (failed(EDIT), KEPT),
        (Applied(), KEPT),
    ],
)
def test_an_extension_counts_once_its_issue_tells_of_it(
    applied: Applied, expected: FollowUp
) -> None:
    run = kept(DEFER, SIGNED, LATER, applied=applied, known=(KEPT,))
    assert run.follow_ups == (expected,)


def test_an_extension_of_what_has_no_issue_counts_at_once() -> None:
    assert kept(DEFER, SIGNED, LATER, known=(NEW,)).follow_ups == (
        replace(EXTENDED, issue=0, assigned=True),
    )


@pytest.mark.parametrize("known", [(), (NEW,), (KEPT,)])
def test_where_the_policy_only_observes_nothing_of_it_is_kept(known: tuple[FollowUp, ...]) -> None:
    assert kept(DEFER, SIGNED, LATER, known=known, mode="observe").follow_ups == known


def test_what_was_read_of_an_issue_is_kept() -> None:
    closed = replace(KEPT, is_open=False)
    assert kept(DEFER, SIGNED, known=(closed,)).follow_ups == (closed,)


def test_a_run_remembers_what_it_read_and_what_each_item_was_about() -> None:
    decision, seen = decided(DEFER, SIGNED)
    run_ = decision.marks.check_run
    assert run_ is not None
    run = recorded(decision, seen, done(PutCheckRun(run_, 0), 21), found=False)
    assert run.seen_at == seen.pull.updated_at
    assert run.shown is not None
    assert (run.shown.fingerprints, run.shown.items) == (decision.fingerprints, decision.items)
    assert set(run.shown.items) == {"db-plan", "db-rollback"}


@pytest.mark.parametrize(
    ("applied", "opened"),
    [
        (done(OPEN, 12), True),
        (rejected(OPEN), True),
        (failed(OPEN), False),
        (done(EDIT, 12), False),
        (rejected(LABELS), False),
    ],
)
def test_the_comment_is_written_anew_once_it_can_name_the_issue(
    applied: Applied, opened: bool
) -> None:
    assert applied.opened is opened


def test_best_effort_writes_that_failed_are_tried_again_when_the_last_of_them_may_be() -> None:
    limited = (LABELS, Wait("rate limit", after_seconds=60.0))
    later = Applied(failed=((OPEN, LATE), limited)).later
    assert isinstance(later, Retry)
    assert (str(later), later.after_seconds) == ("502; rate limit", 60.0)
    assert isinstance(Applied(failed=(limited,)).later, Wait)
    assert Applied().later is None


def test_a_follow_up_without_an_issue_that_was_answered_is_remembered_as_closed() -> None:
    switched_off = replace(NEW, issue=0)
    answered = entry(Verb.CHECK, "db-plan", "ann", 9, number=9)
    assert kept(DEFER, SIGNED, known=(switched_off,)).follow_ups == (switched_off,)
    closed = kept(DEFER, SIGNED, answered, known=(switched_off,)).follow_ups
    assert closed == (replace(switched_off, is_open=False),)


def test_a_check_run_that_shows_the_same_as_the_last_one_adds_no_record() -> None:
    decision, seen = decided(mode="enforce")
    assert decision.marks.check_run
    put = done(PutCheckRun(decision.marks.check_run, 0), 5)
    first = recorded(decision, seen, put, found=False)
    assert first.shown
    earlier = replace(first.shown, accepted_at=first.shown.accepted_at.replace(year=2025))
    other = replace(earlier, fingerprints={"db": "other"})
    for known, adds in (((), True), ((earlier,), False), ((earlier, other), True)):
        again = recorded(decision, seen, put, known, found=False)
        assert (again.shown is not None) == adds
