"""The page of the demo in a real browser: playing author and SRE by mouse alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.path.world import SIGNED, World, running

# No sandbox, for root may not have one; no calls home, for there is no network.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def _chromium() -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing = "Chromium is not on PATH"
        if os.environ.get("GHAPP_TEST_REQUIRE") == "all":
            pytest.fail(missing)
        pytest.skip(missing)
    return program


@pytest.fixture
def page() -> Iterator[Page]:
    program = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser.new_page()
        browser.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as made:
        yield made


def test_author_answers_and_sre_signs_off(page: Page, world: World) -> None:
    pull = world.open()
    world.settle()
    page.goto(f"{world.api_url}/acme/shop/pull/{pull.number}")
    expect(page.get_by_role("heading", name="NFR review: waiting for the author")).to_be_visible()
    world.clock.forward()
    page.locator("button.box").nth(1).click()
    world.settle()
    assert "- [x] `dbm-rollback`" in pull.comments[0].body
    world.clock.forward()
    page.locator("textarea").fill("/nfr done -- looked at the plan")
    page.locator("form", has=page.locator("textarea")).locator("select").select_option("sam")
    page.get_by_role("button", name="Comment").click()
    world.settle()
    assert pull.labels == SIGNED
    page.reload()
    expect(page.get_by_role("heading", name="NFR review: signed off")).to_be_visible()


def test_the_page_fits_a_narrow_window(page: Page, world: World) -> None:
    pull = world.open()
    world.settle()
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{world.api_url}/acme/shop/pull/{pull.number}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
