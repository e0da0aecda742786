from itertools import pairwise

import pytest

from ghapp.core.scan.patch import lines
from ghapp.core.scan.statements import MOST_BYTES, statements


def of(*rows, start="@@ -1 +1 @@"):
    return list(statements(lines("\n".join([start, *rows]))))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            ["+ALTER TABLE a", "+  ADD b int;", "+SELECT 1;"],
            ["ALTER TABLE a   ADD b int;", "SELECT 1;"],
        ),
        (["+a; -- and why", "+b"], ["a; -- and why", "b"]),
        (["+a; // x", "+b; # y", "+c; /* z */", "+d"], ["a; // x", "b; # y", "c; /* z */", "d"]),
        (["+a", "+", "+b"], ["a", "b"]),
        (["+a", "+-- a remark;", "+  # another", "+b"], ["a b"]),
        (["+a", "-gone;", " context", "+b"], ["a context b"]),
        (["+a", "@@ -9 +9 @@", "+b"], ["a", "b"]),
        (["-gone"], []),
        (["+a 'x; y'", "+b"], ["a 'x; y' b"]),
    ],
)
def test_lines_are_joined_up_to_an_end(rows, expected):
    assert [one.text.decode() for one in of(*rows)] == expected


def test_every_line_on_which_a_match_begins_is_told_with_its_place():
    (one,) = of("+def change", "+  add_a :x,", "+    :y", "+  add_b :z; add_c :w")
    assert [(line.number, at) for line, at in one.matches(r"add_\w\s+:\w")] == [(2, 13), (4, 32)]
    assert [line.number for line, _ in one.matches(r":x,\s+:y")] == [2]
    assert list(one.matches("nothing")) == []


def test_a_long_statement_is_looked_at_in_parts_that_overlap_by_a_line():
    rows = [f"+{number:04d} {'x' * 995}" for number in range(40)]
    parts = of(*rows)
    assert len(parts) == 3
    assert all(len(part.text) <= MOST_BYTES for part in parts)
    for one, other in pairwise(parts):
        assert one.lines[-1] == other.lines[0]
    found = [line.number for part in parts for line, _ in part.matches(r"\d{4} x")]
    assert sorted(set(found)) == list(range(1, 41))
    (only,) = of("+" + "x" * 20_000)
    assert len(only.text) == 20_000


def test_decrements_and_arrows_are_no_comments():
    assert [one.text for one in of("+--$i; drop", "+-- a remark")] == [b"--$i; drop"]
