"""Sign-in in a real browser: cookies on loopback, GitHub's page and back, and out again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.unset import Unset, started, unset
from tests.e2e.world import PATIENCE_SECONDS, World

pytestmark = pytest.mark.slow("starts a browser")
# Where to keep what the browser showed, for whoever wants to see it; by default nowhere.
KEPT = os.environ.get("GHAPP_TEST_SCREENSHOTS", "")
PATIENCE = PATIENCE_SECONDS * 1000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An emulated GitHub on which ann may see acme/shop and mallory nothing."""
    with unset(tmp_path / "data") as made:
        made.environment["GHAPP_PAGES"] = "sign-in"
        made.github.user("mallory")
        yield made


def kept(page: Page, name: str) -> None:
    if KEPT:
        page.screenshot(path=Path(KEPT) / f"{name}.png", full_page=True)


def set_up(page: Page, world: World) -> Unset:
    """Make and install the App; then ghapp is set up."""
    server = started(world)
    page.goto(server.invited[0].partition("Open ")[2])
    page.get_by_label("Organisation that will own the App").fill("acme")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Create on GitHub").click()
    page.get_by_role("button", name="Create GitHub App").click()
    page.get_by_role("button", name="Install on acme").click()
    expect(page.get_by_role("heading", name="ghapp is set up")).to_be_visible(timeout=PATIENCE)
    return server


def opened(browser: Browser) -> Page:
    return browser.new_context(java_script_enabled=False, locale="en-GB").new_page()


def test_from_nothing_to_a_review_that_strangers_do_not_see(browser: Browser, world: World) -> None:
    page = opened(browser)
    server = set_up(page, world)
    pull = world.open(title="feat: points")
    world.settle()

    page.goto(f"{server.url}/pulls/acme/shop/{pull.number}")
    expect(page.get_by_role("heading", name="Authorize ghapp-acme")).to_be_visible()
    kept(page, "authorize")
    page.get_by_role("button", name="Authorize as ann").click()
    expect(page).to_have_url(f"{server.url}/pulls/acme/shop/{pull.number}")
    expect(page.get_by_role("heading", level=1)).to_have_text("feat: points")
    expect(page.get_by_role("banner")).to_contain_text("@ann")
    kept(page, "signed-in")
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    stranger = opened(browser)
    stranger.goto(server.url)
    stranger.get_by_role("button", name="Authorize as mallory").click()
    expect(stranger.get_by_text("lists no repository for @mallory")).to_be_visible()
    assert "acme" not in stranger.content()
    kept(stranger, "stranger")
    answer = stranger.goto(f"{server.url}/pulls/acme/shop/{pull.number}")
    assert answer and answer.status == 404

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/signed-out"))
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.get_by_role("heading", name="Authorize ghapp-acme")).to_be_visible()


def test_a_filter_of_a_page_whose_session_is_over_leads_to_sign_in(
    browser: Browser, world: World
) -> None:
    """The policy of that page would refuse a redirect of its form to GitHub."""
    page = opened(browser)
    server = set_up(page, world)
    world.open()
    world.settle()
    page.goto(server.url)
    page.get_by_role("button", name="Authorize as ann").click()
    world.github.revoke_authorization("ann")
    world.settle()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="Authorize ghapp-acme")).to_be_visible()
    page.get_by_role("button", name="Authorize as ann").click()
    expect(page).to_have_url(re.compile(rf"^{server.url}/\?"))
    expect(page.get_by_role("heading", name="Queue for the stand-up")).to_be_visible()


def test_a_feed_is_made_read_by_a_calendar_and_revoked(browser: Browser, world: World) -> None:
    page = opened(browser)
    server = set_up(page, world)
    page.goto(server.url)
    page.get_by_role("button", name="Authorize as ann").click()
    page.get_by_role("link", name="Calendar feeds").click()
    expect(page.get_by_text("You have no feed.")).to_be_visible()
    page.get_by_role("button", name="Make a feed").click()
    expect(page.get_by_role("heading", name="Your feed is made.")).to_be_visible()
    made = page.get_by_text(f"{server.url}/follow-ups.ics?token=").inner_text()
    kept(page, "feeds")
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    calendar = httpx.get(made, timeout=PATIENCE_SECONDS)
    assert calendar.text.startswith("BEGIN:VCALENDAR")
    page.get_by_role("button", name="Revoke the feed").click()
    expect(page.get_by_text("You have no feed.")).to_be_visible()
    assert httpx.get(made, timeout=PATIENCE_SECONDS).status_code == 404
