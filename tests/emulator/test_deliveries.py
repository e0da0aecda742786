"""Deliveries are signed and formed as GitHub's, and can be lost, held, doubled and redelivered."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from githubkit import webhooks
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from ghapp.emulator.repository import Pull
from tests.emulator.world import SECRET, World
from tests.emulator.world import world as emulator_world

REPO = "/repos/acme/shop"


def opened(world: World) -> Pull:
    return world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})


def arrived(world: World) -> list[tuple[str, str | None]]:
    """Event and action of what came in, once all was answered."""
    world.github.settle()
    return [
        (row.headers["X-GitHub-Event"], json.loads(row.body).get("action"))
        for row in world.inbox.received
    ]


def life_of_a_pull(world: World) -> None:
    """Every event the emulator knows, at least once."""
    repository, pull = world.repository, opened(world)
    pull.push({"b": "1\n"})
    pull.push({"b": None, "c": "1\n"}, by="bob")
    comment_id = pull.comment("hi", "ann")
    pull.edit_comment(comment_id, "ho", "bob")
    pull.delete_comment(comment_id, "ann")
    pull.add_label("x", "ann")
    pull.remove_label("x", "ann")
    label = repository.label("x")
    assert label is not None
    repository.edit_label(label, {"new_name": "y", "color": "ff0000", "description": "d"})
    repository.delete_label("y", "bob")
    pull.draft()
    pull.ready()
    pull.close()
    pull.reopen()
    pull.edit(title="feat: b", body="Why")
    repository.branch("v1")
    pull.retarget("v1")
    pull.rebase()
    pull.force_push({"z": "1"})
    fork = repository.open_pull(author="eve", branch="fix", files={"q": "1"}, fork="eve")
    fork.push({"q": "2"})
    fork.delete_fork()
    fork.close()
    body = {"name": "NFR review", "head_sha": pull.head_sha, "conclusion": "neutral"}
    button = {"label": "Sign off", "description": "d", "identifier": "signoff"}
    world.client.post(f"{REPO}/check-runs", json={**body, "actions": [button]})
    [run] = pull.check_runs()
    repository.collaborator("sre-sam", "write")  # who has less sees no buttons
    repository.press(run.id, "signoff", "sre-sam")
    repository.rerequest_run(run.id, "sre-sam")
    repository.rerequest_suite(pull.head_sha, "sre-sam")
    pull.merge("bob")
    world.github.notify_installed(1, "bob")


def test_every_delivery_is_of_the_form_github_describes(world: World) -> None:
    life_of_a_pull(world)
    kinds = set()
    for delivery in world.github.deliveries.all:
        webhooks.parse_obj(delivery.event, json.loads(delivery.body))
        kinds.add((delivery.event, delivery.action))
    assert kinds == {
        ("check_run", "completed"),
        ("check_run", "created"),
        ("check_run", "requested_action"),
        ("check_run", "rerequested"),
        ("check_suite", "requested"),
        ("check_suite", "rerequested"),
        ("installation", "created"),
        ("issue_comment", "created"),
        ("issue_comment", "deleted"),
        ("issue_comment", "edited"),
        ("label", "created"),
        ("label", "deleted"),
        ("label", "edited"),
        ("pull_request", "closed"),
        ("pull_request", "converted_to_draft"),
        ("pull_request", "edited"),
        ("pull_request", "labeled"),
        ("pull_request", "opened"),
        ("pull_request", "ready_for_review"),
        ("pull_request", "reopened"),
        ("pull_request", "synchronize"),
        ("pull_request", "unlabeled"),
        ("push", None),
    }
    assert len(arrived(world)) == len(world.github.deliveries.all)


def test_a_delivery_is_signed_over_its_bytes(world: World) -> None:
    opened(world)
    arrived(world)
    for row in world.inbox.received:
        digest = hmac.new(SECRET.encode(), row.body, hashlib.sha256).hexdigest()
        assert row.headers["X-Hub-Signature-256"] == f"sha256={digest}"
        assert row.headers["User-Agent"].startswith("GitHub-Hookshot/")
        assert row.headers["X-GitHub-Hook-Installation-Target-ID"] == "1"
        assert row.headers["X-GitHub-Hook-ID"].isdigit()
    guids = {row.headers["X-GitHub-Delivery"] for row in world.inbox.received}
    assert len(guids) == len(world.inbox.received)
    delivery = world.github.deliveries.all[0]
    headers, body = world.github.signed(delivery)
    assert headers["X-GitHub-Delivery"] == delivery.guid
    assert body == world.inbox.received[0].body


def test_the_app_is_notified_of_its_own_writes(world: World) -> None:
    opened(world)
    arrived(world)
    world.inbox.received.clear()
    world.client.post(f"{REPO}/issues/1/comments", json={"body": "Hello"})
    world.client.post(f"{REPO}/issues/1/labels", json={"labels": ["new"]})
    assert arrived(world) == [
        ("issue_comment", "created"),
        ("label", "created"),
        ("pull_request", "labeled"),
    ]
    senders = {json.loads(row.body)["sender"]["login"] for row in world.inbox.received}
    assert senders == {"ghapp[bot]"}


def test_a_push_to_a_fork_is_reported_for_the_pull_alone(world: World) -> None:
    pull = world.repository.open_pull(author="eve", branch="f", files={"a": "1"}, fork="eve")
    arrived(world)
    world.inbox.received.clear()
    pull.push({"a": "2"})
    assert arrived(world) == [("pull_request", "synchronize")]


def test_nothing_is_sent_if_the_app_is_not_installed(world: World) -> None:
    other = world.github.repository("acme/other", installation_id=None)
    other.open_pull(author="ann", branch="f", files={"a": "1"}).comment("hi", "ann")
    assert arrived(world) == []


def test_only_subscribed_events_are_sent() -> None:
    with emulator_world(events=("issue_comment",)) as world:
        opened(world).comment("hi", "ann")
        assert arrived(world) == [("issue_comment", "created")]


def test_lost_deliveries_are_listed_as_failed_and_can_be_redelivered(
    world: World,
) -> None:
    with world.github.deliveries.lost():
        opened(world)
    assert arrived(world) == []
    rows = world.as_app("GET", "/app/hook/deliveries").json()
    TypeAdapter(list[models.HookDeliveryItem]).validate_python(rows)
    assert {row["status_code"] for row in rows} == {502}
    [row] = [row for row in rows if row["event"] == "pull_request"]
    answer = world.as_app("POST", f"/app/hook/deliveries/{row['id']}/attempts")
    assert answer.status_code == 202
    assert arrived(world) == [("pull_request", "opened")]
    assert world.inbox.received[0].headers["X-GitHub-Delivery"] == row["guid"]
    newest = world.as_app("GET", "/app/hook/deliveries").json()[0]
    assert (newest["redelivery"], newest["guid"], newest["status"]) == (
        True,
        row["guid"],
        "OK",
    )
    assert world.as_app("POST", "/app/hook/deliveries/1/attempts").status_code == 404


def test_a_refused_delivery_is_recorded_and_not_repeated(world: World) -> None:
    world.inbox.status = 503
    opened(world)
    assert len(arrived(world)) == len(world.github.deliveries.all)
    assert {delivery.status_code for delivery in world.github.deliveries.all} == {503}


def test_deliveries_are_listed_newest_first_by_cursor(world: World) -> None:
    opened(world).comment("hi", "ann")
    world.github.settle()
    rows, path = [], "/app/hook/deliveries?per_page=2"
    while path:
        page = world.as_app("GET", path)
        rows += page.json()
        path = page.links.get("next", {}).get("url", "")
    every = [delivery.id for delivery in world.github.deliveries.all]
    assert [row["id"] for row in rows] == sorted(every, reverse=True)


def test_held_deliveries_are_sent_in_any_order(world: World) -> None:
    with world.github.deliveries.held() as held:
        pull = opened(world)
        pull.comment("hi", "ann")
    assert arrived(world) == []
    comment, pull_opened = held[-1], held[-2]
    for delivery in (comment, comment, pull_opened):
        world.github.deliveries.send(delivery)
    assert arrived(world) == [
        ("issue_comment", "created"),
        ("issue_comment", "created"),
        ("pull_request", "opened"),
    ]
    guids = [row.headers["X-GitHub-Delivery"] for row in world.inbox.received]
    assert guids == [comment.guid, comment.guid, pull_opened.guid]


def test_a_receiver_that_does_not_answer_is_recorded(world: World) -> None:
    world.github.listen("http://127.0.0.1:9/webhook")
    opened(world)
    world.github.settle(10)
    assert {delivery.status_code for delivery in world.github.deliveries.all} == {502}


def test_a_pressed_button_names_itself(world: World) -> None:
    pull = opened(world)
    body = {"name": "NFR review", "head_sha": pull.head_sha, "conclusion": "neutral"}
    button = {"label": "Sign off", "description": "d", "identifier": "signoff"}
    world.client.post(f"{REPO}/check-runs", json={**body, "actions": [button]})
    [run] = pull.check_runs()
    world.repository.collaborator("sre-sam", "write")
    world.repository.press(run.id, "signoff", "sre-sam")
    arrived(world)
    payload = json.loads(world.inbox.received[-1].body)
    assert payload["requested_action"] == {"identifier": "signoff"}
    assert payload["sender"]["login"] == "sre-sam"
    with pytest.raises(ValueError, match="no button"):
        world.repository.press(run.id, "other", "sre-sam")


def test_an_uninstalled_app_is_out_of_reach(world: World) -> None:
    opened(world)
    world.github.uninstall(1)
    assert world.client.get(REPO).status_code == 401
    assert world.as_app("POST", "/app/installations/1/access_tokens").status_code == 404
