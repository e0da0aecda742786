from __future__ import annotations

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.model import Rights, Utterance
from ghapp.core.rights import Ask, asks, right_to_review
from tests.core.build import area, comment, label, policy, pull, rerun, tick

SRE = frozenset({"acme/sre"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (comment("/nfr done"), Ask(False, SRE | {"acme/dba", "other/ops"})),
        (comment("/nfr undo"), Ask(False, SRE | {"acme/dba", "other/ops"})),
        (comment("/nfr check x"), Ask(True)),
        (comment("/nfr check x", "Ann"), None),
        (comment("/nfr help\n/nfr refresh"), None),
        (comment("/nfr dnoe"), None),
        (tick("+x", "eve"), Ask(True)),
        (tick("+x", "ann"), None),
        (label("+nfr: signed off"), Ask(False, SRE | {"acme/dba", "other/ops"})),
        (label("-nfr: needs sign-off"), None),
        (rerun(), None),
    ],
)
def test_only_what_decides_is_asked(said: Utterance, expected: Ask | None) -> None:
    rules = policy(area("db", reviewers=Reviewers(teams=("DBA", "other/ops"))))
    assert asks([said], rules, pull()) == ({said.speaker: expected} if expected else {})


def test_permission_is_asked_where_an_area_names_no_reviewers() -> None:
    rules = policy(area("db", reviewers=Reviewers()))
    assert asks([comment("/nfr done")], rules, pull()) == {"sam": Ask(True, SRE)}


def test_what_several_utterances_need_is_joined() -> None:
    said = [comment("/nfr check x"), comment("/nfr done", number=2)]
    assert asks(said, policy(), pull()) == {"sam": Ask(True, SRE)}


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
