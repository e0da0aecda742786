"""Our check run and its suite asked for again, and its buttons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from ghapp.core.model import Channel, Delivery, Lookup, Message, PolicyKey, PullKey, RepositoryKey
from tests.github.deliveries import APP_ID, AT, GUID, HEAD, KEY, LATER, ROBOT, SHOP, ref, run, told


def test_a_rerun_of_our_check_names_its_pulls_or_the_one_it_was_written_for() -> None:
    assert run("rerequested", pull_requests=[ref(4), ref(5, 12)]).keys == (KEY,)
    delivery = run("rerequested")
    assert delivery.keys == (PullKey(SHOP, 8),)
    assert delivery.touched
    assert delivery.messages == (
        Message(f"rerun:{GUID}", Channel.RERUN, "ann", AT, "", speaker_id=5),
    )
    pressed = run("requested_action")
    assert (len(pressed.keys), pressed.messages, pressed.touched) == (1, (), True)


def test_a_rerun_of_a_policy_check_repeats_that_one_alone() -> None:
    delivery = run("rerequested", name="NFR policy", pull_requests=[ref(4)])
    assert (delivery.keys, delivery.messages) == ((PolicyKey(SHOP, 8),), ())
    assert delivery.touched
    assert run("rerequested", name="NFR policy", external_id=None).keys == ()


@pytest.mark.parametrize(
    ("action", "parts"),
    [
        ("created", {}),
        ("completed", {}),
        ("rerequested", {"app": {"id": 8}}),
        ("rerequested", {"app": None}),
        ("rerequested", {"external_id": None}),
        ("rerequested", {"external_id": "v1:-3:x"}),
    ],
)
def test_other_check_runs_are_ignored(action: str, parts: dict[str, Any]) -> None:
    delivery = run(action, **parts)
    assert (delivery.keys, delivery.messages, delivery.touched) == ((), (), False)


def test_a_rerun_that_names_no_pull_is_of_those_recorded_on_its_head() -> None:
    """Of a fork's pull, GitHub names none."""
    suite = {"app": {"id": APP_ID}, "head_sha": HEAD, "updated_at": AT.isoformat()}
    rerun = Message(f"rerun:{GUID}", Channel.RERUN, "ann", AT, "", speaker_id=5)
    for delivery in (
        told("check_suite", "rerequested", check_suite={**suite, "pull_requests": []}),
        run("rerequested", external_id=None, head_sha=HEAD),
    ):
        assert (delivery.keys, delivery.lookup) == ((), Lookup(SHOP, HEAD))
        assert (delivery.messages, delivery.touched) == ((rerun,), True)
    for delivery in (
        told("check_suite", "requested", check_suite=suite),
        told("check_suite", "rerequested", check_suite={**suite, "app": {"id": 8}}),
        told("check_suite", "rerequested", check_suite={**suite, "head_sha": None}),
        told("check_suite", "rerequested", check_suite={**suite, "pull_requests": [ref(4)]}),
        run("rerequested", head_sha=HEAD),
        run("requested_action", external_id=None, head_sha=HEAD),
    ):
        assert delivery.lookup is None


def test_a_rerun_of_a_thousand_pulls_and_more_is_one_of_the_repository() -> None:
    refs = [ref(number) for number in range(1, 1_002)]
    assert len(run("rerequested", pull_requests=refs[:-1] * 2).keys) == 1_000
    assert run("rerequested", pull_requests=refs).keys == (RepositoryKey(SHOP),)


def test_a_suite_asked_for_again_reads_our_marks_back() -> None:
    suite = {"app": {"id": APP_ID}, "pull_requests": [ref(4)], "updated_at": "2026-04-01T09:30:00Z"}
    asked = told("check_suite", "requested", check_suite=suite)
    assert (asked.keys, asked.touched, asked.messages) == ((KEY,), False, ())
    again = told("check_suite", "rerequested", check_suite=suite)
    assert (again.keys, again.touched, len(again.messages)) == ((KEY,), True, 1)
    assert told("check_suite", "completed", check_suite=suite).keys == ()


# --- buttons -------------------------------------------------------------------------------


def press(identifier: str | None, **parts: Any) -> Delivery:
    about = {
        "app": {"id": APP_ID},
        "head_sha": HEAD,
        "external_id": "v1:4:abc",
        "pull_requests": [],
        "started_at": (AT - timedelta(hours=1)).isoformat(),
        "completed_at": AT.isoformat(),
        "check_suite": {"updated_at": (AT - timedelta(minutes=1)).isoformat()},
        **parts.pop("run", {}),
    }
    asked = {"requested_action": {"identifier": identifier}} if identifier is not None else {}
    return told("check_run", "requested_action", **{"check_run": about, **asked, **parts})


@pytest.mark.parametrize(
    ("identifier", "touched"), [("signoff", False), ("explain", False), ("refresh", True)]
)
def test_a_button_is_said_on_the_head_of_its_run(identifier: str, touched: bool) -> None:
    delivery = press(identifier)
    name = f"button:{sha256(delivery.body).hexdigest()}"
    expected = Message(name, Channel.BUTTON, "ann", AT, identifier, head_sha=HEAD, speaker_id=5)
    assert (delivery.keys, delivery.messages) == ((KEY,), (expected,))
    assert delivery.touched is touched


def test_a_buttons_time_is_the_newest_that_is_told_of_its_run() -> None:
    suite = {"updated_at": LATER.isoformat()}
    assert press("signoff", run={"check_suite": suite}).messages[0].said_at == LATER
    none = {"check_suite": None, "completed_at": None, "started_at": None}
    assert press("signoff", run=none).messages[0].said_at == datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "parts",
    [{"identifier": "format_disk"}, {"identifier": None}, {"identifier": ""}, {"sender": ROBOT},
     {"run": {"head_sha": None}}],
)  # fmt: skip
def test_what_is_no_button_of_ours_or_pressed_by_a_bot_is_not_heard(parts: dict[str, Any]) -> None:
    delivery = press(parts.pop("identifier", "signoff"), **parts)
    assert (delivery.keys, delivery.messages) == ((KEY,), ())


def test_a_button_speaks_of_the_pull_whose_run_it_stands_on() -> None:
    """Others with this head have areas that the run says nothing of."""
    here = {"id": KEY.repository.id}
    both = [{"number": number, "base": {"repo": here}} for number in (3, KEY.number)]
    assert press("signoff", run={"pull_requests": both}).keys == (KEY,)
    unnamed = press("signoff", run={"pull_requests": both, "external_id": None})
    assert [str(key) for key in unnamed.keys] == [f"pull:{here['id']}:3", str(KEY)]


def test_a_button_of_another_app_or_of_no_pull_is_ignored() -> None:
    assert press("signoff", run={"app": {"id": 8}}).keys == ()
    lost = press("signoff", run={"external_id": None})
    assert (lost.keys, lost.messages, lost.touched) == ((), (), False)
