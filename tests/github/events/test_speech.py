"""Comments, reviews, and boxes ticked in our comment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ghapp.core.model import Channel, ConfigurationKey, Delivery, Message, ProjectKey
from ghapp.core.text.configuration import MARKER as CONFIGURATION
from ghapp.core.text.follow_ups import marker
from ghapp.core.text.render import MARKER
from tests.github.deliveries import (
    APP_ID,
    AT,
    EVE,
    HEAD,
    KEY,
    LATER,
    LIST,
    OUR_BOT,
    ROBOT,
    SHOP,
    comment,
    remark,
    review,
    said,
)

# --- comments ------------------------------------------------------------------------------


def test_a_command_is_taken_from_the_comment_as_created() -> None:
    delivery = comment("created", "Looks safe.\r\n/nfr done\u0000")
    said = "Looks safe.\r\n/nfr done"
    assert delivery.keys == (KEY,)
    assert delivery.messages == (
        Message("comment:99", Channel.COMMENT, "ann", AT, said, comment_id=99, speaker_id=5),
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"body": "Nice work, `/nfr done`"},
        {"body": "> /nfr done"},
        {"body": "see docs/nfr"},
        {"body": "LGTM"},
        {"body": ""},
        {"user": {"login": "renovate[bot]", "type": "Bot"}},
        {"user": None},
        {"sender": {"login": "eve", "type": "User"}},
        {"via": {"id": APP_ID}},
    ],
)
def test_a_comment_that_says_nothing_to_us_is_ignored(parts: dict[str, Any]) -> None:
    delivery = comment("created", **parts)
    assert (delivery.keys, delivery.messages) == ((), ())


def test_a_command_on_an_issue_is_about_a_project() -> None:
    delivery = comment("created", "/nfr project", issue={"number": 4})
    assert delivery.keys == (ProjectKey(SHOP, 4),)
    assert [one.text for one in delivery.messages] == ["/nfr project"]
    ours = {"user": OUR_BOT, "via": {"id": APP_ID}, "issue": {"number": 4}}
    restored = comment("deleted", "<!-- ghapp:project -->\n### NFR project", **ours)
    assert (restored.keys, restored.touched) == ((ProjectKey(SHOP, 4),), True)
    assert comment("deleted", "an issue of a follow-up", **ours).keys == ()


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_what_becomes_of_a_persons_comment_is_ignored(action: str) -> None:
    assert comment(action).keys == ()


def test_our_comment_edited_or_deleted_by_someone_is_read_back() -> None:
    for action in ("edited", "deleted"):
        delivery = comment(action, user=OUR_BOT, via={"id": APP_ID})
        assert (delivery.keys, delivery.touched) == ((KEY,), True)
        own = comment(action, user=OUR_BOT, via={"id": APP_ID}, sender=OUR_BOT)
        assert (own.keys, own.touched) == ((), False)


def edit(before: str, after: str, **parts: Any) -> Delivery:
    changes = {"body": {"from": before}}
    return comment(
        "edited", after, **{"user": OUR_BOT, "via": {"id": APP_ID}, "changes": changes, **parts}
    )


def test_ticks_are_what_an_edit_of_our_comment_turned() -> None:
    after = LIST.replace("[ ]", "[x]", 1).replace("[x] `dbm-back`", "[ ] `dbm-back`")
    assert edit(LIST, after).messages == (
        Message(
            "tick:99:dbm-lock:on:2026-04-01T09:30:00Z",
            Channel.TICK,
            "ann",
            AT,
            "+dbm-lock",
            speaker_id=5,
        ),
        Message(
            "tick:99:dbm-back:off:2026-04-01T09:30:00Z",
            Channel.TICK,
            "ann",
            AT,
            "-dbm-back",
            speaker_id=5,
        ),
    )


def test_ticks_by_a_bot_or_in_another_comment_of_ours_do_not_count() -> None:
    after = LIST.replace("[ ]", "[x]")
    bot = {"login": "other[bot]", "type": "Bot"}
    assert edit(LIST, after, sender=bot).messages == ()
    reply = LIST.replace(MARKER, "<!-- ghapp:reply comment:1 -->")
    assert edit(reply, after).messages == ()
    assert edit(LIST, after, changes={}).messages == ()


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


def test_commands_count_beside_a_line_too() -> None:
    expected = Message(
        "review-comment:88",
        Channel.REVIEW_COMMENT,
        "ann",
        AT,
        "/nfr done",
        comment_id=88,
        speaker_id=5,
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


# --- the issue about configuration ----------------------------------------------------------------


def test_a_command_on_the_issue_of_a_follow_up_is_a_message_about_its_pull() -> None:
    delivery = on_issue(f"{marker(7, 'db-plan')}\nx", APP_ID, "/nfr done -- url")
    assert delivery.keys == (replace(KEY, number=7),)
    (message,) = delivery.messages
    assert (message.text, message.issue) == ("/nfr done -- url", 5)
    forged = on_issue(f"{marker(7, 'db-plan')}\nx", APP_ID + 1, "/nfr done -- url")
    assert forged.keys == (ProjectKey(KEY.repository, 5),)
    out_of_range = on_issue(f"{marker(9_999_999_999, 'db-plan')}\nx", APP_ID, "/nfr done")
    assert out_of_range.keys == (ProjectKey(KEY.repository, 5),)


def on_issue(body: str, app_id: int, said: str = "/nfr accept A-1 b -- c") -> Delivery:
    issue = {"number": 5, "body": body, "performed_via_github_app": {"id": app_id}}
    return comment("created", said, issue=issue)


def test_a_command_on_our_issue_is_a_message_about_the_configuration() -> None:
    delivery = on_issue(f"{CONFIGURATION}\nx", APP_ID)
    assert delivery.keys == (ConfigurationKey(KEY.repository),)
    assert [(one.text, one.issue) for one in delivery.messages] == [("/nfr accept A-1 b -- c", 5)]


@pytest.mark.parametrize(
    ("body", "app_id", "text"),
    [
        (f"{CONFIGURATION}\nx", APP_ID + 1, "/nfr accept A-1 b -- c"),
        (f"x\n{CONFIGURATION}", APP_ID, "/nfr accept A-1 b -- c"),
        (f"{CONFIGURATION}\nx", APP_ID, "thanks"),
    ],
)
def test_other_issues_may_be_projects_and_other_comments_are_ignored(
    body: str, app_id: int, text: str
) -> None:
    delivery = on_issue(body, app_id, text)
    keys = () if text == "thanks" else (ProjectKey(KEY.repository, 5),)
    assert (delivery.keys, len(delivery.messages)) == (keys, len(keys))
