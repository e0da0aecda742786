"""People call the API with tokens of their own: as themselves, with what both may do."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from githubkit_schemas.latest import models

from tests.emulator.test_answers import valid
from tests.emulator.world import World

REPO = "/repos/acme/shop"
WRITE = {"contents": "write", "pull_requests": "write"}


def content(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def send(world: World, method: str, path: str, login: str = "ann", **body: Any) -> httpx.Response:
    token = world.github.personal_token(login, WRITE)
    headers = {"authorization": f"Bearer {token}"}
    return world.client.request(method, f"{REPO}{path}", headers=headers, json=body or None)


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status and words in answer.text


def test_a_person_makes_a_branch_a_commit_and_a_pull(world: World) -> None:
    tip = world.repository.branches["main"]
    made = send(world, "POST", "/git/refs", ref="refs/heads/a/b", sha=tip)
    assert made.status_code == 201
    valid(models.GitRef, made.json())
    written = send(
        world, "PUT", "/contents/new.txt", message="Add", content=content("x\n"), branch="a/b"
    )
    assert written.status_code == 201
    assert world.repository.branches["a/b"] == written.json()["commit"]["sha"] != tip
    sha = written.json()["content"]["sha"]
    again = send(
        world, "PUT", "/contents/new.txt", message="Change", content=content("y\n"), branch="a/b",
        sha=sha,
    )  # fmt: skip
    assert again.status_code == 200
    opened = send(world, "POST", "/pulls", title="T", head="a/b", base="main", body="B")
    assert opened.status_code == 201
    pull = valid(models.PullRequest, opened.json())
    assert (pull["user"]["login"], pull["head"]["ref"], pull["body"]) == ("ann", "a/b", "B")
    assert [row["before"] for row in world.payloads("push")][-1] != world.repository.branches["a/b"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/git/refs", {"ref": "refs/heads/main"}, 422, "Reference already exists"),
        ("POST", "/git/refs", {"ref": "main"}, 422, "refs/heads/"),
        ("POST", "/git/refs", {"ref": "refs/heads/x", "sha": "0" * 40}, 422, "does not exist"),
        ("PUT", "/contents/a", {"branch": "none"}, 404, "Branch none not found"),
        ("PUT", "/contents/old.txt", {}, 422, "sha"),
        ("PUT", "/contents/old.txt", {"sha": "0" * 40}, 409, "does not match"),
        ("PUT", "/contents/a", {"content": "%"}, 422, "Base64"),
        ("POST", "/pulls", {"head": "none"}, 422, "invalid"),
        ("POST", "/pulls", {"head": "main"}, 422, "No commits between"),
    ],
)
def test_what_is_refused(
    world: World, method: str, path: str, body: dict[str, str], status: int, words: str
) -> None:
    needed: dict[str, dict[str, str]] = {
        "refs": {"sha": world.repository.branches["main"]},
        "cont": {"message": "m", "content": content("x")},
        "pull": {"title": "t", "base": "main"},
    }
    rest = next(more for name, more in needed.items() if f"/{name}" in path)
    refused(send(world, method, path, **{**rest, **body}), status, words)


def test_one_pull_for_a_branch(world: World) -> None:
    world.repository.open_pull(author="ann", branch="x", files={"a": "a"})
    answer = send(world, "POST", "/pulls", title="T", head="x", base="main")
    refused(answer, 422, "A pull request already exists for acme:x.")


def test_a_token_may_not_do_more_than_its_owner(world: World) -> None:
    tip = world.repository.branches["main"]
    world.repository.collaborator("eve", "read")
    for login, status in (("eve", 403), ("mallory", 404)):
        made = send(world, "POST", "/git/refs", login, ref="refs/heads/x", sha=tip)
        assert made.status_code == status
    headers = {"authorization": f"Bearer {world.github.personal_token('ann', {})}"}
    denied = world.client.post(
        f"{REPO}/git/refs", headers=headers, json={"ref": "refs/heads/x", "sha": tip}
    )
    refused(denied, 403, "Resource not accessible by personal access token")
    assert world.client.get(REPO, headers=headers).status_code == 200


def test_the_app_may_not_write_contents(world: World) -> None:
    body = {"message": "m", "content": content("x")}
    refused(world.client.put(f"{REPO}/contents/a", json=body), 403, "integration")
