"""Links from GitHub to the page of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
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


def test_the_issue_of_a_project_and_its_pulls_lead_to_its_page(world: World) -> None:
    issue = world.repository.open_issue("ann", "Points <v2>")
    issue.comment("/nfr project", "ann")
    world.settle()
    path = f"/projects/acme/shop/{issue.number}"
    assert issue.comments[-1].body.endswith(f"[Timeline and details]({BASE}{path})")
    issue.comment("/nfr consult -- is 500 rps fine?", "ann")
    pull = world.open()
    world.say(pull, f"/nfr project #{issue.number}", by="ann")
    world.settle()
    assert world.ghapp
    with httpx.Client(base_url=world.ghapp.url) as browser:
        queue = browser.get("/?lang=en").text
        project = browser.get(f"{path}?lang=en").text
        page = browser.get(f"/pulls/acme/shop/{pull.number}?lang=en").text
    assert f'href="{path}?lang=en"' in queue and "is 500 rps fine?" in queue
    assert "Points &lt;v2&gt;" in project and "is 500 rps fine?" in project
    assert f'href="/pulls/acme/shop/{pull.number}?lang=en"' in project
    assert f'<a href="{path}?lang=en">' in page
