"""Who undoes what: with a command, the label, or a review that no longer approves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.ledger import Entry, Verb, holds
from ghapp.core.model import Channel, Message, Via
from ghapp.core.review.pushes import counting
from tests.core.build import (
    HEAD,
    approval,
    comment,
    entry,
    history,
    label,
    pull,
    pushed,
)
from tests.core.review.verdicts import RULES, SEEN, entries, verdicts

SRE, LEADS = "team acme/sre", "team acme/leads"


RAISED = entry(Verb.CONCERN, "concern-1", "zoe", 2, note="retries?", right=SRE, number=7)


class TestOfASignOff:
    LEDGER = (
        entry(Verb.SIGN_OFF, "db", "sam", 2, "d1", number=1),
        entry(Verb.SIGN_OFF, "web", "wes", 3, "w1", number=2),
    )

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (comment("/nfr undo", "sam", number=9), [("undo", "db", "team acme/sre")]),
            (comment("/nfr undo", "wes", number=9), [("undo", "web", "user wes")]),
            (comment("/nfr undo", "zoe", number=9), [("refused", "not_yours", "")]),
            (label("-nfr: signed off", "wes"), [("undo", "web", "user wes")]),
            (label("-nfr: signed off", "eve"), [("refused", "not_yours", "")]),
        ],
    )
    def test_undoes_the_speakers_own_sign_off(
        self, said: Message, expected: list[tuple[str, ...]]
    ) -> None:
        assert verdicts(said, was=history(SEEN, ledger=self.LEDGER)) == expected

    def test_by_a_reviewer_undoes_what_another_signed(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1")]
        assert verdicts(comment("/nfr undo", number=9), was=history(SEEN, ledger=ledger)) == [
            ("undo", "db", "team acme/sre")
        ]

    def test_by_the_signer_needs_no_right(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "eve", 2, "d1")]
        assert verdicts(
            comment("/nfr undo", "eve", number=9), was=history(SEEN, ledger=ledger)
        ) == [("undo", "db", "signer")]


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
    def test_undoes_the_latest_act(
        self, ledger: list[Entry], speaker: str, expected: list[object]
    ) -> None:
        said = comment("/nfr undo", speaker, number=9)
        assert verdicts(said, was=history(SEEN, ledger=ledger)) == expected

    def test_releases_the_hold_of_its_holder(self) -> None:
        (one,) = entries(
            comment("/nfr undo", "sue", number=9), was=history(SEEN, ledger=[self.HELD])
        )
        assert (one.verb, one.whose) == (Verb.RELEASE, "sam")

    def test_of_a_hold_or_concern_is_for_authors_if_they_may_sign(self) -> None:
        rules = replace(RULES, allow_author=True)
        for act, verb in ((self.HELD, "release"), (RAISED, "withdraw")):
            was = history(SEEN, ledger=[act])
            said = comment("/nfr undo", "ann", number=9)
            assert verdicts(said, was=was, rules=rules) == [(verb, act.subject, SRE)]

    def test_repeated_undoes_one_act_after_the_other(self) -> None:
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

    def test_with_the_label_concerns_only_sign_offs(self) -> None:
        was = history(SEEN, ledger=[self.SIGNED, self.HELD, *self.WAIVED[1:]])
        assert verdicts(label("-nfr: signed off"), was=was) == [("undo", "db", SRE)]
        was = history(SEEN, ledger=[self.HELD])
        assert verdicts(label("-nfr: signed off", "eve"), was=was) == [
            ("refused", "nothing_to_undo", "")
        ]

    def test_with_the_label_is_refused_if_the_policy_closes_its_channel(self) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"command"}))
        was = history(SEEN, ledger=[self.SIGNED])
        assert verdicts(label("-nfr: signed off"), was=was, rules=rules) == [
            ("refused", "channel_closed", "label")
        ]

    def test_before_anything_was_shown_is_only_refused(self) -> None:
        assert verdicts(comment("/nfr undo"), was=history()) == [("refused", "nothing_to_undo", "")]


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
    def test_undoes_what_the_approval_signed(self, said: Message, expected: list[object]) -> None:
        was = history(SEEN, ledger=self.LEDGER)
        assert verdicts(said, was=was) == expected
        assert verdicts(said, was=replace(was, shown=())) == expected

    def test_does_not_undo_a_sign_off_by_command(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "sam", 3, "d1")]
        said = approval("changes_requested", "sam", number=3)
        assert verdicts(said, was=history(SEEN, ledger=ledger)) == []


class TestAHoldOfAnother:
    HELD = entry(Verb.HOLD, "", "zoe", 2, "", number=6, right=SRE)
    UNDO = comment("/nfr undo", number=9)

    @pytest.mark.parametrize("subject", ["", "db"])
    def test_is_not_lifted_by_who_pushed(self, subject: str) -> None:
        held = replace(self.HELD, subject=subject)
        was = history(SEEN, ledger=[held], pushes=[pushed(HEAD, "sam", 0)])
        assert verdicts(self.UNDO, was=was) == [("refused", "not_yours", "")]
        (released,) = entries(comment("/nfr undo", "sue", number=9), was=was)
        assert (released.verb, released.whose) == (Verb.RELEASE, "zoe")
        own = replace(was, ledger=(replace(held, speaker="sam"),))
        assert [one[0] for one in verdicts(self.UNDO, was=own)] == ["release"]

    def test_is_not_lifted_while_nobody_knows_who_pushed(self) -> None:
        was = history(SEEN, ledger=[self.HELD], pushes=())
        assert verdicts(self.UNDO, was=was) == [("refused", "not_yours", "")]

    def test_is_on_again_once_it_is_known_that_who_lifted_it_had_pushed(self) -> None:
        lifted = entry(Verb.RELEASE, "", "sam", 5, "", whose="zoe", right=SRE, number=9)
        was = history(SEEN, ledger=[self.HELD, lifted])
        assert holds(counting(was.ledger, was, pull(), RULES)) == ()
        late = replace(was, pushes=(*was.pushes, pushed(HEAD, "sam", 1, "0" * 40, via=Via.PUSH)))
        assert holds(counting(was.ledger, late, pull(), RULES)) == (self.HELD,)


class TestARenamedAccount:
    """Whoever they were called when they spoke; somebody else may have the name by now."""

    @pytest.mark.parametrize(
        ("ledger", "said", "expected"),
        [
            (entry(Verb.HOLD, "", "zoe", 2, "", speaker_id=5), comment("/nfr undo"), "release"),
            (
                entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1", speaker_id=5),
                comment("/nfr undo"),
                "undo",
            ),
            (
                entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1", speaker_id=5, channel=Channel.APPROVAL),
                approval("changes_requested", minutes=6, number=2),
                "undo",
            ),
        ],
    )
    def test_undoes_what_it_did_under_its_old_name(
        self, ledger: Entry, said: Message, expected: str
    ) -> None:
        said = replace(said, speaker="eve", speaker_id=5)
        was = history(SEEN, ledger=[ledger])
        rules = replace(RULES, sign_off_by=RULES.sign_off_by | {"review"})
        (found,) = entries(said, was=was, rules=rules)
        assert found.verb.value == expected
        assert not holds((ledger, found))
        taken = replace(said, speaker="zoe", speaker_id=6)
        assert [one[0] for one in verdicts(taken, was=was, rules=rules)] in (["refused"], [])

    def test_is_still_the_author(self) -> None:
        said = replace(comment("/nfr done db"), speaker_id=7)
        assert verdicts(said, author_id=7) == [("refused", "author", "")]
        assert verdicts(said, author="sam", author_id=8)[0][0] == "sign_off"
