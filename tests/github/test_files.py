"""Pulls of 100 to 3,000 files: every page read side by side, all of one head, none guessed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from ghapp.core.decide import decide
from ghapp.core.records import History, PolicySource
from ghapp.core.review.facts import Facts
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.scan import scan
from ghapp.emulator.faults import slow
from ghapp.emulator.repository import Pull
from ghapp.github.api import MOST_OF_REPOSITORY
from ghapp.github.client import GitHub
from ghapp.observer import Observer
from tests.github.world import RULES, World

FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"
PULL = "GET /repos/{owner}/{repo}/pulls/{number}"
# Long beside what it takes to send some thirty requests on a busy machine.
LATENCY_SECONDS = 0.5


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def calm(world: World) -> Iterator[None]:
    world.github.calls.clear()
    yield
    world.github.latency_seconds = 0.0
    world.github.faults.clear()


def big(world: World, files: int) -> Pull:
    """A pull of so many files; made once."""
    branch = f"big-{files}"
    open_ = (pull for pull in world.shop.pulls.values() if pull.head_ref == branch)
    return next(open_, None) or world.shop.open_big_pull(
        files, author="ann", branch=branch, lines=1
    )


def pages(files: int) -> int:
    return -(-min(files, 3_000) // 100)


def conclusion(facts: Facts) -> str:
    asked = checklist(scan(facts.pull, facts.policy), facts.policy, ())
    run = decide(facts, History(), asked, (), ()).marks.check_run
    assert run
    return run.conclusion


@pytest.mark.parametrize(
    ("files", "complete"),
    [(101, True), (300, True), (2_999, True), (3_000, False), (3_001, False)],
)
def test_all_files_that_github_lists_are_read_in_one_round_trip(
    world: World, files: int, complete: bool
) -> None:
    pull = big(world, files)
    facts = world.gather(pull, History(opened=True, changed_files=files))
    paths = [file.path for file in facts.pull.files]
    assert (len(paths), facts.pull.complete) == (min(files, 3_000), complete)
    assert paths == sorted(set(paths))
    calls = world.github.calls
    assert (calls[PULL], calls[FILES]) == (1, pages(files))
    assert (conclusion(facts) == "success") is complete


@pytest.mark.parametrize(("told", "trips"), [(2_999, 1), (0, 2)])
def test_the_number_that_the_delivery_told_saves_a_round_trip(
    world: World, told: int, trips: int
) -> None:
    pull = big(world, 2_999)
    spans: list[tuple[float, float]] = []

    class Spans(Observer):
        def called(self, method: str, path: str, status: int, result: str, seconds: float) -> None:
            if f"/pulls/{pull.number}" in path:
                end = time.perf_counter()
                spans.append((end - seconds, end))

    world.github.latency_seconds = LATENCY_SECONDS
    world.gather(pull, History(opened=True, changed_files=told), observer=Spans())
    assert len(spans) == 31
    first_answered = min(end for _, end in spans)
    waited_for_it = [begun for begun, _ in spans if begun > first_answered]
    assert len(waited_for_it) == (0 if trips == 1 else 29)


def test_several_large_pulls_at_once_stay_within_what_github_lets_be_in_flight(
    world: World,
) -> None:
    pulls = [big(world, files) for files in (2_999, 3_000, 3_001)]
    world.github.latency_seconds, world.github.most_under_way = LATENCY_SECONDS, 0

    async def story(client: GitHub) -> list[Facts]:
        policy = PolicySource(organisation=PolicySource(read_at=world.now()))
        known = [History(opened=True, changed_files=3_000, policy=policy)] * 2
        reads = [
            client.gather(world.key(pull), history, RULES) for pull in pulls for history in known
        ]
        return list(await asyncio.gather(*reads))

    found = world.run(story)
    assert [len(facts.pull.files) for facts in found] == [2_999] * 2 + [3_000] * 4
    assert 31 < world.github.most_under_way <= MOST_OF_REPOSITORY


def test_a_push_while_pages_are_read_ends_with_the_files_of_one_head(world: World) -> None:
    pull = world.shop.open_big_pull(1_000, author="ann", branch="moving", lines=1)
    late = 4
    # These see what the push has brought; the pull and the other pages are of the head before.
    world.github.faults.add(slow(FILES, 1.0, times=late))
    answered, early = [""], asyncio.Event()

    class Early(Observer):
        def called(self, method: str, path: str, status: int, result: str, seconds: float) -> None:
            answered.append(path)
            if sum(f"/pulls/{pull.number}" in one for one in answered) == 11 - late:
                early.set()

    async def story(client: GitHub) -> Facts:
        history = History(opened=True, changed_files=1_000)
        reading = asyncio.create_task(client.gather(world.key(pull), history, RULES))
        async with asyncio.timeout(20):
            await early.wait()
        added = {f"src/part0/new_{n}.py": "value = 1\n" for n in range(7)}
        await asyncio.to_thread(pull.push, {**added, "src/part0/module_0000.py": None})
        return await reading

    before = pull.head_sha
    facts = world.run(story, observer=Early())
    assert facts.pull.head_sha == pull.head_sha != before
    assert {file.path for file in facts.pull.files} == {
        change.path.decode() for change in pull.changes()
    }
    assert len(facts.pull.files) == 1_006
    assert world.github.calls[PULL] == 2
