"""The pages as axe checks them, in both languages and colour schemes, wide, narrow and enlarged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_pages import kept
from tests.browser.test_sign_in import set_up
from tests.e2e.unset import unset
from tests.e2e.world import ENFORCE, World, running

pytestmark = pytest.mark.slow("starts a browser")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
OPEN_TO_ALL = 'resource "aws_security_group_rule" "a" {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n'
TITLE = "feat: points " + "b" * 120
# A window of 1280 px that is enlarged to 200 % has 640 px of CSS.
WINDOWS = {"wide": (1280, 1), "enlarged": (640, 2), "narrow": (320, 1)}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        missing = "axe-core is missing: run `npm ci --prefix tests/browser`"
        if os.environ.get("GHAPP_TEST_REQUIRE") == "all":
            pytest.fail(missing)
        pytest.skip(missing)
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, list[str]]]:
    """A world in which each page has something to show, and the paths of its pages."""
    folder = tmp_path_factory.mktemp("data")
    with running(folder, GHAPP_PAGES="local", GHAPP_GITHUB_LIMITS="off") as world:
        pull = world.open(title=TITLE)
        held = world.open(branch="feat/more")
        world.settle()
        world.say(pull, "/nfr done nothing-such")
        world.say(held, "/nfr hold -- load test first")
        world.settle()
        world.say(pull, "/nfr check all", by="ann")
        world.say(pull, "/nfr defer dbm-query-plan until 2w by @ann -- after launch", by="ann")
        world.settle()
        world.say(pull, "/nfr done")
        issue = world.repository.open_issue("ann", "Points, second version")
        issue.comment("/nfr project", "ann")
        issue.comment("/nfr consult database-migration -- is 500 rps fine?", "ann")
        world.repository.push("main", {"infra/ssh.tf": OPEN_TO_ALL}, by="sue")
        weekly = f"{ENFORCE}configuration: {{scan: weekly}}\n"
        world.repository.push("main", {".github/nfr.yml": weekly}, by="sue")
        world.settle()
        world.say(held, f"/nfr project #{issue.number}", by="ann")
        world.settle()
        project = f"/projects/acme/shop/{issue.number}"
        path = f"/pulls/acme/shop/{pull.number}"
        paths = ["/", "/follow-ups", path, f"{path}?marks=1&asked=1", "/pulls/acme/shop/999"]
        paths += ["/insights", "/projects", project, "/configuration", "/configuration/acme/shop"]
        yield world, paths


def opened(browser: Browser, size: str, scheme: str) -> Page:
    width, factor = WINDOWS[size]
    return browser.new_page(
        viewport={"width": width, "height": 900},
        device_scale_factor=factor,
        color_scheme=scheme,  # type: ignore[arg-type]
    )


def with_language(path: str, language: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}lang={language}"


# Every two of size, language and scheme meet.
@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [
        *(("wide", "en", "light"), ("wide", "ja", "dark")),
        *(("enlarged", "en", "dark"), ("enlarged", "ja", "light")),
        *(("narrow", "en", "light"), ("narrow", "ja", "dark")),
    ],
)
def test_axe_finds_nothing(
    browser: Browser,
    shown: tuple[World, list[str]],
    axe: str,
    size: str,
    language: str,
    scheme: str,
) -> None:
    world, paths = shown
    assert world.ghapp
    page = opened(browser, size, scheme)
    for place, path in enumerate(paths):
        answer = page.goto(f"{world.ghapp.url}{with_language(path, language)}")
        assert answer and answer.status == (404 if path.endswith("/999") else 200), path
        is_faultless(page, axe)
        kept(page, f"axe-{place}-{size}-{language}-{scheme}")
        width = WINDOWS[size][0]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.close()


def is_faultless(page: Page, axe: str) -> None:
    assert page.locator("script").count() == 0
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations', 'passes']})")
    faults = [(one["id"], [at["html"] for at in one["nodes"]]) for one in found["violations"]]
    assert faults == [], page.url
    assert "color-contrast" in {one["id"] for one in found["passes"]}


def test_axe_finds_nothing_on_the_page_of_feeds(browser: Browser, tmp_path: Path, axe: str) -> None:
    with unset(tmp_path / "data") as world:
        world.environment["GHAPP_PAGES"] = "sign-in"
        page = opened(browser, "narrow", "dark")
        server = set_up(page, world)
        page.goto(f"{server.url}/feeds?lang=ja")
        page.get_by_role("button", name="Authorize as ann").click()
        is_faultless(page, axe)
        page.goto(f"{server.url}/feeds?lang=en")
        page.get_by_role("button", name="Make a feed").click()
        is_faultless(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth") <= WINDOWS["narrow"][0]
        page.close()


def test_axe_would_find_a_fault(browser: Browser, axe: str) -> None:
    page = browser.new_page()
    page.set_content("<html><body><p style='color: #ccc'>pale</p><img src='data:,'></body></html>")
    page.evaluate(axe)
    found = {one["id"] for one in page.evaluate("axe.run()")["violations"]}
    assert {"color-contrast", "html-has-lang", "image-alt"} <= found
    page.close()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_keyboard_goes_through_a_page_in_its_order(
    browser: Browser, shown: tuple[World, list[str]], language: str
) -> None:
    world, paths = shown
    assert world.ghapp
    page = opened(browser, "wide", "light")
    focused = "a, button, input, select, summary, [tabindex='0']"
    where = f'(() => {{ const all = [...document.querySelectorAll("{focused}")]'
    where += ".filter((one) => one.type !== 'hidden' && one.checkVisibility()); return ["
    where += "all.indexOf(document.activeElement), all.length]; })()"
    for path in paths:
        page.goto(f"{world.ghapp.url}{with_language(path, language)}")
        _, count = page.evaluate(where)
        places = []
        for _ in range(count):
            page.keyboard.press("Tab")
            places.append(page.evaluate(where)[0])
        assert places == list(range(count)), path
    page.close()
