"""What arrives at the webhook -> keys and messages; whatever arrives, nothing else is raised."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.model import (
    Channel,
    Delivery,
    InstallationKey,
    Message,
    PullKey,
    Push,
    Repository,
    RepositoryKey,
)
from ghapp.core.text.render import MARKER
from ghapp.emulator.github import Emulator
from ghapp.errors import Refused
from ghapp.github.webhook import READERS, parse

SECRET, APP_ID, BOT = "rotated-in", 7, "ghapp[bot]"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
SHOP = Repository(1, 11, "acme/shop")
HEAD = "a" * 40
AT = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
ANN: dict[str, Any] = {"login": "ann", "id": 5, "type": "User"}
OUR_BOT: dict[str, Any] = {"login": BOT, "id": 6, "type": "Bot"}


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def read(event: str, body: bytes, **more: Any) -> Delivery:
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": GUID,
        "X-Hub-Signature-256": signed(body),
    }
    known: dict[str, Any] = {"secrets": ("rotated-out", SECRET), "app_id": APP_ID, "bot_login": BOT}
    return parse(headers, body, **(known | more))


def told(event: str, action: str | None = None, /, **parts: Any) -> Delivery:
    payload: dict[str, Any] = {
        "repository": {"id": 11, "full_name": "acme/shop", "default_branch": "main"},
        "installation": {"id": 1},
        "sender": ANN,
        **parts,
    }
    if action:
        payload["action"] = action
    return read(event, json.dumps(payload).encode())


def pull(action: str, **parts: Any) -> Delivery:
    about = {
        "head": {"sha": HEAD, "ref": "feat"},
        "updated_at": "2026-04-01T09:30:00Z",
        "changed_files": 3,
    }
    return told("pull_request", action, **{"number": 4, "pull_request": about, **parts})


def comment(action: str, body: str = "/nfr done", **parts: Any) -> Delivery:
    said = {
        "id": 99,
        "body": body,
        "user": parts.pop("user", ANN),
        "created_at": "2026-04-01T09:30:00Z",
        "updated_at": "2026-04-01T09:30:00Z",
        "performed_via_github_app": parts.pop("via", None),
    }
    issue = {"number": 4, "pull_request": {"url": "https://api.github.com/..."}}
    return told("issue_comment", action, **{"issue": issue, "comment": said, **parts})


KEY = PullKey(SHOP, 4)

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


# --- pull_request --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    ["edited", "labeled", "unlabeled", "ready_for_review", "converted_to_draft", "closed",
     "reopened", "assigned", "something_new"],
)  # fmt: skip
def test_any_action_on_a_pull_says_look_again(action: str) -> None:
    delivery = pull(action)
    assert delivery.keys == (KEY,)
    assert (delivery.fresh_at, delivery.changed_files) == (AT, 3)
    assert (delivery.push, delivery.opened, delivery.touched) == (None, False, False)


@pytest.mark.parametrize(("action", "opened"), [("opened", True), ("synchronize", False)])
def test_a_new_head_comes_with_who_pushed_it(action: str, opened: bool) -> None:
    delivery = pull(action)
    assert (delivery.push, delivery.pushed_to) == (Push(HEAD, "ann", AT), KEY)
    assert delivery.opened is opened


@pytest.mark.parametrize("action", ["labeled", "unlabeled"])
def test_our_own_labels_are_no_news(action: str) -> None:
    assert pull(action, sender=OUR_BOT).keys == ()
    assert pull("edited", sender=OUR_BOT).keys == (KEY,)


# --- issue_comment -------------------------------------------------------------------------


def test_a_command_is_taken_from_the_comment_as_created() -> None:
    delivery = comment("created", "Looks safe.\r\n/nfr done\u0000")
    said = "Looks safe.\r\n/nfr done"
    assert delivery.keys == (KEY,)
    assert delivery.messages == (
        Message("comment:99", Channel.COMMENT, "ann", AT, said, comment_id=99),
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"body": "Nice work, /nfr done"},
        {"body": "LGTM"},
        {"body": ""},
        {"user": {"login": "renovate[bot]", "type": "Bot"}},
        {"user": None},
        {"sender": {"login": "eve", "type": "User"}},
        {"via": {"id": APP_ID}},
        {"issue": {"number": 4}},
    ],
)
def test_a_comment_that_says_nothing_to_us_is_ignored(parts: dict[str, Any]) -> None:
    delivery = comment("created", **parts)
    assert (delivery.keys, delivery.messages) == ((), ())


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_what_becomes_of_a_persons_comment_is_ignored(action: str) -> None:
    assert comment(action).keys == ()


def test_our_comment_edited_or_deleted_by_someone_is_read_back() -> None:
    for action in ("edited", "deleted"):
        delivery = comment(action, user=OUR_BOT, via={"id": APP_ID})
        assert (delivery.keys, delivery.touched) == ((KEY,), True)
        own = comment(action, user=OUR_BOT, via={"id": APP_ID}, sender=OUR_BOT)
        assert (own.keys, own.touched) == ((), False)


LIST = f"{MARKER}\n- [ ] `dbm-lock` Locks?\n- [x] `dbm-back` Way back?\n"


def edit(before: str, after: str, **parts: Any) -> Delivery:
    changes = {"body": {"from": before}}
    return comment(
        "edited", after, **{"user": OUR_BOT, "via": {"id": APP_ID}, "changes": changes, **parts}
    )


def test_ticks_are_what_an_edit_of_our_comment_turned() -> None:
    after = LIST.replace("[ ]", "[x]", 1).replace("[x] `dbm-back`", "[ ] `dbm-back`")
    assert edit(LIST, after).messages == (
        Message("tick:99:dbm-lock:on:2026-04-01T09:30:00Z", Channel.TICK, "ann", AT, "+dbm-lock"),
        Message("tick:99:dbm-back:off:2026-04-01T09:30:00Z", Channel.TICK, "ann", AT, "-dbm-back"),
    )


def test_ticks_by_a_bot_or_in_another_comment_of_ours_do_not_count() -> None:
    after = LIST.replace("[ ]", "[x]")
    bot = {"login": "other[bot]", "type": "Bot"}
    assert edit(LIST, after, sender=bot).messages == ()
    reply = LIST.replace(MARKER, "<!-- ghapp:reply comment:1 -->")
    assert edit(reply, after).messages == ()
    assert edit(LIST, after, changes={}).messages == ()


# --- checks --------------------------------------------------------------------------------


def ref(number: int, repository_id: int = 11) -> dict[str, Any]:
    return {"number": number, "base": {"ref": "main", "repo": {"id": repository_id}}}


def run(action: str, **parts: Any) -> Delivery:
    about = {
        "app": {"id": APP_ID},
        "external_id": "v1:8:abc",
        "pull_requests": [],
        "started_at": "2026-04-01T09:30:00Z",
        "completed_at": None,
        **parts,
    }
    return told("check_run", action, check_run=about)


def test_a_rerun_of_our_check_names_its_pulls_or_the_one_it_was_written_for() -> None:
    assert run("rerequested", pull_requests=[ref(4), ref(5, 12)]).keys == (KEY,)
    delivery = run("rerequested")
    assert delivery.keys == (PullKey(SHOP, 8),)
    assert delivery.touched
    assert delivery.messages == (Message(f"rerun:{GUID}", Channel.RERUN, "ann", AT, ""),)
    pressed = run("requested_action")
    assert (len(pressed.keys), pressed.messages, pressed.touched) == (1, (), True)


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


# --- policy, installation, repository ------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "changed"),
    [
        ({"commits": [{"added": [".github/nfr.yml"], "modified": [], "removed": []}]}, True),
        ({"commits": [{"modified": ["a"]}, {"removed": [".github/nfr/x.yml"]}]}, True),
        ({"commits": [{"modified": [".github/packs/deep/x.yaml"]}]}, True),
        ({"commits": [{"modified": [".github/workflows/ci.yml"]}]}, False),
        ({"commits": [{"modified": ["src/a.py", ".github/nfr.yml.bak"]}]}, False),
        ({"commits": [{"modified": ["src/a.py"]}]}, False),
        ({"commits": [{}] * 20}, True),
        ({"commits": [{}] * 19}, False),
        ({"commits": [], "forced": True}, True),
        ({"commits": [], "created": True}, True),
        ({"commits": [{"added": [".github/nfr.yml"]}], "ref": "refs/heads/feat"}, False),
        ({"commits": [{"added": [".github/nfr.yml"]}], "ref": "refs/tags/main"}, False),
    ],
)
def test_a_push_counts_where_it_may_change_the_policy(parts: dict[str, Any], changed: bool) -> None:
    delivery = told("push", **{"ref": "refs/heads/main", **parts})
    assert delivery.policy_changed is changed
    assert delivery.keys == ((RepositoryKey(SHOP),) if changed else ())


@pytest.mark.parametrize("pushed_at", [int(AT.timestamp()), "2026-04-01T11:30:00+02:00"])
@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/feat/x"])
def test_a_push_to_any_branch_tells_who_pushed_it(ref: str, pushed_at: object) -> None:
    delivery = branch_push(pushed_at=pushed_at, ref=ref)
    assert (delivery.push, delivery.pushed_to) == (Push(HEAD, "ann", AT), RepositoryKey(SHOP))
    assert delivery.keys == ()


@pytest.mark.parametrize(
    "parts",
    [
        {"after": "0" * 40},
        {"after": "0" * 64},
        {"deleted": True},
        {"ref": "refs/tags/v1"},
        {"pushed_at": None},
    ],
)
def test_a_push_of_no_head_or_at_no_known_time_tells_nothing(parts: dict[str, Any]) -> None:
    delivery = branch_push(**parts)
    assert (delivery.push, delivery.pushed_to) == (None, None)


def branch_push(pushed_at: object = 1, **parts: Any) -> Delivery:
    about = {"id": 11, "full_name": "acme/shop", "default_branch": "main", "pushed_at": pushed_at}
    head = {"timestamp": "2000-01-01T00:00:00Z"}  # the author's clock, which may say anything
    told_ = {"ref": "refs/heads/feat", "after": HEAD, "head_commit": head, "repository": about}
    return told("push", **told_ | parts)


@pytest.mark.parametrize("action", ["created", "unsuspend", "new_permissions_accepted"])
def test_an_installation_in_reach_is_looked_at(action: str) -> None:
    delivery = told("installation", action)
    assert (delivery.keys, delivery.touched) == ((InstallationKey(1),), True)
    assert told("installation", "deleted").keys == ()
    assert told("installation", "suspend").keys == ()


def test_repositories_that_come_into_reach_are_looked_at() -> None:
    added = [{"id": 11, "full_name": "acme/shop"}, {"id": 12, "full_name": "acme/cart"}]
    delivery = told("installation_repositories", "added", repositories_added=added)
    assert delivery.keys == (RepositoryKey(SHOP), RepositoryKey(Repository(1, 12, "acme/cart")))
    delivery = told("installation_repositories", "removed", repositories_removed=added)
    assert (delivery.keys, delivery.left) == ((), (SHOP, Repository(1, 12, "acme/cart")))
    many = [{"id": id, "full_name": "acme/shop"} for id in range(1, 1_002)]
    delivery = told("installation_repositories", "added", repositories_added=many)
    assert delivery.keys == (InstallationKey(1),)


def test_a_repository_that_moves_or_changes_its_default_branch_is_looked_at() -> None:
    for action in ("renamed", "transferred"):
        assert told("repository", action).keys == (RepositoryKey(SHOP),)
    switched = told("repository", "edited", changes={"default_branch": {"from": "master"}})
    assert (switched.keys, switched.policy_changed) == ((RepositoryKey(SHOP),), True)
    assert told("repository", "edited", changes={"description": {"from": "x"}}).keys == ()
    assert told("repository", "archived").keys == ()


def test_the_unknown_is_no_error() -> None:
    assert told("label", "edited").keys == ()
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
