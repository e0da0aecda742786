from __future__ import annotations

import os
from pathlib import Path

import pytest

from ghapp.core.areas import Hit, Item, Text
from ghapp.core.checklist import Checklist, Flagged
from ghapp.core.decide import decide
from ghapp.core.facts import Facts
from ghapp.core.markdown import MOST_TEXT
from ghapp.core.marks import Marks
from ghapp.core.memory import Entry, Verb
from ghapp.core.policy import Policy
from ghapp.core.render import parked_run
from ghapp.core.ticks import boxes
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    area,
    asked,
    entry,
    facts,
    flagged,
    item,
    past,
    policy,
    shown,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
DB = area("db")
SIGNED = entry(Verb.SIGN_OFF, "db", note="seen the plan", detail="db-rollback")
ANSWERED = entry(Verb.CHECK, "db-rollback", "ann", note="ran it: https://x.example/1")
REFUSED = entry(Verb.REFUSED, speaker="eve", note="not_reviewer", detail="db", number=7)
STATES: dict[str, tuple[str, tuple[Entry, ...]]] = {
    "waiting": ("f1", ()),
    "answered": ("f1", (ANSWERED,)),
    "refused": ("f1", (REFUSED,)),
    "signed": ("f1", (ANSWERED, SIGNED)),
    "stale": ("f2", (ANSWERED, SIGNED)),
    "undone": ("f1", (SIGNED, entry(Verb.UNDO, "db", "sue", 6))),
}


def rendered(
    language: str,
    fingerprint: str,
    ledger: tuple[Entry, ...],
    found: Checklist | None = None,
) -> Marks:
    rules = policy(DB, language=language, comment="flagged")
    was = past(shown({"db": "f1"}), shown({"db": fingerprint}, NEXT_HEAD, 9))
    seen: Facts = facts(rules, head_sha=NEXT_HEAD if fingerprint == "f2" else HEAD)
    return decide(seen, was, found or asked(flagged(DB, fingerprint)), ledger, ()).marks


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("state", STATES)
def test_what_people_read(state: str, language: str) -> None:
    """Set GHAPP_WRITE_SNAPSHOTS=1 to write the files anew, then read their difference."""
    marks = rendered(language, *STATES[state])
    run = marks.check_run
    assert run is not None
    text = (
        f"{marks.comment}\n\n---\n\nCheck run: {run.conclusion or 'in progress'}\n"
        f"Title: {run.title}\n\n{run.summary}\n\n{run.text}\n"
    )
    file = SNAPSHOTS / f"{state}.{language}.md"
    if os.environ.get("GHAPP_WRITE_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_a_tick_alone_leads_to_no_edit_of_ours() -> None:
    more = asked(flagged(area("db", "enforce"), "f1"))
    before = rendered("en", "f1", (), more).comment
    ticked = before.replace("- [ ] `db-plan`", "- [x] `db-plan`")
    answer = entry(Verb.CHECK, "db-plan", "ann")
    assert rendered("en", "f1", (answer,), more).comment == ticked


def test_every_item_has_a_box_that_reads_back() -> None:
    assert boxes(rendered("en", "f1", ()).comment) == {
        "db-rollback": False,
        "db-plan": False,
    }
    assert boxes(rendered("ja", "f1", (ANSWERED,)).comment) == {
        "db-rollback": True,
        "db-plan": False,
    }


def test_items_beyond_the_limit_are_folded() -> None:
    found = asked(flagged(DB))
    few = Checklist(found.flagged, frozenset({"db-rollback"}), (), True, True, "")
    body = rendered("en", "f1", (), few).comment
    assert "<details><summary>More questions (1)" in body
    assert body.index("`db-plan`") > body.index("More questions")


def test_nothing_from_a_pull_request_mentions_links_or_closes_a_marker() -> None:
    evil = "x` @everyone --> <img src=x> [a](javascript:b)"
    one = flagged(DB)
    hostile = Flagged(DB, (Hit("path", "**", evil), Hit("label", evil)), one.files, one.items, "f1")
    note = entry(Verb.SIGN_OFF, "db", note=evil, detail=evil)
    body = rendered("en", "f1", (note,), asked(hostile)).comment
    assert "``x` @everyone --> <img src=x> [a](javascript:b)``" in body
    assert body.count("@everyone") == body.count("``x` @everyone")
    assert body.count("<!--") == 1


def test_texts_fit_githubs_limits() -> None:
    many = area("db")
    items = tuple(item(f"i-{number}-{'x' * 80}") for number in range(500))
    big = Flagged(many, (Hit("path", "db/**", "db/1.sql"),), (), items, "f1")
    marks = rendered("ja", "f1", (), asked(*[big] * 3))
    assert marks.check_run is not None
    assert len(marks.comment) <= MOST_TEXT
    assert len(marks.check_run.text) <= MOST_TEXT
    assert marks.comment.endswith("省略しました。）")


def summary(rules: Policy, *ledger: Entry) -> str:
    found = asked(*(flagged(one) for one in rules.areas))
    run = decide(facts(rules), past(shown({"db": "f1"})), found, ledger, ()).marks.check_run
    assert run is not None
    return run.summary


@pytest.mark.parametrize(
    ("note", "detail", "expected"),
    [
        ("unknown_area", "bd db", "`bd` is not an area flagged here. Did you mean `db`?"),
        ("unknown_item", "zzz ", "`zzz` is not asked here."),
        ("unknown_command", "dnoe done", "`dnoe` is not a command. Did you mean `done`?"),
        ("state_label", "nfr: on hold", "the label `nfr: on hold` shows a state"),
    ],
)
def test_a_refusal_says_what_and_what_to_do(note: str, detail: str, expected: str) -> None:
    assert expected in summary(policy(DB), entry(Verb.REFUSED, note=note, detail=detail))


@pytest.mark.parametrize(
    ("doors", "expected"),
    [
        ({"command", "label"}, "by `/nfr done` in a comment or the label `nfr: signed off`."),
        ({"command"}, "by `/nfr done` in a comment."),
        ({"label"}, "by the label `nfr: signed off`."),
        ({"review"}, "by a way that the policy has switched off."),
    ],
)
def test_the_next_step_names_the_ways_that_are_open(doors: set[str], expected: str) -> None:
    answered = entry(Verb.CHECK, "db-rollback")
    assert expected in summary(policy(DB, sign_off_by=frozenset(doors)), answered)


def test_more_reasons_than_fit_are_counted() -> None:
    hits = tuple(Hit("path", "db/**", f"db/{number}.sql") for number in range(5))
    many = Flagged(DB, hits, flagged(DB).files, DB.items, "f1")
    assert (
        "`db/2.sql` (matches `db/**`), and 2 more" in rendered("en", "f1", (), asked(many)).comment
    )


def test_areas_that_only_the_title_suggests_are_a_hint() -> None:
    rules = policy(DB)
    seen = facts(rules)
    hinted = Checklist((), frozenset(), ("db", "gone"), True, True, "")
    run = decide(seen, past(), hinted, (), ()).marks.check_run
    assert run and "The title suggests Area db, but" in run.summary


def test_an_item_without_reasons_has_none_to_unfold() -> None:
    bare = Item("bare", "must", "cost", Text("How much?", "いくらですか？"))
    only = Flagged(DB, flagged(DB).hits, (), (bare,), "f1")
    assert "Why we ask" not in rendered("en", "f1", (), asked(only)).comment


@pytest.mark.parametrize(
    ("rules", "conclusion"),
    [
        (policy(mode="enforce"), "action_required"),
        (policy(area("db", "enforce")), "action_required"),
        (policy(), "neutral"),
        (None, "action_required"),
    ],
)
def test_a_review_that_failed_says_why_and_is_not_green(
    rules: Policy | None, conclusion: str
) -> None:
    run = parked_run(HEAD, rules, "GET pulls/5: 500")
    assert (run.conclusion, run.title) == (conclusion, "The review failed")
    assert "`GET pulls/5: 500`" in run.summary


def test_only_the_latest_refusals_are_shown_and_each_reason_once() -> None:
    notes = ["author", "no_write", "no_write", "nothing_waiting", "not_yours"]
    said = [entry(Verb.REFUSED, note=note, number=n, speaker="eve") for n, note in enumerate(notes)]
    shown_ones = [line for line in summary(policy(DB), *said).splitlines() if "- eve: " in line]
    assert len(shown_ones) == 3
    assert "authors cannot sign off" not in "".join(shown_ones)


def test_a_refusal_goes_when_its_speaker_has_put_it_right() -> None:
    refused = entry(Verb.REFUSED, note="author", speaker="eve")
    assert "- eve: " in summary(policy(DB), refused, entry(Verb.REFRESH, speaker="ann"))
    assert "- eve: " not in summary(policy(DB), refused, entry(Verb.REFRESH, speaker="eve"))
