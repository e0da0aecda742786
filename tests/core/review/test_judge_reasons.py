"""Every reason for a refusal is reached by somebody, and has its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.i18n import table
from ghapp.core.ledger import Verb
from ghapp.core.model import Channel, Message, Push
from ghapp.core.policy.policy import Defer
from ghapp.core.records import FollowUp
from ghapp.core.review.commands import ANYONE, COMMANDS
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    area,
    asked,
    at,
    comment,
    entry,
    flagged,
    history,
    item,
    label,
    policy,
    shown,
    tick,
    written,
)
from tests.core.review.verdicts import RULES, SEEN, entries

CHECKED = replace(
    area(), items=tuple(replace(item(f"db-{k}"), kind=k) for k in ("url", "number", "choice"))
)
TYPED = {"rules": policy(CHECKED), "checklist": asked(flagged(CHECKED, "d1"))}
NEXT = shown({"db": "d1"}, NEXT_HEAD, minutes=3)
MADE = FollowUp(5, "db-plan", "db", "2026-04-20", "ann", issue=12)
HELD = entry(Verb.HOLD, "", "zoe", 2, number=7)
SIGNED = tuple(
    entry(Verb.SIGN_OFF, name, "zoe", 2, mark, number=7) for name, mark in SEEN.fingerprints.items()
)
LATER = "/nfr defer db-plan until {} -- x"

REACHED: Mapping[str, tuple[Message, Mapping[str, Any]]] = {
    # what was written is no command
    "unknown_command": (comment("/nfr dnoe"), {}),
    "subjects_missing": (comment("/nfr concern"), {}),
    "subjects_unwanted": (comment("/nfr undo db"), {}),
    "too_many_subjects": (comment("/nfr done " + " ".join(map(str, range(101)))), {}),
    "too_many_commands": (comment("/nfr refresh\n" * 21), {}),
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
    "pushed": (comment("/nfr done"), {"was": history(SEEN, pushes=[Push(HEAD, "sam", at(0))])}),
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
    "date_unreadable": (comment(LATER.format("soon"), "ann"), {}),
    "date_past": (comment(LATER.format("2026-01-01"), "ann"), {}),
    "date_too_far": (comment(LATER.format("2027-01-01"), "ann"), {}),
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
    "extension_not_later": (comment(LATER.format("2026-04-20")), {"follow_ups": (MADE,)}),
    "extended_already": (
        comment(LATER.format("2026-05-01")),
        {"follow_ups": (replace(MADE, extended=True),)},
    ),
    "follow_up_closed": (
        comment(LATER.format("2026-05-01")),
        {"follow_ups": (replace(MADE, is_open=False),)},
    ),
}


@pytest.mark.parametrize("reason", REACHED)
def test_a_reason_is_reached(reason: str) -> None:
    said, known = REACHED[reason]
    refused = [one for one in entries(said, **known) if one.verb is Verb.REFUSED]
    assert [one.refusal.reason for one in refused if one.refusal] == [reason]


def test_the_sentences_are_those_of_the_reasons() -> None:
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
    "refresh": ("eve", "", Verb.REFRESH),
    "explain": ("eve", "", Verb.EXPLAIN),
    "help": ("eve", "", Verb.HELP),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_does_what_it_says_for_who_may(name: str) -> None:
    speaker, rest, verb = DONE[name]
    said = comment(f"/nfr {name} {rest}", speaker, number=9)
    told = entries(said, was=history(SEEN, ledger=[HELD]))
    assert {one.verb for one in told} == {verb}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_nothing_for_who_may_not(name: str) -> None:
    _, rest, _ = DONE[name]
    said = comment(f"/nfr {name} {rest}", "eve", number=9)
    told = {one.verb for one in entries(said, was=history(SEEN, ledger=[HELD]))}
    anyone = COMMANDS[name].who is ANYONE
    assert (told == {Verb.REFUSED}) is not anyone
