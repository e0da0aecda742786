"""Where messages go by a policy, and when they are due."""

from __future__ import annotations

import pytest

from ghapp.core.digest import Destination, DigestTo, Target, targets
from ghapp.core.policy.policy_schema import issue_fault, webhook_fault
from ghapp.core.policy.strictness import as_written

ALL = ("", "sre", "dba")


@pytest.mark.parametrize(
    ("to", "webhooks", "found"),
    [
        (DigestTo(), ALL, [Target("slack", "")]),
        (DigestTo(), (), []),
        (DigestTo(slack="none"), ALL, []),
        (DigestTo(slack="default"), ALL, [Target("slack", "")]),
        (DigestTo(slack="sre"), ALL, [Target("slack", "sre")]),
        (DigestTo(slack="sre"), ("",), []),
        (DigestTo(issue="acme/sre#1"), ALL, [Target("issue", "acme/sre#1")]),
        (
            DigestTo("none", teams={"dba": Destination("dba", "acme/dba#2"), "web": Destination()}),
            ALL,
            [Target("slack", "dba", "dba"), Target("issue", "acme/dba#2", "dba")],
        ),
    ],
)
def test_a_policy_chooses_where_messages_go(
    to: DigestTo, webhooks: tuple[str, ...], found: list[Target]
) -> None:
    assert [*targets(to, webhooks)] == found


def test_the_id_of_a_target_names_no_repository() -> None:
    one, other = Target("issue", "acme/sre#1"), Target("issue", "acme/sre#1", "dba")
    assert str(other) == "issue:acme/sre#1:dba"
    assert one.id != other.id
    assert "acme" not in one.id


def test_an_address_is_no_name_of_a_webhook() -> None:
    assert "is a secret" in webhook_fault("https://hooks.example/services/T/B/x")
    assert "small letters" in webhook_fault("SRE!")
    assert webhook_fault("sre-tokyo") == ""
    assert issue_fault("acme/sre#1") == ""
    assert "OWNER/REPOSITORY#NUMBER" in issue_fault("#1")


def test_destinations_are_written_in_one_line() -> None:
    assert as_written(Destination("dba", "acme/sre#1")) == "dba, acme/sre#1"
    assert as_written({"dba": Destination("dba"), "web": Destination()}) == "{dba: dba, web: none}"
