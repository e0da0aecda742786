"""The recipe for a command in CONTRIBUTING, followed with a throw-away command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ghapp.core.decide import decide
from ghapp.core.i18n import LANGUAGES, table
from ghapp.core.ledger import Refusal, Verb
from ghapp.core.marks import Reaction
from ghapp.core.model import Message
from ghapp.core.records import Judgement
from ghapp.core.review.case import Case, Command, Judged
from ghapp.core.review.commands import ANY_REVIEWER, COMMANDS, Spec, blocks, parse
from ghapp.core.review.judge import Ask, asks, judge
from tests.core.build import area, asked, comment, facts, flagged, history, policy, pull, shown

ROOT = Path(__file__).parents[2]
DB = area("db")
RULES, CHECKLIST = policy(DB), asked(flagged(DB, "d1"))


def vouch(case: Case, command: Command) -> tuple[Judged, ...]:
    right = case.right_to_pull()
    if not right:
        return (case.no_right("vouch_not_reviewer"),)
    return (case.done(Verb.WITHDRAW, "", right, command.note),)  # a verb that no other command has


@pytest.fixture(autouse=True)
def with_the_command(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    row = Spec(
        Verb.WITHDRAW, "vouch -- reason", ANY_REVIEWER, vouch, note="must", binds=True, blocks=True
    )
    monkeypatch.setitem(cast("dict[str, Spec]", COMMANDS), "vouch", row)
    for language in LANGUAGES:
        texts = cast("dict[str, str]", table(language))
        monkeypatch.setitem(texts, "help_vouch", f"vouches ({language})")
        monkeypatch.setitem(texts, "refused_vouch_not_reviewer", f"not you ({language})")
    parse.cache_clear()
    yield
    parse.cache_clear()


def judged(message: Message, **known: Any) -> Judgement:
    was = known.pop("was", history(shown({"db": "d1"})))
    return judge(facts(known.pop("rules", RULES), message, **known), was, CHECKLIST)


def decided(judgement: Judgement, language: str = "en") -> Any:
    rules = policy(DB, language=language)
    return decide(facts(rules), history(), CHECKLIST, judgement.entries, ()).marks


def test_it_is_read_and_done_by_its_function() -> None:
    (one,) = judged(comment("/nfr vouch -- I know them")).entries
    assert (one.verb, one.right, one.note) == (Verb.WITHDRAW, "team acme/sre", "I know them")


def test_its_syntax_is_checked() -> None:
    assert parse("/nfr vouch") == (Refusal("reason_missing", "vouch -- reason"),)
    assert parse("/nfr vuch -- x") == (Refusal("unknown_command", "vuch", "vouch"),)


def test_github_is_asked_for_the_rights_that_its_row_names() -> None:
    known = asks([comment("/nfr vouch -- x")], RULES, pull())
    assert known == {"sam": Ask(teams=frozenset({"acme/sre"}))}


def test_it_is_refused_in_the_cases_that_its_row_names() -> None:
    message = comment("/nfr vouch -- x")
    refused = {
        "not_shown": judged(message, was=history()),
        "policy_unreadable": judged(message, rules=policy(DB, standing="unreadable")),
        "vouch_not_reviewer": judged(message, rights={}),
    }
    for reason, judgement in refused.items():
        assert [one.refusal.reason for one in judgement.entries if one.refusal] == [reason]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_acknowledged_and_its_refusal_has_words(language: str) -> None:
    marks = decided(judged(comment("/nfr vouch -- x")))
    assert marks.reactions == {Reaction(1, "+1")}
    marks = decided(judged(comment("/nfr vouch -- x"), rights={}), language)
    assert marks.reactions == {Reaction(1, "confused")}
    assert f"not you ({language})" in marks.comment


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_lists_it(language: str) -> None:
    (reply,) = decided(judged(comment("/nfr help")), language).replies
    assert f"`/nfr vouch -- {table(language)['usage_reason']}`" in reply.body
    assert f"vouches ({language})" in reply.body


def test_a_blocking_command_counts_before_the_first_check_run() -> None:
    assert blocks("/nfr vouch -- x")


def test_the_recipe_names_five_source_files_at_most() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(r"^## How to add a command\n(.*?)Tests:", text, re.MULTILINE | re.DOTALL)
    assert found
    files = re.findall(r"`(core/[\w/]+\.(?:py|yml))`", found.group(1))
    assert all((ROOT / "ghapp" / name).is_file() for name in files)
    either = {"core/review/sign_off.py", "core/review/answers.py"}
    assert len({*files} - either) + 1 <= 5
