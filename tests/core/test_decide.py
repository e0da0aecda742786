from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Reviewers
from ghapp.core.decide import Decision, decide, worst
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.marks import CheckRun, Marks, Reaction, Reply
from ghapp.core.model import Channel, Compared, File, Problem
from ghapp.core.policy.policy import Policy
from ghapp.core.records import AreaDiff, Verdict
from ghapp.core.review.review import PullState
from ghapp.core.scan.checklist import Checklist
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

DB = area("db")
SIGNED = entry(Verb.SIGN_OFF, "db")
ANSWERED = entry(Verb.CHECK, "db-rollback", "ann", number=2)
WAITING, DONE = frozenset({"nfr: needs sign-off"}), frozenset({"nfr: signed off"})


def decided(
    rules: Policy,
    *ledger: Entry,
    checklist: Checklist | None = None,
    siblings: tuple[Verdict, ...] = (),
    fingerprint: str = "f1",
    observed: Marks | None = None,
    **changes: object,
) -> Decision:
    found = asked(*(flagged(one, fingerprint) for one in rules.areas))
    seen = facts(rules, observed=observed, **changes)  # type: ignore[arg-type]
    was = history(shown({"db": "f1"}), shown({"db": fingerprint}, NEXT_HEAD, 9))
    return decide(seen, was, checklist or found, ledger, siblings)


def conclusion(decision: Decision) -> str | None:
    run = decision.marks.check_run
    return run.conclusion if run else None


@pytest.mark.parametrize(
    ("mode", "pending", "ledger", "expected"),
    [
        ("advise", "in_progress", (), ("waiting_author", "neutral", WAITING)),
        (
            "advise",
            "in_progress",
            (ANSWERED,),
            ("waiting_reviewers", "neutral", WAITING),
        ),
        ("advise", "in_progress", (SIGNED,), ("signed_off", "success", DONE)),
        ("enforce", "in_progress", (), ("waiting_author", "", WAITING)),
        (
            "enforce",
            "action_required",
            (),
            ("waiting_author", "action_required", WAITING),
        ),
        ("enforce", "in_progress", (SIGNED,), ("signed_off", "success", DONE)),
    ],
)
def test_each_state_has_its_marks(
    mode: str,
    pending: str,
    ledger: tuple[Entry, ...],
    expected: tuple[str, str, frozenset[str]],
) -> None:
    made = decided(policy(area("db", mode), pending=pending, mode=mode), *ledger)
    assert (made.review.state.value, conclusion(made), made.marks.labels) == expected
    known = (AreaDiff("db", "f1"),)
    waiting, signed = ((), known) if ledger == (SIGNED,) else (known, ())
    title = made.verdict.title
    assert made.verdict == Verdict(
        5, HEAD, expected[1], title, True, waiting, signed, base_ref="main"
    )


@pytest.mark.parametrize("state", [(), (SIGNED,)], ids=["waiting", "signed"])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("recorded", [WAITING, DONE, WAITING | DONE])
def test_a_label_that_nobody_is_known_to_have_changed_is_left_alone(
    recorded: frozenset[str], is_open: bool, state: tuple[Entry, ...]
) -> None:
    """The labels as recorded stand for those that the pull has; all other marks are as usual."""
    seen = facts(policy(DB), observed=Marks(labels=recorded), is_open=is_open)
    for late in (DONE, WAITING, WAITING | DONE):
        given = asked(flagged(DB, "f1")), state, ()
        made = decide(replace(seen, late_labels=late), history(shown({"db": "f1"})), *given)
        usual = decide(seen, history(shown({"db": "f1"})), *given)
        assert made.marks.labels & late == recorded & late
        assert made.marks == replace(usual.marks, labels=made.marks.labels)
        assert made.marks.labels - late == usual.marks.labels - late


def test_a_clear_pull_is_green_and_carries_nothing_else() -> None:
    made = decided(policy())
    assert made.review.state is PullState.CLEAR
    assert conclusion(made) == "success"
    assert made.marks == Marks(made.marks.check_run)


def test_a_change_inside_makes_a_sign_off_stale_and_names_the_head() -> None:
    made = decided(policy(DB), SIGNED, fingerprint="f2", head_sha="c" * 40)
    assert made.review.state is PullState.WAITING_AUTHOR
    assert made.review.areas[0].changed_by == NEXT_HEAD
    assert conclusion(made) == ""


def test_a_change_not_shown_before_is_the_present_heads() -> None:
    rules = policy(DB)
    seen = facts(rules, head_sha="c" * 40)
    made = decide(seen, history(shown({"db": "f1"})), asked(flagged(DB, "f2")), (SIGNED,), ())
    assert made.review.areas[0].changed_by == "c" * 40


def test_another_diff_of_the_same_head_is_no_commits_doing() -> None:
    made = decide(
        facts(policy(DB)), history(shown({"db": "f1"})), asked(flagged(DB, "f2")), (SIGNED,), ()
    )
    assert made.review.areas[0].changed_by == ""
    assert "the base branch or the policy has changed" in made.marks.check_run.text  # type: ignore[union-attr]


def test_the_worst_area_decides_each_in_its_own_mode() -> None:
    rules = policy(area("db", "advise"), area("web", "enforce"))
    assert conclusion(decided(rules)) == ""
    assert decided(rules).fingerprints == {"db": "f1", "web": "f1"}
    assert conclusion(decided(rules, entry(Verb.SIGN_OFF, "web"))) == "neutral"


def test_an_observed_area_is_not_shown_and_asks_nothing() -> None:
    made = decided(policy(area("db", "observe")))
    assert (made.review.areas, conclusion(made), made.writes) == ((), "success", True)


def test_a_policy_that_only_observes_writes_nothing() -> None:
    assert not decided(policy(area("db", "observe"), mode="observe")).writes
    assert decided(policy(area("db", "advise"), mode="observe")).writes


@pytest.mark.parametrize(
    ("mode", "expected"), [("advise", "neutral"), ("enforce", "action_required")]
)
def test_an_unreadable_policy_is_never_green(mode: str, expected: str) -> None:
    broken = replace(
        policy(mode=mode),
        standing="unreadable",
        problems=(Problem("nfr.yml", 3, 1, "no"),),
    )
    made = decided(broken, SIGNED)
    assert (made.review.state, conclusion(made)) == (PullState.UNREADABLE, expected)
    assert "nfr.yml:3:1: no" in made.marks.check_run.summary  # type: ignore[union-attr]


def test_above_the_limit_of_listed_files_an_sre_is_asked_and_every_push_asks_again() -> None:
    rules = policy(mode="enforce")
    huge = replace(asked(), complete=False)
    made = decided(rules, checklist=huge, changed_files=3000)
    assert (made.review.state, conclusion(made)) == (PullState.WAITING_REVIEWERS, "")
    signed = entry(Verb.SIGN_OFF, "too-many-files", fingerprint=f"{HEAD} main")
    assert conclusion(decided(rules, signed, checklist=huge)) == "success"
    assert conclusion(decided(rules, signed, checklist=huge, head_sha=NEXT_HEAD)) == ""


def test_an_ignored_authors_pull_is_clear_and_says_why() -> None:
    made = decided(policy(), checklist=Checklist(ignored="dependabot[bot]", complete=False))
    assert made.verdict.title == "Nothing to ask: every push is by dependabot[bot]"
    assert conclusion(made) == "success"


class TestDraft:
    def test_has_the_check_of_the_same_pull_when_ready_but_no_label(self) -> None:
        ready, draft = decided(policy(DB)), decided(policy(DB), is_draft=True)
        assert draft.marks.check_run == ready.marks.check_run
        assert (draft.marks.labels, ready.marks.labels) == (frozenset(), WAITING)


class TestOneHeadOnSeveralPulls:
    CLEAR = policy()

    def test_shows_the_worst_and_names_all(self) -> None:
        other = Verdict(9, HEAD, "action_required", "Waiting for SRE sign-off: X", True)
        made = decided(self.CLEAR, siblings=(other,))
        run = made.marks.check_run
        assert run is not None
        assert run.conclusion == "action_required"
        assert run.title == "Waiting for SRE sign-off: X (#9 on the same commit)"
        assert "#5: No NFR area touched" in run.summary
        assert made.verdict.conclusion == "success"

    def test_a_closed_pull_counts_only_if_it_is_worse(self) -> None:
        closed = Verdict(9, HEAD, "", "Waiting", False, (AreaDiff("db", "f9"),))
        assert conclusion(decided(self.CLEAR, siblings=(closed,))) == ""
        better = replace(closed, conclusion="success", waiting=())
        assert conclusion(decided(self.CLEAR, siblings=(better,))) == "success"

    def test_a_closed_pull_whose_diff_is_signed_off_on_an_open_one_is_over(self) -> None:
        closed = Verdict(9, HEAD, "", "Waiting", False, (AreaDiff("db", "f1"),))
        assert conclusion(decided(policy(DB), SIGNED, siblings=(closed,))) == "success"
        other = replace(closed, waiting=(AreaDiff("db", "f1"), AreaDiff("web", "w1")))
        assert conclusion(decided(policy(DB), SIGNED, siblings=(other,))) == ""

    def test_news_of_another_pull_is_a_new_run_and_never_a_patch(self) -> None:
        one = Verdict(9, HEAD, "neutral", "x", True)
        runs = [
            decided(policy(DB), siblings=siblings).marks.check_run
            for siblings in [(), (one,), (replace(one, is_open=False),)]
        ]
        assert len({run.digest for run in runs if run}) == 3
        assert len({run.annotated for run in runs if run}) == 3


class TestClosed:
    PENDING = Marks(CheckRun(HEAD, "d"), "comment", WAITING)

    @pytest.mark.parametrize(
        ("merged", "expected"),
        [(True, "Merged without sign-off"), (False, "Closed without sign-off")],
    )
    def test_leaves_no_run_in_progress_and_says_how_it_ended(
        self, merged: bool, expected: str
    ) -> None:
        made = decided(policy(DB), observed=self.PENDING, is_open=False, is_merged=merged)
        run = made.marks.check_run
        assert run and (run.conclusion, run.title) == ("cancelled", expected)
        assert made.marks.labels == WAITING
        assert expected.lower() in made.marks.comment
        assert not made.verdict.is_open

    def test_gets_the_label_whose_write_failed_and_else_none_anew(self) -> None:
        found, seen = asked(flagged(DB)), facts(policy(DB), is_open=False)
        failed = replace(history(shown({"db": "f1"})), unresolved=frozenset({"AddLabels"}))
        assert decide(seen, failed, found, (SIGNED,), ()).marks.labels == DONE
        assert (
            decide(seen, history(shown({"db": "f1"})), found, (SIGNED,), ()).marks.labels == set()
        )

    def test_may_still_be_signed_off(self) -> None:
        made = decided(policy(DB), SIGNED, observed=self.PENDING, is_open=False)
        assert (conclusion(made), made.marks.labels) == ("success", DONE)

    def test_leaves_the_run_to_an_open_pull_of_the_same_head(self) -> None:
        sibling = Verdict(9, HEAD, "", "Waiting", True)
        made = decided(policy(DB), observed=self.PENDING, is_open=False, siblings=(sibling,))
        assert made.marks.check_run == self.PENDING.check_run

    def test_puts_right_what_is_set_by_hand(self) -> None:
        both = Marks(CheckRun(HEAD, "d"), "comment", WAITING | DONE)
        assert decided(policy(DB), observed=both, is_open=False).marks.labels == WAITING

    def test_gets_nothing_new(self) -> None:
        assert decided(policy(DB), is_open=False).marks == Marks()


class TestComment:
    @pytest.mark.parametrize(
        ("when", "feature", "expected"),
        [
            ("features", True, True),
            ("features", False, False),
            ("flagged", False, True),
            ("never", True, False),
        ],
    )
    def test_comes_if_the_policy_wants_it(self, when: str, feature: bool, expected: bool) -> None:
        found = asked(flagged(DB), feature=feature)
        assert bool(decided(policy(DB, comment=when), checklist=found).marks.comment) is expected

    def test_comes_with_the_first_command_and_stays(self) -> None:
        rules = policy(DB, comment="never")
        assert decided(rules, entry(Verb.REFUSED, refusal=Refusal("not_reviewer"))).marks.comment
        assert decided(rules, observed=Marks(comment="old")).marks.comment
        assert not decided(
            rules, entry(Verb.REFUSED, channel=Channel.LABEL, refusal=Refusal("author"))
        ).marks.comment

    def test_collapses_to_a_line_when_nothing_is_flagged_any_more(self) -> None:
        made = decided(policy(), observed=Marks(comment="old"))
        assert made.marks.comment == (
            "<!-- ghapp:nfr -->\nNFR review: no flagged area in this PR any more. Nothing to do."
        )


class TestAcknowledgement:
    @pytest.mark.parametrize(
        ("verbs", "expected"),
        [
            ([Verb.SIGN_OFF], "+1"),
            ([Verb.REFRESH], "eyes"),
            ([Verb.HELP, Verb.SIGN_OFF], "+1"),
            ([Verb.SIGN_OFF, Verb.REFUSED], "confused"),
        ],
    )
    def test_is_one_reaction_that_says_the_worst(self, verbs: list[Verb], expected: str) -> None:
        ledger = [entry(verb, "db", number=3) for verb in verbs]
        made = decided(policy(DB), *ledger)
        assert made.marks.reactions == frozenset({Reaction(3, expected)})

    def test_is_not_given_if_there_is_no_comment(self) -> None:
        made = decided(policy(DB), entry(Verb.SIGN_OFF, "db", channel=Channel.LABEL, comment_id=0))
        assert made.marks.reactions == frozenset()


class TestReplies:
    def test_are_one_for_each_person_and_answer_the_last_message(self) -> None:
        said = [
            entry(
                Verb.HELP,
                minutes=minutes,
                number=minutes,
                part=part,
                speaker=who,
                replied=True,
            )
            for who, minutes, part in [
                ("sam", 1, 0),
                ("sam", 1, 1),
                ("sam", 30, 0),
                ("eve", 40, 0),
                ("sam", 61, 0),
            ]
        ]
        made = decided(policy(), *said)
        assert {(one.topic, one.message_id) for one in made.marks.replies} == {
            ("help:sam", "comment:61"),
            ("help:eve", "comment:40"),
        }

    def test_are_one_for_each_kind_and_button(self) -> None:
        asks = [Verb.EXPLAIN, Verb.HELP, Verb.EXPLAIN]
        said = [
            entry(verb, minutes=number, number=number, replied=True, channel=Channel.BUTTON)
            for number, verb in enumerate(asks, 1)
        ]
        made = decided(policy(), *said)
        assert {one.message_id for one in made.marks.replies} == {"comment:2", "comment:3"}

    def test_are_edited_if_the_same_is_asked_again(self) -> None:
        there = Reply("help:sam", "comment:1", "before", 77)
        other = Reply("explain:eve", "comment:2", "as it was", 78)
        observed = Marks(replies=frozenset({there, other}))
        again = [entry(Verb.HELP, minutes=n, number=n, replied=True) for n in (1, 3)]
        for ledger, message_id in ((again[:1], "comment:1"), (again, "comment:3")):
            made = decided(policy(), *ledger, observed=observed)
            (reply,) = made.marks.replies - {other}
            assert (reply.message_id, reply.comment_id) == (message_id, 77)
            assert (reply.body == "before") is (message_id == "comment:1")

    def test_give_the_reason_of_a_refusal(self) -> None:
        said = entry(Verb.REFUSED, refusal=Refusal("unknown_command", "dnoe", "done"), replied=True)
        (reply,) = decided(policy(), said).marks.replies
        assert (
            reply.body
            == "sam: `dnoe` is not a command. Did you mean `done`? `/nfr help` lists them."
        )

    def test_are_not_needed_if_the_comment_says_it(self) -> None:
        made = decided(policy(DB), entry(Verb.REFUSED, minutes=20, refusal=Refusal("author")))
        assert made.marks.replies == frozenset()
        assert "authors cannot sign off their own pull request" in made.marks.comment


def test_files_that_github_does_not_show_are_an_area_of_their_own() -> None:
    rules = policy(mode="enforce")
    unread = replace(asked(), unread=("big.sql",))
    made = decided(rules, checklist=unread)
    assert (made.review.state, conclusion(made)) == (PullState.WAITING_REVIEWERS, "")
    assert "`big.sql` (GitHub shows no diff)" in made.marks.check_run.summary  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["observe", "advise"])
@pytest.mark.parametrize("unknown", [{"unread": ("big.sql",)}, {"complete": False}])
def test_what_nobody_has_read_takes_the_mode_of_the_strictest_area(
    mode: str, unknown: dict[str, Any]
) -> None:
    rules = policy(replace(DB, mode="enforce"), replace(DB, id="other", mode=mode), mode=mode)
    made = decided(rules, checklist=replace(asked(), **unknown), changed_files=3000)
    assert (made.review.state, conclusion(made)) == (PullState.WAITING_REVIEWERS, "")


def test_a_change_of_the_policy_is_an_area_of_its_own_whatever_the_policy_says() -> None:
    files = (File("a.py", "modified", 1, 0, "@@ -0,0 +1 @@\n+x", "s"),)
    change = (File(".github/nfr.yml", "modified", 1, 0, "@@ -0,0 +1 @@\n+mode: observe", "s"),)
    for rules in (policy(mode="enforce"), policy(replace(DB, mode="enforce"), mode="observe")):
        none = decided(rules, checklist=asked(), files=files)
        assert conclusion(none) == "success"
        made = decided(rules, checklist=asked(), files=(*files, *change))
        assert (made.review.state, conclusion(made)) == (PullState.WAITING_REVIEWERS, "")
        assert [area.id for area in made.review.areas] == ["review-policy"]
    ignored = Checklist(ignored="dependabot[bot]")
    assert conclusion(decided(policy(mode="enforce"), checklist=ignored, files=change)) == ""


def test_a_rerun_gets_a_fresh_run() -> None:
    first = decided(policy(DB)).marks.check_run
    again = decided(
        policy(DB), entry(Verb.REFRESH, channel=Channel.RERUN, comment_id=0)
    ).marks.check_run
    assert first and again
    assert first != again
    assert first.annotated != again.annotated


def test_another_diff_is_shown_anew_even_if_the_words_are_the_same() -> None:
    assert (
        decided(policy(DB)).marks.check_run != decided(policy(DB), fingerprint="f2").marks.check_run
    )


def test_the_worst_of_none_is_success() -> None:
    assert worst(()) == "success"


people = st.sampled_from(["sam", "ann", "eve"])
verbs = st.sampled_from(list(Verb))


@given(
    st.lists(st.tuples(verbs, people, st.sampled_from(["f1", "f2"])), max_size=6),
    st.booleans(),
)
def test_a_decision_is_a_fixed_point(said: list[tuple[Verb, str, str]], draft: bool) -> None:
    refused = {Verb.REFUSED: Refusal("author")}
    ledger = [
        entry(verb, "db", who, 5 + number, mark, number=number, refusal=refused.get(verb))
        for number, (verb, who, mark) in enumerate(said)
    ]
    first = decided(policy(DB), *ledger, is_draft=draft)
    again = decided(policy(DB), *ledger, is_draft=draft, observed=first.marks)
    assert again.marks == first.marks


def test_reviewers_differ_by_area_in_who_has_to_act() -> None:
    rules = policy(
        DB,
        area("web", reviewers=Reviewers(users=("wes",))),
        area("x", reviewers=Reviewers()),
    )
    summary = decided(rules).marks.check_run.summary  # type: ignore[union-attr]
    assert (
        "team `sre` (for Area db), wes (for Area web), "
        "a maintainer of this repository (for Area x) signs off" in summary
    )


# --- the base ------------------------------------------------------------------------------


ENFORCING, ADVISING = policy(DB, mode="enforce"), policy(area("db", "advise"))


def unguarded(number: int, *, is_open: bool = True) -> Verdict:
    """Of a pull into a branch that nobody guards, on which nothing else is to be said."""
    return Verdict(number, HEAD, "", "Not yet", is_open, base_ref="mine", unguarded=True)


@pytest.mark.parametrize(
    ("rules", "ledger", "expected"),
    [
        (ENFORCING, (SIGNED,), ("", "Not reviewed against main yet", True)),
        (ADVISING, (SIGNED,), ("neutral", "Signed off: Area db", True)),
        (ADVISING, (), ("neutral", "Waiting for the author: Area db", True)),
        (policy(mode="enforce"), (), ("", "Not reviewed against main yet", True)),
        (policy(DB, pending="action_required"), (), ("action_required", "", False)),
    ],
)
def test_nothing_passes_into_a_base_that_nobody_guards(
    rules: Policy, ledger: tuple[Entry, ...], expected: tuple[str, str, bool]
) -> None:
    made = decided(rules, *ledger, is_guarded=False, base_ref="mine", default_branch="main")
    assert (made.verdict.conclusion, made.verdict.unguarded) == (expected[0], expected[2])
    assert conclusion(made) == expected[0]
    assert made.verdict.title == (expected[1] or made.verdict.title)
    run = made.marks.check_run
    assert run and ("`mine`" in run.summary) is expected[2]


def test_what_passes_only_into_an_unguarded_base_holds_up_no_other_pull() -> None:
    assert conclusion(decided(ENFORCING, SIGNED, siblings=(unguarded(6),))) == "success"
    assert conclusion(decided(ENFORCING, siblings=(unguarded(6),))) == ""
    own = decided(ENFORCING, SIGNED, is_guarded=False)
    assert conclusion(own) == ""
    for other, expected in (("success", "success"), ("action_required", "action_required")):
        there = Verdict(7, HEAD, other, "there", True, base_ref="main")
        made = decided(ENFORCING, SIGNED, siblings=(unguarded(6), there), is_guarded=False)
        assert conclusion(made) == expected
        assert made.marks.check_run and "there" in made.marks.check_run.title
    closed = decided(ENFORCING, SIGNED, siblings=(unguarded(6, is_open=False),))
    assert conclusion(closed) == "success"


def test_a_new_base_turns_nothing_green_before_a_second_read() -> None:
    rules, was = ENFORCING, history(shown({"db": "f1"}))
    was = replace(was, compared=Compared(HEAD, "stable"))
    seen, asks = facts(rules), asked(flagged(DB, "f1"))
    first = decide(seen, was, asks, (SIGNED,), ())
    assert (conclusion(first), first.verdict.unguarded) == ("", False)
    assert first.verdict.title == "Base changed to main: reading the change again"
    assert first.review.base_since == seen.now
    was = replace(was, compared=Compared(HEAD, "main"), base_since=seen.now)
    for seconds, expected in ((1, ""), (3, "success")):
        later = replace(seen, now=seen.now + timedelta(seconds=seconds))
        made = decide(later, was, asks, (SIGNED,), ())
        assert conclusion(made) == expected
        assert made.review.base_since == (seen.now if expected == "" else None)
    parked = replace(was, compared=Compared(HEAD, ""), base_since=None)
    assert conclusion(decide(seen, parked, asks, (SIGNED,), ())) == "success"


# --- requested reviews -------------------------------------------------------------------


def requested(*ledger: Entry, **changes: Any) -> set[str]:
    people = Reviewers(teams=("acme/dba",), users=("wes", "ann", "robot[bot]"))
    rules = replace(policy(area("db", reviewers=people)), **{"request_review": True} | changes)
    return set(decided(rules, *ledger, author="ann").marks.requests)


def test_reviews_are_requested_from_whoever_can_act_once_the_author_is_done() -> None:
    asked_for = {"team:dba:f1", "user:wes:f1"}
    assert requested() == set()  # a must question is open
    assert requested(ANSWERED) == asked_for
    assert requested(ANSWERED, request_review=False) == set()
    assert requested(ANSWERED, SIGNED) == set()
    rules = replace(policy(DB), request_review=True)
    assert decided(rules, ANSWERED, is_draft=True).marks.requests == set()
    assert decided(rules, ANSWERED, is_open=False).marks.requests == set()
    before = Marks(requests=frozenset({"team:sre:f1", "team:sre:f0"}))
    assert decided(rules, ANSWERED, observed=before).marks.requests == before.requests


@pytest.mark.parametrize("reminds", [False, True])
def test_reviewers_are_reminded_once_after_so_much_working_time(reminds: bool) -> None:
    rules = replace(policy(DB), request_review=True, remind_after=timedelta(hours=18))
    seen = facts(rules)
    friday = datetime(2026, 3, 20, 17, tzinfo=UTC)
    now = datetime(2026, 3, 24, 17, 0, 0, tzinfo=UTC) - timedelta(seconds=not reminds)
    was = replace(history(), state="waiting_reviewers", state_since=friday)
    made = decide(replace(seen, now=now), was, asked(flagged(DB)), (ANSWERED,), ())
    again = f"team:sre:again-{friday.timestamp():.0f}"
    assert made.marks.requests == {"team:sre:f1", *([again] if reminds else [])}
    assert made.recheck_at == (None if reminds else datetime(2026, 3, 24, 17, tzinfo=UTC))
    known = replace(seen, now=now, observed=made.marks)
    assert decide(known, was, asked(flagged(DB)), (ANSWERED,), ()).marks.requests == (
        made.marks.requests
    )


def test_nobody_is_reminded_of_what_waits_for_others() -> None:
    rules = replace(policy(DB), request_review=True, remind_after=timedelta(hours=1))
    assert decided(rules).recheck_at is None
    assert decided(replace(rules, request_review=False), ANSWERED).recheck_at is None
