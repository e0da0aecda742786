from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Verb
from ghapp.core.model import Channel, Message, Rights
from ghapp.core.review.judge import Ask, asks
from ghapp.core.review.permissions import right_to_review
from tests.core.build import (
    approval,
    area,
    button,
    comment,
    entry,
    label,
    policy,
    pull,
    rerun,
    tick,
    written,
)

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
def test_only_what_decides_is_asked(said: Message, expected: Ask | None) -> None:
    rules = policy(area("db", reviewers=Reviewers(teams=("DBA", "other/ops"))))
    assert asks([said], rules, pull()) == ({said.speaker: expected} if expected else {})


ALL = Ask(False, SRE | {"acme/dba", "other/ops"})
LEADS = frozenset({"acme/leads"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        *((comment(f"/nfr {rest}"), ALL) for rest in ("hold -- x", "concern x", "defer x -- y")),
        (comment("/nfr waive -- x"), Ask(False, LEADS)),
        (comment("/nfr na x -- y"), Ask(True)),
        (comment("/nfr na x -- y", "ann"), None),
        (comment("/nfr explain"), None),
        *(
            (written(channel, "/nfr done"), ALL)
            for channel in (Channel.REVIEW, Channel.REVIEW_COMMENT)
        ),
        (written(Channel.REVIEW, "/nfr done", edited=True), None),
        (approval(), ALL),
        (approval("changes_requested"), ALL),
        (approval("dismissed"), None),
        (button(), ALL),
        (button("refresh"), None),
        (button("explain"), None),
        (button("else"), None),
    ],
)
def test_each_way_of_speaking_is_asked_about(said: Message, expected: Ask | None) -> None:
    rules = replace(
        policy(area("db", reviewers=Reviewers(teams=("DBA", "other/ops")))),
        waivers=Reviewers(teams=("leads",)),
        sign_off_by=frozenset({"command", "review"}),
    )
    assert asks([said], rules, pull()) == ({said.speaker: expected} if expected else {})


def test_an_approval_is_none_of_our_business_where_the_policy_does_not_list_it() -> None:
    assert asks([approval()], policy(), pull()) == {}


def test_taking_back_is_up_to_who_waives_where_something_was_waived() -> None:
    rules = replace(policy(), waivers=Reviewers(teams=("leads",)))
    waived = [entry(Verb.WAIVE, "db")]
    assert asks([comment("/nfr undo")], rules, pull(), waived) == {"sam": Ask(False, SRE | LEADS)}
    assert asks([comment("/nfr done")], rules, pull(), waived) == {"sam": Ask(False, SRE)}


def test_permission_is_asked_where_nobody_is_named_who_may_waive() -> None:
    assert asks([comment("/nfr waive -- x")], policy(), pull()) == {"sam": Ask(True)}


def test_permission_is_asked_where_an_area_names_no_reviewers() -> None:
    rules = policy(area("db", reviewers=Reviewers()))
    assert asks([comment("/nfr done")], rules, pull()) == {"sam": Ask(True, SRE)}


def test_what_several_messages_need_is_joined() -> None:
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
