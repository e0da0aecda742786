"""What people type, and what becomes of each spelling."""

from __future__ import annotations

import pytest

from ghapp.core.ledger import Refusal, Verb
from ghapp.core.review.commands import parse
from tests.core.build import comment
from tests.core.review.verdicts import verdicts

DONE = [Verb.SIGN_OFF]
SPELLINGS: dict[str, list[Verb | str]] = {
    # the prefix
    "/nfr done": DONE,
    "  /nfr done": DONE,
    "/NFR done": DONE,
    "/Nfr Done": DONE,
    "/nfr   done": DONE,
    "/nfr\tdone": DONE,
    "／nfr done": DONE,
    "／ｎｆｒ　ｄｏｎｅ": DONE,
    "/nfr　done": DONE,
    "/nfr-done": DONE,
    "/nfr:done": DONE,
    "/NFR-Done": DONE,
    "/nfr": [Verb.HELP],
    "／nfr": [Verb.HELP],
    "/nfrdone": [],
    "/nfrs done": [],
    "nfr done": [],
    "\\nfr done": [],
    # synonyms
    "/nfr approve": DONE,
    "/nfr approved": DONE,
    "/nfr lgtm": DONE,
    "/nfr LGTM": DONE,
    "/nfr ok": DONE,
    "/nfr ack": DONE,
    "/nfr signoff": DONE,
    "/nfr sign-off": DONE,
    "/nfr-sign-off": DONE,
    "/nfr ok db -- looked at the plan": DONE,
    "/nfr reject -- no way back": [Verb.HOLD],
    "/nfr block db -- no way back": [Verb.HOLD],
    "/nfr skip db-plan -- read only": [Verb.NA],
    "/nfr n/a db-plan -- read only": [Verb.NA],
    "/nfr later db-plan -- after launch": [Verb.DEFER],
    "/nfr later db-plan until tomorrow -- after launch": [Verb.DEFER],
    "/nfr later db-plan until +30d by @bob -- after launch": [Verb.DEFER],
    # names
    "/nfr check all": [Verb.CHECK],
    "/nfr check db": [Verb.CHECK],
    "/nfr check DB-Plan": [Verb.CHECK],
    "/nfr check `db-plan`": [Verb.CHECK],
    "/nfr check db-plan, db-rollback": [Verb.CHECK],
    "/nfr check db-plan、db-rollback": [Verb.CHECK],
    "/nfr check db-plan —— rehearsed": [Verb.CHECK],
    "/nfr check db-plan －－ リハーサル済み": [Verb.CHECK],
    # unknown
    "/nfr dnoe": ["unknown_command"],
    "/nfr please sign off": ["unknown_command"],
    "/nfr hold": ["reason_missing"],
    "/nfr check": ["subjects_missing"],
    # not at the start of a line
    "Thanks! /nfr done": ["not_at_start"],
    "@ghapp /nfr done": ["not_at_start"],
    "ありがとうございます。／nfr done": ["not_at_start"],
    "@ghapp /nfr ok": ["not_at_start"],
    "I did (/nfr check db-plan) yesterday": ["not_at_start"],
    "Thanks!\n/nfr done": DONE,
    "Thanks!\n\n/nfr done": DONE,
    # talk about commands
    "Please write `/nfr done` once you are ready": [],
    "`/nfr done`": [],
    "> /nfr done": [],
    "- /nfr done": [],
    "see docs/nfr done": [],
    "https://x.example/nfr done": [],
    "    /nfr done": [],
    "```\n/nfr done\n```": [],
    "<!-- /nfr done -->": [],
}


@pytest.mark.parametrize("typed", SPELLINGS)
def test_what_people_type(typed: str) -> None:
    found = [one.reason if isinstance(one, Refusal) else one.verb for one in parse(typed)]
    assert found == SPELLINGS[typed]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("check all", ["db-plan", "db-rollback", "web-plan", "web-rollback"]),
        ("check db", ["db-plan", "db-rollback"]),
        ("uncheck web", ["web-plan", "web-rollback"]),
        ("na all -- a prototype", ["db-plan", "db-rollback", "web-plan", "web-rollback"]),
        ("check db web-plan", ["db-plan", "db-rollback", "web-plan"]),
    ],
)
def test_all_and_areas_stand_for_their_questions(typed: str, expected: list[str]) -> None:
    assert sorted(one[1] for one in verdicts(comment(f"/nfr {typed}", "ann"))) == expected


def test_a_refusal_shows_how_to_write_a_command_that_is_not_at_the_start() -> None:
    (refused,) = parse("Thanks! /nfr lgtm")
    assert refused == Refusal("not_at_start", "/nfr done [AREA...] [-- note]")
    (refused,) = parse("Thanks! /nfr dnoe")
    assert refused == Refusal("not_at_start", "/nfr help")


def test_commands_quoted_as_code_stay_in_a_note() -> None:
    (command,) = parse("/nfr done -- as `/nfr hold` said")
    assert not isinstance(command, Refusal)
    assert command.note.replace("\u2060", "") == "as /nfr hold said"
