"""docs/security.md: no threat without a test, and no test that there is not."""

from __future__ import annotations

import ast
import re

import pytest

from tests.meta.test_lock import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
HEADER = "| threat | what holds it | test |"
TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(\w+)`")


def lines() -> list[list[str]]:
    """The cells of each line below a header of threats."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.splitlines():
        inside = line == HEADER or (inside and line.startswith("|"))
        if inside and line != HEADER and not line.startswith("| ---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def functions(path: str) -> set[str]:
    """What pytest collects from the file: functions, and those of its classes of tests."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name[:4] == "Test"]
    bodies = [tree.body, *(one.body for one in classes)]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [one.name for body in bodies for one in body if isinstance(one, kinds)]
    return {name for name in found if name.startswith("test_")}


def test_every_threat_has_what_holds_it_and_one_test() -> None:
    assert len(lines()) >= 70
    for cells in lines():
        assert len(cells) == 3 and all(cells), cells
        assert TEST.fullmatch(cells[2]), cells


def test_no_threat_is_told_twice() -> None:
    threats = [cells[0] for cells in lines()]
    assert len(set(threats)) == len(threats)


@pytest.mark.parametrize("named", sorted({cells[2] for cells in lines()}))
def test_every_test_that_is_named_is_collected(named: str) -> None:
    found = TEST.fullmatch(named)
    assert found
    path, name = found.groups()
    assert (ROOT / path).name.startswith("test_")
    assert name in functions(path)


def test_every_test_of_security_is_on_the_page() -> None:
    """A file of its own is there for the page; helpers of such a claim may stand beside it."""
    for file in ROOT.glob("tests/**/test_security*.py"):
        if file.name != "test_security_page.py":
            assert f"{file.relative_to(ROOT)}::" in PAGE, file


def test_the_bounds_are_those_of_the_code() -> None:
    from ghapp.core.review.comment_text import MOST_CHARACTERS
    from ghapp.github.transport import MOST_ANSWER_BYTES
    from ghapp.web.server import MOST_CONNECTIONS, MOST_HEAD_BYTES
    from ghapp.web.webhook import MOST_BYTES, READ_SECONDS
    from ghapp.worker.worker import KEPT_SECONDS

    for value, words in (
        (MOST_BYTES >> 20, "| 25 MB, refused before it is read |"),
        (MOST_CONNECTIONS, "| 500, then 503 |"),
        (MOST_ANSWER_BYTES >> 20, "| 64 MB |"),
        (MOST_HEAD_BYTES >> 10, "| 64 KB |"),
        (int(READ_SECONDS), "| 30 s |"),
        (int(KEPT_SECONDS / 86_400), "known for 7 days"),
    ):
        assert str(value) in words and words in PAGE
    assert f"| {MOST_CHARACTERS:,} characters" in PAGE
