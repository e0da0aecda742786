"""Where messages go by a policy, and when they are due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.digest import Destination, DigestTo, Target, due, targets
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


@given(
    zone=st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/New_York"]),
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    schedule=st.sampled_from([("45 11 * * *", 11, 45), ("30 2 * * *", 2, 30), ("0 0 * * *", 0, 0)]),
)
def test_it_is_due_once_a_day_whatever_the_clock_does(
    zone: str, day: date, schedule: tuple[str, int, int]
) -> None:
    """Also on the days of 23 and 25 hours."""
    text, hour, minute = schedule
    here = ZoneInfo(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=here).astimezone(UTC)
    times = [midnight + timedelta(minutes=15 * step) for step in range(4 * 26)]
    today = [one for one in times if one.astimezone(here).date() == day]
    found = [due(text, here, one) for one in today]
    assert set(found) <= {None, day}
    assert found == sorted(found, key=lambda one: one is not None)  # and stays so until midnight
    first = today[found.index(day)].astimezone(here)
    assert (first.hour, first.minute) >= (hour, minute)
    assert first.hour - hour <= 1


def test_it_is_not_due_on_other_days() -> None:
    saturday = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert due("45 11 * * 1-5", UTC, saturday) is None
    assert due("45 11 * * 1-5", UTC, saturday + timedelta(days=2)) == date(2026, 11, 30)


def test_an_address_is_no_name_of_a_webhook() -> None:
    assert "is a secret" in webhook_fault("https://hooks.example/services/T/B/x")
    assert "small letters" in webhook_fault("SRE!")
    assert webhook_fault("sre-tokyo") == ""
    assert issue_fault("acme/sre#1") == ""
    assert "OWNER/REPOSITORY#NUMBER" in issue_fault("#1")


def test_destinations_are_written_in_one_line() -> None:
    assert as_written(Destination("dba", "acme/sre#1")) == "dba, acme/sre#1"
    assert as_written({"dba": Destination("dba"), "web": Destination()}) == "{dba: dba, web: none}"
