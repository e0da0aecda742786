"""The pages in a real browser, without script: a review from its opening to its sign-off."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.world import World, running

pytestmark = pytest.mark.slow("starts a browser")
# Where to keep what the browser showed, for whoever wants to see it; by default nowhere.
KEPT = os.environ.get("GHAPP_TEST_SCREENSHOTS", "")
TITLE = "feat: points <script>document.title = 1</script>"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, GHAPP_PAGES="local") as made:
        yield made


def opened(browser: Browser, width: int, **more: str) -> Page:
    """A window without script. more: as for `Browser.new_context`."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, java_script_enabled=False, **more)  # type: ignore[arg-type]
    return context.new_page()


def kept(page: Page, name: str) -> None:
    if KEPT:
        page.screenshot(path=Path(KEPT) / f"{name}.png", full_page=True)


def fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_review_is_in_the_queue_until_it_is_signed_off(browser: Browser, world: World) -> None:
    assert world.ghapp
    pull = world.open(title=TITLE)
    world.settle()
    page = opened(browser, 1280, locale="en-GB")
    page.goto(world.ghapp.url)
    author = page.get_by_role("region", name="Waiting on the author 1")
    expect(author.get_by_role("link", name="acme/shop#")).to_contain_text(TITLE)
    expect(page.get_by_text("No pull request waits for a sign-off.")).to_be_visible()
    fits(page, 1280)
    kept(page, "queue-1280")
    author.get_by_role("link", name="acme/shop#").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("heading", name="Database migration")).to_be_visible()
    world.say(pull, "/nfr check all", by="ann")
    world.settle()
    page.reload()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("ann answered")
    fits(page, 1280)
    kept(page, "pull-1280")
    page.get_by_role("link", name="Queue").click()
    expect(page.get_by_role("region", name="Waiting on SRE 1")).to_contain_text("team sre")
    world.say(pull, "/nfr done")
    world.settle()
    page.reload()
    expect(page.get_by_role("region", name="Waiting on SRE 0")).to_be_visible()
    page.goto(f"{world.ghapp.url}/pulls/acme/shop/{pull.number}")
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("sam signed off")
    page.goto(f"{world.ghapp.url}/follow-ups")
    expect(page.get_by_text("No follow-up is overdue.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_narrow_window_in_japanese(
    browser: Browser, world: World, scheme: str
) -> None:
    assert world.ghapp
    pull = world.open(title=TITLE + "あ" * 200 + "b" * 200)
    world.settle()
    world.say(pull, "/nfr hold -- " + "負荷試験を先に" * 20)
    world.settle()
    for width in (390, 320):
        page = opened(browser, width, locale="ja-JP", color_scheme=scheme)
        for name, path in (
            ("queue", "/"),
            ("pull", f"/pulls/acme/shop/{pull.number}"),
            ("follow-ups", "/follow-ups"),
        ):
            page.goto(f"{world.ghapp.url}{path}")
            assert page.locator("html").get_attribute("lang") == "ja"
            fits(page, width)
            kept(page, f"{name}-{width}-{scheme}")
        expect(page.get_by_role("link", name="English")).to_be_visible()


def test_the_keyboard_reaches_the_content_first(browser: Browser, world: World) -> None:
    assert world.ghapp
    page = opened(browser, 1280, locale="en-GB")
    page.goto(world.ghapp.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Repository")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Area")).to_be_focused()
