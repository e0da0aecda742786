"""Merge queues: a queue's head is answered from the sign-offs of the pulls that it holds."""

from __future__ import annotations

from ghapp.emulator.checks import CheckRun
from ghapp.emulator.repository import MergeQueue, Pull, Repository
from tests.e2e.stories import HTML, SIGNED, Shop, Steps, marks, story
from tests.e2e.world import ENFORCE, RISKY

ADVISE = ENFORCE.replace("enforce", "advise")
CLEAR = {"app/orders.py": "total = len\n"}


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
def a_signed_pull_is_merged(shop: Shop) -> Steps:
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
def of_a_group_the_unsigned_one_is_named_and_the_others_are_merged(shop: Shop) -> Steps:
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
    assert "GitHub takes a pull request out of the queue" in summary
    # The last one was tested anew, without the one that is out.
    assert (heads(shop.repository)[-1].title or "").endswith(f"#{last.number}")


@story()
def a_hold_said_while_queued_keeps_a_pull_from_being_merged(shop: Shop) -> Steps:
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
def a_pull_whose_delivery_was_lost_is_reviewed_before_the_answer(shop: Shop) -> Steps:
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
def a_run_asked_for_again_is_answered_afresh(shop: Shop) -> Steps:
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
def another_verdict_that_does_not_change_the_answer_writes_nothing(shop: Shop) -> Steps:
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
def advice_blocks_nobody(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = migrating(shop.repository, "a")
    yield
    assert marks(pull)[0] == "neutral"
    pull.enqueue(by="ann")
    yield
    assert states(pull) == ["merged"]


@story("mode: observe\n")
def where_ghapp_only_observes_the_queue_hears_nothing(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = migrating(shop.repository, "a")
    yield
    pull.enqueue(by="ann")
    yield
    assert (heads(shop.repository), states(pull)) == ([], ["open"])


@story("mode: observe\n")
def a_policy_that_no_longer_only_observes_is_waited_for(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = shop.open(CLEAR)
    yield
    shop.policy(ENFORCE)
    # The queue asks before anybody has read the new policy, and no verdict changes by that.
    pull.enqueue(by="ann")
    yield
    assert (states(pull), len(heads(shop.repository))) == (["merged"], 1)


@story(f"{ENFORCE}language: ja\n")
def the_queue_is_answered_in_the_language_of_the_policy(shop: Shop) -> Steps:
    shop.repository.merge_queue()
    pull = migrating(shop.repository, "a")
    yield
    pull.enqueue(by="ann")
    yield
    (run,) = heads(shop.repository)
    assert run.conclusion == "failure"
    assert "マージキューのこのコミットに含まれる PR：" in (run.summary or "")
    assert f"- **[#{pull.number}]({HTML}/" in (run.summary or "")
