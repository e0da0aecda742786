"""The message for a stand-up: within Slack's limits, and without a mention of anybody."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from ghapp.core.i18n import Words
from ghapp.core.text.digest import (
    MOST_BLOCKS,
    Digest,
    Line,
    Part,
    as_markdown,
    as_slack,
    as_text,
    day_named,
)

PULL = "https://github.example/acme/shop/pull/1421"
DIGEST = Digest(
    "NFR stand-up, Wed 25 Nov",
    ("Waiting on SRE 2",),
    (
        Part(
            "Waiting on SRE",
            (
                Line("shop#1421", PULL, "add column", ("database-migration", "1 d 4 h"), True),
                Line("shop", "", "", ("parked",)),
            ),
            12,
        ),
    ),
    ("Signed off 6.",),
    "https://ghapp.example/?lang=en",
)
BARE = Digest("NFR stand-up, Mon 30 Nov", ("Nothing waits.",), ())


@pytest.mark.parametrize(
    ("language", "named"), [("en", "Wed 25 Nov"), ("ja", "11/25(水)")], ids=["en", "ja"]
)
def test_a_day_is_named_with_its_weekday(language: str, named: str) -> None:
    assert day_named(date(2026, 11, 25), Words(language)) == named


def test_it_reads_the_same_everywhere() -> None:
    words = Words("en")
    slack = "\n".join(one["text"]["text"] for one in as_slack(DIGEST, words)["blocks"])
    assert f"• *NEW* <{PULL}|shop#1421> add column · database-migration · 1 d 4 h" in slack
    assert "• shop parked" in slack
    assert slack.endswith("Signed off 6. | <https://ghapp.example/?lang=en|Open the queue>")
    markdown = as_markdown(DIGEST, words)
    assert f"- **NEW** [shop#1421]({PULL}) add column · database-migration · 1 d 4 h" in markdown
    text = as_text(DIGEST, words)
    assert "  NEW shop#1421 add column · database-migration · 1 d 4 h" in text
    for made in (slack, markdown, text):
        assert "10 more" in made


def test_a_message_without_lines_is_short() -> None:
    words = Words("en")
    assert [one["type"] for one in as_slack(BARE, words)["blocks"]] == ["header", "section"]
    assert as_markdown(BARE, words) == "## NFR stand-up, Mon 30 Nov\n\nNothing waits."
    assert as_text(BARE, words) == "NFR stand-up, Mon 30 Nov\nNothing waits."
    assert len(as_slack(Digest("x", (), ()), words)["blocks"]) == 1


def test_what_does_not_fit_is_said_to_be_missing() -> None:
    line = Line("shop#1", PULL, "t" * 200, ("d" * 200, "e" * 200, "f" * 200))
    parts = tuple(Part(f"part {n}", (line,) * 10, 10) for n in range(9))
    blocks = as_slack(Digest("h", ("s",), parts), Words("en"))["blocks"]
    assert len(blocks) < MOST_BLOCKS
    assert blocks[-1]["text"]["text"] == "More does not fit here."


HOSTILE = st.text(max_size=300) | st.sampled_from(
    ["<!channel> @here", "<https://x|y>", "*b* `c` |", "a" * 5_000, "\u202eabc", "&lt;!here&gt;"]
)


@given(texts=st.lists(HOSTILE, min_size=4, max_size=40), language=st.sampled_from(["en", "ja"]))
def test_slack_takes_it_and_nobody_is_mentioned(texts: list[str], language: str) -> None:
    lines = tuple(
        Line(texts[n % len(texts)], PULL, one, (one, one), True) for n, one in enumerate(texts)
    )
    parts = tuple(Part(one, lines, len(lines)) for one in texts[:4])
    digest = Digest(texts[0] or "x", tuple(texts[:2]), parts, (texts[1],), "https://ghapp.example/")
    words = Words(language)
    message = as_slack(digest, words)
    blocks = message["blocks"]
    assert len(blocks) <= 50
    for block in Block.parse_all(blocks):
        block.validate_json()
    assert sum(len(one["text"]["text"]) for one in blocks) <= 13_200
    for one in blocks[1:]:
        markup = one["text"]["text"].replace("<https://", "")
        assert "<" not in markup
        assert len(one["text"]["text"]) <= 3_000
    assert "<" not in message["text"]
    as_markdown(digest, words)
    as_text(digest, words)
