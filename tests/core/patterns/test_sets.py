import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.patterns import regexes
from ghapp.core.patterns.sets import BATCH_BYTES, Sieve, Texts, batches, sieve

PATTERNS = st.sampled_from(
    ["a", "^b", "c$", "(?i)D", r"\Aa", r"b\z", r"\bx\b", "[^a]b", r"\s", ".", r"a\s*b", "x|^$"]
)
TEXTS = st.lists(st.text("abcd x本", max_size=5), max_size=5).map("\n".join)


@given(
    st.lists(PATTERNS, max_size=4).map(tuple),
    st.lists(st.tuples(TEXTS, st.frozensets(st.integers(0, 3))), max_size=4),
)
def test_all_at_once_agrees_with_a_search_for_each_pattern_in_each_text(patterns, asked):
    texts = [text.encode() for text, _ in asked]
    wanted = [frozenset(i for i in places if i < len(patterns)) for _, places in asked]
    assert set(Sieve(patterns).lines(texts, wanted)) == {
        (owner, pattern, span)
        for owner, text in enumerate(texts)
        for pattern in wanted[owner]
        for span in (regexes.matching(patterns[pattern], text) if text else ())
    }


def test_a_large_text_is_looked_at_in_pieces_and_places_count_from_its_start():
    text = b"\n".join(b"%05d needle" % n if n % 100 == 0 else b"x" * 40 for n in range(5_000))
    found = Sieve(("needle", "thread")).lines([b"small", text], [frozenset({0, 1})] * 2)
    lines = sorted((owner, text[span.line : span.end]) for owner, _, span in found)
    assert lines == [(1, b"%05d needle" % n) for n in range(0, 5_000, 100)]


ALL = frozenset(range(100))


def test_a_set_without_enough_memory_leaves_every_pattern_possible():
    patterns = tuple(f"{letter}[a-z]{{40,200}}x" for letter in "abcdefgh")
    poor = Sieve(patterns, memory=1 << 12)
    assert poor.possible(b"nothing of the kind", ALL) == frozenset(range(8))
    assert Sieve(patterns).possible(b"nothing of the kind", ALL) == frozenset()
    text = b"a" * 60 + b"x"
    assert {one.pattern for one in poor.lines([text], [frozenset(range(8))])} == {0}


def test_a_set_that_misses_even_its_sentinel_knows_nothing(monkeypatch):
    class Exhausted:  # what RE2 answers when its states do not fit into the memory
        def Match(self, _text):  # noqa: N802
            return None

    one = Sieve(("sole", "other"))
    (_, _, group), *_ = one._sets
    monkeypatch.setattr(group, "_set", Exhausted())
    assert one.possible(b"z", ALL) == frozenset({0, 1})


def test_only_what_is_wanted_is_looked_for_over_many_sets():
    patterns = tuple(f"w{number}e" for number in range(50))
    one = Sieve(patterns)
    assert one.possible(b"w3e w20e w49e", ALL) == frozenset({3, 20, 49})
    assert one.possible(b"w3e w20e w49e", frozenset({20, 21})) == frozenset({20})
    found = one.lines([b"w49e", b"w3e"], [frozenset({49}), frozenset({4})])
    assert [(place.text, place.pattern) for place in found] == [(0, 49)]
    # Texts of one batch are searched together, and each is told only what was wanted for it.
    found = one.lines([b"w3e", b"w3e"], [frozenset({3}), frozenset({4})])
    assert [(place.text, place.pattern) for place in found] == [(0, 3)]


def test_no_pattern_is_ever_possible_in_an_empty_sieve():
    assert Sieve(()).possible(b"a", ALL) == frozenset()
    assert list(Sieve(()).lines([b"a"], [frozenset()])) == []


def test_policies_with_the_same_patterns_share_a_sieve():
    assert sieve(("a", "b")) is sieve(("a", "b"))


@pytest.mark.parametrize("pattern", ["(?i)k", "(?i)s", "(?i)ß", "(?i)é"])
@given(text=st.text("kKſsßéÉ\u212az", max_size=6))
def test_case_is_folded_as_in_a_search(pattern, text):
    found = Sieve((pattern,)).possible(text.encode(), ALL)
    assert bool(found) is regexes.search(pattern, text)


@given(st.lists(TEXTS, max_size=5), st.lists(PATTERNS, max_size=3).map(tuple))
def test_texts_asked_together_answer_as_each_of_them_line_by_line(texts, patterns):
    expected = {
        place
        for place, text in enumerate(texts)
        for line in (text.split("\n") if text else ())
        if regexes.first(patterns, line)
    }
    asked = Texts(text.encode() for text in texts)
    assert sorted(asked.matching(patterns)) == sorted(expected)


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
    assert set(Texts(texts).matching(patterns)) == matching


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
