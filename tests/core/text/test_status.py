from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.decide import decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Channel
from ghapp.core.policy.policy import Policy
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    area,
    asked,
    entry,
    facts,
    flagged,
    history,
    policy,
)
from tests.core.text.scenes import CONCERN, DB, HOLD, HOLD_DB, SIGNED, URL, Scene, summary


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ({"command", "label"}, "with `/nfr done` in a comment or the label `nfr: signed off`."),
        ({"command"}, "with `/nfr done` in a comment."),
        ({"label"}, "with the label `nfr: signed off`."),
        ({"review"}, "with an approving review."),
        (
            {"command", "label", "review"},
            "comment, the label `nfr: signed off` or an approving review.",
        ),
        ({"button"}, "with a channel that the policy has switched off."),  # none while in progress
        (set(), "with a channel that the policy has switched off."),
    ],
)
def test_the_next_step_names_the_ways_that_are_open(channels: set[str], expected: str) -> None:
    answered = entry(Verb.CHECK, "db-rollback")
    assert expected in summary(policy(DB, sign_off_by=frozenset(channels)), answered)


def test_the_button_is_a_way_if_the_check_run_shows_it() -> None:
    rules = policy(area("db", "advise"), sign_off_by=frozenset({"command", "button"}))
    expected = 'with `/nfr done` in a comment or the "Sign off" button of the check run.'
    assert expected in summary(rules, entry(Verb.CHECK, "db-rollback"))


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        (URL, True),
        ("", False),
        ("https://github.com/acme/shop", False),
    ],
)
def test_a_stale_sign_off_links_to_what_has_changed(url: str, linked: bool) -> None:
    scene = Scene((SIGNED,), (flagged(DB, "f2"),), pull={"url": url}, head_sha=NEXT_HEAD)
    link = f"([what changed](https://github.com/acme/shop/compare/{HEAD}..{NEXT_HEAD}))"
    body = scene.comment()
    assert "~~Signed off by sam at `aaaaaaa`~~; changed since, by `bbbbbbb`" in body
    assert (link in body) is linked and ("what changed" in body) is linked


def test_a_dismissed_review_undoes_a_sign_off_without_a_name() -> None:
    undo = entry(Verb.UNDO, "db", "", 9, number=12, channel=Channel.APPROVAL)
    assert "Sign-off undone: the approving review was dismissed" in Scene((SIGNED, undo)).comment()


ADVICE = "Advice only: this check does not block the merge."
LATER = replace(DB, mode="advise", enforce_from="2027-01-15")
LATER_WEB = replace(area("web", "advise"), enforce_from="2027-02-01")
FIRST = "Advice until then: from 15 January 2027 this will block the merge."


@pytest.mark.parametrize(
    ("rules", "ledger", "whole", "lines"),
    [
        (policy(area("db", "advise")), (), ADVICE, ()),
        (policy(LATER, enforce_from="2027-01-15"), (), FIRST, ()),
        # Of several areas, each says so by itself, unless all begin on the same day.
        (policy(LATER, replace(LATER_WEB, enforce_from="2027-01-15")), (), FIRST, ()),
        (
            policy(LATER, LATER_WEB),
            (),
            ADVICE,
            ("from 15 January 2027 this will block", "from 1 February 2027 this will block"),
        ),
        (policy(LATER, area("web", "advise")), (), ADVICE, ("from 15 January 2027",)),
        (policy(LATER, area("web")), (), "", ("from 15 January 2027",)),
        # What is signed off blocks nothing.
        (policy(LATER, LATER_WEB), (SIGNED,), FIRST.replace("15 January", "1 February"), ()),
        (policy(LATER), (SIGNED,), "", ()),
        # A hold counts as what it is on.
        (policy(LATER), (SIGNED, HOLD_DB), FIRST, ()),
        (policy(LATER), (SIGNED, HOLD), FIRST, ()),
        (policy(LATER, area("web")), (SIGNED, entry(Verb.SIGN_OFF, "web"), HOLD),
         "", ()),
    ],
)  # fmt: skip
def test_the_check_run_says_from_when_it_will_block(
    rules: Policy, ledger: tuple[Entry, ...], whole: str, lines: tuple[str, ...]
) -> None:
    text = summary(rules, *ledger)
    assert whole in text
    assert (ADVICE in text, "block the merge." in text) == (whole == ADVICE, bool(whole))
    listed = "\n".join(line for line in text.splitlines() if line.startswith("- "))
    for line in lines:
        assert line in listed
    assert listed.count("will block") == len(lines)


def test_the_day_in_japanese() -> None:
    text = summary(policy(LATER, LATER_WEB, language="ja"))
    assert "2027 年 1 月 15 日からブロック" in text
    whole = summary(policy(LATER, language="ja"))
    assert "現在は参考情報です。2027 年 1 月 15 日からマージがブロックされます。" in whole


def test_what_cannot_be_read_and_concerns_begin_to_block_on_the_first_day() -> None:
    rules = policy(LATER, LATER_WEB, mode="advise")
    review = decide(
        facts(rules), history(), replace(asked(), complete=False), (CONCERN,), ()
    ).review
    assert {one.id: (one.mode, one.enforce_from) for one in review.areas} == {
        "concern-1": ("advise", "2027-01-15"),
        "too-many-files": ("advise", "2027-01-15"),
    }
