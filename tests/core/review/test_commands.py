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
        ("please write /nfr done", []),
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
    by_judge = {Verb.REFUSED, Verb.RELEASE, Verb.WITHDRAW}
    assert {spec.verb for spec in COMMANDS.values()} == set(Verb) - by_judge


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
