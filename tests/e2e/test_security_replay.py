"""Deliveries that somebody has recorded, sent once more: what identifies them is not signed."""

from __future__ import annotations

import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghapp.emulator.deliveries import Delivery
from ghapp.store.pruning import prune
from tests.e2e.stories import BUTTONS, press
from tests.e2e.world import World, conclusion, in_store, quiet, running

# A fresh run is asked for, and made: GitHub waits for one. It says what the former one said.
ASKED_AGAIN = {"rerequested"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, BUTTONS) as made:
        yield made


def replay(world: World, sent: Delivery, guid: str) -> None:
    """The very body and signature, under an id of the sender's choice."""
    assert world.ghapp
    headers, body = world.github.signed(sent)
    headers["X-GitHub-Delivery"] = guid
    request = urllib.request.Request(f"{world.ghapp.url}/webhook", body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status in (200, 202)


def written(world: World) -> Counter[str]:
    calls = world.github.calls.items()
    writes = {name: count for name, count in calls if not name.startswith("GET")}
    return Counter({name: n for name, n in writes.items() if "access_tokens" not in name})


def test_a_recorded_press_of_a_button_signs_nothing_off_again(world: World) -> None:
    pull = world.open()
    world.settle()
    world.clock.forward()
    press(pull, "signoff", "sam")
    world.settle()
    assert conclusion(pull) == "success"
    pressed = [one for one in world.github.deliveries.all if one.action == "requested_action"]
    world.say(pull, "/nfr undo")
    world.settle()
    for guid in (pressed[-1].guid, str(uuid.uuid4())):
        replay(world, pressed[-1], guid)
    world.settle()
    assert conclusion(pull) == "action_required"
    world.clock.forward()
    press(pull, "signoff", "sam")  # pressed in earnest it counts once more
    world.settle()
    assert conclusion(pull) == "success"


def test_what_is_replayed_after_it_was_forgotten_writes_nothing(world: World) -> None:
    quiet(world)
    pull = world.open()
    world.settle()
    world.say(pull, "/nfr done")
    world.settle()
    world.say(pull, "/nfr undo")
    world.settle()
    pull.add_label("nfr: signed off", "sam")
    world.settle()
    pull.remove_label("nfr: signed off", "sam")
    world.settle()
    marks = (conclusion(pull), pull.labels, pull.comments[0].body)
    sent = [one for one in world.github.deliveries.all if one.action not in ASKED_AGAIN]
    in_store(world, lambda store: prune(store.records, 0.0))
    before = written(world)
    for one in sent:
        for guid in (one.guid, str(uuid.uuid4())):
            replay(world, one, guid)
    world.settle()
    assert (conclusion(pull), pull.labels, pull.comments[0].body) == marks
    assert written(world) == before
