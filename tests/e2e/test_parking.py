"""A review that fails again and again says so on the pull, and recovers with the next delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghapp.emulator import faults
from ghapp.emulator.deliveries import Delivery
from ghapp.github.webhook import parse
from ghapp.store import MAX_ATTEMPTS, Store
from tests.e2e.world import SECRET, WAITING, World, conclusion, ours, title

PULL = "GET /repos/{owner}/{repo}/pulls/{number}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, GHAPP_DEFAULT_MODE="enforce")
    try:
        yield made
    finally:
        made.close()


async def almost_parked(world: World, deliveries: list[Delivery]) -> None:
    """The store after all attempts but the last have failed."""
    store = await Store.open(world.settings.database_url)
    for delivery in deliveries:
        headers, body = world.github.signed(delivery)
        read = parse(headers, body, secrets=(SECRET,), app_id=world.github.app.id)
        await store.queue.accept(read)
    for _ in range(MAX_ATTEMPTS - 1):
        (claim,) = await store.queue.claim(1)
        await store.queue.put_off(claim, after_seconds=0, counts=True, error="GitHub is down")
    await store.close()


def test_the_last_failed_attempt_is_shown_on_the_pull(world: World) -> None:
    with world.github.deliveries.held() as held:
        pull = world.open()
    asyncio.run(almost_parked(world, [one for one in held if one.event == "pull_request"]))
    world.github.faults.add(faults.broken(PULL, 500, times=None))
    world.start()
    world.until("a run that says so", lambda: conclusion(pull) != "missing")
    assert (conclusion(pull), title(pull)) == ("action_required", "The review failed")
    assert "500" in (pull.check_runs()[-1].summary or "")
    world.until("the parked key", lambda: world.ready()["parked"] == 1)

    world.github.faults.clear()
    pull.edit(by="ann", title="feat: loyalty points")
    world.settle()
    assert (conclusion(pull), pull.labels, len(ours(pull))) == ("in progress", WAITING, 1)


def test_a_parked_pull_has_its_say_on_a_shared_head(world: World) -> None:
    with world.github.deliveries.held() as held:
        pull = world.open()
        world.repository.branch("stable", of="feat/points")
        world.clock.forward()
        pull.push({"app/orders.py": "total = len\n"})
    asyncio.run(almost_parked(world, [one for one in held if one.event == "pull_request"]))
    world.github.faults.add(faults.broken(PULL, 500, times=None))
    world.start()
    world.until("the parked key", lambda: world.ready()["parked"] == 1)
    world.github.faults.clear()
    clear = world.repository.open_pull(author="ann", branch="feat/points", base="stable")
    world.until("its own marks", lambda: len(clear.check_runs()) > 1)
    assert clear.head_sha == pull.head_sha
    assert conclusion(clear) == "action_required"
