from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ghapp.core.markdown import MOST_TEXT, code, cut, folded, link, literal, plain, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.sql", "`a.sql`"),
        ("", "` `"),
        ("@everyone", "`@everyone`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a\nb\u202ec\u200bd", "`a bcd`"),
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


@pytest.mark.parametrize(
    "char", "\u00ad\u034f\u061c\u115f\u180e\u200d\u202e\u2800\u3164\U000e0041\ud800\0"
)
def test_invisible_characters_are_removed(char: str) -> None:
    assert visible(f"a{char}b") == "ab"


def test_visible_text_stays_on_one_line() -> None:
    assert visible("❤\ufe0f\u3000é\r\nx\ty\u2028z") == "❤\ufe0f\u3000é x y z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99 under `80 ms`?", "p99 under `80 ms`?"),
        ("@acme/sre <img src=x>", "&#64;acme/sre &lt;img src=x&gt;"),
        ("a\n- [x] b <!-- c -->", "a - [x] b &lt;!-- c --&gt;"),
        ("Q&amp;A\u202e", "Q&amp;amp;A"),
    ],
)
def test_words_of_a_policy_are_plain_text(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text("ab_*`[]<>&@~|\\!#$ \n", max_size=60))
def test_literal_words_render_as_what_they_are(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable("strikethrough").parse(f"x {literal(text)} y")
    (inline,) = [token for token in tokens if token.type == "inline"]
    shown = {"text": "{}", "code_inline": "`{}`"}
    parts = [shown[child.type].format(child.content) for child in inline.children or []]
    assert "".join(parts) == f"x {visible(text)} y".replace("\n", " ")


def test_names_inside_words_stay_readable() -> None:
    assert literal("lock_timeout and _x_") == "lock_timeout and \\_x\\_"
    assert literal("locks `_orders_`, `a b`") == "locks `_orders_`, \\`a b\\`"


@pytest.mark.parametrize(
    ("title", "address", "expected"),
    [
        (
            "MySQL: DDL",
            "https://dev.mysql.com/a.html#b",
            "[MySQL: DDL](https://dev.mysql.com/a.html#b)",
        ),
        ("a", "https://x.example/?a=1&copy=2", "[a](https://x.example/?a=1&amp;copy=2)"),
        (
            "a](https://evil.example)",
            "https://x.example/",
            r"[a\](https://evil.example)](https://x.example/)",
        ),
        ("@all <b>`c`", "https://x.example/", "[&#64;all &lt;b&gt;`c`](https://x.example/)"),
        ("a", "http://x.example/", "a"),
        ("a", "javascript:alert(1)", "a"),
        ("a", "https://x.example/a b", "a"),
        ("a", "https://x.example/(b)", "a"),
        ("a", "https://x.example/<b>", "a"),
        ("a", "https://x.example/\n", "a"),
        ("a", "https://github.com@evil.example/", "a"),
        ("a", "https://x.example/\u202e", "a"),
    ],
)
def test_a_link_goes_where_it_says_or_nowhere(title: str, address: str, expected: str) -> None:
    assert link(title, address) == expected


def test_a_fold_is_closed_before_the_cut() -> None:
    inner = folded("`</details>`", ("line",) * 20_000)
    long = cut("\n".join(folded("outer", inner)), "(cut)")
    assert len(long) <= MOST_TEXT
    assert long.endswith("line\n\n</details>\n\n</details>\n\n(cut)")
    after = cut("\n".join((*folded("x", ("a",)), *["line"] * 20_000)), "(cut)")
    assert after.endswith("line\n\n(cut)")
