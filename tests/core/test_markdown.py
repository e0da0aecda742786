from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ghapp.core.markdown import MOST_TEXT, code, cut, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.sql", "`a.sql`"),
        ("", "` `"),
        ("@everyone", "`@everyone`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a\nb\u202ec\u200bd", "`a b c d`"),
        ("-->", "`-->`"),
    ],
)
def test_text_from_people_is_a_code_span(text: str, expected: str) -> None:
    assert code(text) == expected


@given(st.text(max_size=80))
def test_a_code_span_renders_as_nothing_else(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(f"x {code(text)} y")
    inline = [token for token in tokens if token.type == "inline"]
    kinds = [child.type for child in inline[0].children or []]
    assert kinds == ["text", "code_inline", "text"]


def test_long_text_is_cut_and_says_so() -> None:
    assert visible("x" * 300) == "x" * 199 + "…"
    assert cut("short", "cut") == "short"
    long = cut("line\n" * 20_000, "(cut)")
    assert len(long) <= MOST_TEXT
    assert long.endswith("line\n\n(cut)")
