"""What arrives at the webhook -> keys and messages; whatever arrives, nothing else is raised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.model import Channel, Delivery, PullKey, Repository, RepositoryKey
from ghapp.core.text.follow_ups import marker
from ghapp.emulator.github import Emulator
from ghapp.errors import Refused
from ghapp.github.webhook import READERS, parse
from tests.github.deliveries import (
    ANN,
    APP_ID,
    AT,
    BOT,
    GUID,
    HEAD,
    LIST,
    SECRET,
    SHOP,
    pull,
    read,
    signed,
    told,
)

# --- who sent it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        signed(b"{}", "guessed"),
        signed(b"{}").upper(),
        signed(b"{ }"),
        signed(b"{}").removeprefix("sha256="),
        "sha256=ÿ\ud800",
    ],
)
def test_a_wrong_signature_is_refused_with_401(signature: str) -> None:
    headers = {
        "x-github-event": "ping",
        "x-github-delivery": GUID,
        "x-hub-signature-256": signature,
    }
    with pytest.raises(Refused) as refused:
        parse(headers, b"{}", secrets=(SECRET,), app_id=APP_ID)
    assert refused.value.status == 401


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nothing_is_authentic(secrets: tuple[str, ...]) -> None:
    headers = {"x-hub-signature-256": signed(b"{}", "")}
    with pytest.raises(Refused) as refused:
        parse(headers, b"{}", secrets=secrets, app_id=APP_ID)
    assert refused.value.status == 401


def test_any_of_several_secrets_may_have_signed() -> None:
    body = b"{}"
    for secret in ("old", "new"):
        headers = {
            "X-GITHUB-EVENT": "ping",
            "X-GITHUB-DELIVERY": GUID.upper(),
            "X-HUB-SIGNATURE-256": signed(body, secret),
        }
        delivery = parse(headers, body, secrets=["old", "new"], app_id=APP_ID)
        assert delivery == Delivery(GUID, "ping", "", body)


@pytest.mark.parametrize(
    ("event", "guid", "body"),
    [
        ("ping", "", b"{}"),
        ("ping", "72d3162e", b"{}"),
        ("ping", GUID + "\n", b"{}"),
        ("", GUID, b"{}"),
        ("Ping!", GUID, b"{}"),
        ("ping", GUID, b""),
        ("ping", GUID, b"payload=%7B%7D"),
        ("ping", GUID, b"[]"),
        ("ping", GUID, b"null"),
        ("ping", GUID, b'{"action": 1}'),
        ("ping", GUID, b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        ("ping", GUID, b'{"action": "\\ud800"}'),
        ("pull_request", GUID, b"{}"),
        ("pull_request", GUID, b'{"action": "opened", "number": 1'),
    ],
)
def test_the_unreadable_is_refused_with_400(event: str, guid: str, body: bytes) -> None:
    headers = {
        "x-github-event": event,
        "x-github-delivery": guid,
        "x-hub-signature-256": signed(body),
    }
    with pytest.raises(Refused) as refused:
        parse(headers, body, secrets=(SECRET,), app_id=APP_ID)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"number": "4"},
        {"number": 10**30},
        {"number": True},
        {"pull_request": None},
        {"pull_request": {"head": {"sha": HEAD}}},
        {"pull_request": {"head": {"sha": "../x"}, "updated_at": "2026-04-01T09:30:00Z"}},
        {"pull_request": {"head": {"sha": HEAD}, "updated_at": "2026-04-01T09:30:00"}},
        {"pull_request": {"head": {"sha": HEAD}, "updated_at": "9999-12-31T23:59:59-23:00"}},
        {"repository": {"id": 11, "full_name": "acme"}},
        {"repository": {"id": 11, "full_name": "acme/.."}},
        {"repository": {"id": 11, "full_name": "acme/shop/.."}},
        {"repository": {"id": 2**64, "full_name": "acme/shop"}},
        {"installation": None},
        {"sender": {"login": "an\u0000n"}},
    ],
)
def test_a_payload_unlike_githubs_is_refused_with_400(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        pull("opened", **change)
    assert refused.value.status == 400


def test_the_unknown_is_no_error() -> None:
    assert told("star", "created").keys == ()
    assert told("sponsorship", "created").keys == ()
    assert told("issue_comment", "pinned_somehow", comment={"id": 1, "created_at": AT.isoformat(),
                "updated_at": AT.isoformat()}, issue={"number": 1}).keys == ()  # fmt: skip


# --- anything at all -----------------------------------------------------------------------


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = [
    "action", "number", "pull_request", "head", "sha", "updated_at", "changed_files", "id", "ref",
    "repository", "full_name", "installation", "sender", "login", "type", "issue", "comment",
    "body", "user", "created_at", "performed_via_github_app", "changes", "from", "check_run",
    "app", "external_id", "pull_requests", "check_suite", "commits", "added", "forced", "base",
    "repositories_added", "default_branch", "repo", "after", "pushed_at", "deleted",
    "review", "node_id", "state", "submitted_at", "commit_id", "requested_action", "identifier",
    "head_sha",
]  # fmt: skip
payload_like = st.recursive(
    scalars
    | st.sampled_from(
        [
            "opened",
            "created",
            "edited",
            "rerequested",
            "submitted",
            "dismissed",
            "closed",
            HEAD,
            "acme/shop",
            AT.isoformat(),
        ]
    ),
    lambda inner: (
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=8) | st.lists(inner, max_size=2)
    ),
    max_leaves=30,
)


@given(event=st.sampled_from(sorted(READERS)) | st.text(max_size=8), payload=values | payload_like)
def test_any_json_ends_as_a_delivery_or_refused(event: str, payload: Any) -> None:
    attempt(event, json.dumps(payload).encode())


@given(event=st.sampled_from(sorted(READERS)), body=st.binary(max_size=60))
def test_any_bytes_end_as_a_delivery_or_refused(event: str, body: bytes) -> None:
    attempt(event, body)


def spoiled(payload: Any, junk: Any) -> Iterator[Any]:
    """The payload with one value after the other replaced or gone."""
    if isinstance(payload, dict):
        for name in payload:
            yield {other: value for other, value in payload.items() if other != name}
            for worse in (junk, *spoiled(payload[name], junk)):
                yield {**payload, name: worse}


@given(junk=values)
def test_one_wrong_value_anywhere_ends_as_a_delivery_or_refused(junk: Any) -> None:
    good: dict[str, Any] = {
        "action": "edited",
        "number": 4,
        "pull_request": {"head": {"sha": HEAD}, "updated_at": AT.isoformat()},
        "issue": {"number": 4, "pull_request": {}},
        "comment": {"id": 9, "body": LIST, "user": ANN, "created_at": AT.isoformat(),
                    "updated_at": AT.isoformat(), "performed_via_github_app": {"id": APP_ID}},
        "changes": {"body": {"from": LIST}},
        "review": {"id": 9, "state": "approved", "submitted_at": AT.isoformat(), "user": ANN,
                   "node_id": "R_1", "commit_id": HEAD, "body": "/nfr done"},
        "check_run": {"app": {"id": APP_ID}, "external_id": "v1:8:abc", "head_sha": HEAD,
                      "check_suite": {"updated_at": AT.isoformat()}},
        "requested_action": {"identifier": "signoff"},
        "repository": {"id": 11, "full_name": "acme/shop"},
        "installation": {"id": 1},
        "sender": ANN,
    }  # fmt: skip
    acts = {
        "pull_request_review": "submitted",
        "pull_request_review_comment": "created",
        "check_run": "requested_action",
        "issues": "closed",
    }
    good["pull_request"]["number"] = 4
    for payload in spoiled(good, junk):
        body = json.dumps(payload).encode()
        attempt("pull_request", body)
        attempt("issue_comment", body)
        for event, action in acts.items():
            attempt(event, json.dumps({**payload, "action": action}).encode())


def attempt(event: str, body: bytes) -> None:
    status = 202
    try:
        read(event, body)
    except Refused as refused:
        status = refused.status
    assert status in (202, 400)


# --- as the emulator sends them ------------------------------------------------------------


@pytest.fixture
def github() -> Iterator[Emulator]:
    emulator = Emulator(app_id=APP_ID, webhook_secret=SECRET)
    yield emulator
    emulator.close()


def test_a_pull_request_lived_through_is_read_without_loss(github: Emulator) -> None:
    shop = github.repository("acme/shop")
    change = shop.open_pull(author="ann", branch="feat", files={"a.py": "x = 1\n"})
    change.push({"a.py": "x = 2\n"}, by="bob")
    change.comment("/nfr done", "sam")
    change.comment("thank you", "ann")
    ours = change.comment(LIST, BOT)
    change.edit_comment(ours, LIST.replace("[ ]", "[x]"), "ann")
    change.add_label("nfr: signed off", "sam")
    change.add_label("nfr: needs sign-off", BOT)
    shop.push("main", {".github/nfr.yml": "version: 1\n"}, "ann")
    github.notify_installed(1, "ann")
    seen = [parse(*github.signed(sent), secrets=[SECRET], app_id=APP_ID, bot_login=BOT)
            for sent in github.deliveries.all]  # fmt: skip
    keyed = [(one.event, one.action) for one in seen if one.keys]
    for expected in (
        ("pull_request", "opened"),
        ("pull_request", "synchronize"),
        ("pull_request", "labeled"),
        ("issue_comment", "created"),
        ("issue_comment", "edited"),
        ("installation", "created"),
    ):
        assert keyed.count(expected) == 1
    told = [(str(one.pushed_to), one.push) for one in seen if one.push and one.pushed_to]
    pulls = [push.login for to, push in told if to.startswith("pull:")]
    branches = {(push.head_sha, push.login) for to, push in told if to.startswith("repository:")}
    assert pulls == ["ann", "bob"]
    assert (change.head_sha, "bob") in branches
    assert all(abs(push.seen_at - datetime.now(UTC)).total_seconds() < 60 for _, push in told)
    assert [said.text for one in seen for said in one.messages] == ["/nfr done", "+dbm-lock"]
    assert [one.event for one in seen if one.policy_changed][-1] == "push"
    number = PullKey(Repository(1, shop.id, "acme/shop"), change.number)
    assert {key for one in seen for key in one.keys if isinstance(key, PullKey)} == {number}


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
