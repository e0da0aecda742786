from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ghapp.core.areas import Area, Finding, Hit, Item, Text
from ghapp.core.decide import decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import MOST_TEXT
from ghapp.core.marks import Marks
from ghapp.core.policy.policy import Policy
from ghapp.core.review.comment_text import boxes
from ghapp.core.review.facts import Facts
from ghapp.core.scan.checklist import Checklist, Flagged
from ghapp.core.text.render import parked_run
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    area,
    asked,
    entry,
    facts,
    finding,
    flagged,
    history,
    item,
    policy,
    shown,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
DB = area("db")
SIGNED = entry(Verb.SIGN_OFF, "db", note="seen the plan", detail="db-rollback")
ANSWERED = entry(Verb.CHECK, "db-rollback", "ann", note="ran it: https://x.example/1")
REFUSED = entry(Verb.REFUSED, speaker="eve", note="not_reviewer", detail="db", number=7)
FOUND = (
    finding(),
    finding("DB-2", 5, "should", unsure=True),
    finding("DB-3", 7, "should", item="db-plan", accepted="empty table"),
)
STATES: dict[str, tuple[str, tuple[Entry, ...]]] = {
    "waiting": ("f1", ()),
    "answered": ("f1", (ANSWERED,)),
    "refused": ("f1", (REFUSED,)),
    "signed": ("f1", (ANSWERED, SIGNED)),
    "stale": ("f2", (ANSWERED, SIGNED)),
    "undone": ("f1", (SIGNED, entry(Verb.UNDO, "db", "sue", 6))),
}
# What the area's hazards found in each state; nothing elsewhere.
FINDINGS: dict[str, tuple[Finding, ...]] = {"waiting_found": FOUND, "signed_found": FOUND}
STATES |= {name: STATES[name.partition("_")[0]] for name in FINDINGS}


def sourced(one: Area) -> Area:
    """With something to read for its first question."""
    first, *rest = one.items
    links = (("Safe migrations", "https://x.example/a?b=1&c=2"), ("[b]", "http://x.example/"))
    return replace(one, items=(replace(first, links=links), *rest))


def rendered(
    language: str,
    fingerprint: str,
    ledger: tuple[Entry, ...],
    found: Checklist | None = None,
) -> Marks:
    rules = policy(DB, language=language, comment="flagged")
    was = history(shown({"db": "f1"}), shown({"db": fingerprint}, NEXT_HEAD, 9))
    seen: Facts = facts(rules, head_sha=NEXT_HEAD if fingerprint == "f2" else HEAD)
    return decide(seen, was, found or asked(flagged(DB, fingerprint)), ledger, ()).marks


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("state", STATES)
def test_what_people_read(state: str, language: str) -> None:
    """Set GHAPP_WRITE_SNAPSHOTS=1 to write the files anew, then read their difference."""
    fingerprint, ledger = STATES[state]
    found = asked(flagged(sourced(DB), fingerprint, *FINDINGS.get(state, ())))
    marks = rendered(language, fingerprint, ledger, found)
    run = marks.check_run
    assert run is not None
    text = (
        f"{marks.comment}\n\n---\n\nCheck run: {run.conclusion or 'in progress'}\n"
        f"Title: {run.title}\n\n{run.summary}\n\n{run.text}\n"
    )
    for one in run.annotations:
        text += f"\n---\n\n{one.level} {one.path}:{one.line} {one.title}\n{one.message}\n"
    file = SNAPSHOTS / f"{state}.{language}.md"
    if os.environ.get("GHAPP_WRITE_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_a_tick_alone_leads_to_no_edit_of_ours() -> None:
    more = asked(flagged(area("db", "enforce"), "f1", finding(item="db-plan"), finding()))
    before = rendered("en", "f1", (), more).comment
    ticked = before.replace("- [ ] `db-plan`", "- [x] `db-plan`")
    answer = entry(Verb.CHECK, "db-plan", "ann")
    assert ticked != before
    assert rendered("en", "f1", (answer,), more).comment == ticked
    assert boxes(ticked) == {"db-rollback": False, "db-plan": True}


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
    assert "<details><summary>1 more that matter less here; they may stay open</summary>" in body
    assert body.index("`db-plan`") > body.index("1 more that matter less")


def test_an_area_without_questions_says_so_and_asks_for_the_sign_off() -> None:
    touched = asked(replace(flagged(DB), items=()))
    made = rendered("en", "f1", (), touched)
    words = "No question applies to this change. It needs a sign-off because the policy or a label"
    assert words in made.comment
    assert made.check_run is not None
    assert words in made.check_run.text
    assert "waiting for SRE sign-off" in made.comment


def test_nothing_from_a_pull_request_mentions_links_or_closes_a_marker() -> None:
    evil = "x` @everyone --> <img src=x> [a](javascript:b)"
    one = flagged(DB)
    hits = (Hit("path", "**", evil), Hit("label", evil))
    found = (finding(path=evil), finding("DB-2", accepted=evil, source=evil))
    hostile = Flagged(DB, hits, one.files, one.items, "f1", found)
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


def details(body: str) -> str:
    """The comment's folded block."""
    return body.partition("<details><summary>Details")[2]


def test_details_name_few_findings_of_a_question_and_count_the_rest() -> None:
    many = [finding(f"DB-{number}", number) for number in range(1, 9)]
    marks = rendered("en", "f1", (), asked(flagged(DB, "f1", *many)))
    assert "  - and 3 more, in the check run" in details(marks.comment)
    assert "`DB-5`" in details(marks.comment) and "`DB-6`" not in details(marks.comment)
    assert marks.check_run and "`DB-8`" in marks.check_run.text


def test_a_finding_whose_question_is_not_asked_is_listed_all_the_same() -> None:
    marks = rendered("en", "f1", (), asked(flagged(DB, "f1", finding(item="pay-once"))))
    assert marks.check_run and "\n- **must** `db/1.sql:3`: DB-1" in marks.check_run.text
    assert "**1 finding**: must `DB-1`" in marks.comment


def test_the_title_counts_open_findings_of_areas_that_wait() -> None:
    titles = [
        rendered("en", "f1", ledger, asked(flagged(DB, "f1", *FOUND))).check_run
        for ledger in ((), (SIGNED,))
    ]
    assert [one and one.title for one in titles] == [
        "2 findings · Waiting for the author: Area db",
        "Signed off: Area db",
    ]
    rules = policy(DB, standing="unreadable")
    unreadable = decide(facts(rules), history(), asked(flagged(DB, "f1", *FOUND)), (), ())
    assert unreadable.verdict.title == "Policy file unreadable"


def test_a_title_is_cut_to_githubs_limit() -> None:
    long = replace(DB, title=Text("x" * 200, "語" * 200))
    rules = policy(long, replace(long, id="b"), replace(long, id="c"))
    found = asked(*(flagged(one) for one in rules.areas))
    run = decide(facts(rules), history(), found, (), ()).marks.check_run
    assert run and len(run.title) == 255 and run.title.endswith("…")


def test_the_text_of_a_line_with_a_finding_is_not_repeated() -> None:
    secret = "token = 's3cret'"
    hits = (Hit("diff", secret, "db/1.sql", 3), Hit("diff", "x", "db/1.sql", 9))
    one = flagged(DB, "f1", finding(source=secret))
    api = replace(flagged(area("api")), hits=(hits[0],))
    marks = rendered("en", "f1", (), asked(replace(one, hits=hits), api))
    assert "Flagged by `db/1.sql:3` (`DB-1`), `db/1.sql:9`: `x`" in marks.comment
    assert "Flagged by `db/1.sql:3`\n" in marks.comment
    assert "s3cret" not in f"{marks.comment}{marks.check_run}"


def test_files_that_were_looked_at_in_part_are_named() -> None:
    found = replace(asked(flagged(DB)), partly=tuple(f"{n}.js" for n in range(7)))
    marks = rendered("en", "f1", (), found)
    words = "in `0.js`, `1.js`, `2.js`, `3.js`, `4.js`, and 2 more files: a line is too long"
    assert words in marks.comment
    assert marks.check_run and words in marks.check_run.summary
    few = replace(found, flagged=(), partly=("a.js",))
    clear = rendered("ja", "f1", (), few).check_run
    assert clear and clear.summary.startswith("行が長すぎる") and "`a.js`" in clear.summary


def test_findings_without_a_line_are_not_said_to_be_marked() -> None:
    body = rendered("en", "f1", (), asked(flagged(DB, "f1", finding(line=0)))).comment
    assert "**Files changed**" not in body and "`1.sql` (removed)" in body


def summary(rules: Policy, *ledger: Entry) -> str:
    found = asked(*(flagged(one) for one in rules.areas))
    run = decide(facts(rules), history(shown({"db": "f1"})), found, ledger, ()).marks.check_run
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
    ("channels", "expected"),
    [
        ({"command", "label"}, "by `/nfr done` in a comment or the label `nfr: signed off`."),
        ({"command"}, "by `/nfr done` in a comment."),
        ({"label"}, "by the label `nfr: signed off`."),
        ({"review"}, "by an approving review."),
        (
            {"command", "label", "review"},
            "comment, the label `nfr: signed off` or an approving review.",
        ),
        ({"button"}, "by a way that the policy has switched off."),  # none while in progress
        (set(), "by a way that the policy has switched off."),
    ],
)
def test_the_next_step_names_the_ways_that_are_open(channels: set[str], expected: str) -> None:
    answered = entry(Verb.CHECK, "db-rollback")
    assert expected in summary(policy(DB, sign_off_by=frozenset(channels)), answered)


def test_the_button_is_a_way_where_the_check_shows_it() -> None:
    rules = policy(area("db", "advise"), sign_off_by=frozenset({"command", "button"}))
    expected = 'by `/nfr done` in a comment or the button "Sign off" of the check.'
    assert expected in summary(rules, entry(Verb.CHECK, "db-rollback"))


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
    run = decide(seen, history(), hinted, (), ()).marks.check_run
    assert run and "The title suggests Area db, but" in run.summary


def test_an_item_without_reasons_has_none_to_unfold() -> None:
    bare = Item("bare", "must", "cost", Text("How much?", "いくらですか？"))
    only = Flagged(DB, flagged(DB).hits, (), (bare,), "f1")
    assert "Details" not in rendered("en", "f1", (), asked(only)).comment


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
    same, later = (entry(Verb.REFRESH, speaker="eve", number=number) for number in (1, 2))
    assert "- eve: " in summary(policy(DB), refused, same)  # another command of that comment
    assert "- eve: " not in summary(policy(DB), refused, same, later)
