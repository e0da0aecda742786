"""Deliveries about merge queues: which head they concern, and which one nobody tests any more."""

from __future__ import annotations

from typing import Any

import pytest

from ghapp.core.model import Delivery, QueueKey, RepositoryKey
from ghapp.errors import Refused
from tests.github.deliveries import ANN, APP_ID, HEAD, SHOP, branch_push, ref, told

BRANCH = f"gh-readonly-queue/main/pr-4-{'b' * 40}"
KEY = QueueKey(SHOP, "main", HEAD)


def group(action: str, **parts: Any) -> Delivery:
    about = {
        "head_sha": HEAD,
        "head_ref": f"refs/heads/{BRANCH}",
        "base_sha": "b" * 40,
        "base_ref": "refs/heads/main",
        **parts,
    }
    return told("merge_group", action, merge_group=about)


def test_a_head_to_be_checked_is_a_key() -> None:
    asked = group("checks_requested")
    assert (asked.keys, asked.ended, asked.touched) == ((KEY,), (), False)
    assert str(KEY) == f"queue:{SHOP.id}:{HEAD}:main"
    assert QueueKey.named(SHOP, str(KEY)) == KEY


@pytest.mark.parametrize("reason", ["merged", "invalidated", "dequeued"])
def test_a_head_that_is_destroyed_is_no_key_any_more(reason: str) -> None:
    ended = told(
        "merge_group",
        "destroyed",
        reason=reason,
        merge_group={"head_sha": HEAD, "base_ref": "refs/heads/main"},
    )
    assert (ended.keys, ended.ended) == ((), (KEY,))


def test_another_action_is_of_no_concern() -> None:
    assert group("checks_completed").keys == ()


@pytest.mark.parametrize("branch", ["release/1.x", "日本語", "a" * 255])
def test_any_name_of_a_branch_comes_through(branch: str) -> None:
    (key,) = group("checks_requested", base_ref=f"refs/heads/{branch}").keys
    assert isinstance(key, QueueKey)
    assert key.base_ref == branch
    assert QueueKey.named(SHOP, str(key)) == key


@pytest.mark.parametrize(
    "base_ref", ["main", "refs/tags/v1", "refs/heads/", "refs/heads/a:b", "refs/heads/a\0", None, 7]
)
def test_what_is_no_branch_is_refused(base_ref: object) -> None:
    with pytest.raises(Refused):
        group("checks_requested", base_ref=base_ref)


def check_run(action: str, branch: str | None, **parts: Any) -> Delivery:
    about = {
        "head_sha": HEAD,
        "app": {"id": APP_ID},
        "external_id": "v1:queue:abc",
        "pull_requests": [],
        "check_suite": {"head_branch": branch},
        **parts,
    }
    return told("check_run", action, check_run=about)


def suite(action: str, branch: str | None) -> Delivery:
    about = {"head_sha": HEAD, "head_branch": branch, "app": {"id": APP_ID}, "pull_requests": []}
    return told("check_suite", action, check_suite=about)


def test_a_run_or_a_suite_asked_for_again_is_answered_afresh() -> None:
    for again in (check_run("rerequested", BRANCH), suite("rerequested", BRANCH)):
        assert (again.keys, again.touched, again.messages) == ((KEY,), True, ())
    named = check_run("rerequested", BRANCH, pull_requests=[ref(4)])
    assert named.keys == (KEY,)
    deep = f"gh-readonly-queue/release/1.x/pr-4-{'b' * 40}"
    assert suite("rerequested", deep).keys == (QueueKey(SHOP, "release/1.x", HEAD),)


@pytest.mark.parametrize("branch", [None, "", "main", "gh-readonly-queue/main", f"x/{BRANCH}"])
def test_on_another_branch_there_is_no_queue(branch: str | None) -> None:
    assert check_run("rerequested", branch).keys == ()
    assert suite("rerequested", branch).keys == ()


def test_that_a_suite_is_wanted_another_event_tells() -> None:
    assert suite("requested", BRANCH).keys == ()
    assert check_run("requested_action", BRANCH).keys == ()
    assert check_run("rerequested", BRANCH, app={"id": 8}).keys == ()
    assert check_run("rerequested", BRANCH, head_sha=None).keys == ()


QUEUE = {"login": "github-merge-queue[bot]", "type": "Bot"}


def test_that_a_queue_made_its_branch_is_not_remembered() -> None:
    """Nobody who speaks has pushed it, and a queue may make hundreds a day."""
    made = branch_push(ref=f"refs/heads/{BRANCH}", sender=QUEUE)
    assert (made.push, made.pushed_to, made.keys) == (None, None, ())


@pytest.mark.parametrize(
    ("branch", "sender"),
    [
        (BRANCH, ANN),  # GitHub lets people make branches of such names, and Apps
        (BRANCH, {"login": "evil-app[bot]", "type": "Bot"}),
        ("main", QUEUE),
        (f"x/{BRANCH}", QUEUE),
    ],
)
def test_who_pushed_anything_else_is(branch: str, sender: dict[str, str]) -> None:
    made = branch_push(ref=f"refs/heads/{branch}", sender=sender)
    assert made.push and made.push.login == sender["login"]
    assert made.pushed_to == RepositoryKey(SHOP)
