"""Reviews, comments beside lines, buttons and follow-up issues as they arrive -> who said what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from ghapp.core.model import Channel, Delivery, Message, PullKey, Repository, RepositoryKey
from ghapp.core.text.follow_ups import marker
from ghapp.emulator.github import Emulator
from ghapp.github.webhook import parse
from tests.github.test_delivery import ANN, APP_ID, AT, BOT, HEAD, KEY, OUR_BOT, SECRET, SHOP, told

ROBOT = {"login": "renovate[bot]", "type": "Bot"}
EVE = {"login": "eve", "type": "User"}
LATER = AT + timedelta(minutes=5)


def review(action: str = "submitted", body: str | None = None, **parts: Any) -> Delivery:
    about = {
        "id": 77,
        "node_id": "PRR_77",
        "body": body,
        "user": parts.pop("user", ANN),
        "state": parts.pop("state", "commented"),
        "commit_id": parts.pop("commit_id", HEAD),
        "submitted_at": AT.isoformat(),
    }
    pull = {"number": 4, "updated_at": LATER.isoformat()}
    return told("pull_request_review", action, **{"review": about, "pull_request": pull, **parts})


def said(id: str, channel: Channel, text: str) -> Message:
    return Message(id, channel, "ann", AT, text, comment_id=77, node_id="PRR_77", head_sha=HEAD)


# --- reviews -------------------------------------------------------------------------------


def test_commands_in_a_reviews_body_speak_of_the_head_that_was_reviewed() -> None:
    delivery = review(body="Fine.\r\n/nfr done\u0000")
    assert delivery.keys == (KEY,)
    assert delivery.messages == (said("review:77", Channel.REVIEW, "Fine.\r\n/nfr done"),)
    assert not delivery.touched


@pytest.mark.parametrize("state", ["approved", "changes_requested"])
def test_a_verdict_is_said_before_the_commands_beside_it(state: str) -> None:
    verdict = said(f"review:77:{state}", Channel.APPROVAL, state)
    assert review(state=state).messages == (verdict,)
    both = review(state=state, body="/nfr hold -- wait").messages
    assert both == (verdict, said("review:77", Channel.REVIEW, "/nfr hold -- wait"))


@pytest.mark.parametrize(
    "parts",
    [
        {"body": "Nice work"},
        {"body": None},
        {"state": "approved", "user": ROBOT, "sender": ROBOT},
        {"state": "approved", "user": None},
        {"state": "approved", "sender": EVE},
        {"body": "/nfr done", "user": OUR_BOT, "sender": OUR_BOT},
        {"body": "/nfr done", "action": "opened_somehow"},
    ],
)
def test_a_review_that_says_nothing_to_us_is_ignored(parts: dict[str, Any]) -> None:
    delivery = review(parts.pop("action", "submitted"), **parts)
    assert (delivery.keys, delivery.messages) == ((), ())


@pytest.mark.parametrize("sender", [EVE, ROBOT], ids=["person", "bot"])
def test_a_dismissal_is_said_by_whoever_dismissed_and_not_before_the_review(
    sender: dict[str, Any],
) -> None:
    delivery = review("dismissed", "/nfr done", state="dismissed", sender=sender)
    who, id = sender["login"], "review:77:dismissed"
    expected = Message(id, Channel.APPROVAL, who, LATER, "dismissed", head_sha=HEAD)
    assert (delivery.keys, delivery.messages) == ((KEY,), (expected,))


def test_a_review_that_was_edited_only_says_look_again() -> None:
    delivery = review("edited", "/nfr done", state="approved")
    assert (delivery.keys, delivery.messages, delivery.touched) == ((KEY,), (), False)


@pytest.mark.parametrize("body", ["/nfr refresh", "Hm.\n  /NFR  Refresh"])
def test_refresh_reads_our_marks_back_through_every_channel(body: str) -> None:
    assert review(body=body).touched
    assert remark(body=body).touched
    assert not review(body="/nfr help\nNo need to /nfr refresh").touched


# --- comments beside a line ----------------------------------------------------------------


def remark(action: str = "created", body: str = "/nfr done", **parts: Any) -> Delivery:
    about = {
        "id": 88,
        "body": body,
        "user": parts.pop("user", ANN),
        "created_at": AT.isoformat(),
        "updated_at": AT.isoformat(),
        "performed_via_github_app": parts.pop("via", None),
    }
    more = {"comment": about, "pull_request": {"number": 4}, **parts}
    return told("pull_request_review_comment", action, **more)


def test_commands_count_beside_a_line_too() -> None:
    expected = Message(
        "review-comment:88", Channel.REVIEW_COMMENT, "ann", AT, "/nfr done", comment_id=88
    )
    assert (remark().keys, remark().messages) == ((KEY,), (expected,))


@pytest.mark.parametrize(
    "parts",
    [
        {"action": "edited"},
        {"action": "deleted"},
        {"body": "> /nfr done"},
        {"user": ROBOT},
        {"sender": EVE},
        {"via": {"id": APP_ID}},
        {"sender": OUR_BOT},
    ],
)
def test_a_remark_that_says_nothing_to_us_is_ignored(parts: dict[str, Any]) -> None:
    delivery = remark(parts.pop("action", "created"), **parts)
    assert (delivery.keys, delivery.messages) == ((), ())


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
    expected = Message(name, Channel.BUTTON, "ann", AT, identifier, head_sha=HEAD)
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


# --- follow-up issues ----------------------------------------------------------------------


def issue(action: str, body: str | None = marker(9, "dbm-lock"), **parts: Any) -> Delivery:
    about = {"number": 31, "body": body, "performed_via_github_app": parts.pop("via", {"id": 7})}
    return told("issues", action, **{"issue": about, **parts})


@pytest.mark.parametrize("action", ["closed", "reopened", "deleted", "transferred"])
def test_what_becomes_of_a_follow_up_looks_at_its_pull_again(action: str) -> None:
    delivery = issue(action, marker(9, "dbm-lock") + "\nIs the table locked?")
    assert (delivery.keys, delivery.touched) == ((PullKey(SHOP, 9),), True)
    assert delivery.messages == ()


@pytest.mark.parametrize(
    "parts",
    [
        {"action": "opened"},
        {"action": "edited"},
        {"body": None},
        {"body": "about " + marker(9, "dbm-lock")},
        {"body": marker(2**31, "dbm-lock")},
        {"via": None},
        {"via": {"id": 8}},
        {"sender": OUR_BOT},
    ],
)
def test_other_issues_are_none_of_our_business(parts: dict[str, Any]) -> None:
    delivery = issue(parts.pop("action", "closed"), **parts)
    assert (delivery.keys, delivery.touched) == ((), False)


# --- as the emulator sends them ------------------------------------------------------------


@pytest.fixture
def github() -> Iterator[Emulator]:
    emulator = Emulator(app_id=APP_ID, webhook_secret=SECRET)
    yield emulator
    emulator.close()


def seen(github: Emulator) -> list[Delivery]:
    return [parse(*github.signed(sent), secrets=[SECRET], app_id=APP_ID, bot_login=BOT)
            for sent in github.deliveries.all]  # fmt: skip


def test_a_conversation_lived_through_is_heard_without_loss(github: Emulator) -> None:
    shop = github.repository("acme/shop")
    shop.collaborator("sam", "write")
    change = shop.open_pull(author="ann", branch="feat", files={"a.py": "x = 1\n"})
    head = change.head_sha
    id = change.review("sam", "approved", "/nfr hold -- wait")
    change.edit_review(id, "/nfr done", "sam")
    change.dismiss_review(id, "sam")
    change.review("sam", "changes_requested", "no")
    beside = change.review_comment("/nfr concern Slow?", "eve")
    one, *_ = said_ = [said for delivery in seen(github) for said in delivery.messages]
    assert [(said.id.split(":", 2)[-1] if said.channel is Channel.APPROVAL else said.id, said.text)
            for said in said_] == [
        ("approved", "approved"),
        (f"review:{id}", "/nfr hold -- wait"),
        ("dismissed", "dismissed"),
        ("changes_requested", "changes_requested"),
        (f"review-comment:{beside}", "/nfr concern Slow?"),
    ]  # fmt: skip
    assert (one.head_sha, one.node_id != "", one.comment_id) == (head, True, id)
    assert all(said.said_at >= one.said_at for said in said_)


def test_a_follow_up_lived_through_names_its_pull(github: Emulator) -> None:
    shop = github.repository("acme/shop")
    other = github.repository("acme/cart")
    key = PullKey(Repository(1, shop.id, "acme/shop"), 9)
    made = [shop.open_issue(BOT, "t", marker(9, "a")) for _ in range(3)]
    made[0].close("ann")
    made[0].reopen("ann")
    made[1].delete("ann")
    made[2].transfer(other, "ann")
    by_hand = shop.open_issue("eve", "t", marker(9, "a"))
    by_hand.close("eve")
    issues = [one for one in seen(github) if one.event == "issues" and one.keys]
    assert [one.action for one in issues] == ["closed", "reopened", "deleted", "transferred"]
    assert {one.keys for one in issues} == {(key,)}


def test_a_repository_that_is_renamed_or_transferred_is_looked_at_by_its_new_name(
    github: Emulator,
) -> None:
    shop = github.repository("acme/shop")
    github.repository("acme2/other", installation_id=2)
    shop.rename("store", "ann")
    shop.transfer("acme2", "ann")
    named = [key for one in seen(github) if one.event == "repository" for key in one.keys]
    assert [key.repository.full_name for key in named if isinstance(key, RepositoryKey)] == [
        "acme/store", "acme2/store",
    ]  # fmt: skip
    assert {key.repository.id for key in named if isinstance(key, RepositoryKey)} == {shop.id}
    assert replace(SHOP, id=shop.id, full_name="acme/store") == named[0].repository  # type: ignore[union-attr]
