"""The emulator refuses what GitHub refuses, in GitHub's words."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from ghapp.emulator.github import new_private_key
from ghapp.emulator.repository import Pull
from tests.emulator.world import World
from tests.emulator.world import world as emulator_world

REPO = "/repos/acme/shop"
NOTE = {
    "path": "a",
    "start_line": 1,
    "end_line": 1,
    "annotation_level": "notice",
    "message": "m",
}


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert (answer.status_code, answer.json()["message"]) == (status, words)
    assert answer.json()["documentation_url"].startswith("https://docs.github.com/rest")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": None}, "Missing 'expiration time' claim ('exp') in assertion"),
        (
            {"exp": int(time.time()) + 3600},
            "'Expiration time' claim ('exp') is too far in the future",
        ),
        (
            {"exp": int(time.time()) - 5},
            "'Expiration time' claim ('exp') must be a numeric value representing the future time"
            " at which the assertion expires",
        ),
    ],
)
def test_a_wrong_jwt(world: World, claims: dict[str, Any], words: str) -> None:
    headers = {"authorization": f"Bearer {world.app_jwt(**claims)}"}
    refused(world.client.get("/app", headers=headers), 401, words)


def test_a_jwt_of_an_unknown_app(world: World) -> None:
    headers = {"authorization": f"Bearer {world.app_jwt(iss='2')}"}
    refused(world.client.get("/app", headers=headers), 404, "Integration not found")


def test_a_jwt_of_another_key(world: World) -> None:
    headers = {"authorization": f"Bearer {world.app_jwt()}"}
    world.github.private_key = new_private_key()
    words = "A JSON web token could not be decoded"
    refused(world.client.get("/app", headers=headers), 401, words)


def test_a_wrong_or_expired_token(world: World) -> None:
    wrong = {"authorization": "token ghs_none"}
    refused(world.client.get(REPO, headers=wrong), 401, "Bad credentials")
    assert world.client.get(REPO).status_code == 200
    world.github.expire_tokens()
    refused(world.client.get(REPO), 401, "Bad credentials")


def test_a_token_runs_out() -> None:
    with emulator_world(token_seconds=0.0) as world:
        refused(world.client.get(REPO), 401, "Bad credentials")


def test_no_credentials_and_the_wrong_kind(world: World) -> None:
    with httpx.Client(base_url=world.url) as stranger:
        refused(stranger.get(REPO), 401, "Requires authentication")
    refused(world.as_app("GET", REPO), 403, "Resource not accessible by integration")
    refused(world.client.get("/app"), 401, "A JSON web token could not be decoded")


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", f"{REPO}/contents/README.md", "contents"),
        ("GET", f"{REPO}/pulls/1", "pull_requests"),
        ("POST", f"{REPO}/check-runs", "checks"),
        ("GET", "/orgs/acme/teams/sre", "members"),
    ],
)
def test_a_missing_permission(
    world: World, pull: Pull, method: str, path: str, needed: str
) -> None:
    headers = world.narrowed(metadata="read")
    answer = world.client.request(method, path, headers=headers)
    refused(answer, 403, "Resource not accessible by integration")


def test_a_read_permission_does_not_write(world: World, pull: Pull) -> None:
    headers = world.narrowed(issues="read", pull_requests="read")
    assert world.client.get(f"{REPO}/issues/1/comments", headers=headers).status_code == 200
    answer = world.client.post(f"{REPO}/issues/1/comments", json={"body": "b"}, headers=headers)
    refused(answer, 403, "Resource not accessible by integration")


def test_membership_looks_the_same_without_the_permission(world: World) -> None:
    path = "/orgs/acme/teams/sre/memberships/sre-sam"
    assert world.client.get(path).status_code == 200
    refused(
        world.client.get(path, headers=world.narrowed(metadata="read")),
        404,
        "Not Found",
    )


def test_a_repository_of_another_installation_is_not_found(world: World) -> None:
    world.github.repository("other/private", installation_id=2)
    for path in ("/repos/other/private", "/repos/acme/none", f"{REPO}/pulls/9"):
        refused(world.client.get(path), 404, "Not Found")
    assert world.as_app("POST", "/app/installations/9/access_tokens").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        (
            "POST",
            "/issues/1/comments",
            {"body": "b", "x": 1},
            '"x" is not a permitted key.',
        ),
        ("POST", "/issues/1/comments", {}, '"body" wasn\'t supplied.'),
        (
            "POST",
            "/issues/1/comments",
            {"body": 1},
            "For 'properties/body', 1 is not a string.",
        ),
        ("POST", "/check-runs", {"name": "n"}, '"head_sha" wasn\'t supplied.'),
        (
            "POST",
            "/labels",
            {"name": "n", "colour": "x"},
            '"colour" is not a permitted key.',
        ),
    ],
)
def test_a_body_of_another_form(
    world: World, pull: Pull, method: str, path: str, body: dict[str, Any], words: str
) -> None:
    answer = world.client.request(method, REPO + path, json=body)
    refused(answer, 422, f"Invalid request.\n\n{words}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"output": {"title": "t", "summary": "s" * 65_536}},
            "Only 65535 characters are allowed; 65536 were supplied.",
        ),
        (
            {"output": {"title": "t", "summary": "s", "text": "あ" * 65_536}},
            "Only 65535 characters are allowed; 65536 were supplied.",
        ),
        (
            {"output": {"title": "t", "summary": "s", "annotations": [NOTE] * 51}},
            "No more than 50 items are allowed; 51 were supplied.",
        ),
        (
            {"actions": [{"label": "l", "description": "d", "identifier": "i"}] * 4},
            "No more than 3 items are allowed; 4 were supplied.",
        ),
        (
            {"actions": [{"label": "l" * 21, "description": "d", "identifier": "i"}]},
            "Only 20 characters are allowed; 21 were supplied.",
        ),
        (
            {"actions": [{"label": "l", "description": "d" * 41, "identifier": "i"}]},
            "Only 40 characters are allowed; 41 were supplied.",
        ),
        (
            {"actions": [{"label": "l", "description": "d", "identifier": "i" * 21}]},
            "Only 20 characters are allowed; 21 were supplied.",
        ),
        ({"output": {"summary": "s"}}, '"title" wasn\'t supplied.'),
        ({"status": "completed"}, "conclusion is required when status is completed."),
    ],
)
def test_a_check_run_over_the_limits(
    world: World, pull: Pull, change: dict[str, Any], words: str
) -> None:
    body = {"name": "NFR review", "head_sha": pull.head_sha, **change}
    answer = world.client.post(f"{REPO}/check-runs", json=body)
    refused(answer, 422, f"Invalid request.\n\n{words}")
    assert pull.check_runs() == []


def test_a_check_run_at_the_limits_is_taken(world: World, pull: Pull) -> None:
    output = {
        "title": "t",
        "summary": "s" * 65_535,
        "text": "t" * 65_535,
        "annotations": [NOTE] * 50,
    }
    button = {"label": "l" * 20, "description": "d" * 40, "identifier": "i" * 20}
    body = {"name": "NFR review", "head_sha": pull.head_sha, "conclusion": "success"}
    full = {**body, "output": output, "actions": [button] * 3}
    assert world.client.post(f"{REPO}/check-runs", json=full).status_code == 201


def test_a_check_run_on_an_unknown_head(world: World, pull: Pull) -> None:
    body = {"name": "NFR review", "head_sha": "0" * 40}
    answer = world.client.post(f"{REPO}/check-runs", json=body)
    refused(answer, 422, f"No commit found for SHA: {'0' * 40}")


def test_a_comment_that_is_too_long_or_blank(world: World, pull: Pull) -> None:
    path = f"{REPO}/issues/1/comments"
    assert world.client.post(path, json={"body": "c" * 65_536}).status_code == 201
    for body in ("c" * 65_537, "  \n"):
        answer = world.client.post(path, json={"body": body})
        refused(answer, 422, "Validation Failed")
        [error] = answer.json()["errors"]
        assert (error["resource"], error["code"]) == ("IssueComment", "unprocessable")
    assert len(pull.comments) == 1


def test_a_label_that_exists_or_is_invalid(world: World) -> None:
    path = f"{REPO}/labels"
    assert world.client.post(path, json={"name": "x", "color": "ff0000"}).status_code == 201
    for body, field, code in (
        ({"name": "X", "color": "ff0000"}, "name", "already_exists"),
        ({"name": "y", "color": "#ff0000"}, "color", "invalid"),
        ({"name": "y" * 51}, "name", "invalid"),
        ({"name": "y", "description": "d" * 101}, "description", "custom"),
    ):
        answer = world.client.post(path, json=body)
        refused(answer, 422, "Validation Failed")
        [error] = answer.json()["errors"]
        assert (error["resource"], error["field"], error["code"]) == (
            "Label",
            field,
            code,
        )


def test_a_body_that_is_not_json(world: World, pull: Pull) -> None:
    for body in (b"{", b"\xff\xfe"):
        answer = world.client.post(f"{REPO}/issues/1/comments", content=body)
        refused(answer, 400, "Problems parsing JSON")
    answer = world.client.post(f"{REPO}/issues/1/comments", content=b"[]")
    refused(answer, 400, "Body should be a JSON object")
