import pytest

from ghapp.core.matching.diff import lines
from ghapp.core.matching.statements import MOST_BYTES, statements


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


def test_a_statement_is_cut_where_it_is_data():
    (one,) = of(*[f"+{'x' * 1_000}"] * 100)
    assert MOST_BYTES - 1_001 < len(one.text) <= MOST_BYTES
    assert len(one.lines) == len(one.starts) == 16
