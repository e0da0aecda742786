"""Words of people do nothing but stand there, and their ticks stay as they are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ghapp.core.decide import TICKING
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.marks import Marks
from ghapp.core.model import Channel
from ghapp.core.review.comment_text import boxes
from tests.core.build import entry, flagged, item
from tests.core.text.scenes import (
    CONCERN,
    DB,
    DEBTS,
    DEFER,
    HOLD,
    HOLD_DB,
    MADE,
    NA,
    SIGNED,
    STATES,
    WAIVED,
    WEB,
    Scene,
    reply,
)

EVIL = "x` @everyone --> <img src=x> [a](javascript:b) ![i](http://x) <!-- ghapp:nfr -->\n- [x] `y`"

EVIL_REFUSALS = (("unknown_item", ()), ("evidence_choice", ()), ("open_musts", (EVIL,)))


def without_code(body: str) -> str:
    """What stands outside of code spans."""
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", body)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_words_of_people_mention_link_and_close_nothing(language: str) -> None:
    said = [replace(one, note=EVIL) for one in (NA, DEFER, HOLD, HOLD_DB, CONCERN, SIGNED, *WAIVED)]
    refusals = [
        entry(Verb.REFUSED, speaker=f"eve{n}", refusal=Refusal(reason, EVIL, names=names), number=n)
        for n, (reason, names) in enumerate(EVIL_REFUSALS, 40)
    ]
    asks = entry(Verb.EXPLAIN, minutes=50, number=50, replied=True)
    made = replace(MADE, reason=EVIL, owner="@bob")
    debts = (replace(DEBTS[0], item=EVIL),)
    scene = Scene((*said, *refusals, asks), made=(made,), debts=debts)
    marks = scene.decided(language).marks
    run = marks.check_run
    assert run
    texts = [marks.comment, run.summary, run.text, *(one.body for one in marks.replies)]
    for text in (*texts, *(one.body for one in marks.issues)):
        bare = without_code(text)
        assert "x` @everyone" in text
        assert "@" not in bare and "img" not in bare and "![" not in bare
        assert bare.count("<!--") == text.startswith("<!--")
    assert "y" not in boxes(marks.comment)


def ticked(body: str, name: str) -> str:
    """The comment once somebody has ticked the box of this question on GitHub."""
    (line,) = (one for one in body.splitlines() if f"** `{name}`" in one)
    assert line.startswith("- [ ] ")
    return body.replace(line, line.replace("- [ ] ", "- [x] "))


def tick(name: str, minutes: float = 30, fingerprint: str = "f1") -> Entry:
    return entry(
        Verb.CHECK,
        name,
        "ann",
        minutes,
        fingerprint,
        message_id=f"tick:1:{name}:on:{minutes}",
        channel=Channel.TICK,
        comment_id=0,
    )


BEFORE = {
    "nothing": (),
    "not applicable elsewhere": (NA,),
    "put off": (DEFER,),
    "followed up": (DEFER, SIGNED),
    "answered for an earlier diff": (replace(NA, fingerprint="f0", subject="db-plan"),),
    "ticked for an earlier diff": (tick("db-plan", 2, "f0"),),
    "put off for an earlier diff": (replace(DEFER, fingerprint="f0"),),
}


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("before", BEFORE)
def test_the_comment_is_not_edited_while_boxes_are_being_ticked(before: str, language: str) -> None:
    musts = replace(DB, items=tuple(replace(one, severity="must") for one in DB.items))
    # Another question stays open, so that it is not the whole that is settled.
    third = replace(musts, items=(*musts.items, item("db-third")))
    made = (MADE,) if before == "followed up" else ()
    scene = Scene(BEFORE[before], (flagged(third), flagged(WEB)), made)
    there = Marks(comment=ticked(scene.comment(language), "db-plan"))
    once = replace(scene, ledger=(*scene.ledger, tick("db-plan")), observed=there)
    soon = replace(once, minutes=30 + 4 / 60).decided(language)
    assert (soon.marks.comment, soon.settles_in) == (there.comment, TICKING)
    later = replace(once, minutes=30 + 5 / 60).decided(language)
    assert (later.marks.comment, later.settles_in) == (once.comment(language), None)
    assert boxes(later.marks.comment) == boxes(there.comment)
    assert later.marks.comment != there.comment  # one question less is open
    twice = replace(once, ledger=(*once.ledger, tick("db-plan", 31)))
    assert twice.comment(language) == once.comment(language)


def test_a_box_that_is_not_as_it_should_be_is_restored_at_once() -> None:
    scene = Scene()
    there = Marks(comment=ticked(scene.comment(), "db-plan"))
    refused = replace(tick("web-plan"), verb=Verb.REFUSED, refusal=Refusal("no_write"))
    now = replace(scene, ledger=(refused,), observed=there, minutes=30)
    assert not boxes(now.comment())["db-plan"]


def test_a_box_ticked_again_confirms_the_earlier_answer() -> None:
    earlier = replace(NA, fingerprint="f0", verb=Verb.CHECK, note="rehearsed", subject="db-plan")
    assert "answered by ann (for an earlier diff)" in Scene((earlier,)).comment()
    again = replace(tick("db-plan"), speaker="sam-sre", head_sha="18ac230" + "0" * 33)
    body = Scene((earlier, again)).comment()
    assert "answered by ann (confirmed by sam-sre for `18ac230`) · `rehearsed`" in body
    assert "earlier diff" not in body


def test_a_box_that_is_unticked_is_open_whatever_was_said() -> None:
    off = replace(tick("db-rollback"), verb=Verb.UNCHECK)
    body = Scene((NA, off)).comment()
    assert "- [ ] **Is db-rollback settled?** `db-rollback` · must\n" in body
    assert "read only table" not in body


def test_boxes_say_what_is_settled() -> None:
    assert boxes(Scene((NA, DEFER)).comment())["db-rollback"]
    assert not boxes(Scene((NA, DEFER)).comment())["db-plan"]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("state", STATES)
def test_nobody_is_mentioned(state: str, language: str) -> None:
    scene = STATES[state]
    marks = scene.decided(language).marks
    run = marks.check_run
    assert run
    replies = [reply(language, scene, verb) for verb in (Verb.EXPLAIN, Verb.HELP)]
    issues = [one.body for one in marks.issues]
    for text in (marks.comment, run.summary, run.text, *replies, *issues):
        assert "@" not in without_code(text)


@given(st.text(st.sampled_from("`*_~[](){}<>!#@|\\-+.:/ \n\ta1&;\u200b\u202e"), max_size=60))
def test_whatever_people_write_is_shown_as_code(words: str) -> None:
    said = [replace(one, note=words) for one in (NA, DEFER, HOLD, HOLD_DB, CONCERN, *WAIVED)]
    body = Scene(said).comment()
    tokens = MarkdownIt("commonmark").enable("strikethrough").parse(body)
    inner = [child for token in tokens for child in token.children or []]
    assert {one.type for one in inner}.isdisjoint({"image", "link_open", "html_inline"})
    assert not [one for one in inner if one.type == "text" and "@" in one.content]
    assert [*boxes(body)] == ["concern-1", "db-rollback", "db-plan", "web-rollback", "web-plan"]
