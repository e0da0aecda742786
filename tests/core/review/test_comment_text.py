from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.review.comment_text import MOST_CHARACTERS, boxes, lines, speaks, ticks


def heard(body: str) -> list[str]:
    """The lines that begin like a command, of all that may be one."""
    return [line for line in lines(body)[0] if speaks(line)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/nfr done", ["/nfr done"]),
        ("hello\n\n/nfr done\n/nfr undo", ["/nfr done", "/nfr undo"]),
        ("> /nfr done", []),
        ("```\n/nfr done\n```", []),
        ("/nfr na x -- <b>bold</b> *words* `code`", ["/nfr na x -- bold words code"]),
        # where a link and an image lead is part of what they say: it may be the evidence
        (
            "/nfr check x -- [board](https://g.example/d/1)",
            ["/nfr check x -- board https://g.example/d/1"],
        ),
        ("/nfr check x -- <https://g.example/d>", ["/nfr check x -- https://g.example/d"]),
        ("/nfr check x -- https://g.example/d", ["/nfr check x -- https://g.example/d"]),
        (
            "/nfr check x -- [https://g.example](https://g.example)",
            ["/nfr check x -- https://g.example"],
        ),
        (
            "/nfr check x -- [https://g.example](https://e.example)",
            ["/nfr check x -- https://g.example https://e.example"],
        ),
        (
            "/nfr check x -- ![p99](https://g.example/p.png)",
            ["/nfr check x -- p99 https://g.example/p.png"],
        ),
        ("/nfr check x -- [file](docs/a.md)", ["/nfr check x -- file"]),
        ("[/nfr](https://g.example) done", []),
        ("`x` /nfr done\\\n*y* /nfr done", []),
    ],
)
def test_a_line_is_what_github_shows_of_it(body: str, expected: list[str]) -> None:
    assert heard(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("I agree.\n\nFrom: Sam <s@x.example>\nSent: Monday\nSubject: Re: [shop]\n\n/nfr done", []),
        ("**From:** Sam\n**To:** Ann\n\n**Subject:** x\n\n/nfr done", []),
        ("差出人: 佐藤\n件名: Re\n\n/nfr done", []),
        (
            "/nfr undo\n\nReply to this email directly, view it\n\n/nfr done",
            ["/nfr undo"],
        ),
        ("/nfr undo\n\n-----Original Message-----\n/nfr done", ["/nfr undo"]),
        ("From: now on it counts\n\n/nfr done", ["/nfr done"]),
        ("a\n[^1]: see\n/nfr done", []),
        ("/nfr undo\n[^note]:\n    /nfr done", ["/nfr undo"]),
        ("see[^1]\n\n/nfr done", ["/nfr done"]),
        ("$$\n/nfr done\n$$", []),
        ("a $$ x\n/nfr done\ny $$\n/nfr undo", ["/nfr undo"]),
        ("it costs $$\n/nfr done", ["/nfr done"]),
        ("/nfr na x -- costs $$5$$", ["/nfr na x -- costs $$5$$"]),
    ],
)
def test_commands_that_nobody_sees_do_not_count(body: str, expected: list[str]) -> None:
    assert heard(body) == expected
    assert lines(body)[1] == ""


def test_the_unread_rest_of_a_long_comment_is_returned() -> None:
    found, rest = lines("/nfr done\n\n" + "words\n" * MOST_CHARACTERS)
    assert next(found) == "/nfr done"
    assert rest.endswith("words\n")
    assert lines("/nfr done")[1] == ""


BODY = "<!-- ghapp:nfr -->\n- [ ] `a-b` **must** Is it?\n- [x] `c` **should** `- [ ] `d``\n"


def test_only_our_item_lines_are_boxes() -> None:
    assert boxes(BODY + "- [ ] buy milk\n* [ ] `e`\n") == {"a-b": False, "c": True}


def test_a_turned_box_is_a_tick_in_its_direction() -> None:
    after = BODY.replace("[ ] `a-b`", "[X] `a-b`").replace("[x] `c`", "[ ] `c`")
    assert ticks(BODY, after.replace("\n", "\r\n")) == (("a-b", True), ("c", False))


def test_boxes_that_came_or_went_are_no_ticks() -> None:
    assert ticks(BODY, BODY + "- [x] `forged`\n") == ()
    assert ticks(BODY, "") == ()


@given(st.text(), st.text())
def test_reading_never_fails(before: str, after: str) -> None:
    ticks(before, after)
