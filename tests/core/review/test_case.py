"""Words that name areas and items, and how refusals of one command are joined."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.ledger import Refusal, Verb
from ghapp.core.review.case import laid_bare, merged, nearest, resolved, shown_to
from tests.core.build import (
    NEXT_HEAD,
    area,
    asked,
    comment,
    entry,
    flagged,
    history,
    policy,
    shown,
    tick,
)
from tests.core.review.verdicts import BOTH, DB, RULES, WEB, verdicts

SRE = "team acme/sre"


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
def test_an_id_may_have_underscores_for_hyphens(word: str, meant: str) -> None:
    assert resolved(word, ("db-plan", "a_b", "a-b", "db")) == meant


def test_the_nearest_word_is_found_behind_what_cannot_be_seen() -> None:
    assert nearest("\u2066db-\u200bplan\u2069", ("db-plan", "web-plan")) == "db-plan"
    assert laid_bare("d\u200bb\U000e0001!", 3) == "d[U+200B]b"


def test_an_unknown_word_is_shown_with_its_invisible_letters() -> None:
    assert verdicts(comment("/nfr done d\u200bb")) == [("refused", "unknown_area", "d[U+200B]b db")]
    assert verdicts(comment("/nfr done ＤＢ")) == [("sign_off", "db", SRE)]
    odd = area("read-path")
    assert verdicts(
        comment("/nfr done read_path READ-PATH"),
        rules=policy(odd),
        was=history(shown({"read-path": "r"})),
        checklist=asked(flagged(odd, "r")),
    ) == [("sign_off", "read-path", SRE)]


def test_unknown_names_are_refused_once_per_command() -> None:
    said = comment("/nfr check db-rollback x y z", "ann")
    assert verdicts(said) == [("check", "db-rollback", "author"), ("refused", "unknown_item", "x")]


def test_one_reason_is_shown_once_for_all_areas() -> None:
    assert verdicts(comment("/nfr done db web", "ann")) == [
        ("refused", "author", ""),
        ("refused", "not_reviewer", "web"),
    ]
    rules = replace(RULES, areas=(DB, replace(WEB, reviewers=DB.reviewers)))
    assert verdicts(comment("/nfr done", "ann"), rules=rules, checklist=BOTH) == [
        ("refused", "author", "")
    ]


def test_equal_refusals_of_one_command_share_their_names() -> None:
    done = entry(Verb.HOLD, "db")
    refused = [
        Refusal("not_reviewer", names=("web",)),
        Refusal("author"),
        Refusal("not_reviewer", names=("api", "web")),
        Refusal("evidence_text", "db-a"),
        Refusal("evidence_text", "db-b"),
        Refusal("author"),
    ]
    assert merged([*refused, done]) == (
        done,
        Refusal("not_reviewer", names=("web", "api")),
        Refusal("author"),
        Refusal("evidence_text", "db-a"),
        Refusal("evidence_text", "db-b"),
    )


def test_a_tick_in_the_second_of_the_check_run_is_about_the_head_shown_first() -> None:
    first, second = shown({"db": "d1"}), shown({"db": "d2"}, NEXT_HEAD, 1)
    was = history(first, second)
    assert shown_to(tick("+db-plan", minutes=1), was) == first
    assert shown_to(tick("+db-plan", minutes=2), was) == second
    assert shown_to(tick("+db-plan"), history()) is None
    assert shown_to(comment("/nfr done", minutes=1), was) is None
