"""What a new user does, by mouse: from a server that knows nothing to a review that is signed off.

With GHAPP_TEST_SCREENSHOTS, the pictures of docs/quick-start.md are made anew; see CONTRIBUTING.md.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_playing import become
from tests.e2e.unset import started, unset
from tests.e2e.world import PATIENCE_SECONDS, World

pytestmark = pytest.mark.slow("starts a browser")
KEPT = os.environ.get("GHAPP_TEST_SCREENSHOTS", "")
PATIENCE = PATIENCE_SECONDS * 1000
# All that is set beside GHAPP_BASE_URL: where this test's GitHub, data and port are.
PLACES = ("GHAPP_GITHUB_API_URL", "GHAPP_DATA_DIR", "GHAPP_LOG_FORMAT", "PORT")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with unset(tmp_path / "data") as made:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for name in {*made.environment} - {*PLACES}:
            del made.environment[name]
        made.environment |= {"PORT": str(port), "GHAPP_BASE_URL": f"http://127.0.0.1:{port}"}
        yield made


def kept(page: Page, name: str) -> None:
    if KEPT:
        page.screenshot(path=Path(KEPT) / f"quick-start-{name}.png")


def test_from_nothing_to_a_sign_off(browser: Browser, world: World) -> None:
    page = browser.new_context(
        java_script_enabled=False, locale="en-GB", viewport={"width": 960, "height": 640}
    ).new_page()
    server = started(world)
    base = world.environment["GHAPP_BASE_URL"]

    # The address that `ghapp serve` prints.
    page.goto(server.invited[0].partition("Open ")[2])
    expect(page).to_have_url(f"{base}/setup")
    page.get_by_label("Organisation that will own the App").fill("acme")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Create on GitHub")).to_be_visible()
    kept(page, "1-set-up")
    page.get_by_role("button", name="Create on GitHub").click()
    page.get_by_role("button", name="Create GitHub App").click()
    page.get_by_role("button", name="Install on acme").click()
    expect(page.get_by_role("heading", name="ghapp is set up")).to_be_visible(timeout=PATIENCE)
    kept(page, "2-installed")

    # The first pull request is checked.
    pull = world.open(title="feat: points for orders")
    world.settle()
    assert [run.name for run in pull.check_runs()] == ["NFR review"]
    on_github = f"{world.api_url}/acme/shop/pull/{pull.number}"
    page.goto(on_github)
    expect(page.get_by_role("heading", name=re.compile("^NFR review"))).to_be_visible()

    # Whoever follows the link of the check run signs in first.
    here = f"{base}/pulls/acme/shop/{pull.number}"
    assert pull.check_runs()[0].details_url == here
    page.goto(here)
    page.get_by_role("button", name="Authorize as ann").click()
    expect(page).to_have_url(here)
    expect(page.get_by_role("heading", level=1)).to_have_text("feat: points for orders")
    kept(page, "4-pull")
    page.get_by_role("link", name="Queue").click()
    row = page.get_by_role("link", name=f"acme/shop#{pull.number}")
    expect(row.first).to_be_visible()
    kept(page, "3-queue")

    # Nobody signs off here, but on GitHub.
    page.goto(on_github)
    become(page, "sam")
    form = page.locator("form", has=page.get_by_label("Write a comment"))
    form.locator("textarea").fill("/nfr done -- looked at the plan")
    form.get_by_role("button", name="Comment").click()
    expect(page.get_by_role("status")).to_have_text("Commented as sam.")
    world.settle()
    page.goto(on_github)
    expect(page.get_by_role("heading", name="NFR review: signed off")).to_be_visible()
    kept(page, "5-signed-off")
    page.goto(base)
    waiting = page.get_by_role("region", name=re.compile("^Waiting on SRE"))
    expect(waiting.get_by_text("No pull request waits for a sign-off.")).to_be_visible()
    page.goto(here)
    expect(page.get_by_text("looked at the plan").first).to_be_visible()
