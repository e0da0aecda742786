"""What the review conversation looks like to people: one snapshot for each state and language."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ghapp.core.areas import Clause, Combined, InFile, Reviewers
from ghapp.core.i18n import Words, table
from ghapp.core.ledger import Verb
from ghapp.core.markdown import MOST_TEXT
from ghapp.core.model import Channel
from ghapp.core.scan.conditions import HOLDS
from ghapp.core.text.reasons import condition
from tests.core.build import HEAD, NEXT_HEAD, entry, finding, flagged, item
from tests.core.text.scenes import CONCERN, DB, SIGNED, STATES, URL, Scene, reply

SNAPSHOTS = Path(__file__).parent / "snapshots"


def written(name: str, language: str, text: str) -> None:
    """Set GHAPP_WRITE_SNAPSHOTS=1 to write the files anew, then read their difference."""
    file = SNAPSHOTS / f"{name}.{language}.md"
    if os.environ.get("GHAPP_WRITE_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("state", STATES)
def test_what_people_read(state: str, language: str) -> None:
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
    written(state, language, text)


WHEN = Combined(
    "any",
    (
        Clause("diff", ("(?i)alter", "drop", "a", "b", "c")),
        Combined("all", (Clause("path", ("**/*.sql",)), Clause("files_gte", ("1200",)))),
        Combined("not", (Clause("area", ("web",)),)),
        Combined("any", (Clause("title", ("x",)),)),
        Clause("table_in", ("large_tables",)),
    ),
)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_why_things_are_asked(language: str) -> None:
    first, second = DB.items
    third, fourth = item("db-always"), replace(item("db-found"), when=Clause("hazard", ("DB-2",)))
    items = (first, replace(second, when=WHEN), third, fourth)
    found = [finding(line=n) for n in range(1, 7)] + [finding("DB-2", item="db-found")]
    one = replace(flagged(DB, "f1", *found), items=items)
    text = reply(language, Scene((CONCERN,), (one,)), Verb.EXPLAIN)
    written("explain", language, text)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_can_be_said(language: str) -> None:
    written("help", language, reply(language, Scene(), Verb.HELP))


# reason -> what such an entry names
DETAILS = {
    "unknown_command": "wave waive",
    "unknown_area": "bd db",
    "unknown_item": "nothing ",
    "subjects_missing": "concern TEXT",
    "subjects_unwanted": "undo",
    "reason_missing": "hold [AREA...] -- reason",
    "too_many_subjects": "check 100",
    "too_many_commands": "20",
    "too_long": "8192",
    "not_shown": "bbbbbbb",
    "unclear": "teams cannot be looked up",
    "channel_closed": "review",
    "state_label": "nfr: needs sign-off",
    "not_reviewer": "db, web",
    "hold_not_reviewer": "",
    "pushed": "aaaaaaa, bbbbbbb",
    "pusher_unknown": "aaaaaaa",
    "open_musts": "db-rollback, concern-1",
    "evidence_missing": "db-rollback ",
    "evidence_url": "db-rollback https://example.com/report",
    "evidence_number": "db-rollback 72 ms",
    "evidence_choice": "db-rollback a | b",
    "date_unreadable": "2026-02-30",
    "date_past": "2020-01-01",
    "date_too_far": "2026-06-30",
    "owner_unreadable": "acme/sre",
    "extension_not_later": "2026-05-01",
}
REASONS = sorted(
    key.removeprefix("refused_")
    for key in table("en")
    if key.startswith("refused_") and key != "refused_near"
)
ITEMS = frozenset(
    {"defer_not_allowed", "never_deferred", "follow_up_closed"}
    | {one for one in REASONS if one.startswith("exten")} - {"extension_not_later"}
)


def refused(language: str, reason: str) -> str:
    detail = DETAILS.get(reason, "db-plan" if reason in ITEMS else "")
    said = reply(language, Scene(), Verb.REFUSED, speaker="eve", note=reason, detail=detail)
    return said.rstrip("\n")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_why_nothing_was_done(language: str) -> None:
    lines = [f"{reason}\n{refused(language, reason)}\n" for reason in REASONS]
    written("refusals", language, "\n".join(lines))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("NFR: On hold", "`/nfr hold -- reason` puts it on, `/nfr undo` takes it off"),
        ("nfr: waived", "`/nfr waive -- reason` puts it on, `/nfr undo` takes it off"),
        ("nfr: follow-ups", "`/nfr defer ITEM -- reason` puts a question off"),
        ("nfr: needs sign-off", "`/nfr done` or the label `nfr: signed off`"),
    ],
)
def test_a_label_that_shows_a_state_has_a_command_in_its_place(label: str, expected: str) -> None:
    said = reply("en", Scene(), Verb.REFUSED, note="state_label", detail=label)
    assert expected in said


def test_who_may_is_named_by_area_where_reviewers_differ() -> None:
    said = reply("en", Scene(), Verb.REFUSED, note="hold_not_reviewer", detail="web")
    assert "only reviewers (wes) may put" in said
    rules = {"waivers": Reviewers(teams=("leads",))}
    said = reply("en", Scene(rules=rules), Verb.REFUSED, note="not_waiver")
    assert "only team `leads` may waive" in said


def test_an_address_given_as_evidence_is_shown_whole() -> None:
    address = f"https://x.example/{'a' * 300}"
    said = entry(Verb.CHECK, "db-rollback", "ann", note=address)
    assert f"`{address}`" in Scene((said,)).comment()


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        (URL, True),
        ("", False),
        ("https://github.com/acme/shop", False),
    ],
)
def test_a_stale_sign_off_leads_to_what_has_changed(url: str, linked: bool) -> None:
    scene = Scene((SIGNED,), (flagged(DB, "f2"),), pull={"url": url}, head_sha=NEXT_HEAD)
    link = f"([what changed](https://github.com/acme/shop/compare/{HEAD}..{NEXT_HEAD}))"
    body = scene.comment()
    assert "~~Signed off by sam at `aaaaaaa`~~; changed since, by `bbbbbbb`" in body
    assert (link in body) is linked and ("what changed" in body) is linked


def test_a_dismissed_review_of_which_nobody_is_known_says_so() -> None:
    undo = entry(Verb.UNDO, "db", "", 9, number=12, channel=Channel.APPROVAL)
    assert (
        "Sign-off taken back: the approving review was dismissed" in Scene((SIGNED, undo)).comment()
    )


def test_what_a_condition_says_in_words() -> None:
    kinds = [key.removeprefix("when_") for key in table("en") if key.startswith("when_")]
    joining = ("all", "any", "not", "inner", "more", "file", "file_new", "file_bump")
    clauses = [one for one in kinds if one not in joining]
    assert set(clauses) == set(HOLDS)
    for kind in clauses:
        for language in ("en", "ja"):
            assert condition(Clause(kind, ("7",)), Words(language))
    when = InFile(path=("db/**",), new=True, diff=("drop",), bump="major")
    assert condition(when, Words("en")) == (
        "one file has all of this: a file matches `db/**`, an added line matches `drop`, "
        "the pull request adds it, a version in it changes by a `major` or more"
    )


def test_an_explanation_says_what_made_a_question_a_must() -> None:
    raised = replace(
        item("db-a"), when=Clause("path", ("db/**",)), must_when=Clause("diff", ("x",))
    )
    mild = replace(raised, id="db-b", severity="should")
    said = reply("en", Scene((), (replace(flagged(DB), items=(raised, mild)),)), Verb.EXPLAIN)
    assert (
        "- `db-a` **must**: a must where an added line matches `x`; asked where a file matches"
        in said
    )
    assert "- `db-b` **should**: asked where a file matches `db/**`" in said


def test_an_explanation_fits_githubs_limit() -> None:
    items = tuple(item(f"i-{n}-{'x' * 80}") for n in range(900))
    said = reply("ja", Scene((), (replace(flagged(DB), items=items),)), Verb.EXPLAIN)
    assert len(said) <= MOST_TEXT + 1 and said.endswith("省略しました。）\n")


def test_a_finding_in_a_file_that_is_gone_has_no_line() -> None:
    one = flagged(DB, "f1", finding(line=0))
    assert "found `DB-1` `db/1.sql`" in reply("en", Scene((), (one,)), Verb.EXPLAIN)
