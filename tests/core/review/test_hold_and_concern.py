"""Holds and concerns: whose they are, and what a concern in force is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Verb
from ghapp.core.model import Message
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    asked,
    comment,
    entry,
    flagged,
    history,
    shown,
)
from tests.core.review.verdicts import RULES, SEEN, WEB, entries, verdicts

SRE = "team acme/sre"


class TestHold:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (comment("/nfr hold -- x"), [("hold", "", SRE)]),
            (comment("/nfr hold -- x", "ann"), [("hold", "", SRE)]),
            (comment("/nfr hold -- x", "wes"), [("hold", "", "user wes")]),
            (comment("/nfr hold -- x", "eve"), [("refused", "hold_not_reviewer", "")]),
            (comment("/nfr hold DB -- x"), [("hold", "db", SRE)]),
            (comment("/nfr hold web -- x", "wes"), [("hold", "web", "user wes")]),
            (
                comment("/nfr hold db web dbb -- x"),
                [
                    ("hold", "db", SRE),
                    ("refused", "hold_not_reviewer", "web"),
                    ("refused", "unknown_area", "dbb db"),
                ],
            ),
            (
                comment("/nfr hold db web -- x", "eve"),
                [("refused", "hold_not_reviewer", "db, web")],
            ),
            (
                comment("/nfr hold db web -- x", "una"),
                [("refused", "unclear", "The App needs Members: read.")],
            ),
            (comment("/nfr hold"), [("refused", "reason_missing", "hold [AREA...] -- reason")]),
        ],
    )
    def test_is_for_reviewers(self, said: Message, expected: list[object]) -> None:
        assert verdicts(said) == expected
        assert verdicts(said, was=history()) == expected

    def test_keeps_its_reason_and_no_diff(self) -> None:
        (one,) = entries(comment("/nfr hold db -- load test first"))
        assert (one.note, one.fingerprint, one.head_sha) == ("load test first", "", HEAD)

    def test_may_be_of_an_area_shown_before_but_not_now(self) -> None:
        assert verdicts(comment("/nfr hold db -- x"), checklist=asked()) == [("hold", "db", SRE)]

    def test_is_refused_for_an_area_that_is_not_flagged(self) -> None:
        web_only = asked(flagged(WEB, "w1"))
        assert verdicts(comment("/nfr hold db -- x"), was=history(), checklist=web_only) == [
            ("refused", "unknown_area", "db")
        ]

    def test_is_for_maintainers_if_nobody_is_named(self) -> None:
        rules = replace(RULES, reviewers=Reviewers(), areas=())
        assert verdicts(comment("/nfr hold -- x"), rules=rules, checklist=asked()) == [
            ("refused", "hold_not_reviewer", "")
        ]

    def test_waits_for_a_readable_policy(self) -> None:
        rules = replace(RULES, standing="unreadable")
        for rest in ("hold -- x", "concern x", "waive -- x", "undo", "done"):
            assert verdicts(comment(f"/nfr {rest}"), rules=rules) == [
                ("refused", "policy_unreadable", "")
            ]

    def test_needs_no_channel_of_sign_offs(self) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"review"}))
        said = comment("/nfr hold -- x\n/nfr concern y\n/nfr undo")
        told = [one[0] for one in verdicts(said, rules=rules)]
        assert told == ["hold", "concern", "release", "withdraw"]


class TestConcern:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (comment("/nfr concern x"), [("concern", "concern-1", SRE)]),
            (comment("/nfr concern x", "wes"), [("concern", "concern-1", "user wes")]),
            (comment("/nfr concern x", "bob"), [("refused", "concern_not_reviewer", "")]),
            (comment("/nfr concern"), [("refused", "subjects_missing", "concern TEXT")]),
        ],
    )
    def test_is_for_reviewers(self, said: Message, expected: list[object]) -> None:
        assert verdicts(said) == expected
        (one,) = entries(said)
        assert one.verb is Verb.REFUSED or one.note == "x"

    def test_is_possible_if_nothing_is_flagged(self) -> None:
        assert verdicts(comment("/nfr concern x"), was=history(), checklist=asked()) == [
            ("concern", "concern-1", SRE)
        ]

    def test_has_a_number_that_is_never_given_again(self) -> None:
        said = comment("/nfr concern x\n/nfr undo"), comment("/nfr concern y", number=2, minutes=6)
        assert [one[:2] for one in verdicts(*said)] == [
            ("concern", "concern-1"),
            ("withdraw", "concern-1"),
            ("concern", "concern-2"),
        ]
        ledger = [entry(Verb.CONCERN, "concern-1", minutes=9, number=9)]  # heard before, said later
        assert verdicts(comment("/nfr concern x"), was=history(SEEN, ledger=ledger)) == [
            ("concern", "concern-2", SRE)
        ]


RAISED = entry(Verb.CONCERN, "concern-1", "zoe", 2, note="retries?", right=SRE, number=7)


class TestAConcernInForce:
    WAS = history(SEEN, ledger=[RAISED])

    @pytest.mark.parametrize(
        ("rest", "speaker", "expected"),
        [
            ("done concern-1", "sam", ("sign_off", "concern-1", SRE)),
            ("done CONCERN_1", "sam", ("sign_off", "concern-1", SRE)),
            ("done concern-1", "wes", ("refused", "not_reviewer", "concern-1")),
            ("hold concern-1 -- x", "sam", ("hold", "concern-1", SRE)),
            ("check concern-1 -- fixed", "ann", ("check", "concern-1", "author")),
            ("na concern-1 -- static", "bob", ("na", "concern-1", "write")),
            ("defer concern-1 -- later", "sam", ("defer", "concern-1", SRE)),
            ("defer concern-1 -- later", "wes", ("refused", "defer_not_allowed", "concern-1")),
            ("done concern-2", "sam", ("refused", "unknown_area", "concern-2 concern-1")),
        ],
    )
    def test_is_an_area_and_an_item(
        self, rest: str, speaker: str, expected: tuple[str, ...]
    ) -> None:
        assert verdicts(comment(f"/nfr {rest}", speaker), was=self.WAS) == [expected]

    def test_is_signed_for_its_words_on_whatever_head(self) -> None:
        (here,) = entries(comment("/nfr done concern-1"), was=self.WAS)
        moved = history(SEEN, shown({"concern-1": "c"}, NEXT_HEAD, 3), ledger=[RAISED])
        (there,) = entries(
            comment("/nfr done concern-1"), was=moved, rules=replace(RULES, allow_author=True)
        )
        assert (here.fingerprint != "", there.fingerprint) == (True, "c")

    def test_is_signed_with_the_rest_once_it_was_shown(self) -> None:
        assert verdicts(comment("/nfr done"), was=self.WAS) == [("sign_off", "db", SRE)]
        was = history(shown({"db": "d1", "concern-1": "c"}), ledger=[RAISED])
        assert verdicts(comment("/nfr done"), was=was) == [
            ("sign_off", "db", SRE),
            ("sign_off", "concern-1", SRE),
        ]

    def test_is_no_area_after_it_is_withdrawn(self) -> None:
        gone = entry(Verb.WITHDRAW, "concern-1", "zoe", 3, number=8)
        was = history(shown({"concern-1": "c"}), ledger=[RAISED, gone])
        assert verdicts(comment("/nfr done concern-1"), was=was) == [
            ("refused", "unknown_area", "concern-1")
        ]
        assert verdicts(comment("/nfr done"), was=was) == [("refused", "nothing_waiting", "")]

    def test_counts_among_the_open_musts(self) -> None:
        rules = replace(RULES, require_answers="must")
        was = history(shown({"db": "d1", "concern-1": "c"}), ledger=[RAISED])
        said = comment("/nfr done")
        assert verdicts(said, was=was, rules=rules) == [
            ("refused", "open_musts", "db-rollback, concern-1")
        ]
