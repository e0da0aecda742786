"""Any ledger at all: what is shown is safe, and a second run has nothing to do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Reviewers
from ghapp.core.decide import Decision, decide
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.marks import Marks, Written, after, plan
from ghapp.core.model import Channel
from ghapp.core.records import FollowUp
from ghapp.core.review.comment_text import boxes
from ghapp.core.review.review import PullState
from ghapp.core.text.labels import described
from tests.core.build import area, asked, entry, facts, flagged, history, policy, shown

AREAS = (area("db", "advise"), area("web", reviewers=Reviewers(users=("wes",))))
ITEMS = ("db-rollback", "db-plan", "web-plan", "concern-1")
PLACES = ("db", "web", "concern-1")
ABOUT: dict[Verb, tuple[str, ...]] = (
    dict.fromkeys((Verb.SIGN_OFF, Verb.WAIVE, Verb.UNDO), PLACES)
    | dict.fromkeys((Verb.HOLD, Verb.RELEASE), ("", *PLACES))
    | dict.fromkeys((Verb.CONCERN, Verb.WITHDRAW), ("concern-1",))
    | dict.fromkeys((Verb.CHECK, Verb.UNCHECK, Verb.NA, Verb.DEFER), ITEMS)
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    verb = draw(st.sampled_from(list(Verb)))
    minutes = draw(st.integers(1, 50))
    return entry(
        verb,
        draw(st.sampled_from(ABOUT.get(verb, ("",)))),
        draw(st.sampled_from(("sam", "ann", "lee"))),
        minutes,
        draw(st.sampled_from(("f1", "f2"))),
        number=minutes,
        part=draw(st.integers(0, 999)),
        channel=draw(st.sampled_from(list(Channel))),
        note=draw(st.sampled_from(("", "why"))),
        refusal=Refusal("author") if verb is Verb.REFUSED else None,
        right="team acme/sre",
        until=draw(st.sampled_from(("2026-05-01", "2026-06-01"))),
        owner="bob",
    )


ledgers = st.lists(entries(), max_size=8).map(tuple)


def decided(
    ledger: tuple[Entry, ...],
    observed: Marks | None = None,
    made: tuple[FollowUp, ...] = (),
    **changes: object,
) -> Decision:
    rules = policy(*AREAS, comment="flagged")
    seen = facts(rules, observed=observed, **changes)  # type: ignore[arg-type]
    seen = replace(seen, follow_ups=made)
    found = asked(*(flagged(one) for one in AREAS))
    return decide(seen, history(shown({"db": "f1", "web": "f1"})), found, ledger, ())


@given(ledgers)
def test_only_a_signed_off_pull_is_green_and_a_hold_always_blocks(
    ledger: tuple[Entry, ...],
) -> None:
    made = decided(ledger)
    seen, run = made.review, made.marks.check_run
    assert run
    assert (run.conclusion == "success") == (seen.state is PullState.SIGNED_OFF)
    if seen.state is PullState.SIGNED_OFF:
        assert not seen.holds and all(area.signed_off for area in seen.areas)
    if seen.holds and run.conclusion != "action_required":
        assert seen.state in (PullState.WAIVED, PullState.ON_HOLD)
        assert seen.state is PullState.WAIVED or all(one.subject == "db" for one in seen.holds)
    states = made.marks.labels - {"nfr: follow-ups"}
    assert len(states) == 1
    assert ("nfr: follow-ups" in made.marks.labels) <= (states == {"nfr: signed off"})


@given(ledgers, st.booleans(), st.booleans())
def test_existing_marks_that_are_right_stay(
    ledger: tuple[Entry, ...], is_open: bool, is_draft: bool
) -> None:
    changes = {"is_open": is_open, "is_merged": not is_open, "is_draft": is_draft}
    first = decided(ledger, **changes)
    looks = described(policy(*AREAS))
    there = after(Marks(), plan(first.marks, Marks(), Written(), looks))
    made = tuple(replace(one, issue=n) for n, one in enumerate(first.follow_ups, 10))
    # The numbers of the issues come into the comment, and then nothing is left.
    second = decided(ledger, there, made, **changes)
    assert second.marks.issues == first.marks.issues
    there = after(there, plan(second.marks, there, Written(), looks))
    third = decided(ledger, there, made, **changes)
    assert plan(third.marks, there, Written(), looks) == ()
    assert third.follow_ups == made


@given(ledgers)
def test_boxes_show_what_was_answered(ledger: tuple[Entry, ...]) -> None:
    made = decided(ledger)
    answered = {
        item.id: item.id in area.answered and item.id not in area.deferred
        for area in made.review.areas
        for item in area.items
    }
    assert boxes(made.marks.comment) == answered
