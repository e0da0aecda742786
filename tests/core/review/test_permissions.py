from __future__ import annotations

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.model import Rights
from ghapp.core.review.permissions import right_to_review

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
