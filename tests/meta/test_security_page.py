"""docs/security.md: each threat has what prevents it and a test, and each test exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.meta.test_lock import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SECTIONS = (
    "The webhook",
    "Set-up",
    "Pull requests",
    "Policies and packs",
    "Requests to GitHub",
    "Logs, errors, database, disk",
    "Pages",
    "Calendar feeds",
    "Sign-in",
    "Dependencies",
)
ITEM = re.compile(r"^- .*\n(?:  .*\n)*", re.MULTILINE)
THREAT = re.compile(r"- \*\*(.+?)\*\*: (.+) `(tests/[a-z0-9_/]+\.py)::(\w+)`")


def items() -> list[str]:
    """The list items of the sections of threats, each on one line."""
    sections = dict(part.split("\n", 1) for part in PAGE.split("\n## ")[1:])
    found = [item for name in SECTIONS for item in ITEM.findall(sections[name])]
    return [" ".join(item.split()) for item in found]


THREATS = [found.groups() for found in map(THREAT.fullmatch, items()) if found]


def functions(path: str) -> set[str]:
    """What pytest collects from the file: functions, and those of its classes of tests."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name[:4] == "Test"]
    bodies = [tree.body, *(one.body for one in classes)]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [one.name for body in bodies for one in body if isinstance(one, kinds)]
    return {name for name in found if name.startswith("test_")}


def test_every_threat_has_what_prevents_it_and_one_test() -> None:
    assert [item for item in items() if not THREAT.fullmatch(item)] == []
    assert [item for item in items() if item.count("::") != 1] == []
    assert PAGE.count("::test_") == len(THREATS) >= 90


def test_no_threat_is_listed_twice() -> None:
    threats = [threat for threat, *_ in THREATS]
    assert len(set(threats)) == len(threats)


@pytest.mark.parametrize(("path", "name"), sorted({(path, name) for *_, path, name in THREATS}))
def test_every_test_that_is_named_is_collected(path: str, name: str) -> None:
    assert (ROOT / path).name.startswith("test_")
    assert name in functions(path)


def test_every_test_of_security_is_on_the_page() -> None:
    """Each such file exists for the page; it may also test the helpers of a claim."""
    for file in ROOT.glob("tests/**/test_security*.py"):
        if file.name != "test_security_page.py":
            assert f"{file.relative_to(ROOT)}::" in PAGE, file


def test_the_bounds_are_those_of_the_code() -> None:
    from ghapp.core.review.comment_text import MOST_CHARACTERS
    from ghapp.github.transport import MOST_ANSWER_BYTES
    from ghapp.web.server import MOST_CONNECTIONS, MOST_HEAD_BYTES
    from ghapp.web.webhook import MOST_BYTES, READ_SECONDS
    from ghapp.worker.worker import KEPT_SECONDS

    prevented = {threat: holds for threat, holds, *_ in THREATS}
    for threat, bound in (
        ("A body larger than GitHub sends, announced", f"above {MOST_BYTES >> 20} MB"),
        ("Many connections at once", f"above {MOST_CONNECTIONS} they are answered 503"),
        ("An answer that unpacks without end", f"above {MOST_ANSWER_BYTES >> 20} MB"),
        ("Endless headers, trailers or chunk extensions", f"above {MOST_HEAD_BYTES >> 10} KB"),
        ("A body that does not end", f"after {READ_SECONDS:g} s"),
        ("A delivery sent again", f"for {KEPT_SECONDS / 86_400:g} days"),
        ("Deliveries that are kept for ever", f"after {KEPT_SECONDS / 86_400:g} days"),
        ("A comment that takes long to parse", f"at most {MOST_CHARACTERS:,} characters"),
    ):
        assert bound in prevented[threat]
