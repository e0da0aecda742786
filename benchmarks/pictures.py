"""Pictures of the pages for the docs, of a running `ghapp demo` whose history is complete.

uv run python -m benchmarks.pictures http://127.0.0.1:PORT docs/images
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

WIDTH, HEIGHT = 1_100, 900
LANGUAGES, SCHEMES = ("en", "ja"), ("light", "dark")


def pages(browser: Browser, ghapp: str) -> dict[str, str]:
    """By name, the path of each page; of a pull request, the one that waits longest."""
    page = browser.new_page()
    page.goto(ghapp)
    pull = page.locator("main a[href^='/pulls/']").first.get_attribute("href") or ""
    page.close()
    return {"queue": "/", "pull": pull.partition("?")[0], "follow-ups": "/follow-ups"}


def taken(ghapp: str, folder: Path) -> None:
    """One picture of each page in both languages and colour schemes."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, path in pages(browser, ghapp).items():
            for language in LANGUAGES:
                for scheme in SCHEMES:
                    page = browser.new_page(
                        viewport={"width": WIDTH, "height": HEIGHT},
                        color_scheme="dark" if scheme == "dark" else "light",
                        locale=language,
                    )
                    page.goto(f"{ghapp.rstrip('/')}{path}?lang={language}")
                    page.screenshot(path=folder / f"{name}-{language}-{scheme}.png")
                    page.close()
        browser.close()


if __name__ == "__main__":
    taken(sys.argv[1], Path(sys.argv[2]))
