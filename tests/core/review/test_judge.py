from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Clause, Reviewers
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.model import Message, Push, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.review.judge import judge
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    REVIEWER,
    area,
    asked,
    at,
    comment,
    entry,
    facts,
    flagged,
    history,
    label,
    policy,
    rerun,
    shown,
    tick,
)
from tests.core.review.verdicts import detail

DB, WEB = area("db"), area("web", reviewers=Reviewers(users=("wes",)))
BOTH = asked(flagged(DB, "d1"), flagged(WEB, "w1"))
SEEN = shown({"db": "d1", "web": "w1"})
RULES = policy(DB, WEB)


def verdicts(*said: Message, rules: Policy = RULES, **known: object) -> list[tuple[str, ...]]:
    rights: dict[str, Rights] = {
        "sam": REVIEWER,
        "ann": Rights(write=True, teams=frozenset({"acme/sre"})),
        "wes": Rights(write=True),
        "eve": Rights(),
    }
    was = known.pop("history", history(SEEN))
    seen = facts(rules, *said, rights=rights, **known)  # type: ignore[arg-type]
    return [_brief(one) for one in judge(seen, was, BOTH).entries]  # type: ignore[arg-type]


def _brief(one: Entry) -> tuple[str, ...]:
    if one.refusal:
        return ("refused", one.refusal.reason, detail(one.refusal))
    return (one.verb.value, one.subject, one.right)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # by command
        (comment("/nfr done"), [("sign_off", "db", "team acme/sre")]),
        (comment("/nfr done", "wes"), [("sign_off", "web", "user wes")]),
        (comment("/nfr done db", "Sam"), [("refused", "not_reviewer", "db")]),
        (comment("/nfr done db"), [("sign_off", "db", "team acme/sre")]),
        (comment("/nfr done web"), [("refused", "not_reviewer", "web")]),
        (comment("/nfr done dbs"), [("refused", "unknown_area", "dbs db")]),
        (comment("/nfr done", "eve"), [("refused", "not_reviewer", "db, web")]),
        (comment("/nfr done", "ann"), [("refused", "author", "")]),
        (comment("/nfr dnoe"), [("refused", "unknown_command", "dnoe done")]),
        (comment("nothing"), []),
        (comment("/nfr done", minutes=1), [("refused", "not_shown", HEAD[:7])]),
        (comment("/nfr help", "eve"), [("help", "", "")]),
        (comment("/nfr refresh", "eve"), [("refresh", "", "")]),
        (
            comment("/nfr undo"),
            [("refused", "nothing_to_undo", ""), ("undo", "db", "team acme/sre")],
        ),
        (comment("/nfr undo", "eve"), [("refused", "nothing_to_undo", "")]),
        (
            comment("/nfr done db looks good"),
            [("sign_off", "db", "team acme/sre"), ("refused", "unknown_area", "looks")],
        ),
        # by label
        (label("+nfr: signed off"), [("sign_off", "db", "team acme/sre")]),
        (label("+NFR: Signed Off"), [("sign_off", "db", "team acme/sre")]),
        (label("+nfr: signed off", "eve"), [("refused", "not_reviewer", "db, web")]),
        (label("-nfr: signed off", "eve"), [("refused", "nothing_to_undo", "")]),
        (
            label("-nfr: needs sign-off"),
            [("refused", "state_label", "nfr: needs sign-off")],
        ),
        # answers
        (tick("+db-rollback"), [("check", "db-rollback", "author")]),
        (tick("-db-rollback", "sam"), [("uncheck", "db-rollback", "write")]),
        (tick("+db-rollback", "eve"), [("refused", "no_write", "")]),
        (
            comment("/nfr check db-rolback", "ann"),
            [("refused", "unknown_item", "db-rolback db-rollback")],
        ),
        # the check asked for again
        (rerun(), [("refresh", "", "")]),
    ],
)
def test_a_message_is_heard_by_the_right_its_speaker_has(
    said: Message, expected: list[tuple[str, ...]]
) -> None:
    assert verdicts(said) == expected


def test_a_sign_off_binds_to_what_its_speaker_saw() -> None:
    later = shown({"db": "d2", "web": "w1"}, NEXT_HEAD, minutes=6)
    was = history(SEEN, later, pushes=[Push(HEAD, "ann", at(0)), Push(NEXT_HEAD, "ann", at(5))])
    seen = facts(RULES, comment("/nfr done", minutes=5), head_sha=NEXT_HEAD)
    (one,) = judge(seen, was, BOTH).entries
    assert (one.head_sha, one.fingerprint) == (HEAD, "d1")


def test_the_second_command_of_a_comment_knows_of_the_first() -> None:
    said = comment("/nfr done\n/nfr done\n/nfr undo\n/nfr undo")
    assert [one[:2] for one in verdicts(said)] == [
        ("sign_off", "db"),
        ("refused", "not_reviewer"),
        ("undo", "db"),
        ("refused", "nothing_to_undo"),
        ("undo", "db"),
    ]
    assert len({one.id for one in judge(facts(RULES, said), history(SEEN), BOTH).entries}) == 5


def test_nothing_waits_once_all_is_signed() -> None:
    ledger = [
        entry(Verb.SIGN_OFF, "db", fingerprint="d1"),
        entry(Verb.SIGN_OFF, "web", fingerprint="w1"),
    ]
    assert verdicts(comment("/nfr done", minutes=9), history=history(SEEN, ledger=ledger)) == [
        ("refused", "nothing_waiting", "")
    ]


class TestWhoPushed:
    PUSHED = (Push(HEAD, "ann", at(0)), Push(NEXT_HEAD, "Sam", at(2)))
    SEEN_NEXT = shown({"db": "d2"}, NEXT_HEAD, minutes=3)

    def test_may_not_sign_off(self) -> None:
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED)
        assert verdicts(comment("/nfr done"), history=was, head_sha=NEXT_HEAD) == [
            ("refused", "pushed", NEXT_HEAD[:7])
        ]

    def test_may_again_once_another_has_signed_that_head(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 4, "d2", NEXT_HEAD)]
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED, ledger=ledger)
        assert verdicts(comment("/nfr done db"), history=was, head_sha=NEXT_HEAD) == [
            ("sign_off", "db", "team acme/sre")
        ]

    def test_is_not_guessed(self) -> None:
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED[:1])
        assert verdicts(comment("/nfr done"), history=was, head_sha=NEXT_HEAD) == [
            ("refused", "pusher_unknown", NEXT_HEAD[:7])
        ]

    def test_of_the_first_head_is_the_author(self) -> None:
        assert verdicts(comment("/nfr done db"), history=history(SEEN, pushes=())) == [
            ("sign_off", "db", "team acme/sre")
        ]

    def test_includes_a_head_brought_back_from_before_the_sign_off(self) -> None:
        third = shown({"db": "d3"}, "c" * 40, minutes=5)
        again = shown({"db": "d2"}, NEXT_HEAD, minutes=7)
        pushes = [*self.PUSHED, Push("c" * 40, "ann", at(4))]
        signed = entry(Verb.SIGN_OFF, "db", "zoe", 6, "d3", "c" * 40)
        was = history(SEEN, self.SEEN_NEXT, third, again, pushes=pushes, ledger=[signed])
        said = comment("/nfr done db", minutes=9)
        assert verdicts(said, history=was, head_sha=NEXT_HEAD) == [
            ("refused", "pushed", NEXT_HEAD[:7])
        ]

    def test_counts_for_all_where_the_signed_head_has_had_another_diff(self) -> None:
        third, retargeted = (
            shown({"db": mark}, "c" * 40, minutes) for mark, minutes in [("d3", 5), ("d4", 7)]
        )
        pushes = [*self.PUSHED, Push("c" * 40, "ann", at(4))]
        signed = entry(Verb.SIGN_OFF, "db", "zoe", 6, "d3", "c" * 40)
        was = history(SEEN, self.SEEN_NEXT, third, retargeted, pushes=pushes, ledger=[signed])
        said = comment("/nfr done db", minutes=9)
        assert verdicts(said, history=was, head_sha="c" * 40) == [
            ("refused", "pushed", NEXT_HEAD[:7])
        ]

    def test_does_not_matter_where_the_policy_allows_authors(self) -> None:
        was = history(SEEN, self.SEEN_NEXT, pushes=self.PUSHED)
        rules = replace(RULES, allow_author=True)
        said = (comment("/nfr done db"), comment("/nfr done db", "ann", number=2))
        assert [
            one[0] for one in verdicts(*said, rules=rules, history=was, head_sha=NEXT_HEAD)
        ] == [
            "sign_off",
            "sign_off",
        ]


class TestUndo:
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
    def test_takes_back_what_is_the_speakers(
        self, said: Message, expected: list[tuple[str, ...]]
    ) -> None:
        assert verdicts(said, history=history(SEEN, ledger=self.LEDGER)) == expected

    def test_by_a_reviewer_takes_back_what_another_signed(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 2, "d1")]
        assert verdicts(comment("/nfr undo", number=9), history=history(SEEN, ledger=ledger)) == [
            ("undo", "db", "team acme/sre")
        ]

    def test_by_the_signer_needs_no_right_any_more(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "eve", 2, "d1")]
        assert verdicts(
            comment("/nfr undo", "eve", number=9), history=history(SEEN, ledger=ledger)
        ) == [("undo", "db", "signer")]


class TestRefused:
    def test_while_the_policy_is_unreadable(self) -> None:
        rules = replace(RULES, standing="unreadable")
        assert verdicts(comment("/nfr done"), rules=rules) == [("refused", "policy_unreadable", "")]

    def test_through_a_channel_the_policy_closed(self) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"command"}))
        assert verdicts(label("+nfr: signed off"), rules=rules) == [
            ("refused", "channel_closed", "label")
        ]

    def test_where_the_right_is_unclear(self) -> None:
        rights = {"eve": Rights(unclear=("The App needs Members: read.",))}
        seen = facts(RULES, comment("/nfr done", "eve"), rights=rights)
        (one,) = judge(seen, history(SEEN), BOTH).entries
        assert one.refusal == Refusal("unclear", "The App needs Members: read.")

    def test_where_nobody_asked_about_the_speaker(self) -> None:
        (one,) = judge(facts(RULES, comment("/nfr done", "ghost")), history(SEEN), BOTH).entries
        assert one.refusal and one.refusal.reason == "not_reviewer"

    def test_while_must_questions_are_open_and_the_policy_wants_them_answered(
        self,
    ) -> None:
        rules = replace(RULES, require_answers="must")
        assert verdicts(comment("/nfr done"), rules=rules) == [
            ("refused", "open_musts", "db-rollback")
        ]
        said = (
            comment("/nfr check db-rollback", "ann"),
            comment("/nfr done", number=2),
        )
        assert [one[0] for one in verdicts(*said, rules=rules)] == ["check", "sign_off"]


def test_an_area_that_is_no_longer_in_force_is_nobodys_to_sign() -> None:
    rules = policy(DB)
    assert verdicts(comment("/nfr done web", "wes"), rules=rules) == [
        ("refused", "not_reviewer", "web")
    ]
    ledger = [entry(Verb.SIGN_OFF, "db", fingerprint="d1")]
    assert verdicts(
        comment("/nfr done", number=9), rules=rules, history=history(SEEN, ledger=ledger)
    ) == [("refused", "nothing_waiting", "")]


def test_what_has_no_pack_is_signed_off_by_the_general_reviewers() -> None:
    was = history(shown({"too-many-files": HEAD}))
    assert verdicts(comment("/nfr done"), history=was) == [
        ("sign_off", "too-many-files", "team acme/sre")
    ]


def test_an_area_of_the_same_name_gives_nobody_the_right_to_sign_what_has_no_pack() -> None:
    rules = policy(DB, area("too-many-files", reviewers=Reviewers(users=("wes",))))
    was = history(shown({"too-many-files": HEAD}))
    assert verdicts(comment("/nfr done", "wes"), history=was, rules=rules) == [
        ("refused", "not_reviewer", "too-many-files")
    ]


def test_what_finds_no_comment_is_to_be_answered_by_a_reply() -> None:
    on_clear = judge(facts(policy(), comment("/nfr dnoe\n/nfr help")), history(), asked()).entries
    assert [one.replied for one in on_clear] == [True, True]
    flagged_one = judge(facts(RULES, comment("/nfr dnoe\n/nfr help")), history(SEEN), BOTH).entries
    assert [one.replied for one in flagged_one] == [False, True]


def test_unknown_names_are_refused_once_per_command() -> None:
    said = comment("/nfr check db-rollback x y z", "ann")
    assert verdicts(said) == [("check", "db-rollback", "author"), ("refused", "unknown_item", "x")]


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


people = st.sampled_from(["sam", "ann", "wes", "eve", "zoe"])
lines = st.sampled_from(
    [
        "/nfr done",
        "/nfr done db",
        "/nfr done web",
        "/nfr undo",
        "/nfr check db-rollback",
        "x",
    ]
)


@given(st.lists(st.tuples(people, st.lists(lines, max_size=3), st.integers(0, 9)), max_size=8))
def test_a_head_nobody_saw_is_never_signed_off(
    said: list[tuple[str, list[str], int]],
) -> None:
    messages = [
        comment("\n".join(body), who, minutes, number)
        for number, (who, body, minutes) in enumerate(said)
    ]
    for one in judge(facts(RULES, *messages, head_sha=NEXT_HEAD), history(SEEN), BOTH).entries:
        if one.verb is Verb.SIGN_OFF:
            assert one.head_sha == HEAD
            assert one.said_at > SEEN.accepted_at
            assert one.speaker in ("sam", "wes") or one.right.startswith(("team", "user"))
