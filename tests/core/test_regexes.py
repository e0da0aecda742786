import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core import regexes


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "is empty and would match every line"),
        ("a" * 2_001, "2001 characters long, more than 2000"),
        ("(?=a)", "no lookahead"),
        ("(?!a)", "no lookahead"),
        ("(?<=a)b", "no lookbehind"),
        ("(?<!a)b", "no lookbehind"),
        (r"(a)\1", "neither backreferences nor this escape"),
        ("(?P<x>a)(?P=x)", "no backreferences"),
        (r"a\Z", r"the end of the text is `\z`"),
        ("a{1001}", "at most 1,000 times"),
        ("((a{100}){100}){100}", "at most 1,000 times"),
        (r"(\pL{900}){1}", "shorten it"),
        ("(?:a?b?c?){150}d", "takes 905 steps, more than 500: lower its repeat counts"),
        ("(?#note)", "knows only the groups"),
        ("(a", "not a regular expression: missing ): (a"),
        ("[z-a]", "not a regular expression"),
        ("a\\", "not a regular expression: trailing"),
        ("*a", "not a regular expression"),
    ],
)
def test_a_pattern_that_re2_does_not_know_is_explained_in_one_line(pattern, says):
    fault = regexes.fault(pattern)
    assert says in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    "pattern", [r"(?i)\b(?:alter|create)\s+table\b", "新機能", r"\x27[^\x60]", r"^feat(\(.+\))?!?:"]
)
def test_a_good_pattern_has_no_fault(pattern):
    assert regexes.fault(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("^b", "a\nb", True),
        ("a$", "a\nb", True),
        (r"\Ab", "a\nb", False),
        ("新", "これは新しい", True),
        ("Drop", "drop", False),
        ("(?i)Drop", "drop", True),
        ("x", "a" * 1_999 + "x", True),
        ("x", "a" * 2_000 + "x", False),
        ("a.b", "a\udc80b", True),
    ],
)
def test_search_is_multi_line_and_reads_2000_characters(pattern, line, matches):
    assert regexes.search(pattern, line) is matches


@pytest.mark.parametrize(
    ("patterns", "line", "found"),
    [
        ((), "a", ""),
        (("b", "a", "[a]"), "a", "a"),
        (("b", "c"), "a", ""),
        ((r"\Qa", r"\Qz\E", "b"), "b", "b"),
        ((r"\Qa", r"\Qz\E", "b"), "c", ""),
        (("(?i)x", "X"), "X", "(?i)x"),
        (("(?i)x", "y"), "Y", ""),
    ],
)
def test_the_first_pattern_that_matches_is_named(patterns, line, found):
    assert regexes.first(patterns, line) == found


def test_patterns_too_large_to_be_joined_are_tried_one_by_one():
    patterns = tuple(
        f"{letter}[é-ü]{{1000}}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz" * 40
    )
    assert regexes.first((*patterns, "q"), "q") == "q"
    assert regexes.possible((*patterns, "q"), "z")


@pytest.mark.parametrize(
    ("patterns", "lines", "possible"),
    [
        ((), "a", False),
        (("^b$", "c"), "a\nb", True),
        (("c",), "a\nb", False),
        ((r"\Ab",), "a\nb", True),
        ((r"b\z",), "b\na", True),
        (("(?i-m)^b",), "a\nb", True),
        (("(?i)^B",), "a\nb", True),
    ],
)
def test_possible_is_false_only_where_no_line_matches(patterns, lines, possible):
    assert regexes.possible(patterns, lines) is possible


PATTERNS = st.sampled_from(
    ["a", "^b", "c$", "(?i)D", r"\Aa", r"b\z", r"\bx\b", "[^a]b", r"\s", "."]
)


@given(st.lists(PATTERNS, max_size=4).map(tuple), st.lists(st.text("abcd x", max_size=5)))
def test_looking_at_all_lines_first_never_hides_a_match(patterns, lines):
    if any(regexes.first(patterns, line) for line in lines):
        assert regexes.possible(patterns, "\n".join(lines))


@given(st.text(), st.text())
def test_any_text_is_a_pattern_or_has_a_fault(pattern, line):
    if not regexes.fault(pattern):
        assert regexes.first((pattern,), line) == (pattern if regexes.search(pattern, line) else "")
