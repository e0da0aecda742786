"""Merge queues: the head of a queue is answered from the sign-offs of the pulls in it."""

from __future__ import annotations

import asyncio

import pytest

from ghapp.emulator import faults
from ghapp.emulator.checks import CheckRun
from ghapp.emulator.repository import MergeQueue, Pull, Repository
from tests.e2e.marks import SIGNED, conclusion, marks
from tests.e2e.processes import Process
from tests.e2e.stories import HTML, Shop, Steps, story
from tests.e2e.world import ENFORCE, RISKY, World, almost_parked, quiet
from tests.store.stores import changed

ADVISE = ENFORCE.replace("enforce", "advise")
CLEAR = {"app/orders.py": "total = len\n"}
RUNS = "POST /repos/{owner}/{repo}/check-runs"
GRAPHQL = "POST /graphql"


def migrating(repository: Repository, name: str) -> Pull:
    """A flagged pull that conflicts with no other."""
    files = {f"db/migrate/{name}.sql": RISKY + f"-- {name}\n"}
    return repository.open_pull(
        author="ann", branch=f"feat/{name}", title=f"feat: {name}", files=files
    )


def heads(repository: Repository) -> list[CheckRun]:
    """All runs of ours on the heads of queues, oldest first."""
    runs = repository.check_runs.values()
    return [run for run in runs if run.external_id.startswith("v1:queue:")]


def slow(repository: Repository) -> MergeQueue:
    """A queue that also waits for a check that never comes, so that pulls stay in it."""
    queue = repository.merge_queue()
    queue.required = "another check"
    return queue


def states(*pulls: Pull) -> list[str]:
    return ["merged" if pull.merged_at else pull.state for pull in pulls]


@story()
def test_a_signed_pull_is_merged(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = migrating(shop.repository, "a")
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED
    pull.enqueue(by="ann")
    yield
    assert states(pull) == ["merged"]
    (run,) = heads(shop.repository)
    assert (run.conclusion, run.title) == ("success", f"May be merged: #{pull.number}")
    assert run.head_sha == shop.repository.branches["main"]


@story()
def test_the_unsigned_pull_of_a_group_is_named_and_the_others_are_merged(shop: Shop) -> Steps:
    queue = shop.repository.merge_queue()
    first, unsigned, last = (migrating(shop.repository, name) for name in "abc")
    yield
    first.comment("/nfr done", "sam")
    last.comment("/nfr done", "sam")
    yield
    for pull in (first, unsigned, last):
        pull.enqueue(by="ann")
    yield
    assert states(first, unsigned, last) == ["merged", "open", "merged"]
    assert queue.entries == []
    failed = [run for run in heads(shop.repository) if run.conclusion == "failure"]
    assert failed and all(f"#{unsigned.number}: " in (run.title or "") for run in failed)
    summary, page = failed[0].summary or "", f"{HTML}/{shop.repository.full_name}/pull"
    assert f"- **[#{unsigned.number}]({page}/{unsigned.number}): " in summary
    assert "GitHub removes a pull request from the queue" in summary
    # The last one was tested anew, without the one that is out.
    assert (heads(shop.repository)[-1].title or "").endswith(f"#{last.number}")


@story()
def test_a_hold_on_a_queued_pull_keeps_it_from_being_merged(shop: Shop) -> Steps:
    slow(shop.repository)
    pull = migrating(shop.repository, "a")
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.enqueue(by="ann")
    yield
    (run,) = heads(shop.repository)
    assert run.conclusion == "success"
    pull.comment("/nfr hold -- load test first", "sam")
    yield
    assert heads(shop.repository) == [run]
    assert (run.conclusion, run.title) == (
        "failure", f"#{pull.number}: On hold: the whole pull request",
    )  # fmt: skip
    pull.comment("/nfr undo", "sam")
    yield
    assert (heads(shop.repository), run.conclusion) == ([run], "success")


@story()
def test_a_pull_whose_delivery_was_lost_is_reviewed_before_the_answer(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    yield
    pull = shop.lose("pull_request.opened", lambda: shop.open(CLEAR))
    assert isinstance(pull, Pull)
    yield
    shop.lose("pull_request.enqueued", lambda: pull.enqueue(by="ann"))
    yield
    assert (states(pull), marks(pull)) == (["merged"], ("success", set()))
    assert [run.conclusion for run in heads(shop.repository)] == ["success"]


@story()
def test_a_check_that_is_rerun_gets_a_new_check_run(shop: Shop) -> Steps:
    slow(shop.repository)
    pull = shop.open(CLEAR)
    yield
    pull.enqueue(by="ann")
    yield
    (first,) = heads(shop.repository)
    shop.repository.rerequest_run(first.id, by="ann")
    yield
    assert [run.conclusion for run in heads(shop.repository)] == [None, "success"]
    shop.repository.rerequest_suite(first.head_sha, by="ann")
    yield
    assert [run.conclusion for run in heads(shop.repository)] == [None, "success", "success"]


@story()
def test_nothing_is_written_while_the_answer_stays_the_same(shop: Shop) -> Steps:
    slow(shop.repository)
    pull, other = shop.open(CLEAR), migrating(shop.repository, "b")
    yield
    pull.enqueue(by="ann")
    yield
    (run,) = heads(shop.repository)
    written = run.suite.updated_at  # moves with every write to a run of the head
    other.comment("/nfr done", "sam")
    yield
    assert marks(other) == SIGNED
    assert (heads(shop.repository), run.suite.updated_at) == ([run], written)


@story(ADVISE)
def test_advice_does_not_block_a_merge(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = migrating(shop.repository, "a")
    yield
    assert marks(pull)[0] == "neutral"
    pull.enqueue(by="ann")
    yield
    assert states(pull) == ["merged"]


@story("mode: observe\n")
def test_a_queue_gets_no_check_run_if_the_policy_only_observes(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = migrating(shop.repository, "a")
    yield
    pull.enqueue(by="ann")
    yield
    assert (heads(shop.repository), states(pull)) == ([], ["open"])


@story("mode: observe\n")
def test_a_queue_waits_for_a_policy_that_no_longer_only_observes(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = shop.open(CLEAR)
    yield
    shop.policy(ENFORCE)
    # The queue asks before anybody has read the new policy, and no verdict changes by that.
    pull.enqueue(by="ann")
    yield
    assert (states(pull), len(heads(shop.repository))) == (["merged"], 1)


@story(f"{ENFORCE}language: ja\n")
def test_a_queue_is_answered_in_the_language_of_the_policy(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = migrating(shop.repository, "a")
    yield
    pull.enqueue(by="ann")
    yield
    (run,) = heads(shop.repository)
    assert run.conclusion == "failure"
    assert "マージキューのこのコミットに含まれる PR：" in (run.summary or "")
    assert f"- **[#{pull.number}]({HTML}/" in (run.summary or "")


def passing(world: World) -> Pull:
    """A pull whose check has passed, and that can be queued; its queue never merges it."""
    slow(world.repository)
    pull = world.open(CLEAR)
    world.settle()
    assert conclusion(pull) == "success"
    world.clock.forward()
    return pull


def test_doubled_deliveries_and_a_lost_response_lead_to_one_check_run(world: World) -> None:
    pull = passing(world)
    world.github.double_next(2, "merge_group.*")
    world.github.faults.add(faults.broken(RUNS, 502, after=True))
    pull.enqueue(by="ann")
    world.settle()
    (run,) = heads(world.repository)
    assert run.conclusion == "success"


def test_a_missing_permission_fails_the_queue_and_is_named(world: World) -> None:
    pull = passing(world)
    del world.github.installations[1].permissions["merge_queues"]
    world.stop()
    world.start()  # with a token of what is granted now
    pull.enqueue(by="ann")
    world.settle()
    (run,) = heads(world.repository)
    assert run.conclusion == "failure"
    assert run.title == "Cannot tell which pull requests this is for"
    assert "Resource not accessible by integration" in (run.summary or "")


def test_repeated_failures_are_shown_on_the_head_of_the_queue(world: World) -> None:
    pull = passing(world)
    world.stop()
    with world.github.deliveries.held() as held:
        pull.enqueue(by="ann")
    asyncio.run(almost_parked(world, [one for one in held if one.event == "merge_group"]))
    world.github.faults.add(faults.broken(GRAPHQL, 500, times=None))
    world.start()
    world.until("the parked key", lambda: world.ready()["parked"] == 1)
    (run,) = heads(world.repository)
    assert (run.conclusion, run.title) == ("failure", "The merge queue could not be read")
    assert "500" in (run.summary or "")


@pytest.mark.slow("kills a process, and waits until another one takes over")
def test_a_process_killed_while_answering_a_queue_leaves_one_check_run(world: World) -> None:
    pull = passing(world)
    world.stop()
    first = Process(world, "serve")
    world.github.listen(f"{first.url}/webhook")
    world.github.faults.add(faults.Fault(RUNS, after=True, delay_seconds=4))
    pull.enqueue(by="ann")
    world.until("its effect", lambda: bool(heads(world.repository)))
    first.kill()
    changed(world.settings.database_url, "UPDATE keys SET lease_until = 0")  # half a minute later
    world.start()
    world.settle()
    assert [run.conclusion for run in heads(world.repository)] == ["success"]


def test_a_group_that_was_merged_meanwhile_gets_no_late_failure(world: World) -> None:
    quiet(world)
    pull = passing(world)
    world.github.lose_next(1, "merge_group.checks_requested")
    pull.enqueue(by="ann")
    (entry,) = world.repository.queues["main"].entries
    done = {"status": "completed", "conclusion": "success"}
    body = {"name": "another check", "head_sha": entry.head_sha, **done}
    with world.github.lock:
        world.repository.create_run(body)
    world.settle()
    assert states(pull) == ["merged"]
    lost = next(one for one in world.github.deliveries.all if one.action == "checks_requested")
    world.github.redeliver(lost.id)
    world.github.settle()
    changed(world.settings.database_url, "UPDATE keys SET waited = 6 WHERE kind = 'queue'")
    world.settle()
    assert heads(world.repository) == []
