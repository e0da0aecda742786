from __future__ import annotations

import pytest

from ghapp.core.ledger import Verb
from ghapp.core.model import Channel
from tests.core.build import HEAD, NEXT_HEAD, area, entry, flagged, policy
from tests.core.text.scenes import DB, SIGNED, URL, Scene, summary


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
