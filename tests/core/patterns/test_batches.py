import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.patterns import regexes
from ghapp.core.patterns.sets import BATCH_BYTES, Texts, batches

LINES = st.text("abcd x本", max_size=5)
TEXTS = st.lists(st.lists(LINES, max_size=5).map("\n".join), max_size=5)
PATTERNS = st.sampled_from(["a", "^b", "c$", "(?i)D", r"\Aa", r"b\z", "[^a]b", r"a\s*b", "x|^$"])


@given(TEXTS, st.lists(PATTERNS, max_size=3).map(tuple))
def test_texts_asked_together_answer_as_each_of_them_line_by_line(texts, patterns):
    expected = {
        place
        for place, text in enumerate(texts)
        for line in (text.split("\n") if text else ())
        if regexes.first(patterns, line)
    }
    asked = Texts(text.encode() for text in texts)
    assert asked.matching(patterns) == expected
    assert asked.any_matches(patterns) == bool(expected)


@pytest.mark.parametrize(
    ("texts", "patterns", "matching"),
    [
        ([b""], ("x*",), set()),
        ([b"", b"\n"], ("y", "x*"), {1}),
        ([b"a"], (), set()),
        ([b"a", b"b"], (r"a\nb",), set()),
        ([b"a\nbb\n" * 9_000, b"b"], ("^b$",), {1}),
        ([b"x" * BATCH_BYTES + b"\n", b"x"], ("^$",), {0}),
    ],
    ids=[
        "no line",
        "two empty lines",
        "no pattern",
        "no line is across texts",
        "large",
        "last line is empty",
    ],
)
def test_only_lines_of_a_text_match(texts, patterns, matching):
    assert Texts(texts).matching(patterns) == matching


@given(st.lists(st.integers(0, 9_000), max_size=9))
def test_every_place_of_a_batch_leads_back_to_its_text(sizes):
    texts = [b"x" * size for size in sizes]
    found = list(batches(enumerate(texts)))
    assert sum(len(one.text) - len(one.owners) + 1 for one in found) == sum(sizes)
    for one in found:
        for start, (owner, offset) in zip(one.starts, one.owners, strict=True):
            assert one.owner(start) == (owner, offset - start)
            assert texts[owner]


def test_a_large_text_comes_in_pieces_of_whole_lines():
    text = b"\n".join(b"%04d" % number for number in range(3_000))
    found = list(batches([(7, b"before"), (8, text)]))
    assert len(found) > 3
    assert b"\n".join(one.text for one in found) == b"before\n" + text
    assert found[-1].owner(0) == (8, text.index(found[-1].text))
