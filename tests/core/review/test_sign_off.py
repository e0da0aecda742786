"""Sign-offs and waivers: whose they are, of what, and through which channels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ghapp.core.areas import Clause, Reviewers
from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Channel, Message
from ghapp.core.releases import Freeze, Plan
from ghapp.core.review.judge import judge
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    approval,
    area,
    asked,
    at,
    button,
    comment,
    entry,
    facts,
    flagged,
    history,
    label,
    policy,
    pushed,
    shown,
    written,
)
from tests.core.review.verdicts import BOTH, DB, RULES, SEEN, WEB, entries, verdicts

SRE = "team acme/sre"


SIGNED_DB = ("sign_off", "db", SRE)


WITH_REVIEW = replace(RULES, sign_off_by=RULES.sign_off_by | {"review"})


LATER = shown({"db": "d2", "web": "w1"}, NEXT_HEAD, minutes=3)


MOVED = history(SEEN, LATER, pushes=[pushed(HEAD, "ann", 0), pushed(NEXT_HEAD, "ann", 2, HEAD)])


UNKNOWN = history(SEEN, LATER, pushes=[pushed(HEAD, "ann", 0)])


def test_a_sign_off_binds_to_what_its_speaker_saw() -> None:
    later = shown({"db": "d2", "web": "w1"}, NEXT_HEAD, minutes=6)
    was = history(SEEN, later, pushes=[pushed(HEAD, "ann", 0), pushed(NEXT_HEAD, "ann", 5, HEAD)])
    seen = facts(RULES, comment("/nfr done", minutes=5), head_sha=NEXT_HEAD)
    (one,) = judge(seen, was, BOTH).entries
    assert (one.head_sha, one.fingerprint) == (HEAD, "d1")


def test_nothing_waits_once_all_is_signed() -> None:
    ledger = [
        entry(Verb.SIGN_OFF, "db", fingerprint="d1"),
        entry(Verb.SIGN_OFF, "web", fingerprint="w1"),
    ]
    assert verdicts(comment("/nfr done", minutes=9), was=history(SEEN, ledger=ledger)) == [
        ("refused", "nothing_waiting", "")
    ]


class TestWhoPushed:
    PUSHED = (pushed(HEAD, "ann", 0), pushed(NEXT_HEAD, "Sam", 2, HEAD))
    SEEN_NEXT = shown({"db": "d2"}, NEXT_HEAD, minutes=3)

    def test_may_not_sign_off(self) -> None:
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED)
        assert verdicts(comment("/nfr done"), was=was, head_sha=NEXT_HEAD) == [
            ("refused", "pushed", NEXT_HEAD[:7])
        ]

    def test_may_again_once_another_has_signed_that_head(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 4, "d2", NEXT_HEAD)]
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED, ledger=ledger)
        assert verdicts(comment("/nfr done db"), was=was, head_sha=NEXT_HEAD) == [
            ("sign_off", "db", "team acme/sre")
        ]

    def test_is_refused_if_unknown(self) -> None:
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED[:1])
        assert verdicts(comment("/nfr done"), was=was, head_sha=NEXT_HEAD) == [
            ("refused", "pusher_unknown", NEXT_HEAD[:7])
        ]

    def test_of_the_first_head_is_the_author_only_if_the_pull_was_opened_with_it(self) -> None:
        assert verdicts(comment("/nfr done db"), was=history(SEEN)) == [
            ("sign_off", "db", "team acme/sre")
        ]
        assert verdicts(comment("/nfr done db"), was=history(SEEN, pushes=())) == [
            ("refused", "pusher_unknown", HEAD[:7])
        ]

    def test_includes_a_head_brought_back_from_before_the_sign_off(self) -> None:
        third = shown({"db": "d3"}, "c" * 40, minutes=5)
        again = shown({"db": "d2"}, NEXT_HEAD, minutes=7)
        pushes = [*self.PUSHED, pushed("c" * 40, "ann", 4, NEXT_HEAD)]
        signed = entry(Verb.SIGN_OFF, "db", "zoe", 6, "d3", "c" * 40)
        was = history(SEEN, self.SEEN_NEXT, third, again, pushes=pushes, ledger=[signed])
        said = comment("/nfr done db", minutes=9)
        assert verdicts(said, was=was, head_sha=NEXT_HEAD) == [("refused", "pushed", NEXT_HEAD[:7])]

    def test_counts_for_all_if_the_signed_head_has_had_another_diff(self) -> None:
        third, retargeted = (
            shown({"db": mark}, "c" * 40, minutes) for mark, minutes in [("d3", 5), ("d4", 7)]
        )
        pushes = [*self.PUSHED, pushed("c" * 40, "ann", 4, NEXT_HEAD)]
        signed = entry(Verb.SIGN_OFF, "db", "zoe", 6, "d3", "c" * 40)
        was = history(SEEN, self.SEEN_NEXT, third, retargeted, pushes=pushes, ledger=[signed])
        said = comment("/nfr done db", minutes=9)
        assert verdicts(said, was=was, head_sha="c" * 40) == [("refused", "pushed", NEXT_HEAD[:7])]

    def test_does_not_matter_if_the_policy_allows_authors(self) -> None:
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED)
        rules = replace(RULES, allow_author=True)
        said = (comment("/nfr done db"), comment("/nfr done db", "ann", number=2))
        assert [one[0] for one in verdicts(*said, rules=rules, was=was, head_sha=NEXT_HEAD)] == [
            "sign_off",
            "sign_off",
        ]


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
    found = verdicts(said, rules=WITH_REVIEW, was=UNKNOWN, head_sha=NEXT_HEAD)
    assert list(dict.fromkeys(found)) == refused  # of each area
    known = replace(UNKNOWN, pushes=MOVED.pushes)
    (one,) = {e.verb for e in entries(said, rules=WITH_REVIEW, was=known, head_sha=NEXT_HEAD)}
    assert one in (Verb.SIGN_OFF, Verb.WAIVE)


def test_the_other_commands_of_its_comment_count() -> None:
    said = comment("/nfr check db-rollback -- tried\n/nfr done\n/nfr hold -- x", "sue")
    told = verdicts(said, was=UNKNOWN, head_sha=NEXT_HEAD)
    assert [one[0] for one in told] == ["check", "refused", "hold"]


def test_an_area_that_is_no_longer_in_force_cannot_be_signed() -> None:
    rules = policy(DB)
    assert verdicts(comment("/nfr done web", "wes"), rules=rules) == [
        ("refused", "not_reviewer", "web")
    ]
    ledger = [entry(Verb.SIGN_OFF, "db", fingerprint="d1")]
    assert verdicts(
        comment("/nfr done", number=9), rules=rules, was=history(SEEN, ledger=ledger)
    ) == [("refused", "nothing_waiting", "")]


def test_an_area_without_pack_is_signed_off_by_the_general_reviewers() -> None:
    was = history(shown({"too-many-files": HEAD}))
    assert verdicts(comment("/nfr done"), was=was) == [
        ("sign_off", "too-many-files", "team acme/sre")
    ]


def test_an_area_of_the_same_name_gives_no_right_to_sign_an_area_without_pack() -> None:
    rules = policy(DB, area("too-many-files", reviewers=Reviewers(users=("wes",))))
    was = history(shown({"too-many-files": HEAD}))
    assert verdicts(comment("/nfr done", "wes"), was=was, rules=rules) == [
        ("refused", "not_reviewer", "too-many-files")
    ]


def test_open_must_questions_are_recorded_as_accepted_by_the_signer() -> None:
    (one,) = judge(facts(RULES, comment("/nfr done -- fine")), history(SEEN), BOTH).entries
    assert (one.open_musts, one.note) == (("db-rollback",), "fine")


@pytest.mark.parametrize(
    ("severity", "must_when", "here", "open_musts"),
    [
        ("should", None, "must", "db-rollback"),  # what the diff makes a must is one
        ("must", None, "should", ""),  # as one that is folded
        ("should", None, None, ""),
        ("should", Clause("diff", ("x",)), None, "db-rollback"),  # it may have been one
        ("must", None, None, "db-rollback"),
    ],
)
def test_a_must_is_what_the_diff_makes_one(
    severity: str, must_when: Clause | None, here: str | None, open_musts: str
) -> None:
    base = replace(DB.items[0], severity=severity, must_when=must_when)
    items = (replace(base, severity=here),) if here else ()
    db = replace(DB, items=(base,))
    rules = policy(db)
    seen = replace(shown({"db": "f1"}), items={"db-rollback": "f1"})
    found = asked(replace(flagged(db), items=items))
    (one,) = judge(facts(rules, comment("/nfr done")), history(seen), found).entries
    assert (one.verb, ", ".join(one.open_musts)) == (Verb.SIGN_OFF, open_musts)


def test_every_kind_of_answer_closes_a_must() -> None:
    rules = replace(RULES, require_answers="must")
    for rest in ("check db-rollback", "na db-rollback -- x", "defer db-rollback -- x"):
        said = comment(f"/nfr {rest}", "ann", 4), comment("/nfr done", number=2)
        assert verdicts(*said, rules=rules)[-1] == ("sign_off", "db", SRE)
    said = (*said, comment("/nfr uncheck db-rollback", "ann", 4.5, 3))
    assert verdicts(*said, rules=rules)[-1] == ("refused", "open_musts", "db-rollback")


def test_an_answer_to_another_diff_leaves_a_must_open() -> None:
    rules = replace(RULES, require_answers="must")
    marked = replace(SEEN, items={"db-rollback": "i2"})
    given = [entry(Verb.CHECK, "db-rollback", "ann", 2, mark, number=7) for mark in ("d1", "i2")]
    for one, expected in zip(given, ("refused", "sign_off"), strict=True):
        was = history(marked, ledger=[one])
        assert verdicts(comment("/nfr done db"), was=was, rules=rules)[0][0] == expected


def test_a_must_of_the_diff_that_was_seen_stays_open_after_the_diff_changes() -> None:
    rules = replace(RULES, require_answers="must")
    was = history(replace(SEEN, items={"db-rollback": "i1"}))
    for now in (asked(), asked(replace(flagged(DB, "d2"), items=()))):
        said = comment("/nfr done db")
        assert verdicts(said, was=was, rules=rules, checklist=now, head_sha=NEXT_HEAD) == [
            ("refused", "open_musts", "db-rollback")
        ]


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

    def test_signs_nothing_if_the_policy_does_not_list_reviews_and_says_so_once(self) -> None:
        (told,) = entries(approval())
        assert told.refusal and told.refusal.reason == "approval_signs_nothing"
        assert told.replied
        assert verdicts(approval(number=3), was=history(SEEN, ledger=[told])) == []
        assert verdicts(approval(speaker="bob")) == []
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1", number=7)]
        assert verdicts(approval(), was=history(SEEN, ledger=ledger)) == []

    def test_signs_nothing_under_an_unreadable_policy(self) -> None:
        rules = replace(WITH_REVIEW, standing="unreadable")
        assert verdicts(approval(), rules=rules) == []

    def test_is_ignored_if_nothing_waits(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1", number=7)]
        assert verdicts(approval(), rules=WITH_REVIEW, was=history(SEEN, ledger=ledger)) == []

    def test_is_refused_if_its_author_pushed(self) -> None:
        was = history(
            SEEN, LATER, pushes=[pushed(HEAD, "ann", 0), pushed(NEXT_HEAD, "sam", 2, HEAD)]
        )
        said = approval(head_sha=NEXT_HEAD)
        assert verdicts(said, rules=WITH_REVIEW, was=was, head_sha=NEXT_HEAD) == [
            ("refused", "pushed", NEXT_HEAD[:7])
        ]

    def test_is_ignored_if_its_dismissal_arrived_first(self) -> None:
        was = replace(history(SEEN), judged=frozenset({"review:1:dismissed"}))
        assert verdicts(approval(), rules=WITH_REVIEW, was=was) == []
        assert verdicts(approval(number=2), rules=WITH_REVIEW, was=was) == [SIGNED_DB]

    @pytest.mark.parametrize("signed", [(), (entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1"),)])
    def test_is_ignored_if_a_later_request_for_changes_arrived_first(
        self, signed: tuple[Entry, ...]
    ) -> None:
        refused = approval("changes_requested", minutes=9, number=10)
        told = entries(refused, rules=WITH_REVIEW, was=history(SEEN, ledger=signed))
        assert [(one.verb, one.subject, one.comment_id) for one in told] == [(Verb.UNDO, "", 0)]
        was = replace(MOVED, ledger=(*signed, *told), judged=frozenset({refused.id}))

        def said(**changes: object) -> list[tuple[str, str, str]]:
            one = approval(head_sha=NEXT_HEAD, **changes)  # type: ignore[arg-type]
            return verdicts(one, rules=WITH_REVIEW, was=was, head_sha=NEXT_HEAD)

        assert said(number=9) == []
        # that of another reviewer counts, and one that was given afterwards
        assert said(number=8, speaker="wes") == [("sign_off", "web", "user wes")]
        assert said(number=11, minutes=10) == [SIGNED_DB]

    def test_adds_nothing_to_a_command_in_its_body(self) -> None:
        body = written(Channel.REVIEW, "/nfr done -- looks good")
        told = entries(approval(), body, rules=WITH_REVIEW)
        assert [(one.verb, one.note) for one in told] == [(Verb.SIGN_OFF, "looks good")]


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
    def test_is_for_waivers(self, said: Message, expected: list[object]) -> None:
        assert verdicts(said) == expected

    def test_binds_each_area_to_what_was_seen(self) -> None:
        told = entries(comment("/nfr waive -- incident", "lee"))
        assert [(one.fingerprint, one.head_sha, one.note) for one in told] == [
            ("d1", HEAD, "incident"),
            ("w1", HEAD, "incident"),
        ]

    def test_does_not_cover_what_is_signed_off(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "sam", 2, "d1", number=7)]
        said = comment("/nfr waive -- x", "lee")
        assert verdicts(said, was=history(SEEN, ledger=ledger)) == [
            ("waive", "web", "team acme/leads")
        ]

    def test_covers_again_what_was_waived_so_that_it_is_later_than_a_hold(self) -> None:
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

    @pytest.mark.parametrize(
        ("mode", "days", "expected"),
        [
            ("hold", 0, ["db", "web"]),
            ("note", 0, ["web"]),
            ("hold", 1, ["web"]),  # it begins the day after
        ],
    )
    def test_covers_what_is_signed_off_while_a_freeze_holds_it(
        self, mode: str, days: int, expected: list[str]
    ) -> None:
        day = (at(5) + timedelta(days=days)).date().isoformat()
        rules = replace(RULES, release=Plan(freeze=mode, freezes=(Freeze(day, day),)))
        was = history(SEEN, ledger=[entry(Verb.SIGN_OFF, "db", "sam", 2, "d1", number=7)])
        said = comment("/nfr waive -- x", "lee")
        assert [one[1] for one in verdicts(said, rules=rules, was=was)] == expected

    def test_is_not_for_the_author_nor_for_who_pushed(self) -> None:
        rules = replace(RULES, waivers=Reviewers(users=("ann", "bob")))
        was = history(SEEN, pushes=[pushed(HEAD, "bob", 0)])
        assert verdicts(comment("/nfr waive -- x", "ann"), rules=rules) == [
            ("refused", "author", "")
        ]
        assert verdicts(comment("/nfr waive -- x", "bob"), rules=rules, was=was) == [
            ("refused", "pushed", HEAD[:7])
        ]
        rules = replace(rules, allow_author=True)
        assert len(verdicts(comment("/nfr waive -- x", "ann"), rules=rules)) == 2

    def test_is_for_maintainers_if_nobody_is_named(self) -> None:
        rules = policy(DB, WEB)
        assert verdicts(comment("/nfr waive -- x", "lee"), rules=rules) == [
            ("refused", "not_waiver", "")
        ]


def test_after_a_waiver_an_area_can_still_be_signed_off() -> None:
    waived = [
        entry(Verb.WAIVE, name, "lee", 3, mark, number=8, part=part)
        for part, (name, mark) in enumerate((("db", "d1"), ("web", "w1")))
    ]
    was = history(SEEN, ledger=waived)
    assert verdicts(button(), was=was) == [("sign_off", "db", SRE)]
