"""What people read: one snapshot for each state and language, and what holds of all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Area, Finding, Text
from ghapp.core.decide import decide
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.markdown import MOST_TEXT
from ghapp.core.policy.policy import Policy
from ghapp.core.review.comment_text import boxes
from ghapp.core.scan.checklist import Flagged
from ghapp.core.scan.triggers import LabelHit, PathHit
from ghapp.core.text.render import parked_run
from tests.core.build import (
    HEAD,
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
from tests.core.text.scenes import DB, FOUND, STATES, Scene, rendered, same_as_snapshot

SIGNED_OFF = entry(Verb.SIGN_OFF, "db", note="seen the plan", open_musts=("db-rollback",))
ANSWERED = entry(Verb.CHECK, "db-rollback", "ann", note="ran it: https://x.example/1")
NOT_REVIEWER = Refusal("not_reviewer", names=("db",))
REFUSED = entry(Verb.REFUSED, speaker="eve", refusal=NOT_REVIEWER, number=7)
REVIEWS: dict[str, tuple[str, tuple[Entry, ...]]] = {
    "waiting": ("f1", ()),
    "answered": ("f1", (ANSWERED,)),
    "refused": ("f1", (REFUSED,)),
    "signed": ("f1", (ANSWERED, SIGNED_OFF)),
    "stale": ("f2", (ANSWERED, SIGNED_OFF)),
    "undone": ("f1", (SIGNED_OFF, entry(Verb.UNDO, "db", "sue", 6))),
}
# What the area's hazards found in each state; nothing elsewhere.
FINDINGS: dict[str, tuple[Finding, ...]] = {"waiting_found": FOUND, "signed_found": FOUND}
REVIEWS |= {name: REVIEWS[name.partition("_")[0]] for name in FINDINGS}


def sourced(one: Area) -> Area:
    """With something to read for its first question."""
    first, *rest = one.items
    links = (("Safe migrations", "https://x.example/a?b=1&c=2"), ("[b]", "http://x.example/"))
    return replace(one, items=(replace(first, links=links), *rest))


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("state", REVIEWS)
def test_what_people_read_of_an_area(state: str, language: str) -> None:
    fingerprint, ledger = REVIEWS[state]
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
    assert same_as_snapshot(state, language, text)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("state", STATES)
def test_what_people_read_of_a_conversation(state: str, language: str) -> None:
    marks = STATES[state].decided(language).marks
    run = marks.check_run
    assert run is not None
    text = (
        f"{marks.comment}\n\n---\n\nCheck run: {run.conclusion or 'in progress'}\n"
        f"Title: {run.title}\nLabels: {', '.join(sorted(marks.labels))}\n"
        f"Buttons: {', '.join(f'{one.label} ({one.description})' for one in run.actions)}\n\n"
        f"{run.summary}\n\n{run.text}\n"
    )
    for one in marks.issues:
        text += f"\n---\n\nIssue: {one.title}\nLabel: {one.label[0]}\n\n{one.body}"
    assert same_as_snapshot(state, language, text)


def test_a_tick_changes_its_box_and_the_count() -> None:
    more = asked(flagged(area("db", "enforce"), "f1", finding(item="db-plan"), finding()))
    before = rendered("en", "f1", (), more).comment
    answer = entry(Verb.CHECK, "db-plan", "ann")
    after = rendered("en", "f1", (answer,), more).comment
    assert boxes(after) == {"db-rollback": False, "db-plan": True}
    differing = set(before.splitlines()) ^ set(after.splitlines())
    assert differing == {
        "#### Area db · 0 of 2 answered · `db`",
        "#### Area db · 1 of 2 answered · `db`",
        "- [ ] **Is db-plan settled?** `db-plan` · should · 1 finding",
        "- [x] **Is db-plan settled?** `db-plan` · should · 1 finding",
    }


def test_every_item_has_a_box_that_reads_back() -> None:
    assert boxes(rendered("en", "f1", ()).comment) == {
        "db-rollback": False,
        "db-plan": False,
    }
    assert boxes(rendered("ja", "f1", (ANSWERED,)).comment) == {
        "db-rollback": True,
        "db-plan": False,
    }


def test_nothing_from_a_pull_request_mentions_links_or_closes_a_marker() -> None:
    evil = "x` @everyone --> <img src=x> [a](javascript:b)"
    one = flagged(DB)
    hits = (PathHit("**", path=evil), LabelHit(evil))
    found = (finding(path=evil), finding("DB-2", accepted=evil, source=evil))
    hostile = Flagged(DB, hits, one.files, one.items, "f1", found)
    note = entry(Verb.SIGN_OFF, "db", note=evil, open_musts=(evil,))
    body = rendered("en", "f1", (note,), asked(hostile)).comment
    assert "``x` @everyone --> <img src=x> [a](javascript:b)``" in body
    assert body.count("@everyone") == body.count("``x` @everyone")
    assert body.count("<!--") == 1


def test_texts_fit_githubs_limits() -> None:
    many = area("db")
    items = tuple(item(f"i-{number}-{'x' * 80}") for number in range(500))
    big = Flagged(many, (PathHit("db/**", path="db/1.sql"),), (), items, "f1")
    marks = rendered("ja", "f1", (), asked(*[big] * 3))
    assert marks.check_run is not None
    assert len(marks.comment) <= MOST_TEXT
    assert len(marks.check_run.text) <= MOST_TEXT
    assert marks.comment.endswith("省略しました。）")


def test_what_is_cut_leads_to_the_page() -> None:
    items = tuple(item(f"i-{number}-{'x' * 80}") for number in range(500))
    big = Flagged(area("db"), (PathHit("db/**", path="db/1.sql"),), (), items, "f1")
    page = "https://ghapp.example/pulls/acme/shop/5"
    now = replace(facts(policy(big.area, comment="flagged")), details=page)
    marks = decide(now, history(shown({"db": "f1"})), asked(*[big] * 3), (), ()).marks
    assert marks.check_run
    note = f"(The rest exceeds GitHub's size limit: [read all of it]({page}).)"
    for text in (marks.comment, marks.check_run.text):
        assert note in text and len(text) <= MOST_TEXT
    assert marks.check_run.details_url == page
    elsewhere = decide(replace(now, details=""), history(), asked(flagged(big.area)), (), ()).marks
    assert elsewhere.check_run and elsewhere.check_run.details_url == ""
    assert "http" not in elsewhere.comment


def test_the_title_counts_open_findings_of_areas_that_wait() -> None:
    titles = [
        rendered("en", "f1", ledger, asked(flagged(DB, "f1", *FOUND))).check_run
        for ledger in ((), (SIGNED_OFF,))
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


def test_files_read_only_in_part_are_named() -> None:
    found = replace(asked(flagged(DB)), partly=tuple(f"{n}.js" for n in range(7)))
    marks = rendered("en", "f1", (), found)
    words = "of `0.js`, `1.js`, `2.js`, `3.js`, `4.js`, and 2 more files could be checked: a line"
    assert words in marks.comment
    assert marks.check_run and words in marks.check_run.summary
    few = replace(found, flagged=(), partly=("a.js",))
    clear = rendered("ja", "f1", (), few).check_run
    assert clear and clear.summary.startswith("行が長すぎる") and "`a.js`" in clear.summary


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
    page = "https://ghapp.example/pulls/acme/shop/5"
    assert parked_run(HEAD, rules, "GET pulls/5: 500", page).details_url == page


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        (
            "nfr/area: dbs",
            "The label `nfr/area: dbs` names no area of this repository. Did you mean",
        ),
        ("NFR/Area:web-x", "The label `NFR/Area:web-x` names no area of this repository."),
        ("nfr/area:db", "Did you mean `nfr/area: db`?"),
        ("nfr/area: db", ""),
        ("nfr/area: DB", ""),
        ("nfr/areas: x", ""),
        ("bug", ""),
    ],
)
def test_a_label_that_names_no_area_gets_a_hint(label: str, hint: str) -> None:
    run = Scene(pull={"labels": frozenset({label})}).decided().marks.check_run
    assert run
    assert ("names no area" in run.summary) is bool(hint)
    assert hint in run.summary
