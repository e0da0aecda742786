"""A merge queue as our client reads it, and the one run on its head."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ghapp.core.marks import CheckRun, PutCheckRun
from ghapp.core.model import QueueKey, Repository
from ghapp.core.review.merge_queue import Member
from ghapp.emulator import faults
from ghapp.emulator.faults import Fault
from ghapp.emulator.repository import MergeQueue, Pull, QueueEntry
from ghapp.errors import Gone, Retry
from tests.github.world import World

GRAPHQL = "POST /graphql"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.shop.merge_queue().required = "another check"
    yield made
    made.close()


def queue(world: World) -> MergeQueue:
    return world.shop.queues["main"]


def key(world: World, head_sha: str = "") -> QueueKey:
    """Of the tip of main where no head is named."""
    return QueueKey(world.repository, "main", head_sha or world.shop.branches["main"])


def queued(world: World, *names: str) -> list[Pull]:
    pulls = [world.pull(branch=name, files={f"{name}.py": "1\n"}) for name in names]
    for pull in pulls:
        pull.enqueue()
    return pulls


def test_the_members_come_with_their_heads(world: World) -> None:
    first, second = queued(world, "a", "b")
    one, two = queue(world).entries
    page = f"{world.github.addresses.html}/acme/shop/pull"
    facts = world.run(lambda client: client.queue(key(world, one.head_sha)))
    assert facts.members == (
        Member(1, 1, first.head_sha, one.head_sha, "AWAITING_CHECKS", f"{page}/1"),
        Member(2, 2, second.head_sha, two.head_sha, "AWAITING_CHECKS", f"{page}/2"),
    )
    assert (facts.refused, facts.check_run, facts.run_id) == ("", None, 0)
    assert facts.upto(one.head_sha) == facts.members[:1]
    assert world.github.calls[GRAPHQL] == 1


def test_a_queue_of_more_than_one_page_is_read_whole(world: World) -> None:
    (pull,) = queued(world, "a")
    more = [
        QueueEntry(number, queue(world), pull, pull.author, world.now(), head_sha=f"{number:040x}")
        for number in range(2, 252)
    ]
    queue(world).entries += more
    facts = world.run(lambda client: client.queue(key(world)))
    assert [one.position for one in facts.members] == list(range(1, 252))
    assert world.github.calls[GRAPHQL] == 3


def test_a_branch_without_a_queue_has_no_members(world: World) -> None:
    other = QueueKey(world.repository, "stable", key(world).head_sha)
    assert world.run(lambda client: client.queue(other)).members == ()


def test_a_queue_that_may_not_be_read_says_so_and_an_outage_comes_again(world: World) -> None:
    queued(world, "a")
    del world.github.installations[1].permissions["merge_queues"]
    facts = world.run(lambda client: client.queue(key(world)))
    assert facts.members == ()
    assert "FORBIDDEN Resource not accessible by integration" in facts.refused
    world.github.faults.add(faults.broken(GRAPHQL, times=None))
    with pytest.raises(Retry):
        world.run(lambda client: client.queue(key(world)))


def test_a_repository_out_of_reach_is_gone(world: World) -> None:
    away = QueueKey(Repository(1, 99, "acme/nowhere"), "main", "f" * 40)
    with pytest.raises(Gone):
        world.run(lambda client: client.queue(away))


def test_what_we_put_on_a_head_we_get_and_patch(world: World) -> None:
    queued(world, "a")
    (entry,) = queue(world).entries
    head = key(world, entry.head_sha)
    run = CheckRun(entry.head_sha, "d1", "success", "May be merged: #1", "fine")
    made = world.run(lambda client: client.answer(head, PutCheckRun(run, 0)))
    (there,) = world.shop.check_runs.values()
    assert there.external_id == "v1:queue:d1"
    facts = world.run(lambda client: client.queue(head))
    assert (facts.check_run, facts.run_id) == (run, made.id)
    assert facts.check_run and facts.check_run.conclusion == "success"
    held = CheckRun(entry.head_sha, "d2", "failure", "#1: On hold", "held")
    world.run(lambda client: client.answer(head, PutCheckRun(held, made.id)))
    assert list(world.shop.check_runs.values()) == [there]
    assert (there.conclusion, there.title, there.external_id) == (
        "failure", "#1: On hold", "v1:queue:d2",
    )  # fmt: skip


def test_a_run_written_for_a_pull_is_no_answer_to_the_queue(world: World) -> None:
    pull = world.pull()
    run = CheckRun(pull.head_sha, "d1", "success", "fine", "fine")
    world.run(lambda client: client.apply(world.key(pull), PutCheckRun(run, 0)))
    facts = world.run(lambda client: client.queue(key(world, pull.head_sha)))
    assert facts.check_run and facts.check_run.digest == ""


@pytest.mark.parametrize("branch", ["main", "release/1.x"])
def test_whether_the_base_branch_holds_the_head(world: World, branch: str) -> None:
    world.shop.branch("release/1.x")
    pull = world.pull(base=branch)
    asked = QueueKey(world.repository, branch, pull.head_sha)
    assert not world.run(lambda client: client.merged(asked))
    pull.merge("mia")
    assert world.run(lambda client: client.merged(asked))


def test_an_entry_that_is_not_told_stands_before_all_others(world: World) -> None:
    queued(world, "a")
    (entry,) = queue(world).entries
    shown = {
        "position": 2,
        "state": "AWAITING_CHECKS",
        "headCommit": {"oid": entry.head_sha},
        "pullRequest": {"number": 1, "headRefOid": entry.pull.head_sha, "url": ""},
    }
    entries = {"nodes": [None, shown], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    data = {"data": {"repository": {"mergeQueue": {"entries": entries}}}}
    world.github.faults.add(Fault("POST /graphql", body=json.dumps(data).encode()))
    facts = world.run(lambda client: client.queue(key(world, entry.head_sha)))
    assert [one.number for one in facts.upto(entry.head_sha)] == [0, 1]
