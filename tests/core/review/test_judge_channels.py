from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Channel, Message, Push
from ghapp.core.records import History
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    approval,
    asked,
    at,
    button,
    comment,
    entry,
    flagged,
    history,
    label,
    policy,
    shown,
    written,
)
from tests.core.review.verdicts import BOTH, DB, RULES, SEEN, entries, verdicts

SIGNED_DB = ("sign_off", "db", "team acme/sre")
WITH_REVIEW = replace(RULES, sign_off_by=RULES.sign_off_by | {"review"})
LATER = shown({"db": "d2", "web": "w1"}, NEXT_HEAD, minutes=3)
MOVED = history(SEEN, LATER, pushes=[Push(HEAD, "ann", at(0)), Push(NEXT_HEAD, "ann", at(2))])
WORDS = (Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT)


class TestWords:
    @pytest.mark.parametrize("channel", WORDS)
    def test_hold_commands_wherever_they_are_written(self, channel: Channel) -> None:
        (one,) = entries(written(channel, "looks good\n/nfr done db -- fine"))
        assert (one.verb, one.subject, one.note, one.channel) == (
            Verb.SIGN_OFF,
            "db",
            "fine",
            channel,
        )

    def test_of_a_review_are_acknowledged_by_its_node(self) -> None:
        (one,) = entries(written(Channel.REVIEW, "/nfr done"))
        assert (one.comment_id, one.node_id) == (1, "R_1")

    @pytest.mark.parametrize("channel", WORDS)
    def test_that_were_edited_have_to_be_said_again(self, channel: Channel) -> None:
        said = written(channel, "/nfr done\n/nfr dnoe", edited=True)
        assert verdicts(said) == [("refused", "edited", "")]
        assert verdicts(written(channel, "LGTM", edited=True)) == []

    @pytest.mark.parametrize("channel", WORDS)
    def test_need_the_channel_of_commands(self, channel: Channel) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"label", "button", "review"}))
        assert verdicts(written(channel, "/nfr done"), rules=rules) == [
            ("refused", "channel_closed", "command")
        ]

    def test_of_a_review_speak_of_the_head_it_was_given_to(self) -> None:
        (one,) = entries(written(Channel.REVIEW, "/nfr done db"), was=MOVED, head_sha=NEXT_HEAD)
        assert (one.head_sha, one.fingerprint) == (HEAD, "d1")
        (one,) = entries(written(Channel.REVIEW_COMMENT, "/nfr done db"), was=MOVED)
        assert (one.head_sha, one.fingerprint) == (NEXT_HEAD, "d2")

    @pytest.mark.parametrize("rest", ["done", "waive -- x", "check db-plan", "defer db-plan -- x"])
    def test_about_a_head_that_was_not_shown_are_refused(self, rest: str) -> None:
        speaker = "lee" if rest.startswith("waive") else "sam"
        said = written(Channel.REVIEW, f"/nfr {rest}", speaker, head_sha="c" * 40)
        assert verdicts(said) == [("refused", "not_shown", "ccccccc")]

    @pytest.mark.parametrize(
        ("rest", "expected"),
        [
            ("hold -- x", ("hold", "", "team acme/sre")),
            ("concern x", ("concern", "concern-1", "team acme/sre")),
            ("refresh", ("refresh", "", "")),
            ("help", ("help", "", "")),
            ("explain", ("explain", "", "")),
            ("undo", ("refused", "nothing_to_undo", "")),
        ],
    )
    def test_that_bind_to_no_head_need_none(self, rest: str, expected: tuple[str, ...]) -> None:
        assert verdicts(comment(f"/nfr {rest}"), was=history()) == [expected]

    def test_that_ask_are_answered_by_a_reply(self) -> None:
        told = entries(comment("/nfr help\n/nfr explain\n/nfr refresh"))
        assert [one.replied for one in told] == [True, True, False]


class TestTheButton:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (button(), [SIGNED_DB]),
            (button(speaker="wes"), [("sign_off", "web", "user wes")]),
            (button(speaker="eve"), [("refused", "not_reviewer", "db, web")]),
            (button(head_sha=NEXT_HEAD), [("refused", "not_shown", NEXT_HEAD[:7])]),
            (button("refresh"), [("refresh", "", "")]),
            (button("explain", "eve"), [("explain", "", "")]),
            (button("else"), []),
        ],
    )
    def test_says_what_it_is_named(self, said: Message, expected: list[object]) -> None:
        assert verdicts(said) == expected

    def test_signs_the_head_whose_run_it_is_on(self) -> None:
        (one,) = entries(button(), was=MOVED, head_sha=NEXT_HEAD)
        assert (one.head_sha, one.fingerprint) == (HEAD, "d1")

    def test_may_be_closed(self) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"command"}))
        assert verdicts(button(), rules=rules) == [("refused", "channel_closed", "button")]
        assert verdicts(button("refresh"), rules=rules) == [("refresh", "", "")]


class TestAnApprovingReview:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (approval(), [SIGNED_DB]),
            (approval(speaker="wes"), [("sign_off", "web", "user wes")]),
            # ordinary work of others
            (approval(speaker="bob"), []),
            (approval(speaker="una"), []),
            # it speaks of another head than any that was shown
            (approval(head_sha="c" * 40), [("refused", "not_shown", "ccccccc")]),
            (approval(speaker="bob", head_sha="c" * 40), []),
            (approval(minutes=1), [("refused", "not_shown", HEAD[:7])]),
        ],
    )
    def test_signs_off_what_waits_for_its_author(
        self, said: Message, expected: list[object]
    ) -> None:
        assert verdicts(said, rules=WITH_REVIEW) == expected

    def test_is_none_of_our_business_where_the_policy_does_not_list_it(self) -> None:
        assert verdicts(approval()) == []

    def test_signs_nothing_under_an_unreadable_policy(self) -> None:
        rules = replace(WITH_REVIEW, standing="unreadable")
        assert verdicts(approval(), rules=rules) == []

    def test_says_nothing_where_nothing_waits(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1", number=7)]
        assert verdicts(approval(), rules=WITH_REVIEW, was=history(SEEN, ledger=ledger)) == []

    def test_by_who_pushed_is_refused(self) -> None:
        was = history(SEEN, LATER, pushes=[Push(HEAD, "ann", at(0)), Push(NEXT_HEAD, "sam", at(2))])
        said = approval(head_sha=NEXT_HEAD)
        assert verdicts(said, rules=WITH_REVIEW, was=was, head_sha=NEXT_HEAD) == [
            ("refused", "pushed", NEXT_HEAD[:7])
        ]

    def test_that_was_dismissed_before_we_heard_of_it_is_nothing(self) -> None:
        was = replace(history(SEEN), heard=frozenset({"review:1:dismissed"}))
        assert verdicts(approval(), rules=WITH_REVIEW, was=was) == []
        assert verdicts(approval(number=2), rules=WITH_REVIEW, was=was) == [SIGNED_DB]

    @pytest.mark.parametrize("signed", [(), (entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1"),)])
    def test_given_before_a_request_for_changes_that_came_first_is_nothing(
        self, signed: tuple[Entry, ...]
    ) -> None:
        refused = approval("changes_requested", minutes=9, number=10)
        told = entries(refused, rules=WITH_REVIEW, was=history(SEEN, ledger=signed))
        assert [(one.verb, one.subject, one.comment_id) for one in told] == [(Verb.UNDO, "", 0)]
        was = replace(MOVED, ledger=(*signed, *told), heard=frozenset({refused.id}))

        def said(**changes: object) -> list[tuple[str, str, str]]:
            one = approval(head_sha=NEXT_HEAD, **changes)  # type: ignore[arg-type]
            return verdicts(one, rules=WITH_REVIEW, was=was, head_sha=NEXT_HEAD)

        assert said(number=9) == []
        # that of another reviewer counts, and one that was given afterwards
        assert said(number=8, speaker="wes") == [("sign_off", "web", "user wes")]
        assert said(number=11, minutes=10) == [SIGNED_DB]

    def test_leaves_it_to_the_command_in_its_own_words(self) -> None:
        body = written(Channel.REVIEW, "/nfr done -- looks good")
        told = entries(approval(), body, rules=WITH_REVIEW)
        assert [(one.verb, one.note) for one in told] == [(Verb.SIGN_OFF, "looks good")]


class TestAReviewThatIsNoMore:
    """Dismissed, or followed by a request for changes."""

    LEDGER = (
        entry(
            Verb.SIGN_OFF,
            "web",
            "wes",
            2,
            "w1",
            message_id="review:1:approved",
            channel=Channel.APPROVAL,
        ),
        entry(
            Verb.SIGN_OFF,
            "db",
            "sam",
            3,
            "d1",
            message_id="review:2:approved",
            channel=Channel.APPROVAL,
        ),
    )

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (approval("dismissed", "eve", number=2), [("undo", "db", "dismissal")]),
            (approval("dismissed", "", number=2), [("undo", "db", "dismissal")]),
            (approval("dismissed", "sam", number=3), []),
            (approval("changes_requested", "Sam", number=3), [("undo", "db", "signer")]),
            (approval("changes_requested", "wes", number=3), [("undo", "web", "signer")]),
            (approval("changes_requested", "eve", number=3), []),
        ],
    )
    def test_takes_back_what_the_approval_signed(
        self, said: Message, expected: list[object]
    ) -> None:
        was = history(SEEN, ledger=self.LEDGER)
        assert verdicts(said, was=was) == expected
        assert verdicts(said, was=replace(was, shown=())) == expected

    def test_leaves_what_was_signed_in_another_way(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "sam", 3, "d1")]
        said = approval("changes_requested", "sam", number=3)
        assert verdicts(said, was=history(SEEN, ledger=ledger)) == []


class TestOneMessage:
    def test_is_judged_once(self) -> None:
        said = comment("/nfr done")
        assert verdicts(said, said) == [SIGNED_DB]
        assert verdicts(said, was=replace(history(SEEN), heard=frozenset({said.id}))) == []

    def test_is_judged_after_those_said_before(self) -> None:
        undo, done = comment("/nfr undo", minutes=6, number=2), comment("/nfr done", minutes=5)
        assert verdicts(undo, done) == [SIGNED_DB, ("undo", "db", "team acme/sre")]

    def test_that_comes_late_is_judged_by_what_was_said_before_it(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 9, "d1", number=9)]
        was = history(SEEN, ledger=ledger)
        assert verdicts(comment("/nfr done"), was=was) == [SIGNED_DB]
        assert verdicts(comment("/nfr undo"), was=was)[0] == ("refused", "nothing_to_undo", "")


def test_where_nothing_is_flagged_a_refusal_is_a_reply() -> None:
    raised = entry(Verb.CONCERN, "concern-1", minutes=2, number=8, note="x")
    too_many, unread = (
        replace(asked(), **one) for one in ({"complete": False}, {"unread": ("a",)})
    )
    observed = asked(flagged(replace(DB, mode="observe")))
    cases: list[tuple[History, object, bool]] = [
        (history(), asked(), True),
        (history(), observed, True),
        (history(), BOTH, False),
        (history(), too_many, False),
        (history(), unread, False),
        (history(), replace(too_many, ignored="renovate[bot]"), True),
        (history(ledger=[raised]), asked(), False),
    ]
    for was, checklist, replied in cases:
        (one,) = entries(comment("/nfr dnoe"), rules=policy(), was=was, checklist=checklist)  # type: ignore[arg-type]
        assert one.replied is replied


def test_a_label_of_another_state_is_refused_whoever_sets_it() -> None:
    for sign in "+-":
        for state, name in RULES.labels.items():
            if state != "signed_off":
                assert verdicts(label(f"{sign}{name}")) == [("refused", "state_label", name)]


UNKNOWN = history(SEEN, LATER, pushes=[Push(HEAD, "ann", at(0))])


@pytest.mark.parametrize(
    "said",
    [
        comment("/nfr done"),
        comment("/nfr done db -- read"),
        comment("/nfr waive -- incident", "lee"),
        written(Channel.REVIEW, "/nfr done", head_sha=NEXT_HEAD),
        written(Channel.REVIEW_COMMENT, "/nfr done"),
        approval(head_sha=NEXT_HEAD),
        button(head_sha=NEXT_HEAD),
        label("+nfr: signed off"),
    ],
)
def test_a_sign_off_of_a_head_whose_pusher_is_not_known_is_refused(said: Message) -> None:
    refused = [("refused", "pusher_unknown", NEXT_HEAD[:7])]
    assert verdicts(said, rules=WITH_REVIEW, was=UNKNOWN, head_sha=NEXT_HEAD) == refused
    known = replace(UNKNOWN, pushes=MOVED.pushes)
    (one,) = {e.verb for e in entries(said, rules=WITH_REVIEW, was=known, head_sha=NEXT_HEAD)}
    assert one in (Verb.SIGN_OFF, Verb.WAIVE)


def test_what_else_its_comment_says_counts_all_the_same() -> None:
    said = comment("/nfr check db-rollback -- tried\n/nfr done\n/nfr hold -- x", "sue")
    told = verdicts(said, was=UNKNOWN, head_sha=NEXT_HEAD)
    assert [one[0] for one in told] == ["check", "refused", "hold"]
