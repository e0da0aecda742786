from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Message, Push
from tests.core.build import (
    HEAD,
    area,
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
)
from tests.core.review.verdicts import BOTH, DB, RULES, SEEN, WEB, entries, verdicts

SRE = "team acme/sre"
RAISED = entry(Verb.CONCERN, "concern-1", "zoe", 2, note="retries?", right=SRE, number=7)


class TestWaive:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (
                comment("/nfr waive -- incident", "lee"),
                [("waive", "db", "team acme/leads"), ("waive", "web", "team acme/leads")],
            ),
            (comment("/nfr waive -- incident"), [("refused", "not_waiver", "")]),
            (
                comment("/nfr waive -- incident", "una"),
                [("refused", "unclear", "The App needs Members: read.")],
            ),
            (comment("/nfr waive", "lee"), [("refused", "reason_missing", "waive -- reason")]),
        ],
    )
    def test_is_the_waivers(self, said: Message, expected: list[object]) -> None:
        assert verdicts(said) == expected

    def test_binds_each_area_to_what_was_seen(self) -> None:
        told = entries(comment("/nfr waive -- incident", "lee"))
        assert [(one.fingerprint, one.head_sha, one.note) for one in told] == [
            ("d1", HEAD, "incident"),
            ("w1", HEAD, "incident"),
        ]

    def test_leaves_what_is_signed_off(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "sam", 2, "d1", number=7)]
        said = comment("/nfr waive -- x", "lee")
        assert verdicts(said, was=history(SEEN, ledger=ledger)) == [
            ("waive", "web", "team acme/leads")
        ]

    def test_says_again_what_was_waived_so_that_it_is_later_than_a_hold(self) -> None:
        waived = [
            entry(Verb.WAIVE, name, "lee", 2, mark, number=7)
            for name, mark in (("db", "d1"), ("web", "w1"))
        ]
        said = comment("/nfr waive -- x", "lee")
        assert len(verdicts(said, was=history(SEEN, ledger=waived))) == 2

    def test_of_a_signed_pull_has_an_effect_only_on_a_hold(self) -> None:
        signed = [
            entry(Verb.SIGN_OFF, name, "zoe", 2, mark, number=7)
            for name, mark in (("db", "d1"), ("web", "w1"))
        ]
        said = comment("/nfr waive -- x", "lee")
        assert verdicts(said, was=history(SEEN, ledger=signed)) == [
            ("refused", "nothing_to_waive", "")
        ]
        held = [*signed, entry(Verb.HOLD, "", "sam", 3, "", number=8)]
        assert [one[:2] for one in verdicts(said, was=history(SEEN, ledger=held))] == [
            ("waive", "db"),
            ("waive", "web"),
        ]

    def test_is_not_the_authors_nor_who_pushed(self) -> None:
        rules = replace(RULES, waivers=Reviewers(users=("ann", "bob")))
        was = history(SEEN, pushes=[Push(HEAD, "bob", at(0))])
        assert verdicts(comment("/nfr waive -- x", "ann"), rules=rules) == [
            ("refused", "author", "")
        ]
        assert verdicts(comment("/nfr waive -- x", "bob"), rules=rules, was=was) == [
            ("refused", "pushed", HEAD[:7])
        ]
        rules = replace(rules, allow_author=True)
        assert len(verdicts(comment("/nfr waive -- x", "ann"), rules=rules)) == 2

    def test_is_the_maintainers_where_nobody_is_named(self) -> None:
        rules = policy(DB, WEB)
        assert verdicts(comment("/nfr waive -- x", "lee"), rules=rules) == [
            ("refused", "not_waiver", "")
        ]


LEADS = "team acme/leads"


class TestUndo:
    SIGNED = entry(Verb.SIGN_OFF, "db", "zoe", 1.5, "d1", number=5)
    HELD = entry(Verb.HOLD, "", "sam", 2, "", number=6)
    WAIVED = tuple(
        entry(Verb.WAIVE, name, "lee", 3, mark, number=8, part=number)
        for number, (name, mark) in enumerate((("db", "d1"), ("web", "w1")))
    )

    @pytest.mark.parametrize(
        ("ledger", "speaker", "expected"),
        [
            # the latest own act comes first
            (
                [SIGNED, HELD, RAISED, *WAIVED],
                "lee",
                [("undo", "db", LEADS), ("undo", "web", LEADS)],
            ),
            ([SIGNED, HELD, RAISED, *WAIVED], "sam", [("release", "", SRE)]),
            ([SIGNED, HELD, RAISED, *WAIVED], "zoe", [("withdraw", "concern-1", "raiser")]),
            # then the latest of anyone, where the speaker is a reviewer
            ([SIGNED, HELD, RAISED], "sue", [("withdraw", "concern-1", SRE)]),
            # but the author clears nothing away that stops the own change
            ([HELD, RAISED], "ann", [("refused", "not_yours", "")]),
            ([SIGNED, HELD, RAISED], "ann", [("undo", "db", SRE)]),
            ([replace(HELD, speaker="ann")], "ann", [("release", "", "holder")]),
            ([SIGNED, RAISED, HELD], "wes", [("release", "", "user wes")]),
            ([*WAIVED], "sam", [("undo", "db", SRE)]),
            ([*WAIVED], "wes", [("undo", "web", "user wes")]),
            ([SIGNED, HELD, RAISED, *WAIVED], "eve", [("refused", "not_yours", "")]),
            ([HELD], "una", [("refused", "unclear", "The App needs Members: read.")]),
            # who did it needs no right any more
            ([replace(HELD, speaker="eve")], "eve", [("release", "", "holder")]),
            ([replace(RAISED, right="")], "zoe", [("withdraw", "concern-1", "user zoe")]),
            ([replace(HELD, subject="db", speaker="eve")], "sam", [("release", "db", SRE)]),
            ([replace(HELD, subject="db")], "wes", [("refused", "not_yours", "")]),
            # a hold of an area that is no more
            (
                [replace(HELD, subject="old", speaker="eve")],
                "wes",
                [("release", "old", "user wes")],
            ),
        ],
    )
    def test_takes_back_the_latest_act(
        self, ledger: list[Entry], speaker: str, expected: list[object]
    ) -> None:
        said = comment("/nfr undo", speaker, number=9)
        assert verdicts(said, was=history(SEEN, ledger=ledger)) == expected

    def test_releases_the_hold_of_its_holder(self) -> None:
        (one,) = entries(
            comment("/nfr undo", "sue", number=9), was=history(SEEN, ledger=[self.HELD])
        )
        assert (one.verb, one.whose) == (Verb.RELEASE, "sam")

    def test_of_what_stops_the_own_change_is_for_authors_where_they_may_sign(self) -> None:
        rules = replace(RULES, allow_author=True)
        for act, verb in ((self.HELD, "release"), (RAISED, "withdraw")):
            was = history(SEEN, ledger=[act])
            said = comment("/nfr undo", "ann", number=9)
            assert verdicts(said, was=was, rules=rules) == [(verb, act.subject, SRE)]

    def test_step_by_step_leaves_nothing(self) -> None:
        lines = "/nfr hold -- a\n/nfr hold db -- b\n/nfr concern c\n/nfr done"
        undo = comment("/nfr undo", number=2)
        told = verdicts(comment(lines), undo)
        assert [one[:2] for one in told[4:]] == [
            ("release", ""),
            ("release", "db"),
            ("withdraw", "concern-1"),
            ("undo", "db"),
        ]
        assert verdicts(comment(lines), undo, comment("/nfr undo", number=3))[8:] == [
            ("refused", "nothing_to_undo", ""),
            ("undo", "db", SRE),
        ]

    def test_forgets_who_signed_a_concern_that_was_withdrawn(self) -> None:
        ledger = [
            RAISED,
            entry(Verb.SIGN_OFF, "concern-1", "sam", 3, "c", number=8),
            entry(Verb.WITHDRAW, "concern-1", "zoe", 4, number=9),
        ]
        said = comment("/nfr undo", number=10)
        assert verdicts(said, was=history(SEEN, ledger=ledger))[0][1] == "nothing_to_undo"

    def test_by_the_label_is_of_sign_offs_alone(self) -> None:
        was = history(SEEN, ledger=[self.SIGNED, self.HELD, *self.WAIVED[1:]])
        assert verdicts(label("-nfr: signed off"), was=was) == [("undo", "db", SRE)]
        was = history(SEEN, ledger=[self.HELD])
        assert verdicts(label("-nfr: signed off", "eve"), was=was) == [
            ("refused", "nothing_to_undo", "")
        ]

    def test_by_the_label_goes_through_its_channel(self) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"command"}))
        was = history(SEEN, ledger=[self.SIGNED])
        assert verdicts(label("-nfr: signed off"), was=was, rules=rules) == [
            ("refused", "channel_closed", "label")
        ]

    def test_before_anything_was_shown_is_kept_for_nothing(self) -> None:
        assert verdicts(comment("/nfr undo"), was=history()) == [("refused", "nothing_to_undo", "")]


def test_after_a_waiver_an_area_can_still_be_signed_off() -> None:
    was = history(SEEN, ledger=TestUndo.WAIVED)
    assert verdicts(button(), was=was) == [("sign_off", "db", SRE)]


def test_a_word_that_is_unknown_is_shown_with_all_its_letters() -> None:
    assert verdicts(comment("/nfr done d\u200bb")) == [("refused", "unknown_area", "d[U+200B]b db")]
    assert verdicts(comment("/nfr done ＤＢ")) == [("sign_off", "db", SRE)]
    odd = area("read-path")
    assert verdicts(
        comment("/nfr done read_path READ-PATH"),
        rules=policy(odd),
        was=history(shown({"read-path": "r"})),
        checklist=asked(flagged(odd, "r")),
    ) == [("sign_off", "read-path", SRE)]


def test_one_reason_is_told_once_for_all_areas() -> None:
    assert verdicts(comment("/nfr done db web", "ann")) == [
        ("refused", "author", ""),
        ("refused", "not_reviewer", "web"),
    ]
    rules = replace(RULES, areas=(DB, replace(WEB, reviewers=DB.reviewers)))
    assert verdicts(comment("/nfr done", "ann"), rules=rules, checklist=BOTH) == [
        ("refused", "author", "")
    ]
