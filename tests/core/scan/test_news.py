"""Lines that were only moved or laid out anew say nothing new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Area, Clause, Detect, InFile, Item, Text
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.news import News
from ghapp.core.scan.patch import change
from ghapp.core.scan.triggers import scan
from tests.core.pulls import PULL, file


def words(*files):
    """By path the added and the removed lines that are news."""
    changes = [change(one) for one in files]
    news = News(changes)
    return {
        one.file.path: (news.added(one).decode().split(), news.removed(one).decode().split())
        for one in changes
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([file("a", "charge(x)")], {"a": (["charge(x)"], [])}),
        ([file("a", "  charge(x)", removed=["charge(x)"])], {"a": ([], [])}),
        ([file("a", "f('x');", removed=['f( "x" ),'])], {"a": ([], [])}),
        (
            [file("a", "charge(x)"), file("b", "new(x)", removed=["charge(x)"])],
            {"a": ([], []), "b": (["new(x)"], [])},
        ),
        (
            [file("a", "charge(x)", "charge(x)", removed=["charge(x)"])],
            {"a": (["charge(x)"], [])},  # one of them is new
        ),
        (
            [file("a", "charge(x)", removed=["charge(x)", "charge(x)"])],
            {"a": ([], ["charge(x)"])},
        ),
        ([file("a", "end", removed=["end"])], {"a": (["end"], ["end"])}),
        ([file("a", "charge(x)", removed=["charge(y)"])], {"a": (["charge(x)"], ["charge(y)"])}),
    ],
)
def test_a_line_that_was_moved_is_no_news(files, expected):
    assert words(*files) == expected


def test_no_place_moves():
    one = change(file("a", "x = 1", "  charge(x)", "y = 2", removed=["charge(x)"]))
    news = News([one])
    assert len(news.added(one)) == len(one.code)
    assert news.added(one).split(b"\n")[2] == b"y = 2"


@pytest.mark.parametrize("when", [Clause("diff", ("charge",)), InFile(diff=("charge",))])
def test_a_moved_line_asks_no_question(when):
    text = Text("x", "x")
    area = Area(
        "pay", text, 3, Detect(("**",)), (Item("pay-a", "should", "cost", text, when=when),)
    )
    rules = Policy(areas=(area,))

    def asked(*files):
        return bool(checklist(scan(replace(PULL, files=files), rules), rules).flagged)

    assert asked(file("a.py", "charge(x)", removed=["other"]))
    assert not asked(file("a.py", "    charge(x)", "if paid:", removed=["charge(x)"]))
