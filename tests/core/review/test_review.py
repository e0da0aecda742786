"""Holds, waivers, concerns and answers: the state of a pull and what it carries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.decide import Decision, decide
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.marks import CheckRun, Marks, Reaction, Reply
from ghapp.core.model import Channel
from ghapp.core.policy.policy import Policy
from ghapp.core.records import AreaDiff, FollowUp, Verdict
from ghapp.core.review.review import PullState
from ghapp.core.review.special_areas import concern_reviewers
from ghapp.core.scan.checklist import Checklist
from ghapp.core.text.labels import described
from tests.core.build import (
    HEAD,
    area,
    asked,
    at,
    entry,
    facts,
    flagged,
    history,
    item,
    policy,
    shown,
)

DB, WEB = area("db"), area("web", "advise")
SIGNED = entry(Verb.SIGN_OFF, "db", minutes=6, number=1)
WAIVED = entry(Verb.WAIVE, "db", "lee", 7, number=2, note="incident")
HOLD = entry(Verb.HOLD, "", "sam", 8, "", "", number=3, note="wait")
HOLD_DB = replace(HOLD, message_id="comment:4", subject="db")
RELEASE = entry(Verb.RELEASE, "", "sam", 9, "", "", number=5, whose="sam")
CONCERN = entry(Verb.CONCERN, "concern-1", "sam", 10, number=6, note="why?", right="team acme/sre")
SETTLED = entry(Verb.SIGN_OFF, "concern-1", "sam", 11, number=7)


def decided(
    rules: Policy,
    *ledger: Entry,
    found: Checklist | None = None,
    observed: Marks | None = None,
    made: tuple[FollowUp, ...] = (),
    siblings: tuple[Verdict, ...] = (),
    **changes: object,
) -> Decision:
    checklist = found or asked(*map(flagged, rules.areas))
    seen = facts(rules, observed=observed, **changes)  # type: ignore[arg-type]
    was = replace(history(shown({"db": "f1"})), follow_ups=made)
    return decide(seen, was, checklist, ledger, siblings)


def stands(decision: Decision) -> tuple[str, str | None, set[str]]:
    run = decision.marks.check_run
    labels = {name.removeprefix("nfr: ") for name in decision.marks.labels}
    return decision.review.state.value, run and run.conclusion, labels


def mark(decision: Decision, concern: str = "concern-1") -> str:
    return decision.fingerprints[concern]


class TestHold:
    @pytest.mark.parametrize(
        ("mode", "expected"), [("advise", "neutral"), ("enforce", "action_required")]
    )
    @pytest.mark.parametrize("hold", [HOLD, HOLD_DB])
    def test_blocks_what_is_signed_off(self, mode: str, expected: str, hold: Entry) -> None:
        rules = policy(area("db", mode), mode=mode)
        assert stands(decided(rules, SIGNED, hold)) == ("on_hold", expected, {"on hold"})

    def test_is_lifted_by_its_release_alone(self) -> None:
        rules = policy(DB)
        assert stands(decided(rules, HOLD, RELEASE, SIGNED))[0] == "signed_off"
        assert stands(decided(rules, HOLD, SIGNED, replace(RELEASE, whose="eve")))[0] == "on_hold"

    def test_of_an_area_counts_in_the_mode_of_that_area(self) -> None:
        signed = [SIGNED, replace(SIGNED, subject="web", message_id="comment:9")]
        on_web = replace(HOLD, subject="web")
        made = decided(policy(DB, WEB), *signed, on_web)
        assert stands(made)[1] == "neutral"
        assert stands(decided(policy(DB, WEB), *signed, HOLD))[1] == "action_required"

    def test_counts_if_nothing_is_flagged_any_more(self) -> None:
        rules = policy(DB, mode="enforce")
        made = decided(rules, HOLD_DB, found=asked())
        assert stands(made) == ("on_hold", "action_required", {"on hold"})
        assert made.verdict.title == "On hold: db"
        run = made.marks.check_run
        assert run and "**On hold by sam** (`db`): `wait`" in run.summary

    def test_changes_nothing_if_the_policy_only_observes(self) -> None:
        rules = policy(area("db", "observe"), mode="observe")
        assert stands(decided(rules, HOLD)) == ("clear", "success", set())

    def test_is_hidden_behind_an_unreadable_policy(self) -> None:
        rules = policy(mode="advise", standing="unreadable")
        assert stands(decided(rules, HOLD, found=asked())) == ("unreadable", "neutral", set())

    def test_on_a_closed_pull_holds_on_for_others_of_the_same_head(self) -> None:
        held = decided(policy(DB), SIGNED, HOLD, is_open=False)
        other = replace(held.verdict, number=9)
        run = decided(policy(DB), SIGNED, siblings=(other,)).marks.check_run
        assert run and run.conclusion == "action_required"
        assert run.title == "On hold: the whole pull request (#9 on the same commit)"

    @pytest.mark.parametrize(("merged", "words"), [(True, "Merged"), (False, "Closed")])
    def test_is_told_of_a_pull_that_ended(self, merged: bool, words: str) -> None:
        there = Marks(CheckRun(HEAD, "d"), "comment", frozenset({"nfr: on hold"}))
        made = decided(policy(DB), SIGNED, HOLD, observed=there, is_open=False, is_merged=merged)
        assert stands(made) == ("on_hold", "cancelled", {"on hold"})
        assert made.marks.check_run and made.marks.check_run.title == f"{words} while on hold"
        assert f"### NFR review: {words.lower()} while on hold" in made.marks.comment


class TestWaiver:
    def test_is_neutral_and_has_its_own_label(self) -> None:
        made = decided(policy(DB, mode="enforce"), WAIVED)
        assert stands(made) == ("waived", "neutral", {"waived"})
        assert made.verdict.title == "Waived: Area db"
        assert made.verdict.signed == (AreaDiff("db", "f1"),)

    def test_beside_a_sign_off_is_still_a_waiver(self) -> None:
        made = decided(policy(DB, WEB), WAIVED, replace(SIGNED, subject="web"))
        assert stands(made) == ("waived", "neutral", {"waived"})
        assert made.verdict.title == "Waived: Area db"

    def test_covers_no_area_that_was_not_there(self) -> None:
        assert stands(decided(policy(DB, WEB), WAIVED))[0] == "waiting_author"
        body = decided(policy(DB, WEB, comment="flagged"), WAIVED).marks.comment
        assert "**Waived by lee** at `aaaaaaa`: `incident`. This covers Area db as" in body

    def test_overrides_earlier_holds_but_no_later_one(self) -> None:
        before = replace(HOLD, said_at=at(2))
        assert stands(decided(policy(DB), before, WAIVED))[0] == "waived"
        assert stands(decided(policy(DB), before, WAIVED, HOLD))[0] == "on_hold"
        # of the same second: the ids of reviews and of comments tell no order
        beside = replace(
            HOLD, message_id="review:1", channel=Channel.REVIEW, comment_id=1, said_at=at(7)
        )
        assert stands(decided(policy(DB), beside, WAIVED))[0] == "on_hold"

    def test_that_is_undone_leaves_the_hold_in_force(self) -> None:
        undo = entry(Verb.UNDO, "db", "lee", 9, number=8)
        before = replace(HOLD, said_at=at(2))
        made = decided(policy(DB, comment="flagged"), before, WAIVED, undo)
        assert stands(made)[0] == "on_hold"
        assert "Waiver undone by lee" in made.marks.comment

    def test_that_is_stale_is_struck_through(self) -> None:
        found = asked(flagged(DB, "f2"))
        body = decided(policy(DB, comment="flagged"), WAIVED, found=found).marks.comment
        assert "~~**Waived by lee** at `aaaaaaa`~~; the base branch" in body


class TestConcern:
    def test_makes_a_clear_pull_wait(self) -> None:
        rules = policy(mode="enforce")
        made = decided(rules, CONCERN, found=asked())
        assert stands(made) == ("waiting_author", "", {"needs sign-off"})
        assert "### NFR review: 1 question for ann" in made.marks.comment
        assert made.items == {"concern-1": mark(made)}

    def test_takes_a_sign_off_away_until_it_is_signed_itself(self) -> None:
        rules = policy(DB)
        first = decided(rules, SIGNED, CONCERN)
        assert stands(first)[0] == "waiting_author"
        signed = replace(SETTLED, fingerprint=mark(first))
        assert stands(decided(rules, SIGNED, CONCERN, signed))[0] == "signed_off"
        gone = entry(Verb.WITHDRAW, "concern-1", minutes=12, number=9)
        assert stands(decided(rules, SIGNED, CONCERN, gone))[0] == "signed_off"

    def test_outlives_every_push_and_is_asked_first(self) -> None:
        first = decided(policy(DB), CONCERN)
        later = decided(policy(DB), CONCERN, found=asked(flagged(DB, "f9")), head_sha="c" * 40)
        assert mark(first) == mark(later)
        assert [one.id for one in later.review.areas] == ["concern-1", "db"]
        others = decided(policy(DB), replace(CONCERN, note="what else?"))
        assert mark(others) != mark(first)

    @pytest.mark.parametrize(
        ("areas", "mode", "expected"),
        [
            (("advise", "enforce"), "observe", ""),
            (("advise",), "enforce", ""),
            (("advise",), "observe", "neutral"),
        ],
    )
    def test_counts_in_the_strictest_mode_of_policy_and_areas(
        self, areas: tuple[str, ...], mode: str, expected: str
    ) -> None:
        rules = policy(*(area(f"a{n}", one) for n, one in enumerate(areas)), mode=mode)
        signed = [replace(SIGNED, message_id=f"x{n}", subject=f"a{n}") for n in range(len(areas))]
        assert stands(decided(rules, *signed, CONCERN))[1] == expected

    def test_may_be_settled_by_all_who_may_review_what_its_raiser_may(self) -> None:
        sre, dba = Reviewers(teams=("sre", "x/dba")), Reviewers(teams=("dba",), users=("Sam",))
        rules = replace(policy(area("a", reviewers=dba), area("b")), reviewers=sre)
        none = replace(rules, reviewers=Reviewers())

        def who(right: str, where: Policy = rules) -> Reviewers:
            return concern_reviewers(replace(CONCERN, right=right), where, "Acme")

        assert who("team acme/sre") == Reviewers(("sre", "x/dba"))
        assert who("team acme/dba") == dba
        assert who("team x/dba") == sre
        assert who("user sam") == dba
        assert who("maintain", none) == Reviewers()
        assert who("", none) == Reviewers(users=("sam",))
        assert who("maintain") == who("team acme/gone") == Reviewers(users=("sam",))

    def test_is_never_folded_away(self) -> None:
        few = replace(asked(flagged(DB)), shown=frozenset())
        body = decided(policy(DB, comment="flagged"), CONCERN, found=few).marks.comment
        assert body.index("`concern-1`") < body.index("2 more that matter less")


def answered(verb: Verb, name: str, mark: str = "f1", **changes: object) -> Entry:
    return entry(verb, name, "ann", 3, mark, number=20, **changes)


class TestAnswers:
    @pytest.mark.parametrize("verb", [Verb.CHECK, Verb.NA, Verb.DEFER])
    def test_of_every_kind_leave_nothing_open(self, verb: Verb) -> None:
        made = decided(policy(DB), answered(verb, "db-rollback"))
        assert made.review.state is PullState.WAITING_REVIEWERS

    @pytest.mark.parametrize("verb", [Verb.CHECK, Verb.NA, Verb.DEFER])
    def test_to_an_earlier_diff_open_a_must_again_and_hold_on_for_others(self, verb: Verb) -> None:
        given = [answered(verb, one, "f0", message_id=one) for one in ("db-rollback", "db-plan")]
        (seen,) = decided(policy(DB), *given).review.areas
        assert [one.id for one in seen.open_musts] == ["db-rollback"]
        assert list(seen.answered) == ["db-plan"]

    def test_hold_by_the_part_of_the_diff_that_the_item_is_about(self) -> None:
        one = replace(flagged(DB, "f2"), marks={"db-rollback": "m1"})
        made = decided(policy(DB), answered(Verb.CHECK, "db-rollback", "m1"), found=asked(one))
        assert made.items == {"db-rollback": "m1", "db-plan": "f2"}
        assert made.review.state is PullState.WAITING_REVIEWERS


class TestReactions:
    @pytest.mark.parametrize(
        ("channel", "expected"),
        [
            (Channel.COMMENT, {Reaction(1, "+1", "comment")}),
            (Channel.REVIEW, {Reaction(1, "+1", "review")}),
            (Channel.APPROVAL, {Reaction(1, "+1", "review")}),
            (Channel.REVIEW_COMMENT, {Reaction(1, "+1", "review_comment")}),
            (Channel.BUTTON, set()),
        ],
    )
    def test_go_if_it_was_said(self, channel: Channel, expected: set[Reaction]) -> None:
        made = decided(policy(DB), replace(SIGNED, channel=channel, node_id="R_1"))
        assert made.marks.reactions == expected
        assert {one.node_id for one in made.marks.reactions} <= {"R_1"}

    def test_to_a_comment_and_a_review_of_the_same_number_are_two(self) -> None:
        review = replace(SIGNED, channel=Channel.REVIEW, message_id="review:1", verb=Verb.EXPLAIN)
        made = decided(policy(DB), SIGNED, review)
        assert made.marks.reactions == {Reaction(1, "+1"), Reaction(1, "eyes", "review")}


class TestReplies:
    EXPLAIN = entry(Verb.EXPLAIN, minutes=20, number=30, replied=True)

    def test_on_a_clear_pull_say_so(self) -> None:
        (found,) = decided(policy(), self.EXPLAIN).marks.replies
        assert found.body.startswith("No area is flagged as of `aaaaaaa`")

    def test_that_stand_are_not_written_again(self) -> None:
        there = Marks(replies=frozenset({Reply("explain:sam", "comment:30", "old")}))
        (found,) = decided(policy(DB), self.EXPLAIN, observed=there).marks.replies
        assert found.body == "old"

    @pytest.mark.parametrize("channel", [Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT])
    def test_and_commands_of_every_channel_bring_the_comment(self, channel: Channel) -> None:
        said = entry(Verb.REFUSED, refusal=Refusal("author"), channel=channel)
        assert decided(policy(DB, comment="never"), said).marks.comment


class TestButtons:
    @pytest.mark.parametrize(
        ("mode", "channels", "ledger", "expected"),
        [
            ("advise", {"button"}, (), ["signoff", "refresh", "explain"]),
            ("advise", {"command"}, (), ["refresh", "explain"]),
            ("advise", {"button"}, (SIGNED,), ["refresh", "explain"]),
            ("enforce", {"button"}, (), []),
            ("enforce", {"button"}, (HOLD,), ["signoff", "refresh", "explain"]),
        ],
    )
    def test_are_there_once_the_run_is_complete(
        self, mode: str, channels: set[str], ledger: tuple[Entry, ...], expected: list[str]
    ) -> None:
        rules = policy(area("db", mode), sign_off_by=frozenset(channels))
        run = decided(rules, *ledger).marks.check_run
        assert run and [one.identifier for one in run.actions] == expected

    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_fit_githubs_limits(self, language: str) -> None:
        run = decided(policy(area("db", "advise"), language=language)).marks.check_run
        assert run and len(run.actions) == 3
        for one in run.actions:
            assert len(one.label) <= 20 and len(one.description) <= 40
            assert len(one.identifier) <= 20

    def test_offer_no_sign_off_under_an_unreadable_policy(self) -> None:
        rules = policy(area("db", "advise"), standing="unreadable")
        run = decided(rules).marks.check_run
        assert run and [one.identifier for one in run.actions] == ["refresh", "explain"]

    def test_are_part_of_what_makes_a_run_new(self) -> None:
        one, two = (
            decided(policy(area("db", "advise"), sign_off_by=frozenset({"label", channel})))
            for channel in ("button", "x")
        )
        assert one.marks.check_run != two.marks.check_run


def test_every_label_has_looks_of_its_own() -> None:
    looks = described(policy())
    assert set(looks) == {*policy().labels.values(), policy().projects.label}
    assert len(set(looks.values())) == len(looks)


def test_a_question_of_the_policy_may_ask_for_evidence_of_a_kind() -> None:
    one = replace(flagged(DB), items=(replace(item("db-load"), kind="number"),))
    body = decided(policy(DB, comment="flagged"), found=asked(one)).marks.comment
    asked_for = "`db-load` · must — answer with `/nfr check db-load -- NUMBER`"
    assert f"**Is db-load settled?** {asked_for}" in body
    given = answered(Verb.CHECK, "db-load", note="72 ms")
    body = decided(policy(DB, comment="flagged"), given, found=asked(one)).marks.comment
    assert "answer with" not in body and "answered by ann · `72 ms`" in body
