from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.ledger import Verb
from ghapp.core.model import Message
from ghapp.core.policy.policy import Defer
from ghapp.core.records import FollowUp
from ghapp.core.review.judge import settled_heads
from tests.core.build import (
    area,
    asked,
    at,
    comment,
    entry,
    facts,
    flagged,
    history,
    item,
    policy,
    shown,
    tick,
)
from tests.core.review.verdicts import RULES, SEEN, detail, entries, verdicts

SRE = "team acme/sre"
KINDS = ("", "url", "number", "text", "choice")
TYPED = replace(
    area(),
    items=tuple(
        replace(item(f"db-{kind or 'tick'}"), kind=kind, choices=("Blue / Green", "canary"))
        for kind in KINDS
    ),
)
TYPED_RULES = policy(TYPED, defer=Defer(30, 90, frozenset({"db-url"})))
WAS = history(shown({"db": "d1"}))
CHOICES = "db-choice Blue / Green | canary"


def answered(said: Message) -> tuple[str, ...]:
    """What an answer comes to: its note, or its reason and detail."""
    (one,) = entries(said, rules=TYPED_RULES, was=WAS, checklist=asked(flagged(TYPED, "d1")))
    return (one.refusal.reason, detail(one.refusal)) if one.refusal else (one.note,)


@pytest.mark.parametrize(
    ("kind", "note", "expected"),
    [
        ("tick", "", ("",)),
        ("tick", "see the runbook", ("see the runbook",)),
        ("text", "by hand", ("by hand",)),
        ("text", "", ("evidence_missing", "db-text")),
        ("url", "", ("evidence_missing", "db-url https://example.com/report")),
        ("number", "", ("evidence_missing", "db-number 72 ms")),
        ("choice", "", ("evidence_missing", CHOICES)),
        ("url", "https://g.example/d/1?x=1#p", ("https://g.example/d/1?x=1#p",)),
        ("url", "HTTP://localhost:3000", ("HTTP://localhost:3000",)),
        ("url", "https://[::1]:80/x", ("https://[::1]:80/x",)),
        ("url", "board (https://g.example/d)", ("board (https://g.example/d)",)),
        ("url", "[p99](https://g.example/p)", ("p99 https://g.example/p",)),
        ("url", "see the board", ("evidence_url", "db-url https://example.com/report")),
        ("url", "https://", ("evidence_url", "db-url https://example.com/report")),
        ("url", "https:///path", ("evidence_url", "db-url https://example.com/report")),
        ("url", "ftp://g.example", ("evidence_url", "db-url https://example.com/report")),
        ("url", "https://a@g.example", ("evidence_url", "db-url https://example.com/report")),
        ("url", "javascript:alert(1)", ("evidence_url", "db-url https://example.com/report")),
        ("number", "72 ms", ("72 ms",)),
        ("number", "99.95 %", ("99.95 %",)),
        ("number", "1,200 rps", ("1,200 rps",)),
        ("number", "< 80ms", ("< 80ms",)),
        ("number", "≤80 ms", ("≤80 ms",)),
        ("number", "-3 dB", ("-3 dB",)),
        ("number", ".5 s", (".5 s",)),
        ("number", "１，２００ｒｐｓ", ("１，２００ｒｐｓ",)),
        ("number", "＜８０ｍｓ", ("＜８０ｍｓ",)),
        ("number", "p99 72 ms", ("evidence_number", "db-number 72 ms")),
        ("number", "fast", ("evidence_number", "db-number 72 ms")),
        ("number", "< fast", ("evidence_number", "db-number 72 ms")),
        ("choice", "canary", ("canary",)),
        ("choice", "Ｃａｎａｒｙ", ("canary",)),
        ("choice", "BLUE / green", ("Blue / Green",)),
        ("choice", "blue", ("evidence_choice", CHOICES)),
    ],
)
def test_evidence_is_of_the_kind_that_the_item_asks_for(
    kind: str, note: str, expected: tuple[str, ...]
) -> None:
    assert answered(comment(f"/nfr check db-{kind} -- {note}", "ann")) == expected


def test_a_tick_carries_no_evidence() -> None:
    assert answered(tick("+db-number")) == ("evidence_missing", "db-number 72 ms")
    assert answered(tick("-db-number")) == ("",)
    assert answered(tick("+db-tick")) == ("",)


def test_only_a_check_has_evidence() -> None:
    assert answered(comment("/nfr na db-number -- no traffic", "ann")) == ("no traffic",)
    assert answered(comment("/nfr uncheck db-number", "ann")) == ("",)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (comment("/nfr na db-rollback -- x", "ann"), [("na", "db-rollback", "author")]),
        (comment("/nfr na DB_Rollback -- x", "bob"), [("na", "db-rollback", "write")]),
        (comment("/nfr na db-rollback -- x", "eve"), [("refused", "no_write", "")]),
        (
            comment("/nfr check db-plan", "una"),
            [("refused", "unclear", "The App needs Members: read.")],
        ),
        (
            comment("/nfr check db-plan, web-plan、db_plan", "ann"),
            [("check", "db-plan", "author"), ("check", "web-plan", "author")],
        ),
        (comment("/nfr check every", "ann"), [("refused", "unknown_item", "every")]),
        (
            comment("/nfr check db\u200b-plan", "ann"),
            [("refused", "unknown_item", "db[U+200B]-plan db-plan")],
        ),
        (
            comment("/nfr na db-rollback", "ann"),
            [("refused", "reason_missing", "na ITEM... -- reason")],
        ),
    ],
)
def test_answers_are_for_the_author_and_people_with_write_access(
    said: Message, expected: list[object]
) -> None:
    assert verdicts(said) == expected


def test_several_wrong_answers_are_each_explained() -> None:
    told = verdicts(
        comment("/nfr check db-number db-url -- fast", "ann"),
        rules=TYPED_RULES,
        was=WAS,
        checklist=asked(flagged(TYPED, "d1")),
    )
    assert [one[1] for one in told] == ["evidence_number", "evidence_url"]


def test_an_answer_is_bound_to_what_its_item_is_about() -> None:
    was = history(replace(SEEN, items={"db-rollback": "i1"}))
    told = entries(comment("/nfr na db-rollback db-plan -- x", "ann"), was=was)
    assert [one.fingerprint for one in told] == ["i1", "d1"]
    told = entries(comment("/nfr defer db-rollback db-plan -- x", "ann"), was=was)
    assert [one.fingerprint for one in told] == ["i1", "d1"]


class TestDefer:
    """Said on the first of April 2026, at nine in the morning UTC."""

    @pytest.mark.parametrize(
        ("rest", "until", "owner"),
        [
            ("", "2026-05-01", "ann"),
            ("until 2026-04-01", "2026-04-01", "ann"),
            ("until 2026-06-30 by @Bob-2", "2026-06-30", "Bob-2"),
            ("until tomorrow", "2026-04-02", "ann"),
            ("until +30d", "2026-05-01", "ann"),
            ("until 2w by bob", "2026-04-15", "bob"),
            ("until 明日", "2026-04-02", "ann"),
            ("by bob until ２０２６－０６－３０", "2026-06-30", "bob"),
        ],
    )
    def test_has_a_day_and_an_owner(self, rest: str, until: str, owner: str) -> None:
        (one,) = entries(comment(f"/nfr defer db-plan {rest} -- later", "ann"))
        assert (one.verb, one.subject, one.right) == (Verb.DEFER, "db-plan", "author")
        assert (one.until, one.owner, one.note) == (until, owner, "later")

    @pytest.mark.parametrize(
        ("rest", "expected"),
        [
            ("until someday", ("date_unreadable", "someday")),
            ("until 9999d", ("date_unreadable", "9999d")),
            ("until 999w", ("date_too_far", "2026-06-30")),
            ("until next week", ("date_unreadable", "next")),
            ("until 2026-02-30", ("date_unreadable", "2026-02-30")),
            ("until 2026-13-01", ("date_unreadable", "2026-13-01")),
            ("until 2026-6-1", ("date_unreadable", "2026-6-1")),
            ("until 2026/06/01", ("date_unreadable", "2026/06/01")),
            ("until 0000-01-01", ("date_unreadable", "0000-01-01")),
            ("until 20260601", ("date_unreadable", "20260601")),
            ("until 2026-06-\u200b01", ("date_unreadable", "2026-06-[U+200B]01")),
            ("until", ("date_unreadable", "until")),
            ("until 2026-03-30", ("date_past", "2026-03-30")),
            ("until 2026-07-01", ("date_too_far", "2026-06-30")),
            ("until 9999-12-31", ("date_too_far", "2026-06-30")),
            ("by @acme/sre", ("owner_unreadable", "acme/sre")),
            ("by @bob-", ("owner_unreadable", "bob-")),
            ("by -bob", ("owner_unreadable", "-bob")),
            ("by @renovate[bot]", ("owner_unreadable", "renovate[bot]")),
            ("by " + "b" * 40, ("owner_unreadable", "b" * 40)),
        ],
    )
    def test_is_refused_if_day_or_owner_is_invalid(
        self, rest: str, expected: tuple[str, str]
    ) -> None:
        said = comment(f"/nfr defer db-plan {rest} -- later", "ann")
        assert verdicts(said) == [("refused", *expected)]

    @pytest.mark.parametrize(("minutes", "first"), [(0, "2026-03-31"), (180, "2026-04-01")])
    def test_a_day_is_past_when_it_is_past_everywhere(self, minutes: int, first: str) -> None:
        """Until noon in UTC it is the day before on some islands."""
        was = history(replace(SEEN, accepted_at=at(-1)))
        for day, passes in (
            ("2026-03-30", False),
            ("2026-03-31", first < "2026-04-01"),
            (first, True),
        ):
            said = comment(f"/nfr defer db-plan until {day} -- x", "ann", minutes)
            assert (verdicts(said, was=was)[0][0] == "defer") is passes

    @pytest.mark.parametrize(
        ("speaker", "expected"),
        [
            ("ann", [("defer", "db-plan", "author"), ("defer", "web-plan", "author")]),
            ("sam", [("defer", "db-plan", SRE), ("refused", "defer_not_allowed", "web-plan")]),
            ("bob", [("refused", "defer_not_allowed", "db-plan, web-plan")]),
            ("una", [("refused", "unclear", "The App needs Members: read.")]),
        ],
    )
    def test_is_for_the_author_and_for_reviewers(
        self, speaker: str, expected: list[object]
    ) -> None:
        assert verdicts(comment("/nfr defer db-plan web-plan -- x", speaker)) == expected

    def test_is_refused_for_items_that_may_not_wait(self) -> None:
        rules = replace(RULES, defer=Defer(30, 90, frozenset({"db-plan", "web-plan"})))
        said = comment("/nfr defer db-plan db-rollback web-plan dbplan -- x", "ann")
        assert verdicts(said, rules=rules) == [
            ("defer", "db-rollback", "author"),
            ("refused", "never_deferred", "db-plan, web-plan"),
            ("refused", "unknown_item", "dbplan db-plan"),
        ]

    def test_needs_a_reason(self) -> None:
        assert verdicts(comment("/nfr defer db-plan", "ann"))[0][1] == "reason_missing"


class TestAnExtension:
    MADE = FollowUp(5, "db-plan", "db", "2026-05-01", "ann", issue=12)

    @pytest.mark.parametrize(
        ("speaker", "until", "made", "expected"),
        [
            ("sam", "2026-05-02", MADE, ("defer", "db-plan", SRE)),
            ("sam", "2026-05-01", MADE, ("refused", "extension_not_later", "2026-05-01")),
            ("ann", "2026-05-02", MADE, ("defer", "db-plan", SRE)),  # a reviewer too
            ("wes", "2026-05-02", MADE, ("refused", "defer_not_allowed", "db-plan")),
            (
                "sam",
                "2026-05-02",
                replace(MADE, extended=True),
                ("refused", "extended_already", "db-plan"),
            ),
            (
                "sam",
                "2026-05-02",
                replace(MADE, is_open=False),
                ("refused", "follow_up_closed", "db-plan"),
            ),
            ("sam", "2026-04-02", replace(MADE, item="db-rollback"), ("defer", "db-plan", SRE)),
        ],
    )
    def test_is_for_reviewers_once_and_to_a_later_day(
        self, speaker: str, until: str, made: FollowUp, expected: tuple[str, ...]
    ) -> None:
        said = comment(f"/nfr defer db-plan until {until} -- x", speaker)
        assert verdicts(said, follow_ups=(made,)) == [expected]

    def test_is_not_for_an_author_who_does_not_review(self) -> None:
        made = replace(self.MADE, item="web-plan", area="web")
        said = comment("/nfr defer web-plan until 2026-05-02 -- x", "ann")
        assert verdicts(said, follow_ups=(made,)) == [
            ("refused", "extension_by_reviewer", "web-plan")
        ]

    def test_counts_from_when_it_was_said(self) -> None:
        put_off = entry(Verb.DEFER, "db-plan", "ann", 2, "d1", until="2026-05-01", number=7)
        first = comment("/nfr defer db-plan until 2026-05-08 -- x")
        second = comment("/nfr defer db-plan until 2026-05-15 -- x", number=2)
        was = history(SEEN, ledger=[put_off])
        assert verdicts(first, second, was=was, follow_ups=(self.MADE,)) == [
            ("defer", "db-plan", SRE),
            ("refused", "extended_already", "db-plan"),
        ]


class TestOnTheIssueOfAFollowUp:
    MADE = FollowUp(5, "db-plan", "db", "2026-05-01", "ann", issue=12)

    def said(self, text: str, speaker: str, made: FollowUp = MADE, **known: object) -> list[object]:
        message = replace(comment(text, speaker), issue=12)
        return [*verdicts(message, follow_ups=(made,), **known)]

    @pytest.mark.parametrize(
        ("speaker", "command", "expected"),
        [
            ("sam", "done -- measured", ("close", "db-plan", SRE)),
            ("sam", "done db-plan", ("close", "db-plan", SRE)),
            ("sam", "done db", ("close", "db-plan", SRE)),
            ("sam", "done web-plan", ("refused", "another_follow_up", "db-plan")),
            ("ann", "done", ("refused", "close_author", "db")),
            ("bob", "done", ("refused", "close_not_reviewer", "db")),
            ("wes", "done", ("refused", "close_not_reviewer", "db")),
            ("una", "done", ("refused", "unclear", "The App needs Members: read.")),
            ("sam", "defer db-plan until 2026-05-02 -- x", ("defer", "db-plan", SRE)),
            (
                "sam",
                "defer db-rollback until 2026-05-02 -- x",
                ("refused", "another_follow_up", "db-plan"),
            ),
            ("sam", "refresh", ("refresh", "", "")),
            ("eve", "help", ("help", "", "")),
        ],
    )
    def test_reviewers_of_its_area_close_or_extend_it(
        self, speaker: str, command: str, expected: tuple[str, ...]
    ) -> None:
        assert self.said(f"/nfr {command}", speaker) == [expected]

    def test_an_author_may_if_the_policy_lets_authors_sign_off(self) -> None:
        rules = replace(RULES, allow_author=True)
        assert self.said("/nfr done", "ann", rules=rules) == [("close", "db-plan", SRE)]

    def test_of_an_area_that_is_gone_the_reviewers_of_all_else_do(self) -> None:
        made = replace(self.MADE, area="gone")
        assert self.said("/nfr done", "sam", made)[0] == ("close", "db-plan", SRE)
        assert self.said("/nfr done", "bob", made) == [("refused", "close_not_reviewer", "")]
        assert self.said("/nfr done", "ann", made) == [("refused", "close_author", "")]

    def test_settles_no_area_so_nobody_asks_who_pushed(self) -> None:
        message = replace(comment("/nfr done"), issue=12)
        assert settled_heads(facts(RULES, message), history(SEEN)) == ()
        assert settled_heads(facts(RULES, comment("/nfr done")), history(SEEN)) != ()
