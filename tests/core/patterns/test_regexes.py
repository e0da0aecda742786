import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.patterns import regexes


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
        (r"a\C", "half a character"),
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
    "pattern",
    [
        r"(?i)\b(?:alter|create)\s+table\b",
        "新機能",
        r"\x27[^\x60]",
        r"^feat(\(.+\))?!?:",
        r"\\Class",
    ],
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
        ("x", "a" * 200_000 + "x", True),
        ("a.b", "a\udc80b", True),
    ],
)
def test_search_is_multi_line_and_reads_all_of_the_line(pattern, line, matches):
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


def lines_found(pattern, text):
    """Each line that matches, with what of it does."""
    for line, start, end in regexes.matching(pattern, text.encode()):
        rest = text.encode()[line:].split(b"\n")[0].decode()
        yield rest, text.encode()[start:end].decode()


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("c", "a\nb", []),
        ("^b$", "a\nb\nab\nb", [("b", "b"), ("b", "b")]),
        ("b+", "abb b\nb", [("abb b", "bb"), ("b", "b")]),
        (r"\Ab", "a\nb", [("b", "b")]),
        (r"b\z", "b\na", [("b", "b")]),
        ("(?i-m)^B", "a\nb", [("b", "b")]),
        (r"a\s+b", "a\nb\na b", [("a b", "a b")]),
        (r"^\s*b", "\n\n b", [(" b", " b")]),
        (r"a[^)]*b", "xa(\nab\n", [("ab", "ab")]),
        ("x*", "a\n", [("a", ""), ("", "")]),
        ("本", "日本\n本", [("日本", "本"), ("本", "本")]),
    ],
)
def test_matching_finds_each_line_that_matches_alone(pattern, text, found):
    assert list(lines_found(pattern, text)) == found


def test_anywhere_reads_across_lines():
    assert regexes.anywhere(r"a\s+b", "x\na\nb")
    assert not regexes.anywhere(r"a\s+c", "x\na\nb")


PATTERNS = st.sampled_from(
    ["a", "^b", "c$", "(?i)D", r"\Aa", r"b\z", r"\bx\b", "[^a]b", r"\s", ".", r"a\s*b", "x|^$"]
)


@given(PATTERNS, st.lists(st.text("abcd x本", max_size=5), min_size=1))
def test_a_search_over_all_lines_agrees_with_one_line_by_line(pattern, lines):
    text = "\n".join(lines)
    found = [line for line, _ in lines_found(pattern, text)]
    assert found == [line for line in lines if regexes.search(pattern, line)]


@given(st.text(), st.text())
def test_any_text_is_a_pattern_or_has_a_fault(pattern, line):
    if not regexes.fault(pattern):
        assert regexes.first((pattern,), line) == (pattern if regexes.search(pattern, line) else "")


def test_the_groups_of_a_pattern_are_known_where_it_is_good():
    assert regexes.groups(r"(?P<table>\w+) (x)") == {"table"}
    assert regexes.groups("(") == frozenset()
