"""What a queue's head is answered while something is not known yet, and when that stays so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from ghapp.core.marks import CheckRun, PutCheckRun
from ghapp.core.model import QueueKey
from ghapp.core.records import Claim, PolicySource
from ghapp.emulator.checks import CheckRun as Run
from ghapp.emulator.faults import Fault, stale
from ghapp.emulator.repository import Pull, QueueEntry
from ghapp.errors import Lag, LeaseLost
from ghapp.github.client import GitHub
from ghapp.observer import Observer
from ghapp.store import Store, runs
from ghapp.worker import merge_queue
from tests.github.world import RULES, World
from tests.store.stores import NOON, admitted, changed, delivery, due, opened, run, verdict

LISTED = "GET /repos/{owner}/{repo}/commits/{ref}/check-runs"
Told = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A claimed head of a queue that merges nothing. mode: of the policy in force."""

    mode = "enforce"

    def __init__(self, world: World, url: str, store: Store, github: GitHub, claim: Claim) -> None:
        self.world, self.url, self.store, self.github = world, url, store, github
        self.claim = claim
        assert isinstance(claim.key, QueueKey)
        self.key = claim.key

    async def answer(self) -> tuple[PutCheckRun, ...]:
        return await merge_queue.answer(
            self.claim, self.key, self.github, self.store, RULES, Observer()
        )

    async def waits(self, reason: str) -> float:
        """For how many seconds the answer is deferred, which counts as no failure."""
        with pytest.raises(Lag, match=reason) as lag:
            await self.answer()
        return lag.value.after_seconds

    async def verdict(self, pull: Pull, conclusion: str) -> None:
        """What a run of the pull leaves."""
        key, head_sha = self.world.key(pull), pull.head_sha
        await self.store.queue.mark_dirty([key])
        claim = await due(self.store, key)
        text, absent = f"mode: {self.mode}\n", PolicySource(read_at=NOON)
        source = PolicySource(text, "", NOON, text, organisation=absent)
        await admitted(self.store, claim, head_sha=head_sha, source=source)
        await self.store.records.write(runs.record, claim, run(verdict(key, conclusion, head_sha)))
        await self.store.queue.finish(claim)

    def waited(self, times: int) -> None:
        changed(self.url, f"UPDATE keys SET waited = {times} WHERE kind = 'queue'")

    @property
    def runs(self) -> list[Run]:
        return list(self.world.shop.check_runs.values())


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.shop.merge_queue().required = "another check"
    yield made
    made.close()


def queued(world: World, *names: str) -> list[QueueEntry]:
    for name in names:
        world.pull(branch=name, files={f"{name}.py": "1\n"}).enqueue()
    return world.shop.queues["main"].entries


def told(world: World, folder: Path, head_sha: str, tell: Told) -> None:
    url = f"sqlite:///{folder / 'ghapp.sqlite3'}"

    async def story(client: GitHub) -> None:
        async with opened(url) as store:
            key = QueueKey(world.repository, "main", head_sha)
            await store.queue.accept(delivery(key))
            await tell(Scene(world, url, store, client, await due(store, key)))

    world.run(story)


def test_what_was_heard_and_is_not_worked_off_is_waited_for(world: World, tmp_path: Path) -> None:
    (one,) = queued(world, "a")

    async def tell(scene: Scene) -> None:
        await scene.verdict(one.pull, "success")
        await scene.store.queue.accept(
            delivery(world.key(one.pull), fresh_at=NOON)
        )  # perhaps a hold
        await scene.waits(f"no verdict yet on #{one.pull.number}")
        scene.waited(6)
        (effect,) = await scene.answer()
        assert effect.check_run.conclusion == "failure"

    told(world, tmp_path, one.head_sha, tell)


def test_a_verdict_on_another_base_says_nothing(world: World, tmp_path: Path) -> None:
    (one,) = queued(world, "a")

    async def tell(scene: Scene) -> None:
        await scene.verdict(one.pull, "success")
        changed(scene.url, "UPDATE reviews SET verdict = replace(verdict, '\"main\"', '\"old\"')")
        await scene.waits(f"no verdict yet on #{one.pull.number}")

    told(world, tmp_path, one.head_sha, tell)


def test_a_head_that_github_does_not_show_yet_is_waited_for(world: World, tmp_path: Path) -> None:
    (one,) = queued(world, "a")

    async def tell(scene: Scene) -> None:
        await scene.verdict(one.pull, "success")
        world.github.faults.add(Fault(LISTED, status=404, message="Not Found"))
        await scene.waits("404")
        (effect,) = await scene.answer()
        assert effect.check_run.conclusion == "success"

    told(world, tmp_path, one.head_sha, tell)


def test_a_pull_without_a_verdict_is_looked_at_and_waited_for_and_then_fails(
    world: World, tmp_path: Path
) -> None:
    one, two = queued(world, "a", "b")

    async def tell(scene: Scene) -> None:
        await scene.verdict(one.pull, "success")
        for waited, seconds in enumerate((1, 2, 4, 8, 16, 16)):
            scene.waited(waited)
            assert await scene.waits(f"no verdict yet on #{two.pull.number}") == seconds
        assert await due(scene.store, world.key(two.pull))
        scene.waited(6)
        (effect,) = await scene.answer()
        assert effect.check_run.conclusion == "failure"
        (run,) = scene.runs
        assert (run.conclusion, run.title) == ("failure", f"Not reviewed yet: #{two.pull.number}")

    told(world, tmp_path, two.head_sha, tell)


def test_the_answer_comes_with_the_last_verdict(world: World, tmp_path: Path) -> None:
    one, two = queued(world, "a", "b")

    async def tell(scene: Scene) -> None:
        await scene.verdict(one.pull, "success")
        await scene.waits("no verdict yet")
        await scene.verdict(two.pull, "neutral")
        assert len(await scene.answer()) == 1
        assert await scene.answer() == ()
        assert [run.conclusion for run in scene.runs] == ["success"]

    told(world, tmp_path, two.head_sha, tell)


def test_a_head_that_is_not_listed_is_waited_for_and_never_guessed(
    world: World, tmp_path: Path
) -> None:
    (entry,) = queued(world, "a")
    head_sha = entry.head_sha

    async def tell(scene: Scene) -> None:
        await scene.verdict(entry.pull, "success")
        entry.head_sha = "e" * 40  # which the queue tests now
        await scene.waits("GitHub does not list it")
        scene.waited(6)
        await scene.answer()
        (run,) = scene.runs
        assert (run.conclusion, run.title) == (
            "failure", "Cannot tell which pull requests this is for",
        )  # fmt: skip
        with pytest.raises(LeaseLost, match="has the answer"):
            await scene.answer()
        with pytest.raises(LeaseLost):  # its key is gone, whatever GitHub tells later
            await scene.store.queue.finish(scene.claim)

    told(world, tmp_path, head_sha, tell)


def test_a_blocked_pull_that_leaves_the_queue_takes_nobody_with_it(
    world: World, tmp_path: Path
) -> None:
    one, two = queued(world, "a", "b")

    async def tell(scene: Scene) -> None:
        await scene.verdict(one.pull, "")
        await scene.verdict(two.pull, "success")
        one.state = "UNMERGEABLE"
        await scene.waits(f"GitHub is taking #{one.pull.number} out")
        world.shop.queues["main"].entries.remove(one)
        await scene.answer()
        assert [run.conclusion for run in scene.runs] == ["success"]

    told(world, tmp_path, two.head_sha, tell)


def test_a_run_that_may_be_there_and_is_not_listed_yet_is_not_written_twice(
    world: World, tmp_path: Path
) -> None:
    (entry,) = queued(world, "a")

    async def tell(scene: Scene) -> None:
        await scene.verdict(entry.pull, "success")
        written = PutCheckRun(CheckRun(entry.head_sha, "of another day", "success", "a", "b"), 0)
        await scene.store.records.write(runs.intend, scene.claim, (written,))
        await scene.github.answer(scene.key, written)
        world.github.faults.add(stale(LISTED, times=1))
        await scene.waits("is not visible yet")
        (effect,) = await scene.answer()
        assert effect.run_id == scene.runs[0].id
        assert [run.title for run in scene.runs] == [f"May be merged: #{entry.pull.number}"]

    told(world, tmp_path, entry.head_sha, tell)


def test_a_pull_on_another_head_than_its_verdict_is_looked_at_again(
    world: World, tmp_path: Path
) -> None:
    (entry,) = queued(world, "a")

    async def tell(scene: Scene) -> None:
        await scene.verdict(entry.pull, "success")
        entry.pull.head_sha = world.shop.branches["main"]
        await scene.waits("no verdict yet")
        assert scene.runs == []

    told(world, tmp_path, entry.head_sha, tell)


def test_where_nothing_is_enforced_the_unknown_blocks_nobody_and_is_not_green(
    world: World, tmp_path: Path
) -> None:
    one, two = queued(world, "a", "b")

    async def tell(scene: Scene) -> None:
        scene.mode = "advise"
        await scene.verdict(one.pull, "success")
        scene.waited(6)
        await scene.answer()
        assert [run.conclusion for run in scene.runs] == ["neutral"]

    told(world, tmp_path, two.head_sha, tell)


def test_nothing_is_said_while_the_policy_only_observes(world: World, tmp_path: Path) -> None:
    (entry,) = queued(world, "a")

    async def tell(scene: Scene) -> None:
        scene.mode = "observe"
        await scene.verdict(entry.pull, "success")
        assert await scene.answer() == ()
        await merge_queue.show_failure(
            scene.claim, scene.key, "down", scene.github, scene.store, RULES, Observer()
        )
        assert scene.runs == []

    told(world, tmp_path, entry.head_sha, tell)


@pytest.mark.parametrize(
    ("day", "conclusion"), [("2100-01-01", "neutral"), ("2020-01-01", "failure")]
)
def test_a_queue_goes_by_the_day_from_which_the_policy_enforces(
    world: World, tmp_path: Path, day: str, conclusion: str
) -> None:
    """A verdict that is not known blocks only if something is enforced by then."""
    (entry, other) = queued(world, "a", "b")

    async def tell(scene: Scene) -> None:
        scene.mode = f"enforce\nenforce_from: {day}"
        await scene.verdict(entry.pull, "success")
        scene.waited(6)
        await scene.answer()
        assert [run.conclusion for run in scene.runs] == [conclusion]

    told(world, tmp_path, other.head_sha, tell)
