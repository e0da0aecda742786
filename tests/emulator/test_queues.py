"""The emulator's merge queue: groups on top of each other, merged from the front or taken out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ghapp.emulator.graphql import QUEUE
from ghapp.emulator.repository import MergeQueue, Pull, QueueEntry
from tests.emulator.test_graphql import ask
from tests.emulator.world import World
from tests.emulator.world import world as emulator_world

REPO = "/repos/acme/shop"


@pytest.fixture
def world() -> Iterator[World]:
    with emulator_world() as made:
        made.repository.merge_queue()
        yield made


def queued(world: World, *names: str) -> list[Pull]:
    pulls = [
        world.repository.open_pull(author="ann", branch=name, files={f"{name}.py": f"{name}\n"})
        for name in names
    ]
    for pull in pulls:
        pull.enqueue()
    return pulls


def queue(world: World) -> MergeQueue:
    return world.repository.queues["main"]


def check(world: World, head_sha: str, conclusion: str, name: str = "NFR review") -> None:
    body = {"name": name, "head_sha": head_sha, "conclusion": conclusion}
    assert world.client.post(f"{REPO}/check-runs", json=body).status_code == 201


def repository(world: World, **values: Any) -> Any:
    """What GraphQL answers about the queue of a branch, with errors."""
    return ask(world, QUEUE, **{"owner": "Acme", "name": "shop", "branch": "main", **values})


def test_each_entry_is_tested_on_top_of_the_entries_before_it(world: World) -> None:
    first, second = queued(world, "a", "b")
    one, two = queue(world).entries
    git, tip = world.repository.network.git, world.repository.branches["main"]
    assert git.parents[one.head_sha] == (tip, first.head_sha)
    assert git.parents[two.head_sha] == (one.head_sha, second.head_sha)
    assert world.repository.branches[f"gh-readonly-queue/main/pr-2-{one.head_sha}"] == two.head_sha
    asked = [row["merge_group"] for row in world.payloads("merge_group")]
    assert [(row["head_sha"], row["base_sha"], row["base_ref"]) for row in asked] == [
        (one.head_sha, tip, "refs/heads/main"), (two.head_sha, one.head_sha, "refs/heads/main"),
    ]  # fmt: skip
    rows = world.payloads("pull_request")
    assert [row["number"] for row in rows if row["action"] == "enqueued"] == [1, 2]


def test_the_front_is_merged_when_its_check_passes_and_the_rest_follows(world: World) -> None:
    first, second = queued(world, "a", "b")
    one, two = (entry.head_sha for entry in queue(world).entries)
    check(world, two, "success")
    assert (first.merged_at, second.merged_at) == (None, None)
    check(world, one, "failure", "another check")
    check(world, one, "neutral")
    assert first.merged_at and second.merged_at
    assert world.repository.branches == {
        "main": two, "a": first.head_sha, "b": second.head_sha,
    }  # fmt: skip
    ended = [row for row in world.payloads("merge_group") if row["action"] == "destroyed"]
    assert [(row["reason"], row["merge_group"]["head_sha"]) for row in ended] == [
        ("merged", one), ("merged", two),
    ]  # fmt: skip
    assert first.merge_commit_sha == one


def test_a_failed_pull_is_taken_out_and_the_rest_is_tested_anew(world: World) -> None:
    first, second = queued(world, "a", "b")
    one, two = (entry.head_sha for entry in queue(world).entries)
    check(world, one, "failure")
    (left,) = queue(world).entries
    assert (left.pull, first.state, first.merged_at) == (second, "open", None)
    assert left.head_sha not in (one, two)
    assert left.base_sha == world.repository.branches["main"]
    assert [(row["action"], row.get("reason")) for row in world.payloads("merge_group")[2:]] == [
        ("destroyed", "dequeued"), ("destroyed", "invalidated"), ("checks_requested", None),
    ]  # fmt: skip
    out = world.payloads("pull_request")[-1]
    assert (out["action"], out["number"], out["reason"]) == ("dequeued", 1, "CI_FAILURE")


def test_a_failed_entry_behind_waits_until_it_is_at_the_front(world: World) -> None:
    queued(world, "a", "b")
    one, two = queue(world).entries
    check(world, two.head_sha, "failure")
    assert queue(world).entries == [one, two]
    assert (one.state, two.state) == ("AWAITING_CHECKS", "UNMERGEABLE")
    check(world, one.head_sha, "success")
    assert queue(world).entries == []
    assert two.pull.merged_at is None


def test_a_conflict_a_push_or_a_person_takes_a_pull_out(world: World) -> None:
    pulls = queued(world, "a", "b", "c")
    other = world.repository.open_pull(author="ann", branch="d", files={"a.py": "another\n"})
    other.enqueue()
    pulls[0].push({"a.py": "more\n"})
    pulls[1].dequeue("ann")
    pulls[2].close()
    reasons = [
        (row["number"], row["reason"])
        for row in world.payloads("pull_request")
        if row["action"] == "dequeued"
    ]
    assert reasons == [
        (4, "MERGE_CONFLICT"), (1, "UNKNOWN_REMOVAL_REASON"), (2, "MANUAL"), (3, "MANUAL"),
    ]  # fmt: skip
    assert queue(world).entries == []
    pulls[1].dequeue("ann")  # which it is not in any more
    with pytest.raises(ValueError, match="cannot be added"):
        pulls[2].enqueue()
    with pytest.raises(ValueError, match="cannot be added"):
        other.enqueue("eve")


def test_graphql_shows_the_queue_page_by_page(world: World) -> None:
    (pull,) = queued(world, "a")
    first, *_ = queue(world).entries
    queue(world).entries += [
        QueueEntry(number, queue(world), pull, first.enqueuer, first.enqueued_at)
        for number in range(2, 102)
    ]
    page = repository(world)["data"]["repository"]["mergeQueue"]["entries"]
    assert len(page["nodes"]) == 100
    assert page["nodes"][0] == {
        "position": 1,
        "state": "AWAITING_CHECKS",
        "headCommit": {"oid": first.head_sha},
        "pullRequest": {
            "number": 1,
            "headRefOid": pull.head_sha,
            "url": f"{world.github.addresses.html}/acme/shop/pull/1",
        },
    }
    assert (page["nodes"][1]["state"], page["nodes"][1]["headCommit"]) == ("QUEUED", None)
    assert page["pageInfo"]["hasNextPage"]
    cursor = page["pageInfo"]["endCursor"]
    rest = repository(world, after=cursor)["data"]["repository"]["mergeQueue"]["entries"]
    assert [node["position"] for node in rest["nodes"]] == [101]
    assert not rest["pageInfo"]["hasNextPage"]
    assert repository(world, branch="a") == {"data": {"repository": {"mergeQueue": None}}}


def test_graphql_refuses_a_missing_permission_cursor_or_repository(world: World) -> None:
    names = {"owner": "Acme", "name": "shop", "branch": "main"}
    answer = ask(world, QUEUE, world.narrowed(checks="write"), **names)
    assert answer["data"]["repository"]["mergeQueue"] is None
    [error] = answer["errors"]
    assert (error["type"], error["message"]) == (
        "FORBIDDEN", "Resource not accessible by integration",
    )  # fmt: skip
    wrong = repository(world, after="?")
    assert wrong["data"]["repository"]["mergeQueue"]["entries"] is None
    assert wrong["errors"][0]["type"] == "ARGUMENT_LIMIT"
    unknown = repository(world, name="x")
    assert (unknown["data"], unknown["errors"][0]["type"]) == ({"repository": None}, "NOT_FOUND")


def test_two_commits_are_compared(world: World) -> None:
    (pull,) = queued(world, "a")
    head = pull.head_sha

    def status(base: str, other: str) -> Any:
        return world.client.get(f"{REPO}/compare/{base}...{other}").json().get("status")

    assert (status("main", head), status(head, "main")) == ("ahead", "behind")
    assert status("main", "main") == "identical"
    world.repository.push("main", {"z.py": "1\n"}, "ann")
    assert status("main", head) == "diverged"
    assert world.client.get(f"{REPO}/compare/main...{'f' * 40}").status_code == 404
    assert world.client.get(f"{REPO}/compare/main").status_code == 404
