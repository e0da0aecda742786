from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.ledger import Refusal, Verb
from ghapp.core.review.case import Command
from ghapp.core.review.commands import COMMANDS, MOST_COMMANDS, Spec, blocks, parse
from ghapp.core.review.comment_text import MOST_CHARACTERS

DONE = Command(Verb.SIGN_OFF)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", []),
        ("LGTM", []),
        (
            "LGTM\r\n/nfr done caching http-api\r\n",
            [Command(Verb.SIGN_OFF, ("caching", "http-api"))],
        ),
        (
            "/nfr done -- the plan is good",
            [Command(Verb.SIGN_OFF, (), "the plan is good")],
        ),
        ("/nfr done a -- b -- c", [Command(Verb.SIGN_OFF, ("a",), "b -- c")]),
        (
            "/nfr\u3000done\u3000DB\u3000――\u3000確認しました",
            [Command(Verb.SIGN_OFF, ("db",), "確認しました")],
        ),
        ("  /NFR Done", [DONE]),
        ("first\n/nfr done\n/nfr undo", [DONE, Command(Verb.UNDO)]),
        ("/nfr done\\\n/nfr help", [DONE, Command(Verb.HELP)]),
        ("/nfr check `a-b`, `c`", [Command(Verb.CHECK, ("a-b", "c"))]),
        ("/nfr check a a", [Command(Verb.CHECK, ("a",))]),
        (
            "/nfr check a -- https://x.example/1",
            [Command(Verb.CHECK, ("a",), "https://x.example/1")],
        ),
        ("/nfr", [Command(Verb.HELP)]),
        # what GitHub shows as something else is no command
        ("> /nfr done", []),
        ("- /nfr done", []),
        ("1. /nfr done", []),
        ("`/nfr done`", []),
        ("**/nfr done**", []),
        ("/nfr undo\n**/nfr done**", [Command(Verb.UNDO)]),
        ("    /nfr done", []),
        ("# /nfr done", []),
        ("```\n/nfr done\n```", []),
        ("  ```\n/nfr done", []),  # an unclosed fence hides the rest, as on GitHub
        ("<!--\n/nfr done\n-->", []),
        ("seen <!--\n/nfr done\n--> it", []),
        ("<div>\n/nfr done\n</div>", []),
        ("a | b\n-|-\n/nfr done | x", []),
        ("a\n/nfr done | b\n:-:|-\nc", []),
        ("/nfr done\n| a | b |\n|---|---|\n/nfr undo", [DONE]),
        ("~~/nfr done~~", []),
        ("- a\n  - b\n    - c\n      - d\n        - e\n\n/nfr done", [DONE]),
        ("please write /nfr done", [Refusal("not_at_start", "/nfr done [AREA...] [-- note]")]),
        ("/nfrdone", []),
        ("`x` /nfr done\n`y`\n/nfr undo\n*z*", [Command(Verb.UNDO)]),
        # what looks like a command and is none is answered
        ("/nfr dnoe", [Refusal("unknown_command", "dnoe", "done")]),
        ("/nfr xyzzy", [Refusal("unknown_command", "xyzzy", "help")]),
        ("/nfr undo now", [Refusal("subjects_unwanted", "undo")]),
        ("/nfr undo -- oops", [Refusal("subjects_unwanted", "undo")]),
        ("/nfr check", [Refusal("subjects_missing", "check ITEM... [-- evidence]")]),
        (
            "/nfr check -- proof",
            [Refusal("subjects_missing", "check ITEM... [-- evidence]")],
        ),
    ],
)
def test_commands_are_read_as_github_shows_them(body: str, expected: list[object]) -> None:
    assert parse(body) == tuple(expected)


def test_one_comment_holds_a_bounded_number_of_commands() -> None:
    found = parse("/nfr help\n" * 300)
    assert len(found) == MOST_COMMANDS + 1
    assert found[-1] == Refusal("too_many_commands", str(MOST_COMMANDS))


def test_a_command_takes_a_bounded_number_of_names() -> None:
    names = " ".join(f"item-{number}" for number in range(500))
    assert parse(f"/nfr check {names}") == (Refusal("too_many_subjects", "check 100"),)


TOO_LONG = Refusal("too_long", str(MOST_CHARACTERS))


FILL = "many words of an honest comment\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/nfr done\n\n" + FILL * 2_000, [DONE]),
        ("```\n" + FILL * 200 + "```\n/nfr done", [DONE]),
        (FILL * 2_000 + "\n/nfr done", [TOO_LONG]),
        ("/nfr undo\n\n" + FILL * 2_000 + "\n/nfr done", [Command(Verb.UNDO), TOO_LONG]),
        ("x\r\n" * 1_000 + "\r\n/nfr done", [TOO_LONG]),
        ("/nfr done " + "x" * 9_000, [TOO_LONG]),
        # an HTML comment that ends behind the cut hides a command all the same
        ("seen <!--\n/nfr done\n" + FILL * 2_000 + "-->", [TOO_LONG]),
    ],
    ids=range(7),
)
def test_the_beginning_of_a_long_comment_is_read(body: str, expected: list[object]) -> None:
    assert parse(body) == tuple(expected)


@pytest.mark.parametrize(
    "filling",
    [
        "> " * 50 + "a\n" + "a\n" * 32_000,
        "![" * 32_000,
        "a|" * 99 + "\n" + "-|" * 99 + "\na" * 9_999,
    ],
    ids=["quotes", "images", "table"],
)
def test_a_hostile_comment_is_read_in_no_time(filling: str) -> None:
    start = process_time()
    parse(f"/nfr help\n{filling}"[:65_536])
    assert process_time() - start < 0.3
    assert parse("/nfr help") is parse("/nfr help")


@given(st.text(st.sampled_from("/nfr done-undo `<!->\n\r\t*_[]()|#\u3000ab"), max_size=200))
def test_parse_never_fails(body: str) -> None:
    parse(body)


@given(st.text(max_size=300))
def test_parse_never_fails_behind_the_prefix(rest: str) -> None:
    parse(f"/nfr {rest}")


def example(spec: Spec) -> tuple[str, Command]:
    """The shortest sound form of a command behind its name, and what it means."""
    subjects = ("x",) if spec.subjects else ()
    note = "why" if spec.note in ("must", "all") else ""
    dashes = ["--", note] if spec.note == "must" else [note]
    return " ".join([*subjects, *dashes]), Command(spec.verb, subjects, note)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_read_by_its_own_name(name: str) -> None:
    rest, expected = example(COMMANDS[name])
    assert parse(f"/nfr {name} {rest}") == (expected,)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_usage_of_a_command_begins_with_its_name(name: str) -> None:
    spec = COMMANDS[name]
    assert spec.usage.split()[0] == name
    assert ("--" in spec.usage) == (spec.note in ("may", "must"))
    assert ("[--" in spec.usage) == (spec.note == "may")
    assert ("until" in spec.usage) == spec.takes_due


def test_every_verb_but_those_of_the_judge_has_a_command() -> None:
    by_judge = {Verb.REFUSED, Verb.RELEASE, Verb.WITHDRAW, Verb.UNLINK}
    on_issues = {Verb.ACCEPT, Verb.CLOSE}  # of a configuration, and of a follow-up
    assert {spec.verb for spec in COMMANDS.values()} == set(Verb) - by_judge - on_issues


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/nfr hold -- x", True),
        ("/nfr done\n/nfr concern x", True),
        ("/nfr done\n/nfr dnoe", False),
        ("hold", False),
    ],
)
def test_holds_and_concerns_block_whatever_was_shown(body: str, expected: bool) -> None:
    assert blocks(body) is expected


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
def test_ids_may_be_typed_in_many_ways(words: str, expected: tuple[str, ...]) -> None:
    assert parse(f"/nfr check {words}") == (Command(Verb.CHECK, expected),)


@pytest.mark.parametrize(
    ("name", "detail"),
    [
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


@pytest.mark.parametrize("command", ["check", "done", "defer", "undo", "hold"])
def test_ten_thousand_words_are_refused_in_no_time(command: str) -> None:
    start = process_time()
    (long,) = parse(f"/nfr {command} " + "item-1, " * 10_000 + "-- x")
    (wide,) = parse(f"/nfr {command} " + " ".join(map(str, range(1_500))) + " -- x")
    assert process_time() - start < 0.3
    assert long == TOO_LONG
    assert isinstance(wide, Refusal)
    assert wide.reason in ("too_many_subjects", "subjects_unwanted")
