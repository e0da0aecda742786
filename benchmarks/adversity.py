"""The same kills and faults for all contestants: what is lost, what is doubled.

Nothing here is a matter of speed, so that all contestants go through it side by side.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from benchmarks.apart import Apart, apart
from benchmarks.contestants import Running, started
from benchmarks.figures import Figures
from benchmarks.load import paced
from benchmarks.moments import (
    Recording,
    acknowledged,
    deliver,
    delivered,
    marked,
    marks,
    opened,
    set_faults,
    set_latency,
)
from ghapp.emulator.faults import Fault

FLAKY, WRITTEN, KILLED = "10 % 502 and 5 % 403", "written but answered 502", "kill -9"
RATE = 20.0
LATENCY = 0.05
# Octokit's last retry comes 16 s after the one before; ghapp's queue says itself what waits.
STILL_SECONDS, MOST_SECONDS = 20.0, 180.0
FAULTY_SECONDS = 60.0  # so long the faults last; then GitHub is well
SENDERS = 16
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."
FAULTS = {
    FLAKY: (
        Fault("* /repos/*", None, rate=0.10, status=502, message="Server Error"),
        Fault("* /repos/*", None, rate=0.05, status=403, message=SECONDARY, retry_after=1),
    ),
    WRITTEN: (
        Fault("POST /repos/*/check-runs", None, rate=0.10, status=502, after=True),
        Fault("POST /repos/*/comments", None, rate=0.10, status=502, after=True),
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of pulls. acknowledged: their delivery was answered well. lost: they lack a mark.

    late: they lacked one when the faults ended.
    """

    acknowledged: int
    lost: int
    lost_acknowledged: int
    doubled: int
    late: int = 0


def groups(pulls: int) -> dict[str, tuple[int, int]]:
    """What `built` has to build."""
    return dict.fromkeys((FLAKY, WRITTEN, KILLED), (pulls, 10))


def suffer(
    github: Recording,
    names: Sequence[str],
    figures: Figures,
    tell: Callable[[str], None],
) -> None:
    """All scenarios, one after the other."""
    for scenario in (FLAKY, WRITTEN, KILLED):
        tell(scenario)
        with ExitStack() as stack:
            both = []
            for name in names:
                emulator = stack.enter_context(apart(github))
                both.append((emulator, stack.enter_context(started(name, emulator))))
            outcomes = asyncio.run(_all(both, scenario))
        for name, outcome in zip(names, outcomes, strict=True):
            figures.note(f"{scenario}: acknowledged", name, outcome.acknowledged)
            row = f"{scenario}: of these lost"
            figures.note(row, name, outcome.lost_acknowledged, "0")
            figures.note(f"{scenario}: lost of all", name, outcome.lost, "0")
            figures.note(f"{scenario}: doubled", name, outcome.doubled, "0")
            if scenario in FAULTS:
                figures.note(f"{scenario}: lacking a mark when it ended", name, outcome.late)


async def _all(both: Sequence[tuple[Apart, Running]], scenario: str) -> list[Outcome]:
    one = _killed if scenario == KILLED else _faulty
    return await asyncio.gather(*(one(emulator, running, scenario) for emulator, running in both))


async def _faulty(emulator: Apart, running: Running, scenario: str) -> Outcome:
    requests = emulator.ask(opened, scenario)
    emulator.ask(set_faults, *FAULTS[scenario])
    sent = (await paced(running.server.url, requests, RATE)).sent
    await _settled(emulator, running, scenario, len(requests), FAULTY_SECONDS)
    late = len(requests) - emulator.ask(marked, scenario)
    emulator.ask(set_faults)
    await _settled(emulator, running, scenario, len(requests), MOST_SECONDS)
    good = [200 <= one.status < 300 for one in sent]
    return replace(_counted(emulator, scenario, good), late=late)


async def _killed(emulator: Apart, running: Running, scenario: str) -> Outcome:
    """Killed once a quarter of the pulls is done; started again once nothing is under way."""
    emulator.ask(set_latency, LATENCY)
    total = len(emulator.ask(opened, scenario))
    emulator.ask(deliver, scenario, running.webhook, SENDERS)
    await _until(lambda: emulator.ask(marked, scenario) >= total // 4, 60.0)
    running.kill()
    await _until(lambda: emulator.ask(delivered), 60.0)
    await asyncio.to_thread(running.restart)
    await _settled(emulator, running, scenario, total, MOST_SECONDS)
    return _counted(emulator, scenario, emulator.ask(acknowledged, scenario))


async def _settled(
    emulator: Apart, running: Running, group: str, total: int, most_seconds: float
) -> None:
    """Until all are marked, or for a while none is any more and none is put off."""
    seen, still, began = -1, 0.0, time.monotonic()
    while seen < total and time.monotonic() - began < most_seconds:
        count = emulator.ask(marked, group)
        still = 0.0 if count != seen else still + 0.25
        if still > STILL_SECONDS and not await asyncio.to_thread(running.waiting):
            break
        seen = count
        await asyncio.sleep(0.25)
    await asyncio.sleep(1.0)  # for what would be doubled


async def _until(true: Callable[[], bool], seconds: float) -> None:
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"not within {seconds} s")


def _counted(emulator: Apart, group: str, good: Sequence[bool]) -> Outcome:
    found = emulator.ask(marks, group)
    lost = [not each.whole for each in found]
    return Outcome(
        acknowledged=sum(good),
        lost=sum(lost),
        lost_acknowledged=sum(gone for gone, taken in zip(lost, good, strict=True) if taken),
        doubled=sum(each.doubled for each in found),
    )
