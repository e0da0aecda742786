"""Set-up in a real browser: Secure cookies on loopback, and forms that lead to GitHub and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.unset import started, unset
from tests.e2e.world import PATIENCE_SECONDS, World

pytestmark = pytest.mark.slow("starts a browser")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with unset(tmp_path / "data") as made:
        yield made


def test_the_app_is_made_and_installed_by_mouse(page: Page, world: World) -> None:
    server = started(world)
    page.goto(server.invited[0].partition("Open ")[2])
    expect(page).to_have_url(f"{server.url}/setup")
    page.get_by_label("Organisation that will own the App").fill("acme")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("row", name="Checks write")).to_be_visible()
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("button", name="Create on GitHub").click()
    page.get_by_role("button", name="Create GitHub App").click()
    page.get_by_role("button", name="Install on acme").click()
    patience = PATIENCE_SECONDS * 1000
    expect(page.get_by_role("heading", name="ghapp is set up")).to_be_visible(timeout=patience)
    pull = world.open()
    world.settle()
    assert [run.name for run in pull.check_runs()] == ["NFR review"]
