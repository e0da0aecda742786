"""Pictures of the pages for the docs, of a running `ghapp demo` whose history is complete.

uv run python -m benchmarks.pictures http://127.0.0.1:PORT docs [--lang ja] [--dark]

They are in `docs/images` or, of `ghapp demo --lang ja`, in `docs/ja/images`. The pull request is
the first one whose sign-off went stale.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Locator, sync_playwright

WIDTH = 1_000
HEIGHTS = {"queue": 720, "pull": 680, "follow-ups": 640}
FOLDERS = {"en": "images", "ja": "ja/images"}


def paths(browser: Browser, ghapp: str) -> dict[str, str]:
    """By name, the path of each page."""
    page = browser.new_page()
    page.goto(f"{ghapp}/?lang=en")
    links = page.locator("main a[href^='/pulls/']")
    stale: Locator = page.locator("li", has_text="went stale").locator("a[href^='/pulls/']")
    pull = (stale if stale.count() else links).first.get_attribute("href") or ""
    page.close()
    return {"queue": "/", "pull": pull.partition("?")[0], "follow-ups": "/follow-ups"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ghapp")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lang", choices=tuple(FOLDERS), default="en")
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    ghapp, folder = given.ghapp.rstrip("/"), given.folder / FOLDERS[given.lang]
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, path in paths(browser, ghapp).items():
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHTS[name]},
                color_scheme="dark" if given.dark else "light",
            )
            page.goto(f"{ghapp}{path}?lang={given.lang}")
            page.screenshot(path=folder / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
