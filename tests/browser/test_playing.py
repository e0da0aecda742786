"""The page of the demo in a real browser: playing author and SRE by mouse alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.marks import SIGNED, boxes, marks
from tests.e2e.world import ENFORCE, World, running

pytestmark = pytest.mark.slow("starts a browser")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as made:
        yield made


def become(page: Page, login: str) -> None:
    """Choose whom to play, as on every page."""
    page.get_by_role("group", name="You are").get_by_role("button", name=login).click()
    expect(page.get_by_role("button", name=login, pressed=True)).to_be_visible()


def test_author_answers_and_sre_signs_off(page: Page, world: World) -> None:
    pull = world.open()
    world.settle()
    page.goto(f"{world.api_url}/acme/shop/pull/{pull.number}")
    expect(page.get_by_role("heading", name="NFR review: 1 question for ann")).to_be_visible()
    world.clock.forward()
    page.locator("button.box").nth(1).click()
    expect(page.get_by_role("status")).to_have_text("Ticked the box as ann.")
    world.settle()
    assert boxes(pull)["dbm-rollback"]
    world.clock.forward()
    become(page, "sam")
    expect(page.get_by_role("status")).to_have_count(0)
    form = page.locator("form", has=page.get_by_label("Write a comment"))
    form.locator("textarea").fill("/nfr done -- looked at the plan")
    form.get_by_role("button", name="Comment").click()
    expect(page.get_by_role("status")).to_have_text("Commented as sam.")
    world.settle()
    assert marks(pull) == SIGNED
    page.reload()
    expect(page.get_by_role("heading", name="NFR review: signed off")).to_be_visible()


def test_a_reviewer_approves_and_a_maintainer_dismisses(page: Page, world: World) -> None:
    pull = world.open()
    world.settle()
    page.goto(f"{world.api_url}/acme/shop/pull/{pull.number}")
    become(page, "sam")
    form = page.locator("form", has=page.get_by_label("Review the changes"))
    form.get_by_label("Review the changes").fill("Looks **right** to me")
    form.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("approved these changes").first).to_be_visible()
    assert [(said.user.login, said.state) for said in pull.reviews] == [("sam", "approved")]
    become(page, "ann")
    form = page.locator("form", has=page.get_by_label("Why dismiss it"))
    form.get_by_label("Why dismiss it").fill("not what was asked")
    form.get_by_role("button", name="Dismiss the review of sam").click()
    expect(page.get_by_text("reviewed (dismissed)")).to_be_visible()
    assert [said.state for said in pull.reviews] == ["dismissed"]


def test_an_issue_of_the_app_is_closed_and_reopened(page: Page, world: World) -> None:
    issue = world.repository.open_issue("ghapp[bot]", "[NFR] later", "Due soon")
    page.goto(world.api_url)
    page.get_by_role("button", name=f"Close issue {issue.number}").click()
    expect(page.get_by_role("button", name=f"Reopen issue {issue.number}")).to_be_visible()
    assert issue.state == "closed"
    page.get_by_role("link", name="[NFR] later").click()
    expect(page.get_by_role("heading", name="[NFR] later")).to_be_visible()
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("button", name="Close")).to_be_visible()
    assert issue.state == "open"


def test_whom_one_plays_stays_the_same_on_other_pages(page: Page, world: World) -> None:
    pull = world.open()
    world.settle()
    page.goto(f"{world.api_url}/acme/shop/pull/{pull.number}")
    expect(page.get_by_role("button", name="ann author", pressed=True)).to_be_visible()
    become(page, "lea")
    expect(page).to_have_url(f"{world.api_url}/acme/shop/pull/{pull.number}")
    page.get_by_role("link", name="Pull requests").click()
    expect(page.get_by_role("button", name="lea", pressed=True)).to_be_visible()
    page.get_by_role("link", name=pull.title).click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("status")).to_have_text("Closed as lea.")
    assert pull.closed_by == world.github.user("lea")
    expect(page.locator(".state").first).to_have_text("Closed")
    page.get_by_role("button", name="Reopen").click()
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Merged as lea.")
    expect(page.locator(".state").first).to_have_text("Merged")
    page.get_by_role("link", name="Pull requests").click()
    expect(page.locator(".state").first).to_have_text("Merged")


def test_a_button_of_an_advising_check_run_signs_off(page: Page, world: World) -> None:
    world.repository.push(
        "main", {".github/nfr.yml": ENFORCE.replace("enforce", "advise")}, by="ann"
    )
    world.settle()
    pull = world.open()
    world.settle()
    world.clock.forward()
    page.goto(f"{world.api_url}/acme/shop/pull/{pull.number}")
    become(page, "sam")
    page.get_by_role("button", name="Sign off").click()
    expect(page.get_by_role("status")).to_have_text("Pressed the button as sam.")
    world.settle()
    assert pull.labels == {"nfr: signed off"}


def test_the_page_fits_a_narrow_window(page: Page, world: World) -> None:
    pull = world.open()
    world.settle()
    pull.review("sam", "changes_requested", "a" * 300)
    path = pull.changes()[0].path.decode()
    pull.review_comment("b" * 300, "sam", path, 1)
    issue = world.repository.open_issue("ghapp[bot]", "c" * 200)
    page.set_viewport_size({"width": 400, "height": 800})
    for at in (f"acme/shop/pull/{pull.number}", "", f"acme/shop/issues/{issue.number}"):
        page.goto(f"{world.api_url}/{at}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, at
