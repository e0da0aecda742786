"""Links from GitHub to the page of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World, running

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, GHAPP_PAGES="local", GHAPP_BASE_URL=BASE) as made:
        yield made


def test_check_run_and_comment_lead_to_the_page(world: World) -> None:
    pull = world.open()
    world.settle()
    page = f"{BASE}/pulls/acme/shop/{pull.number}"
    (run,) = pull.check_runs()
    assert run.details_url == page
    assert pull.comments[0].body.endswith(f"[Timeline and details]({page})")


def test_a_page_that_is_new_rewrites_no_check_run(world: World) -> None:
    world.stop()
    world.environment.pop("GHAPP_PAGES")
    world.start()
    pull = world.open()
    world.settle()
    (run,) = pull.check_runs()
    written = run.external_id, run.suite.updated_at
    assert run.details_url == ""
    world.stop()
    world.environment["GHAPP_PAGES"] = "local"
    world.start()
    world.say(pull, "/nfr refresh")
    world.settle()
    assert pull.comments[0].body.endswith(f"({BASE}/pulls/acme/shop/{pull.number})")
    assert [(one.external_id, one.suite.updated_at) for one in pull.check_runs()] == [written]
