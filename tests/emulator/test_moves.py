"""Repositories move, installations are suspended, deliveries are lost and doubled, lists say so."""

from __future__ import annotations

import json

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from ghapp.emulator.repository import Pull
from tests.emulator.world import World

REPO = "/repos/acme/shop"


def test_a_renamed_repository_is_found_under_both_names(world: World, pull: Pull) -> None:
    world.repository.rename("store", "ann")
    payload = world.payloads("repository")[-1]
    assert (payload["action"], payload["changes"]) == (
        "renamed",
        {"repository": {"name": {"from": "shop"}}},
    )
    read = world.client.get(f"{REPO}/pulls/1", params={"a": "b c"})
    assert (read.status_code, read.json()["message"]) == (301, "Moved Permanently")
    assert read.headers["location"] == read.json()["url"]
    assert f"/repositories/{world.repository.id}/pulls/1" in read.headers["location"]
    assert world.client.get(read.headers["location"]).json()["number"] == 1
    body = {"body": "hi"}
    write = world.client.post(f"{REPO}/issues/1/comments", json=body)
    assert (write.status_code, pull.comments) == (307, [])
    assert world.client.post(write.headers["location"], json=body).status_code == 201
    assert world.client.get("/repos/acme/store").json()["full_name"] == "acme/store"
    assert world.client.get("/repositories/1").status_code == 404


def test_a_new_repository_takes_an_old_name_for_good(world: World) -> None:
    old = world.repository
    old.rename("store", "ann")
    new = world.github.repository("acme/shop")
    assert world.client.get(REPO).json()["id"] == new.id
    with pytest.raises(ValueError, match="exists"):
        new.rename("store", "ann")


def test_a_transferred_repository_is_the_new_owners(world: World, pull: Pull) -> None:
    world.github.repository("beta/app", installation_id=2)
    world.repository.transfer("beta", "ann")
    payload = world.payloads("repository")[-1]
    assert payload["action"] == "transferred"
    assert payload["installation"]["id"] == 2
    assert payload["changes"]["owner"]["from"]["organization"]["login"] == "acme"
    removed = world.payloads("installation_repositories")[-1]
    assert (removed["action"], removed["installation"]["id"]) == ("removed", 1)
    assert world.client.get(REPO).status_code == 404  # the old installation's token
    name, _ = world.github.new_token(world.github.installations[2])
    headers = {"authorization": f"token {name}"}
    moved = world.client.get(f"{REPO}/pulls/1", headers=headers)
    assert moved.status_code == 301
    found = world.client.get(moved.headers["location"], headers=headers).json()
    assert found["base"]["repo"]["full_name"] == "beta/shop"


def test_a_repository_is_lost_to_an_owner_without_the_app(world: World) -> None:
    world.repository.transfer("elsewhere", "ann")
    assert world.repository.installation is None
    assert world.payloads("installation_repositories")[-1]["action"] == "removed"


def test_a_suspended_installation_is_reported_and_out_of_reach(world: World, pull: Pull) -> None:
    world.github.suspend(1, "ann")
    assert world.payloads("installation")[-1]["action"] == "suspend"
    before = len(world.github.deliveries.all)
    pull.comment("hi", "ann")
    assert len(world.github.deliveries.all) == before
    [row] = world.as_app("GET", "/app/installations").json()
    TypeAdapter(models.Installation).validate_python(row)
    assert (row["suspended_by"]["login"], bool(row["suspended_at"])) == ("ann", True)
    assert world.as_app("POST", "/app/installations/1/access_tokens").status_code == 403
    world.github.unsuspend(1, "ann")
    assert world.payloads("installation")[-1]["action"] == "unsuspend"
    assert world.as_app("POST", "/app/installations/1/access_tokens").status_code == 201


def test_the_next_deliveries_are_lost_or_doubled(world: World, pull: Pull) -> None:
    world.github.settle()
    world.inbox.received.clear()
    world.github.lose_next(2, "issue_comment.created")
    world.github.double_next(event="pull_request_review*")
    pull.review("sre-sam")
    for word in "abc":
        pull.comment(word, "ann")
    world.github.settle()
    arrived = [(r.headers["X-GitHub-Event"], json.loads(r.body)) for r in world.inbox.received]
    events = [event for event, _ in arrived]
    assert events == ["pull_request_review", "pull_request_review", "issue_comment"]
    assert arrived[-1][1]["comment"]["body"] == "c"
    guids = [r.headers["X-GitHub-Delivery"] for r in world.inbox.received]
    assert guids[0] == guids[1]
    failed = world.as_app("GET", "/app/hook/deliveries?status=failure").json()
    assert len(failed) == 2
    world.github.redeliver(failed[0]["id"])
    world.github.settle()
    assert json.loads(world.inbox.received[-1].body)["comment"]["body"] == "b"


def test_pulls_are_listed_by_the_time_of_their_last_change(world: World, pull: Pull) -> None:
    world.repository.open_pull(author="ann", branch="g", files={"b": "1\n"})
    pull.comment("hi", "ann")
    path = f"{REPO}/pulls"

    def numbers(**query: str) -> list[int]:
        return [row["number"] for row in world.client.get(path, params=query).json()]

    assert numbers(sort="updated", direction="desc") == [1, 2]
    assert numbers(sort="updated") == [2, 1]  # oldest first if no direction is named
    assert (numbers(), numbers(direction="asc")) == ([2, 1], [1, 2])
    query = {"state": "all", "sort": "updated", "direction": "desc", "per_page": "1"}
    page = world.client.get(path, params=query)
    known = {"if-none-match": page.headers["etag"]}
    assert ("next" in page.links, world.client.get(page.url, headers=known).status_code) == (
        True,
        304,
    )
    pull.add_label("x", "ann")
    assert world.client.get(page.url, headers=known).status_code == 200


def test_only_people_with_write_press_buttons_of_completed_runs(world: World, pull: Pull) -> None:
    repository = world.repository
    button = {"label": "Sign off", "description": "d", "identifier": "signoff"}
    body = {"name": "NFR review", "head_sha": pull.head_sha, "actions": [button]}
    one = world.client.post(f"{REPO}/check-runs", json={**body, "status": "in_progress"}).json()
    with pytest.raises(ValueError, match="no button"):
        repository.press(one["id"], "signoff", "ann")
    run = f"{REPO}/check-runs/{one['id']}"
    assert "actions" not in world.client.patch(run, json={"conclusion": "neutral"}).json()
    with pytest.raises(ValueError, match="write access"):
        repository.press(one["id"], "signoff", "sre-sam")
    repository.press(one["id"], "signoff", "ann")
    payload = world.payloads("check_run")[-1]
    assert payload["requested_action"] == {"identifier": "signoff"}
    assert payload["check_run"]["head_sha"] == pull.head_sha
    world.client.patch(run, json={"actions": []})
    with pytest.raises(ValueError, match="no button"):
        repository.press(one["id"], "signoff", "ann")
