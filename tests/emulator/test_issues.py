"""Issues beside pulls: opened, listed, edited, closed, assigned, switched off, gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from ghapp.emulator.repository import Pull
from tests.emulator.world import World
from tests.emulator.world import world as emulator_world

REPO = "/repos/acme/shop"
ISSUES = f"{REPO}/issues"


@pytest.fixture
def world() -> Iterator[World]:
    with emulator_world(clock=Clock()) as made:
        yield made


class Clock:
    """A second goes by at each look; from now on, for tokens have to be in force."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=10)
        return self.now


def issues(world: World) -> list[dict[str, Any]]:
    return world.payloads("issues")


def error(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 422
    [row] = answer.json()["errors"]
    return dict(row)


def test_the_app_opens_an_issue_with_labels_and_assignee(world: World, pull: Pull) -> None:
    wanted = {"title": "[NFR] x", "body": "<!-- m -->", "labels": ["nfr: follow-up"]}
    answer = world.client.post(ISSUES, json={**wanted, "assignees": ["Ann"]})
    assert answer.status_code == 201
    issue = answer.json()
    TypeAdapter(models.Issue).validate_python(issue)
    assert issue["number"] == pull.number + 1
    assert issue["user"]["login"] == "ghapp[bot]"
    assert issue["performed_via_github_app"]["slug"] == "ghapp"
    assert [user["login"] for user in issue["assignees"]] == ["ann"]
    assert [(e["action"], e["sender"]["login"]) for e in issues(world)] == [
        ("opened", "ghapp[bot]"),
        ("labeled", "ghapp[bot]"),
        ("assigned", "ghapp[bot]"),
    ]
    [made] = world.payloads("label")
    assert (made["action"], made["label"]["name"]) == ("created", "nfr: follow-up")
    events = world.client.get(f"{ISSUES}/{issue['number']}/events").json()
    assert [(e["event"], (e.get("label") or {}).get("name")) for e in events] == [
        ("labeled", "nfr: follow-up"),
        ("assigned", None),
    ]


def test_one_wrong_assignee_refuses_the_whole_issue(world: World) -> None:
    world.repository.collaborator("rita", "read")
    for login in ("nobody", "rita", "ghapp[bot]"):
        row = error(world.client.post(ISSUES, json={"title": "t", "assignees": ["ann", login]}))
        assert row == {
            "value": login, "resource": "Issue", "field": "assignees", "code": "invalid",
        }  # fmt: skip
        assert world.client.get(f"{REPO}/assignees/{login}").status_code == 404
    assert world.repository.issues == {}
    for login in ("ann", "sre-sam"):  # who may write, and a member of the organisation
        assert world.client.get(f"{REPO}/assignees/{login}").status_code == 204


def test_if_issues_are_off_only_pulls_are_left(world: World, pull: Pull) -> None:
    issue = world.repository.open_issue("ann", "t")
    world.repository.has_issues = False
    answer = world.client.post(ISSUES, json={"title": "t"})
    assert (answer.status_code, answer.json()["message"]) == (
        410,
        "Issues are disabled for this repo",
    )
    assert world.client.get(f"{ISSUES}/{issue.number}").status_code == 410
    assert [row["number"] for row in world.client.get(ISSUES).json()] == [pull.number]
    on = f"{ISSUES}/{pull.number}"
    assert world.client.post(f"{on}/comments", json={"body": "b"}).status_code == 201
    assert world.client.post(f"{on}/labels", json={"labels": ["l"]}).status_code == 200
    with pytest.raises(ValueError, match="disabled"):
        world.repository.open_issue("ann", "t")


def test_an_issue_is_closed_and_reopened_by_people_and_by_the_app(world: World) -> None:
    issue = world.repository.open_issue("ghapp[bot]", "t", "b", labels=["l"])
    world.repository.close_issue(issue.number, "ann")
    one = world.client.get(f"{ISSUES}/{issue.number}").json()
    assert (one["state"], one["state_reason"], one["closed_by"]["login"]) == (
        "closed", "completed", "ann",
    )  # fmt: skip
    world.repository.reopen_issue(issue.number, "ann")
    body = {"state": "closed", "state_reason": "not_planned"}
    changed = world.client.patch(f"{ISSUES}/{issue.number}", json=body).json()
    assert (changed["state"], changed["state_reason"]) == ("closed", "not_planned")
    world.client.patch(f"{ISSUES}/{issue.number}", json=body)  # once more changes nothing
    kinds = [(e["action"], e["sender"]["login"], e["issue"]["state"]) for e in issues(world)]
    assert kinds == [
        ("opened", "ghapp[bot]", "open"),
        ("labeled", "ghapp[bot]", "open"),
        ("closed", "ann", "closed"),
        ("reopened", "ann", "open"),
        ("closed", "ghapp[bot]", "closed"),
    ]
    assert {e["issue"]["performed_via_github_app"]["slug"] for e in issues(world)} == {"ghapp"}


def test_an_edit_that_changes_nothing_is_not_reported(world: World) -> None:
    issue = world.repository.open_issue("ann", "t", "b", labels=["old"])
    path = f"{ISSUES}/{issue.number}"
    change = {"title": "new", "body": "more", "labels": ["fresh"], "assignees": ["ann"]}
    assert world.client.patch(path, json=change).status_code == 200
    before = len(issues(world))
    assert world.client.patch(path, json=change).json()["title"] == "new"
    assert len(issues(world)) == before
    assert (issue.title, issue.body, issue.labels) == ("new", "more", {"fresh"})
    edited = [e for e in issues(world) if e["action"] == "edited"]
    assert [e["changes"] for e in edited] == [{"title": {"from": "t"}, "body": {"from": "b"}}]
    assert [e["action"] for e in issues(world)][-3:] == [
        "unlabeled",
        "labeled",
        "assigned",
    ]
    world.client.patch(path, json={"assignees": []})
    assert (issue.assignees, issues(world)[-1]["action"]) == ([], "unassigned")


def test_a_pull_is_edited_and_closed_as_the_issue_it_is(world: World, pull: Pull) -> None:
    path = f"{ISSUES}/{pull.number}"
    one = world.client.patch(path, json={"title": "new", "body": "", "state": "closed"}).json()
    assert (one["title"], one["state"], "pull_request" in one) == ("new", "closed", True)
    assert (pull.title, pull.state) == ("new", "closed")
    assert world.client.patch(path, json={"state": "open"}).json()["state"] == "open"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "t" * 257}, "title"),
        ({"title": "t", "body": "b" * 65_537}, "body"),
        ({"title": "t", "labels": ["l" * 51]}, "name"),
        ({"title": "t", "assignees": ["ann"] * 11}, "assignees"),
    ],
)
def test_an_issue_beyond_the_limits(world: World, body: dict[str, Any], field: str) -> None:
    assert error(world.client.post(ISSUES, json=body))["field"] == field
    assert world.repository.issues == {}


def test_issues_are_found_by_label_creator_state_and_time(world: World, pull: Pull) -> None:
    repository = world.repository
    first = repository.open_issue("ghapp[bot]", "a", labels=["nfr: follow-up", "x"])
    second = repository.open_issue("ghapp[bot]", "b", labels=["nfr: follow-up"])
    other = repository.open_issue("ann", "c", labels=["nfr: follow-up"])
    first.close("ann")

    def numbers(**query: str) -> list[int]:
        rows = world.client.get(ISSUES, params=query).json()
        TypeAdapter(list[models.Issue]).validate_python(rows)
        return [row["number"] for row in rows]

    ours = {"labels": "nfr: follow-up", "creator": "ghapp[bot]"}
    assert numbers() == [other.number, second.number, pull.number]
    assert numbers(**ours) == [second.number]
    assert numbers(**ours, state="all", direction="asc") == [first.number, second.number]
    assert numbers(**ours, state="all", sort="updated") == [first.number, second.number]
    assert numbers(labels="X, nfr: follow-up", state="closed") == [first.number]
    second.comment("hm", "ann")
    assert numbers(sort="comments", state="all")[0] == second.number
    since = (second.updated_at + timedelta(microseconds=1)).isoformat()
    second.comment("hm", "ann")
    assert numbers(since=since) == [second.number]
    assert world.client.get(ISSUES, params={"since": "yesterday"}).status_code == 422
    page = world.client.get(ISSUES, params={"per_page": "1"})
    assert "next" in page.links
    same = world.client.get(page.url, headers={"if-none-match": page.headers["etag"]})
    assert same.status_code == 304


def test_an_issue_has_comments_like_a_pull(world: World) -> None:
    issue = world.repository.open_issue("ann", "t")
    comment_id = issue.comment("hello", "bob")
    world.client.post(f"{ISSUES}/{issue.number}/comments", json={"body": "from the App"})
    rows = world.client.get(f"{ISSUES}/{issue.number}/comments").json()
    assert [row["html_url"].rpartition("/")[0].rpartition("/")[2] for row in rows] == ["issues"] * 2
    since = issue.comments[1].created_at.isoformat()
    later = world.client.get(f"{ISSUES}/{issue.number}/comments", params={"since": since}).json()
    assert [row["body"] for row in later] == ["from the App"]
    issue.edit_comment(comment_id, "bye", "ann")
    assert issue.find_comment(comment_id).editor is world.github.user("ann")
    events = world.payloads("issue_comment")
    assert [e["action"] for e in events] == ["created", "created", "edited"]
    assert all("pull_request" not in e["issue"] for e in events)


def test_deleted_and_transferred_issues_leave_their_address(world: World) -> None:
    other = world.github.repository("acme/other")
    gone, moved = world.repository.open_issue("ann", "a"), world.repository.open_issue("ann", "b")
    gone.delete("ann")
    assert world.client.get(f"{ISSUES}/{gone.number}").status_code == 410
    new = moved.transfer(other, "ann")
    answer = world.client.get(f"{ISSUES}/{moved.number}")
    assert answer.status_code == 301
    assert world.client.get(answer.headers["location"]).json()["number"] == new.number
    actions = [e["action"] for e in issues(world)]
    assert actions == ["opened", "opened", "deleted", "transferred", "opened"]
    assert world.client.get(f"{ISSUES}/99").status_code == 404


def test_opening_an_issue_needs_the_permission_for_issues(world: World, pull: Pull) -> None:
    issue = world.repository.open_issue("ann", "t")
    narrow = world.narrowed(pull_requests="write")
    for method, path in (("POST", ISSUES), ("GET", f"{ISSUES}/{issue.number}")):
        answer = world.client.request(method, path, json={"title": "t"}, headers=narrow)
        assert answer.status_code == 403
    assert world.client.get(f"{ISSUES}/{pull.number}", headers=narrow).status_code == 200
