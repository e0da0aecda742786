from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.review.comment_text import boxes, ticks

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
