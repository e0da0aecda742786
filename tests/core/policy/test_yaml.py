import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.model import Problem
from ghapp.core.policy.yaml import Tree, read

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


def problems(text):
    found = read(text, "nfr.yml")
    assert isinstance(found, tuple)
    return [(one.line, one.column, one.text) for one in found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("---\n...\n", None),
        ("~", None),
        ("a: 1\nb: [x, on, 'on', -1.5, ~, '']\n", {"a": 1, "b": ["x", True, "on", -1.5, None, ""]}),
        ("a: " + "9" * 5_000, {"a": "9" * 5_000}),
        ("a: off\nb: No\nc: FALSE\nd: nO", {"a": False, "b": False, "c": False, "d": "nO"}),
        ("'on': 1\n'3': 2\n", {"on": 1, "3": 2}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        ("a: |\n  x\ty\n", {"a": "x\ty\n"}),
        ("a:\nb:\n", {"a": None, "b": None}),
        ("- - x\n  - {y: [z]}\n", [["x", {"y": ["z"]}]]),
        ("[" * 4 + "]" * 4, [[[[]]]]),
    ],
)
def test_maps_lists_and_plain_words_are_read(text, value):
    tree = read(text, "nfr.yml")
    assert isinstance(tree, Tree)
    assert tree.value == value


def test_what_older_yaml_turns_into_other_types_stays_as_it_is_written():
    tree = read("[012, 2020-01-01, 1:30, 0x1F, 1_000, .inf, 1e9, .nan, y, n]", "nfr.yml")
    assert isinstance(tree, Tree)
    words = ["012", "2020-01-01", "1:30", "0x1F", "1_000", ".inf", "1e9", ".nan", "y", "n"]
    assert tree.value == words


def test_a_document_may_be_64_deep():
    assert isinstance(read("[" * 64 + "]" * 64, "nfr.yml"), Tree)


def test_a_tree_knows_where_its_values_and_keys_are():
    tree = read("a: 1\nb:\n  - x\n  - {c: d}\n", "nfr.yml")
    assert isinstance(tree, Tree)
    assert tree.at(()) == (1, 1)
    assert tree.at(("a",)) == (1, 4)
    assert tree.at(("b", 1, "c")) == (4, 9)
    assert tree.at(("b", 1, "missing")) == (4, 5)
    assert tree.at(("b", "branch-of-a-union", 0)) == (3, 5)
    assert tree.key_at(("b", 1, "c")) == (4, 6)
    assert tree.key_at(("b",)) == (2, 1)
    assert tree.key_at(("b", 0)) == (3, 5)
    assert tree.steps(("b", "branch-of-a-union", 0, "missing")) == ("b", 0)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a: 1\non: x", 2, 1, "YAML reads the key `on` as true: put it in quotes"),
        ("{yes: x}", 1, 2, "YAML reads the key `yes` as true: put it in quotes"),
        ("off: x", 1, 1, "YAML reads the key `off` as false: put it in quotes"),
        ("404: x", 1, 1, "YAML reads the key `404` as a number: put it in quotes"),
        ("~: x", 1, 1, "YAML reads the key `~` as nothing: put it in quotes"),
        ("? [a, {b: c}]\n: x\n", 1, 3, "a key must be plain or quoted text"),
        ("? {b: c}\n: {d: e}\n", 1, 3, "a key must be plain or quoted text"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, 3, "the key `c` is there twice, first in line 3"),
        ("a: &x 1", 1, 4, "`&x`: anchors are not read"),
        ("a: *x", 1, 4, "`*x`: aliases are not read"),
        ("a: !!python/name:os.system x", 1, 4, "tags are not read"),
        ("a: !own {b: c}", 1, 4, "`!own`: tags are not read"),
        ("a: 1\n---\nb: 2", 2, 1, "a second document starts here"),
        ("a:\n\tb: 1", 2, 1, "indent by spaces, not tabs"),
        ("a: @b", 1, 4, "put the text in quotes"),
        ("a: b: c", 1, 5, "put the text in quotes, or check the indentation"),
        ("a: 'b", 1, 6, "a quote is not closed"),
        ("{a: [\n", 1, 1, "check quotes, brackets and indentation here"),
        ("- a\nb: c", 2, 1, "check quotes, brackets and indentation here"),
        ("a: b\x00", 1, 5, "the character U+0000 is not allowed"),
        ("a: b\r\n\r\nc: \x1b[0m", 3, 4, "the character U+001B is not allowed"),
        ("a: [b\ufeff]", 1, 6, "the character U+FEFF is not allowed"),
        (
            "a: 1\nb: caf\ufffd",
            2,
            7,
            "the character U+FFFD stands for what was not UTF-8: save the",
        ),
        (b"a: b\n  c\xe9d", 2, 4, "not UTF-8"),
        (b"\xff\xfea\x00", 1, 1, "not UTF-8"),
        ("a\n\nb \ud800", 3, 3, "not UTF-8"),
        ("x" * 300_000, 0, 0, "300,000 bytes, more than 262,144"),
        ("\n" * 262_145, 0, 0, "262,145 bytes"),
        ("あ" * 100_000, 0, 0, "300,000 bytes"),
        ("- a\n" * 60_000, 50_000, 3, "more than 50,000 values"),
        ("[" * 50_000 + "]" * 50_000, 1, 65, "nested more than 64 deep"),
        ("{a: " * 50_000, 1, 257, "nested more than 64 deep"),
        ("- " * 100_000, 1, 129, "nested more than 64 deep"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_column(text, line, column, says):
    first = problems(text)[0]
    assert first[:2] == (line, column)
    assert says in first[2]


def test_all_problems_are_told_at_once_in_their_order():
    found = problems("on: 1\na: &x 1\nb: *x\na: 2\nc: !t 3\nd: [")
    assert [line for line, _, _ in found] == [1, 2, 3, 4, 5, 6]


def test_at_most_fifty_problems_are_told():
    assert len(problems("on: 1\n" * 1_000)) == 50


def test_a_problem_names_the_file():
    assert read("a: *b", "x/nfr.yml") == (
        Problem("x/nfr.yml", 1, 4, "`*b`: aliases are not read, repeat the text"),
    )


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "[" * 130_000 + "]" * 130_000,
        "{a: " * 65_000,
        "- " * 130_000,
        "? " * 130_000,
        '"' + "\\x41" * 65_000,
        "&a " * 80_000,
        "#" * 260_000,
        "!" * 260_000,
        "a: b\n" * 50_000,
    ],
)
def test_an_attack_is_refused_within_a_second(text):
    started = time.process_time()
    read(text, "nfr.yml")
    assert time.process_time() - started < 1


@given(st.text() | st.binary())
def test_anything_is_a_tree_or_problems(text):
    found = read(text, "nfr.yml")
    assert isinstance(found, Tree) or found


YAML = st.text("ab:-,[]{}?&*!|>'\"#%@`~01.\t\r\n \x85\u2028\ufeff\x00日")


@given(YAML)
def test_anything_that_looks_like_yaml_is_a_tree_or_problems(text):
    found = read(text, "nfr.yml")
    if isinstance(found, tuple):
        assert found
        lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + 1
        assert all(0 <= one.line <= lines for one in found)
    else:
        assert found.at(()) >= (1, 1)
