"""What messages come to: by their channel, their command, and the rights of their speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Reviewers
from ghapp.core.i18n import table
from ghapp.core.ledger import Refusal, Verb
from ghapp.core.marks import Marks
from ghapp.core.model import Channel, Message, Rights
from ghapp.core.policy.policy import Defer
from ghapp.core.records import FollowUp, History
from ghapp.core.review.commands import ANYONE, COMMANDS
from ghapp.core.review.judge import MOST_OF_MESSAGE, MOST_OF_PULL, Ask, asks, judge
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    approval,
    area,
    asked,
    button,
    comment,
    entry,
    facts,
    flagged,
    history,
    item,
    label,
    policy,
    pull,
    pushed,
    rerun,
    shown,
    tick,
    written,
)
from tests.core.review.verdicts import BOTH, DB, RULES, SEEN, entries, verdicts

SIGNED_DB = ("sign_off", "db", "team acme/sre")


LATER = shown({"db": "d2", "web": "w1"}, NEXT_HEAD, minutes=3)


MOVED = history(SEEN, LATER, pushes=[pushed(HEAD, "ann", 0), pushed(NEXT_HEAD, "ann", 2, HEAD)])


WORDS = (Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT)


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
        (tick("+db-rollback", minutes=1), [("check", "db-rollback", "author")]),
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
def test_a_message_counts_if_its_speaker_has_the_right(
    said: Message, expected: list[tuple[str, ...]]
) -> None:
    assert verdicts(said) == expected


def test_a_command_is_judged_after_the_commands_before_it() -> None:
    said = comment("/nfr done\n/nfr done\n/nfr undo\n/nfr undo")
    assert [one[:2] for one in verdicts(said)] == [
        ("sign_off", "db"),
        ("refused", "not_reviewer"),
        ("undo", "db"),
        ("refused", "nothing_to_undo"),
        ("undo", "db"),
    ]
    assert len({one.id for one in judge(facts(RULES, said), history(SEEN), BOTH).entries}) == 5


class TestRefused:
    def test_while_the_policy_is_unreadable(self) -> None:
        rules = replace(RULES, standing="unreadable")
        assert verdicts(comment("/nfr done"), rules=rules) == [("refused", "policy_unreadable", "")]

    def test_through_a_channel_the_policy_closed(self) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"command"}))
        assert verdicts(label("+nfr: signed off"), rules=rules) == [
            ("refused", "channel_closed", "label")
        ]

    def test_if_the_right_is_unclear(self) -> None:
        rights = {"eve": Rights(unclear=("The App needs Members: read.",))}
        seen = facts(RULES, comment("/nfr done", "eve"), rights=rights)
        (one,) = judge(seen, history(SEEN), BOTH).entries
        assert one.refusal == Refusal("unclear", "The App needs Members: read.")

    def test_if_nobody_asked_about_the_speaker(self) -> None:
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


class TestWords:
    @pytest.mark.parametrize("channel", WORDS)
    def test_commands_count_in_every_written_channel(self, channel: Channel) -> None:
        (one,) = entries(written(channel, "looks good\n/nfr done db -- fine"))
        assert (one.verb, one.subject, one.note, one.channel) == (
            Verb.SIGN_OFF,
            "db",
            "fine",
            channel,
        )

    def test_a_review_is_acknowledged_with_its_node_id(self) -> None:
        (one,) = entries(written(Channel.REVIEW, "/nfr done"))
        assert (one.comment_id, one.node_id) == (1, "R_1")

    @pytest.mark.parametrize("channel", WORDS)
    def test_an_edited_comment_is_refused(self, channel: Channel) -> None:
        said = written(channel, "/nfr done\n/nfr dnoe", edited=True)
        assert verdicts(said) == [("refused", "edited", "")]
        assert verdicts(written(channel, "LGTM", edited=True)) == []

    @pytest.mark.parametrize("channel", WORDS)
    def test_commands_are_refused_if_the_policy_closes_their_channel(
        self, channel: Channel
    ) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"label", "button", "review"}))
        assert verdicts(written(channel, "/nfr done"), rules=rules) == [
            ("refused", "channel_closed", "command")
        ]

    def test_a_review_is_about_the_head_it_was_given_to(self) -> None:
        (one,) = entries(written(Channel.REVIEW, "/nfr done db"), was=MOVED, head_sha=NEXT_HEAD)
        assert (one.head_sha, one.fingerprint) == (HEAD, "d1")
        (one,) = entries(written(Channel.REVIEW_COMMENT, "/nfr done db"), was=MOVED)
        assert (one.head_sha, one.fingerprint) == (NEXT_HEAD, "d2")

    @pytest.mark.parametrize("rest", ["done", "waive -- x", "check db-plan", "defer db-plan -- x"])
    def test_a_binding_command_about_a_head_never_shown_is_refused(self, rest: str) -> None:
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
    def test_other_commands_need_no_shown_head(self, rest: str, expected: tuple[str, ...]) -> None:
        assert verdicts(comment(f"/nfr {rest}"), was=history()) == [expected]

    def test_help_and_explain_are_answered_with_a_reply(self) -> None:
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
    def test_does_what_its_identifier_says(self, said: Message, expected: list[object]) -> None:
        assert verdicts(said) == expected

    def test_signs_the_head_whose_run_it_is_on(self) -> None:
        (one,) = entries(button(), was=MOVED, head_sha=NEXT_HEAD)
        assert (one.head_sha, one.fingerprint) == (HEAD, "d1")

    def test_is_refused_if_the_policy_closes_its_channel(self) -> None:
        rules = replace(RULES, sign_off_by=frozenset({"command"}))
        assert verdicts(button(), rules=rules) == [("refused", "channel_closed", "button")]
        assert verdicts(button("refresh"), rules=rules) == [("refresh", "", "")]


class TestOneMessage:
    def test_is_judged_once(self) -> None:
        said = comment("/nfr done")
        assert verdicts(said, said) == [SIGNED_DB]
        assert verdicts(said, was=replace(history(SEEN), judged=frozenset({said.id}))) == []

    def test_is_judged_after_those_said_before(self) -> None:
        undo, done = comment("/nfr undo", minutes=6, number=2), comment("/nfr done", minutes=5)
        assert verdicts(undo, done) == [SIGNED_DB, ("undo", "db", "team acme/sre")]

    def test_that_comes_late_is_judged_by_what_was_said_before_it(self) -> None:
        ledger = [entry(Verb.SIGN_OFF, "db", "zoe", 9, "d1", number=9)]
        was = history(SEEN, ledger=ledger)
        assert verdicts(comment("/nfr done"), was=was) == [SIGNED_DB]
        assert verdicts(comment("/nfr undo"), was=was)[0] == ("refused", "nothing_to_undo", "")


def test_a_refusal_is_a_reply_if_nothing_is_flagged() -> None:
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


def test_an_outcome_that_no_comment_shows_is_replied_to() -> None:
    on_clear = judge(facts(policy(), comment("/nfr dnoe\n/nfr help")), history(), asked()).entries
    assert [one.replied for one in on_clear] == [True, True]
    flagged_one = judge(facts(RULES, comment("/nfr dnoe\n/nfr help")), history(SEEN), BOTH).entries
    assert [one.replied for one in flagged_one] == [False, True]


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


# --- what GitHub is asked ------


SRE = frozenset({"acme/sre"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (comment("/nfr done"), Ask(False, SRE | {"acme/dba", "other/ops"})),
        (comment("/nfr undo"), Ask(False, SRE | {"acme/dba", "other/ops"})),
        (comment("/nfr check x"), Ask(True)),
        (comment("/nfr check x", "Ann"), None),
        (comment("/nfr help\n/nfr refresh"), None),
        (comment("/nfr dnoe"), None),
        (tick("+x", "eve"), Ask(True)),
        (tick("+x", "ann"), None),
        (label("+nfr: signed off"), Ask(False, SRE | {"acme/dba", "other/ops"})),
        (label("-nfr: needs sign-off"), None),
        (rerun(), None),
    ],
)
def test_github_is_asked_only_for_rights_that_decide(said: Message, expected: Ask | None) -> None:
    rules = policy(area("db", reviewers=Reviewers(teams=("DBA", "other/ops"))))
    assert asks([said], rules, pull()) == ({said.speaker: expected} if expected else {})


ALL = Ask(False, SRE | {"acme/dba", "other/ops"})


LEADS = frozenset({"acme/leads"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        *((comment(f"/nfr {rest}"), ALL) for rest in ("hold -- x", "concern x", "defer x -- y")),
        (comment("/nfr waive -- x"), Ask(False, LEADS)),
        (comment("/nfr na x -- y"), Ask(True)),
        (comment("/nfr na x -- y", "ann"), None),
        (comment("/nfr explain"), None),
        *(
            (written(channel, "/nfr done"), ALL)
            for channel in (Channel.REVIEW, Channel.REVIEW_COMMENT)
        ),
        (written(Channel.REVIEW, "/nfr done", edited=True), None),
        (approval(), ALL),
        (approval("changes_requested"), ALL),
        (approval("dismissed"), None),
        (button(), ALL),
        (button("refresh"), None),
        (button("explain"), None),
        (button("else"), None),
    ],
)
def test_each_channel_and_command_needs_its_rights(said: Message, expected: Ask | None) -> None:
    rules = replace(
        policy(area("db", reviewers=Reviewers(teams=("DBA", "other/ops")))),
        waivers=Reviewers(teams=("leads",)),
        sign_off_by=frozenset({"command", "review"}),
    )
    assert asks([said], rules, pull()) == ({said.speaker: expected} if expected else {})


def test_an_approval_that_signs_nothing_needs_rights_until_its_author_knows() -> None:
    assert set(asks([approval()], policy(), pull())) == {"sam"}
    told = entry(Verb.REFUSED, refusal=Refusal("approval_signs_nothing"))
    assert asks([approval()], policy(), pull(), [told]) == {}
    assert asks([approval("changes_requested")], policy(), pull()) == {}


def test_an_undo_needs_the_waivers_once_something_was_waived() -> None:
    rules = replace(policy(), waivers=Reviewers(teams=("leads",)))
    waived = [entry(Verb.WAIVE, "db")]
    assert asks([comment("/nfr undo")], rules, pull(), waived) == {"sam": Ask(False, SRE | LEADS)}
    assert asks([comment("/nfr done")], rules, pull(), waived) == {"sam": Ask(False, SRE)}


def test_permission_is_asked_if_no_waivers_are_named() -> None:
    assert asks([comment("/nfr waive -- x")], policy(), pull()) == {"sam": Ask(True)}


def test_permission_is_asked_if_an_area_names_no_reviewers() -> None:
    rules = policy(area("db", reviewers=Reviewers()))
    assert asks([comment("/nfr done")], rules, pull()) == {"sam": Ask(True, SRE)}


def test_rights_for_several_messages_of_a_person_are_joined() -> None:
    said = [comment("/nfr check x"), comment("/nfr done", number=2)]
    assert asks(said, policy(), pull()) == {"sam": Ask(True, SRE)}


# --- reasons ------


CHECKED = replace(
    area(), items=tuple(replace(item(f"db-{k}"), kind=k) for k in ("url", "number", "choice"))
)


TYPED = {"rules": policy(CHECKED), "checklist": asked(flagged(CHECKED, "d1"))}


NEXT = shown({"db": "d1"}, NEXT_HEAD, minutes=3)


ON_ISSUE = {"on_issue": True, "observed": Marks(labels=frozenset({"nfr: project"}))}


MADE = FollowUp(5, "db-plan", "db", "2026-04-20", "ann", issue=12)


HELD = entry(Verb.HOLD, "", "zoe", 2, number=7)


SIGNED = tuple(
    entry(Verb.SIGN_OFF, name, "zoe", 2, mark, number=7) for name, mark in SEEN.fingerprints.items()
)


DEFERRAL = "/nfr defer db-plan until {} -- x"


OPENED = replace(MADE, issue=12)


def on_issue(text: str, speaker: str = "sam") -> Message:
    return replace(comment(text, speaker), issue=12)


REACHED: Mapping[str, tuple[Message, Mapping[str, Any]]] = {
    # what was written is no command
    "unknown_command": (comment("/nfr dnoe"), {}),
    "subjects_missing": (comment("/nfr concern"), {}),
    "subjects_unwanted": (comment("/nfr undo db"), {}),
    "too_many_subjects": (comment("/nfr done " + " ".join(map(str, range(101)))), {}),
    "too_many_commands": (comment("/nfr refresh\n" * 21), {}),
    "not_at_start": (comment("Thanks! /nfr done"), {}),
    "approval_signs_nothing": (approval(), {}),
    "too_long": (comment("words\n" * 2_000 + "\n/nfr done"), {}),
    "reason_missing": (comment("/nfr hold"), {}),
    "edited": (written(Channel.REVIEW, "/nfr done", edited=True), {}),
    "state_label": (label("+nfr: waived"), {}),
    # it is not the moment, or not the speaker
    "not_shown": (comment("/nfr done", minutes=1), {}),
    "policy_unreadable": (comment("/nfr done"), {"rules": replace(RULES, standing="unreadable")}),
    "unclear": (comment("/nfr done", "una"), {}),
    "channel_closed": (comment("/nfr done"), {"rules": replace(RULES, sign_off_by=frozenset())}),
    "not_reviewer": (comment("/nfr done", "eve"), {}),
    "not_waiver": (comment("/nfr waive -- x", "eve"), {}),
    "hold_not_reviewer": (comment("/nfr hold -- x", "eve"), {}),
    "concern_not_reviewer": (comment("/nfr concern x", "eve"), {}),
    "defer_not_allowed": (comment("/nfr defer db-plan -- x", "eve"), {}),
    "no_write": (tick("+db-plan", "eve"), {}),
    "author": (comment("/nfr done", "ann"), {}),
    "pushed": (comment("/nfr done"), {"was": history(SEEN, pushes=[pushed(HEAD, "sam", 0)])}),
    "pusher_unknown": (comment("/nfr done"), {"was": history(SEEN, NEXT)}),
    # there is nothing to do it to
    "unknown_area": (comment("/nfr done dbx"), {}),
    "unknown_item": (comment("/nfr check db-plam", "ann"), {}),
    "nothing_waiting": (comment("/nfr done"), {"was": history(SEEN, ledger=SIGNED)}),
    "nothing_to_waive": (comment("/nfr waive -- x", "lee"), {"was": history(SEEN, ledger=SIGNED)}),
    "open_musts": (comment("/nfr done"), {"rules": replace(RULES, require_answers="must")}),
    "nothing_to_undo": (comment("/nfr undo"), {}),
    "not_yours": (comment("/nfr undo", "eve"), {"was": history(SEEN, ledger=[HELD])}),
    # the answer is none
    "evidence_missing": (tick("+db-url"), TYPED),
    "evidence_url": (comment("/nfr check db-url -- x", "ann"), TYPED),
    "evidence_number": (comment("/nfr check db-number -- x", "ann"), TYPED),
    "evidence_choice": (comment("/nfr check db-choice -- x", "ann"), TYPED),
    # it cannot be put off like that
    "date_unreadable": (comment(DEFERRAL.format("soon"), "ann"), {}),
    "date_past": (comment(DEFERRAL.format("2026-01-01"), "ann"), {}),
    "date_too_far": (comment(DEFERRAL.format("2027-01-01"), "ann"), {}),
    "owner_unreadable": (comment("/nfr defer db-plan by a/b -- x", "ann"), {}),
    "never_deferred": (
        comment("/nfr defer db-plan -- x", "ann"),
        {"rules": replace(RULES, defer=Defer(never=frozenset({"db-plan"})))},
    ),
    "extension_by_reviewer": (
        comment("/nfr defer db-plan -- x", "ann"),
        {
            "rules": policy(area("db", reviewers=Reviewers(users=("wes",)))),
            "follow_ups": (MADE,),
        },
    ),
    "extension_not_later": (comment(DEFERRAL.format("2026-04-20")), {"follow_ups": (MADE,)}),
    "extended_already": (
        comment(DEFERRAL.format("2026-05-01")),
        {"follow_ups": (replace(MADE, extended=True),)},
    ),
    "follow_up_closed": (
        comment(DEFERRAL.format("2026-05-01")),
        {"follow_ups": (replace(MADE, is_open=False),)},
    ),
    "close_not_reviewer": (on_issue("/nfr done", "bob"), {"follow_ups": (OPENED,)}),
    "close_author": (on_issue("/nfr done", "ann"), {"follow_ups": (OPENED,)}),
    "another_follow_up": (on_issue("/nfr done web"), {"follow_ups": (OPENED,)}),
    "not_on_follow_ups": (on_issue("/nfr hold -- x"), {"follow_ups": (OPENED,)}),
    "no_follow_up": (on_issue("/nfr done"), {}),
    "project_no_write": (comment("/nfr project #12", "eve"), {}),
    "project_unnamed": (comment("/nfr project", "bob"), {}),
    "project_unreadable": (comment("/nfr project points", "bob"), {}),
    "only_on_issues": (comment("/nfr consult db", "bob"), {}),
    "not_on_issues": (comment("/nfr hold -- x"), {"on_issue": True}),
    "not_a_project": (comment("/nfr check db-plan", "bob"), {"on_issue": True}),
    "nothing_likely": (comment("/nfr consult", "bob"), ON_ISSUE),
    "nothing_consulted": (comment("/nfr done"), ON_ISSUE),
    "unknown_project_area": (comment("/nfr consult web2", "bob"), ON_ISSUE),
    "incident_no_write": (comment("/nfr incident https://x.example/42 db-plan", "eve"), {}),
    "incident_url": (comment("/nfr incident http://x.example/42 db-plan", "bob"), {}),
    "no_incident": (comment("/nfr incident undo db-plan", "bob"), {}),
    "unknown_policy_item": (comment("/nfr incident https://x.example/42 db-x", "bob"), {}),
}


@pytest.mark.parametrize("reason", REACHED)
def test_every_reason_for_a_refusal_can_occur(reason: str) -> None:
    said, known = REACHED[reason]
    refused = [one for one in entries(said, **known) if one.verb is Verb.REFUSED]
    assert [one.refusal.reason for one in refused if one.refusal] == [reason]


def test_every_reason_has_its_text() -> None:
    keys = {key.removeprefix("refused_") for key in table("en") if key.startswith("refused_")}
    assert set(REACHED) <= keys
    # what stands beside a reason, for one of its cases, is named after it
    assert {key for key in keys - {"near"} if not key.startswith(tuple(REACHED))} == set()


DONE: Mapping[str, tuple[str, str, Verb]] = {
    "done": ("sam", "", Verb.SIGN_OFF),
    "undo": ("zoe", "", Verb.RELEASE),
    "hold": ("sam", "-- x", Verb.HOLD),
    "concern": ("sam", "x", Verb.CONCERN),
    "check": ("ann", "db-plan", Verb.CHECK),
    "uncheck": ("ann", "db-plan", Verb.UNCHECK),
    "na": ("ann", "db-plan -- x", Verb.NA),
    "defer": ("ann", "db-plan -- x", Verb.DEFER),
    "waive": ("lee", "-- x", Verb.WAIVE),
    "project": ("bob", "#12", Verb.PROJECT),
    "consult": ("bob", "db", Verb.REFUSED),  # it is for issues
    "incident": ("bob", "https://x.example/42 db-plan", Verb.INCIDENT),
    "refresh": ("eve", "", Verb.REFRESH),
    "explain": ("eve", "", Verb.EXPLAIN),
    "help": ("eve", "", Verb.HELP),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_done_for_people_with_the_right(name: str) -> None:
    speaker, rest, verb = DONE[name]
    said = comment(f"/nfr {name} {rest}", speaker, number=9)
    told = entries(said, was=history(SEEN, ledger=[HELD]))
    assert {one.verb for one in told} == {verb}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_refused_for_people_without_the_right(name: str) -> None:
    _, rest, _ = DONE[name]
    said = comment(f"/nfr {name} {rest}", "eve", number=9)
    told = {one.verb for one in entries(said, was=history(SEEN, ledger=[HELD]))}
    anyone = COMMANDS[name].who is ANYONE
    assert (told == {Verb.REFUSED}) is not anyone


# --- bounds --------------------------------------------------------------------------------


def test_a_comment_adds_a_bounded_number_of_entries() -> None:
    items = [f"i{number}" for number in range(25)]
    wide = replace(DB, items=tuple(item(one) for one in items))
    orders = "\n".join(f"/nfr check {' '.join(items)} -- {word}" for word in "abcdefgh")
    found = entries(
        comment(orders, "ann"), rules=policy(wide), checklist=asked(flagged(wide, "d1"))
    )
    assert len(found) == MOST_OF_MESSAGE + 1
    assert found[-1].refusal == Refusal("too_many_subjects", str(MOST_OF_MESSAGE))


def test_what_changes_nothing_adds_nothing() -> None:
    twice = "/nfr check db-plan\n/nfr check db-plan"
    said = [comment(twice, "ann", number=number) for number in (1, 2, 3)]
    # Each comment is acknowledged with one entry.
    assert [(one.message_id, one.verb) for one in entries(*said)] == [
        (f"comment:{number}", Verb.CHECK) for number in (1, 2, 3)
    ]
    (refused,) = entries(comment("/nfr x1\n/nfr x1\n/nfr x1"))
    assert refused.refusal
    assert len(entries(said[0], tick("+db-plan", minutes=6))) == 1
    assert len(entries(said[0], tick("-db-plan", minutes=6))) == 2


def test_a_pull_that_is_full_takes_only_what_reviewers_do() -> None:
    full = [
        entry(Verb.CHECK, "db-plan", "ann", note=str(number), number=number + 100)
        for number in range(MOST_OF_PULL)
    ]
    was = history(SEEN, ledger=full)
    said = comment("/nfr check db-plan\n/nfr help\n/nfr nonsense", "ann")
    assert entries(said, was=was) == ()
    done = comment("/nfr done db", number=7)
    assert [one.verb for one in entries(said, done, was=was)] == [Verb.SIGN_OFF]


def test_a_refusal_keeps_the_line_that_was_refused() -> None:
    body = "Hi.\n/nfr help\n/nfr dnoe " + "x" * 200 + "\n\nThanks! /nfr done"
    _, first, second = entries(comment(body, "eve"))
    assert first.note == ("/nfr dnoe " + "x" * 200)[:80]
    assert second.note == "Thanks! /nfr done"
    (whole,) = [one for one in entries(comment("/nfr refresh\n" * 21)) if one.refusal]
    assert whole.note == ""
