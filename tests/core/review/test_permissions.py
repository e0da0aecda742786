from __future__ import annotations

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.model import Push, Rights
from ghapp.core.review.permissions import heads, newest, only_by, right_to_review
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    at,
    history,
    shown,
)

SRE = frozenset({"acme/sre"})


@pytest.mark.parametrize(
    ("reviewers", "rights", "expected"),
    [
        (Reviewers(users=("SAM",)), Rights(), "user sam"),
        (Reviewers(teams=("sre",)), Rights(teams=SRE), "team acme/sre"),
        (Reviewers(teams=("Acme/SRE",)), Rights(teams=SRE), "team acme/sre"),
        (Reviewers(teams=("other/sre",)), Rights(teams=SRE), ""),
        (Reviewers(teams=("sre",)), Rights(write=True, maintain=True), ""),
        (Reviewers(), Rights(maintain=True), "maintain"),
        (Reviewers(), Rights(write=True), ""),
    ],
)
def test_a_right_is_what_github_answered(
    reviewers: Reviewers, rights: Rights, expected: str
) -> None:
    assert right_to_review("sam", reviewers, rights, "acme") == expected


def test_heads_come_in_the_order_of_their_times_and_end_with_the_present_one() -> None:
    was = history(
        shown({}, HEAD, 1), pushes=[Push(NEXT_HEAD, "bob", at(2)), Push(HEAD, "ann", at(0))]
    )
    assert heads(was, "ann", NEXT_HEAD) == ((HEAD, {"ann"}), (NEXT_HEAD, {"bob"}))
    assert heads(was, "ann", "c" * 40)[-1] == ("c" * 40, frozenset())


def test_the_first_head_is_the_authors_unless_someone_else_pushed_it() -> None:
    assert heads(history(pushes=()), "ann", HEAD) == ((HEAD, {"ann"}),)
    assert heads(history(pushes=[Push(HEAD, "sam", at(0))]), "ann", HEAD) == ((HEAD, {"sam"}),)


def test_a_head_may_have_been_pushed_by_several() -> None:
    twice = [Push(HEAD, "ann", at(0)), Push(HEAD, "sam", at(9))]
    assert heads(history(pushes=twice), "ann", HEAD) == ((HEAD, {"ann", "sam"}),)
    assert not only_by("ann", history(pushes=twice), "ann", HEAD)


def test_a_pull_is_only_by_those_who_are_known_to_have_pushed_all_of_it() -> None:
    pushed = [Push(HEAD, "Renovate[bot]", at(0))]
    assert only_by("renovate[bot]", history(pushes=pushed), "renovate[bot]", HEAD)
    assert not only_by("renovate[bot]", history(pushes=pushed), "renovate[bot]", NEXT_HEAD)
    other = [*pushed, Push(NEXT_HEAD, "eve", at(1))]
    assert not only_by("renovate[bot]", history(pushes=other), "renovate[bot]", NEXT_HEAD)


def test_the_newest_head_is_the_last_one_seen() -> None:
    assert newest(history(shown({}, NEXT_HEAD, 1))) == NEXT_HEAD
    assert newest(history(pushes=())) == ""
