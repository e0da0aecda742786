from __future__ import annotations

from time import process_time

import pytest

from ghapp.core.ledger import Refusal, Verb
from ghapp.core.review.case import Command, laid_bare, nearest, resolved
from ghapp.core.review.commands import COMMANDS, parse
from ghapp.core.review.comment_text import MOST_CHARACTERS

TOO_LONG = Refusal("too_long", str(MOST_CHARACTERS))


CHECK, DEFER = COMMANDS["check"].usage, COMMANDS["defer"].usage


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # free text is the rest of its own line, dashes and all
        (
            "concern Retries -- are missing?\nmore",
            Command(Verb.CONCERN, (), "Retries -- are missing?"),
        ),
        ("concern リトライは？", Command(Verb.CONCERN, (), "リトライは？")),
        ("concern -- retries", Command(Verb.CONCERN, (), "retries")),
        ("concern Is Ｘ done?", Command(Verb.CONCERN, (), "Is Ｘ done?")),
        ("concern", Refusal("subjects_missing", "concern TEXT")),
        ("concern --", Refusal("subjects_missing", "concern TEXT")),
        ("concern \u200b\u2060", Refusal("subjects_missing", "concern TEXT")),
        # what puts something in the way, or lets it pass, says why
        ("hold -- load test first\nmore", Command(Verb.HOLD, (), "load test first")),
        ("hold db, web -- wait", Command(Verb.HOLD, ("db", "web"), "wait")),
        ("hold", Refusal("reason_missing", "hold [AREA...] -- reason")),
        ("hold db --", Refusal("reason_missing", "hold [AREA...] -- reason")),
        ("hold db -- \u200b", Refusal("reason_missing", "hold [AREA...] -- reason")),
        ("waive -- incident 12", Command(Verb.WAIVE, (), "incident 12")),
        ("waive", Refusal("reason_missing", "waive -- reason")),
        ("waive db -- x", Refusal("subjects_unwanted", "waive -- reason")),
        ("na x", Refusal("reason_missing", "na ITEM... -- reason")),
        ("na -- x", Refusal("subjects_missing", "na ITEM... -- reason")),
        ("na x -- static", Command(Verb.NA, ("x",), "static")),
        ("explain", Command(Verb.EXPLAIN)),
        ("explain db", Refusal("subjects_unwanted", "explain")),
        ("check", Refusal("subjects_missing", CHECK)),
    ],
)
def test_notes_are_read_as_each_command_takes_them(line: str, expected: object) -> None:
    assert parse(f"/nfr {line}") == (expected,)


@pytest.mark.parametrize(
    "dashes",
    ["--", "—", "–", "——", "－－", "――", "ーー", "−−", "－－－"],
)
@pytest.mark.parametrize("space", [" ", "\u3000", "\t", "\u00a0"])
def test_a_note_stands_behind_any_dashes_a_keyboard_makes(dashes: str, space: str) -> None:
    line = f"/nfr na{space}x{space}{dashes}{space}静的です"
    assert parse(line) == (Command(Verb.NA, ("x",), "静的です"),)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("na x ――静的です", Command(Verb.NA, ("x",), "静的です")),
        ("na x－－y ーー z", Command(Verb.NA, ("x--y",), "z")),
        ("na x--y -- z", Command(Verb.NA, ("x--y",), "z")),
        ("na x --y", Refusal("reason_missing", "na ITEM... -- reason")),
    ],
)
def test_dashes_inside_a_word_begin_no_note(line: str, expected: object) -> None:
    assert parse(f"/nfr {line}") == (expected,)


def deferral(*items: str, until: str = "", owner: str = "", note: str = "later") -> Command:
    return Command(Verb.DEFER, items, note, until, owner)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x -- later", deferral("x")),
        ("x until 2026-05-01 -- later", deferral("x", until="2026-05-01")),
        ("x by @bob -- later", deferral("x", owner="bob")),
        (
            "x y until 2026-05-01 by @bob -- later",
            deferral("x", "y", until="2026-05-01", owner="bob"),
        ),
        ("x BY bob Until 2026-05-01 -- later", deferral("x", until="2026-05-01", owner="bob")),
        ("until 2026-05-01 x -- later", deferral("x", until="2026-05-01")),
        (
            "x until ２０２６－０５－０１ by ＠Ｂｏｂ -- Ｌater",
            deferral("x", until="2026-05-01", owner="Bob", note="Ｌater"),
        ),
        (
            "x until `2026-05-01`, by `@bob` -- later",
            deferral("x", until="2026-05-01", owner="bob"),
        ),
        ("x until next week -- later", deferral("x", "week", until="next")),
        ("x until -- later", deferral("x", until="until")),
        ("x by -- later", deferral("x", owner="by")),
        ("x -- until 2026-05-01", deferral("x", note="until 2026-05-01")),
        ("x until a until b -- later", Refusal("subjects_unwanted", DEFER)),
        ("x by a by b -- later", Refusal("subjects_unwanted", DEFER)),
        ("until 2026-05-01 -- later", Refusal("subjects_missing", DEFER)),
        ("x until 2026-05-01", Refusal("reason_missing", DEFER)),
    ],
)
def test_a_deferral_names_day_and_owner_in_any_order(line: str, expected: object) -> None:
    assert parse(f"/nfr defer {line}") == (expected,)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a,b", ("a", "b")),
        ("a、b､c，d", ("a", "b", "c", "d")),
        ("a , b ,", ("a", "b")),
        ("`a`,`b`", ("a", "b")),
        ("a\u3000b", ("a", "b")),
        ("ＤＢ－ｐｌａｎ", ("db-plan",)),
        ("DB_Plan", ("db_plan",)),
        ("A a", ("a",)),
        ("d\u200bb", ("d\u200bb",)),
    ],
)
def test_ids_are_told_apart_however_they_are_typed(words: str, expected: tuple[str, ...]) -> None:
    assert parse(f"/nfr check {words}") == (Command(Verb.CHECK, expected),)


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("ｄｏｎｅ", "ｄｏｎｅ done"),
        ("chec\u212a", "chec\u212a check"),
        ("do\u200bne", "do[U+200B]ne done"),
        ("\u202edone", "[U+202E]done done"),
        ("concren", "concren concern"),
        ("wave", "wave waive"),
        ("check-all", "check-all check"),
    ],
)
def test_a_command_is_an_ascii_word(name: str, detail: str) -> None:
    assert parse(f"/nfr {name} x -- y") == (Refusal("unknown_command", *detail.split()),)


def test_check_all_asks_for_an_item_of_that_name() -> None:
    assert parse("/nfr check all") == (Command(Verb.CHECK, ("all",)),)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("db-plan", "db-plan"),
        ("db_plan", "db-plan"),
        ("a_b", "a_b"),
        ("dbplan", ""),
        ("d\u200bb", ""),
    ],
)
def test_an_id_is_known_but_for_its_hyphens(word: str, meant: str) -> None:
    assert resolved(word, ("db-plan", "a_b", "a-b", "db")) == meant


def test_the_nearest_word_is_found_behind_what_cannot_be_seen() -> None:
    assert nearest("\u2066db-\u200bplan\u2069", ("db-plan", "web-plan")) == "db-plan"
    assert laid_bare("d\u200bb\U000e0001!", 3) == "d[U+200B]b"


@pytest.mark.parametrize("command", ["check", "done", "defer", "undo", "hold"])
def test_ten_thousand_words_are_refused_in_no_time(command: str) -> None:
    start = process_time()
    (long,) = parse(f"/nfr {command} " + "item-1, " * 10_000 + "-- x")
    (wide,) = parse(f"/nfr {command} " + " ".join(map(str, range(1_500))) + " -- x")
    assert process_time() - start < 0.3
    assert long == TOO_LONG
    assert isinstance(wide, Refusal)
    assert wide.reason in ("too_many_subjects", "subjects_unwanted")
