"""The Japanese pages have the structure of the English ones, so that neither grows alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    ROOT / "README.ja.md": ROOT / "README.md",
    **{page: ROOT / "docs" / page.name for page in sorted(ROOT.glob("docs/ja/*.md"))},
}
PLACEHOLDERS = {"このリポジトリのURL": "ADDRESS-OF-THIS-REPOSITORY"}
NAMED = re.compile("|".join(PLACEHOLDERS))
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def levels(page: Path) -> list[str]:
    return re.findall(r"^(#+) ", prose(page), re.MULTILINE)


def blocks(page: Path) -> list[tuple[str, list[str]]]:
    """The code blocks, without comments and without the labels of arrows that are prose."""
    found = []
    for _, language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        ends = r": .*(?: |[^\x00-\x7f]).*$" if language == "mermaid" else r"(?:^|\s+)#.*$"
        lines = [re.sub(ends, "", line) for line in code.splitlines()]
        found.append((language, [NAMED.sub(lambda one: PLACEHOLDERS[one[0]], x) for x in lines]))
    return found


def rows(page: Path) -> list[list[str]]:
    """The rows of all tables: what each one's first cell names."""
    cells = re.findall(r"^\|(.*?)\|", prose(page), re.MULTILINE)
    return [re.findall(r"`(/nfr \w+|[\w.]+)", cell) for cell in cells]


def points(page: Path) -> list[str]:
    """The items of all lists, with their indentation."""
    return re.findall(r"^ *(?:-|[0-9]+\.)(?= )", prose(page), re.MULTILINE)


def links(page: Path) -> Counter[str]:
    """What the page links to, without anchors; a Japanese page counts as the English one."""
    targets: Counter[str] = Counter()
    for link in LINK.findall(prose(page)):
        target = link.partition("#")[0]
        if not target.startswith("https:"):
            path = (page.parent / target).resolve() if target else page
            target = PAGES.get(path, path).relative_to(ROOT).as_posix()
            target = target.replace("docs/ja/images/", "docs/images/")
        targets[target] += 1
    return targets


def anchors(page: Path) -> set[str]:
    """What links can lead to: headings as GitHub names them, and anchors of the page's own."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
    return slugs | set(re.findall(r'<a id="([\w-]+)">', prose(page)))


@pytest.mark.parametrize("part", [levels, blocks, rows, points, links])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_the_structure_of_the_english_one(
    page: Path, part: Callable[[Path], object]
) -> None:
    assert part(page) == part(PAGES[page])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_to_japanese_pages_and_to_headings(page: Path) -> None:
    japanese = {english: page for page, english in PAGES.items()}
    for link in LINK.findall(prose(page).replace("[English](README.md)", "")):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path not in japanese, link
        assert not anchor or anchor in anchors(path), link


def test_the_readmes_link_to_each_other_in_their_first_lines() -> None:
    for page, other in (("README.md", "README.ja.md"), ("README.ja.md", "README.md")):
        lines = (ROOT / page).read_text(encoding="utf-8").splitlines()[:4]
        assert any(f"]({other})" in line for line in lines)
