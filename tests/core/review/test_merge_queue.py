"""Whether a queue's head may be merged: every pull in it has to pass, and nothing is guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.policy.policy import Policy
from ghapp.core.records import AreaDiff, Verdict
from ghapp.core.review.merge_queue import (
    Member,
    QueueFacts,
    QueueHistory,
    believed,
    conclusion,
    leaving,
    state_of,
    unknown,
)
from ghapp.core.text import merge_queue
from tests.core.build import START, area

PAGES = "https://github.example/acme/shop/pull"
ENFORCE, ADVISE = Policy(mode="enforce"), Policy(mode="advise")
PASSING, BLOCKING = ("success", "neutral"), ("", "action_required", "cancelled")
TITLES = {
    "success": "Signed off: Database migration",
    "neutral": "Waived: Database migration",
    "": "Waiting for SRE sign-off: Database migration",
    "action_required": "On hold: the whole pull request",
    "cancelled": "Closed without sign-off",
}


def member(number: int, **more: object) -> Member:
    at = {"position": number, "head_sha": f"{number:040x}", "queue_sha": f"{number:039x}f"}
    made = Member(number=number, url=f"{PAGES}/{number}", **at)  # type: ignore[arg-type]
    return replace(made, **more)  # type: ignore[arg-type]


def verdicts(*conclusions: str | None) -> dict[int, Verdict]:
    """Of the pulls 1, 2, ...; None where there is none."""
    return {
        number: Verdict(number, f"{number:040x}", given, TITLES[given], is_open=True)
        for number, given in enumerate(conclusions, 1)
        if given is not None
    }


def members(count: int) -> tuple[Member, ...]:
    return tuple(map(member, range(1, count + 1)))


@pytest.mark.parametrize(
    ("given", "policy", "expected"),
    [
        (("success",), ENFORCE, "success"),
        (("success", "neutral"), ENFORCE, "success"),
        (("success", ""), ENFORCE, "failure"),
        (("action_required", "success"), ENFORCE, "failure"),
        (("success", "cancelled"), ENFORCE, "failure"),
        (("success", None), ENFORCE, "failure"),
        (("success", None), None, "failure"),
        (("success", None), ADVISE, "neutral"),
        # One area that is enforced blocks, whatever the policy's mode is.
        (("", None), ADVISE, "failure"),
        ((), ENFORCE, "failure"),
        ((), ADVISE, "neutral"),
    ],
)
def test_every_pull_of_the_head_has_to_pass(
    given: tuple[str | None, ...], policy: Policy | None, expected: str
) -> None:
    assert conclusion(members(len(given)), verdicts(*given), policy) == expected


def test_an_area_that_is_enforced_makes_the_unknown_a_failure() -> None:
    strict = replace(ADVISE, areas=(area("db", mode="enforce"),))
    assert conclusion(members(1), {}, strict) == "failure"


def test_the_head_holds_all_up_to_its_own_pull_in_the_order_of_the_queue() -> None:
    last, first, middle = member(3), member(1), member(2, position=2)
    facts = QueueFacts((last, first, middle))
    assert [one.number for one in facts.upto(middle.queue_sha)] == [1, 2]
    assert [one.number for one in facts.upto(last.queue_sha)] == [1, 2, 3]
    assert facts.upto("f" * 40) == ()


def test_a_verdict_on_another_head_says_nothing() -> None:
    moved = member(1, head_sha="e" * 40)
    assert state_of(moved, verdicts("success")) == "unknown"
    assert unknown((moved, member(2)), verdicts("success", "success")) == (1,)


def test_a_pull_that_github_does_not_show_is_unknown_and_cannot_be_looked_at() -> None:
    hidden = replace(member(1), number=0)
    assert unknown((hidden,), {}) == ()
    run = merge_queue.check_run("a" * 40, (hidden,), {}, ENFORCE)
    assert (run.conclusion, run.title) == (
        "failure", "Not reviewed yet: a pull request that GitHub does not show",
    )  # fmt: skip
    assert "- **a pull request that GitHub does not show: no review" in run.summary


def test_only_a_blocked_pull_ahead_that_cannot_be_merged_is_about_to_leave() -> None:
    stuck = {"state": "UNMERGEABLE"}
    inside = (member(1, **stuck), member(2), member(3, **stuck))
    assert leaving(inside, verdicts("", "", "")) == (1,)
    assert leaving(inside, verdicts("success", "", "")) == ()


class TestTheRun:
    def test_names_what_is_asked_and_by_which_pull_with_links(self) -> None:
        run = merge_queue.check_run("a" * 40, members(2), verdicts("success", ""), ENFORCE)
        assert run.title == "#2: Waiting for SRE sign-off: Database migration"
        assert run.summary == (
            "This commit of the merge queue contains:\n\n"
            f"- [#1]({PAGES}/1): Signed off: Database migration\n"
            f"- **[#2]({PAGES}/2): Waiting for SRE sign-off: Database migration**\n\n"
            "GitHub removes a pull request from the queue if its check fails."
            " Add it again once its own check `NFR review` has passed."
        )

    def test_says_it_in_japanese(self) -> None:
        policy = replace(ENFORCE, language="ja")
        run = merge_queue.check_run("a" * 40, members(2), verdicts("success", None), policy)
        assert run.title == "まだレビューされていません：#2"
        assert f"- **[#2]({PAGES}/2)：最新のコミットのレビュー結果がまだありません**" in run.summary

    def test_that_passes_names_the_pulls_and_says_no_more(self) -> None:
        run = merge_queue.check_run("a" * 40, members(2), verdicts("success", "neutral"), ADVISE)
        assert (run.conclusion, run.title) == ("success", "May be merged: #1, #2")
        assert run.summary.endswith("Waived: Database migration")

    def test_names_several_blocked_pulls_and_of_many_how_many_more(self) -> None:
        run = merge_queue.check_run("a" * 40, members(25), verdicts(*[""] * 25), ENFORCE)
        assert run.title.startswith("Cannot be merged yet: #1, #2, ")
        assert run.title.endswith("#20, and 5 more")

    def test_says_why_nothing_is_known(self) -> None:
        run = merge_queue.check_run("a" * 40, (), {}, ENFORCE, "GraphQL: FORBIDDEN @sam")
        assert (run.conclusion, run.title) == (
            "failure", "Cannot tell which pull requests this is for",
        )  # fmt: skip
        assert "GitHub answered: `GraphQL: FORBIDDEN @sam`" in run.summary
        assert "GitHub answered" not in merge_queue.check_run("a" * 40, (), {}, None).summary

    def test_that_was_given_up_is_green_for_nobody(self) -> None:
        for policy, expected in ((ENFORCE, "failure"), (None, "failure"), (ADVISE, "neutral")):
            run = merge_queue.parked_run("a" * 40, policy, "GitHub answers 500")
            assert (run.conclusion, run.title) == (expected, "The merge queue could not be read")
            assert "`GitHub answers 500`" in run.summary


@given(st.lists(st.sampled_from([*PASSING, *BLOCKING, None]), max_size=8), st.booleans())
def test_green_means_that_all_are_known_and_pass(given: list[str | None], enforces: bool) -> None:
    policy = ENFORCE if enforces else ADVISE
    inside, known = members(len(given)), verdicts(*given)
    run = merge_queue.check_run("a" * 40, inside, known, policy)
    assert (run.conclusion == "success") == (bool(given) and set(given) <= set(PASSING))
    assert run.conclusion in ("success", "failure", "neutral")
    if enforces or set(given) & set(BLOCKING):
        assert run.conclusion != "neutral"
    for one in inside:
        assert f"[#{one.number}]" in run.summary
    assert run == merge_queue.check_run("a" * 40, inside, known, policy)
    assert len(run.title) <= 255
    assert len(run.summary) <= 65_535


@given(st.permutations(range(1, 6)), st.integers(1, 5))
def test_a_pull_behind_has_no_say(order: list[int], upto: int) -> None:
    facts = QueueFacts(tuple(member(number) for number in order))
    inside = facts.upto(member(upto).queue_sha)
    assert [one.number for one in inside] == list(range(1, upto + 1))
    passing = verdicts(*["success"] * upto, *[""] * (5 - upto))
    assert conclusion(inside, passing, ENFORCE) == "success"


# --- which verdicts still hold -------------------------------------------------------------

DB = (AreaDiff("db", "f1"),)
WAITS = Verdict(1, "1" * 40, "neutral", "Waiting", True, waiting=DB, base_ref="main")
PASSED = Verdict(1, "1" * 40, "success", "Signed off", True, signed=DB, base_ref="main")
DB_ENFORCED = Policy(mode="advise", areas=(area("db", "enforce"),))


@pytest.mark.parametrize(
    ("given", "base_ref", "behind", "policy", "holds"),
    [
        (PASSED, "main", (), ENFORCE, True),
        (PASSED, "release", (), ENFORCE, False),  # it was retargeted: another diff
        (replace(PASSED, base_ref=""), "main", (), ENFORCE, False),  # by an older version
        (PASSED, "main", (1,), ENFORCE, False),  # a hold may be on its way
        (PASSED, "main", (2,), ENFORCE, True),
        (WAITS, "main", (), ADVISE, True),
        (WAITS, "main", (), ENFORCE, False),  # what was advice is enforced by now
        (WAITS, "main", (), DB_ENFORCED, False),
        (replace(WAITS, waiting=(AreaDiff("web", "w1"),)), "main", (), DB_ENFORCED, True),
        (replace(WAITS, conclusion="action_required"), "main", (), ENFORCE, True),
    ],
)
def test_a_verdict_holds_for_its_base_and_policy_and_while_nothing_came_since(
    given: Verdict, base_ref: str, behind: tuple[int, ...], policy: Policy, holds: bool
) -> None:
    history = QueueHistory({1: given}, START, behind=frozenset(behind))
    assert believed(history, base_ref, policy) == ({1: given} if holds else {})
