"""The recipe for an effect in CONTRIBUTING, followed with a throw-away effect."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from ghapp.core import marks
from ghapp.core.marks import KINDS, Change, Effect, Marks, Outcome, Written, after, plan, traces
from ghapp.core.records import History
from ghapp.github import apply
from ghapp.metrics import Metrics
from ghapp.store import runs
from ghapp.worker import effects
from tests.store.stores import KEY, NOON, claimed, opened, recalled

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Pinned(Marks):
    """What it writes: topics that are pinned."""

    topics: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pin(Effect):
    topic: str
    repeatable = False

    @property
    def name(self) -> str:
        return f"Pin {self.topic}"

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        desired, observed = cast("Pinned", change.desired), cast("Pinned", change.observed)
        return map(cls, sorted(desired.topics - observed.topics))

    def applied(self, marks: Marks) -> Marks:
        return replace(marks, topics=cast("Pinned", marks).topics | {self.topic})  # type: ignore[call-arg]

    @classmethod
    def traces(cls, marks: Marks, written: Written) -> Iterable[str]:
        return [cls(topic).name for topic in getattr(marks, "topics", ())]


async def pin(api: object, key: object, effect: Pin) -> Outcome:
    return Outcome(len(effect.topic), NOON)


@pytest.fixture(autouse=True)
def with_the_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "KINDS", (*KINDS, Pin))
    monkeypatch.setitem(cast("dict[Any, Any]", apply.REQUESTS), Pin, pin)


A, B = Pinned(topics=frozenset({"a"})), Pinned(topics=frozenset({"a", "b"}))


def test_it_is_planned_and_leaves_what_it_writes() -> None:
    planned = plan(B, A, Written(), {})
    assert planned == (Pin("b"),)
    assert after(A, planned) == B


def test_its_trace_is_searched_for() -> None:
    assert traces(A, Written()) == {"Pin a"}
    assert not marks.is_repeatable("Pin a")


def test_its_request_is_sent_and_counted() -> None:
    class GitHub:
        async def apply(self, key: Any, effect: Effect) -> Outcome:
            return await apply.apply(cast("Any", None), key, effect, cast("Any", None), NOON)

    metrics = Metrics()
    applied = asyncio.run(effects.apply(KEY, (Pin("b"),), History(), GitHub(), metrics))
    assert applied.outcome(Pin) == Outcome(1, NOON)
    assert b'effect="Pin",result="taken"' in metrics.page(None)


def test_it_is_among_the_writes_under_way(sqlite_url: str) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            claim = await claimed(store)
            await store.records.write(runs.intend, claim, (Pin("b"),))
            assert (await recalled(store)).unresolved == {"Pin b"}

    asyncio.run(play())


def test_the_recipe_names_five_source_files_at_most() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(r"^## How to add an effect\n(.*?)Tests:", text, re.MULTILINE | re.DOTALL)
    assert found
    files = set(re.findall(r"`((?:core|github|worker)/[\w/]+\.py)`", found.group(1)))
    assert all((ROOT / "ghapp" / name).is_file() for name in files)
    assert len(files) == 5
