"""What a pull shows whose review failed too often."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ghapp.core.marks import Effect, Outcome, PutCheckRun
from ghapp.core.model import PullKey, Push, QueueKey, Via
from ghapp.core.records import PolicySource
from ghapp.observer import Observer
from ghapp.store import runs
from ghapp.worker.parking import show_failure
from tests.github.world import RULES
from tests.store.stores import (
    HEAD,
    KEY,
    NOON,
    admitted,
    claimed,
    delivery,
    due,
    opened,
    recalled,
    run,
    verdict,
)
from tests.store.test_trials import a_trial, ago


class Written:
    """A GitHub that takes check runs."""

    def __init__(self) -> None:
        self.conclusions: list[str] = []

    async def apply(self, key: PullKey, effect: Effect) -> Outcome:
        assert key == KEY
        assert isinstance(effect, PutCheckRun)
        self.conclusions.append(effect.check_run.conclusion)
        return Outcome(1, NOON)

    async def answer(self, key: QueueKey, effect: PutCheckRun) -> Outcome:
        raise AssertionError("it is no queue")


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ("mode: enforce\nenforce_from: 2100-01-01\n", ["neutral"]),
        ("mode: enforce\nenforce_from: 2020-01-01\n", ["action_required"]),
        ("mode: observe\n", []),
    ],
)
def test_it_goes_by_the_day_and_keeps_what_would_have_blocked(
    tmp_path: Path, policy: str, shown: list[str]
) -> None:
    async def play() -> None:
        github, trial = Written(), a_trial(ago(3))
        async with opened(f"sqlite:///{tmp_path / 'ghapp.db'}") as store:
            push = Push(HEAD, "ann", NOON, via=Via.OPENED, id="d-1")
            await store.queue.accept(delivery(push=push, pushed_to=KEY))
            claim, source = await due(store), PolicySource(policy, "", NOON, policy)
            await admitted(store, claim, source=source)
            left = replace(run(verdict(KEY)), trial=trial)
            await store.records.write(runs.record, claim, left, finished=True)
            claim = await claimed(store)
            await show_failure(claim, "502", github, store, RULES, Observer())
            assert github.conclusions == shown
            assert (await recalled(store)).trial == trial

    asyncio.run(play())
