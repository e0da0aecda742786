from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Finding, Text
from ghapp.core.decide import decide
from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import MOST_TITLE
from ghapp.core.marks import Annotation, CheckRun, Marks, PutCheckRun, Written, plan
from ghapp.core.text import findings as texts
from ghapp.core.text.findings import MOST_MESSAGE
from tests.core.build import asked, entry, facts, finding, flagged, history, policy, shown
from tests.core.text.scenes import DB, rendered

LONG = "services/api/db/migrate/1.sql"


def test_the_comment_lists_open_findings_heaviest_first() -> None:
    found = (finding("DB-2", 5, "should"), finding(), finding("DB-3", 7, accepted="empty table"))
    body = rendered("en", "f1", (), asked(flagged(DB, "f1", *found))).comment
    assert (
        "**Findings**\n\n- **must** `db/1.sql:3`: DB-1 locks the table. (`DB-1`)\n"
        "- **should** `db/1.sql:5`: DB-2 locks the table. (`DB-2`)\n\n**Next**" in body
    )
    body = rendered("en", "f1", (), asked(flagged(DB, "f1", found[2]))).comment
    assert "\n\n**No open findings**, 1 accepted\n\n**Next**" in body


@pytest.mark.parametrize(
    ("findings", "lines"),
    [
        ((), ()),
        (
            (finding(), finding(line=5), finding(line=2, path="db/2.sql")),
            ("**must** `db/1.sql:3`, line 5, `db/2.sql:2`: DB-1 locks the table. (`DB-1`)",),
        ),
        (
            (finding(ignore_rejected=True),),
            (
                "**must** `db/1.sql:3`: DB-1 locks the table. (`DB-1`) (The line has "
                "`nfr:ignore`, but without the id DB-1 or a reason after it, so it has no effect "
                "here.)",
            ),
        ),
        (
            (finding(accepted="`x` @ann"), finding(line=4, unsure=True)),
            (
                "**must** `db/1.sql:4`: DB-1 locks the table. (`DB-1`)"
                " (The whole file could not be read; it may contain what makes this harmless.)",
                "**accepted** `db/1.sql:3`: DB-1 locks the table. (`DB-1`)"
                " Accepted because: `` `x` @ann ``",
            ),
        ),
        (
            (
                finding(message=Text("It blocks `a`.", "a"), fix="CONCURRENTLY"),
                finding(line=4, message=Text("It blocks `b`.", "b")),
            ),
            (
                "**must** `db/1.sql:3`: It blocks `a`. (`DB-1`) Use `CONCURRENTLY`.",
                "**must** `db/1.sql:4`: It blocks `b`. (`DB-1`)",
            ),
        ),
    ],
)
def test_findings_are_listed_by_hazard_with_their_lines(
    findings: tuple[Finding, ...], lines: tuple[str, ...]
) -> None:
    assert texts.listed(findings, Words("en")) == lines


def test_beyond_ten_of_a_hazard_they_are_counted_by_file() -> None:
    many = [finding(line=line) for line in range(1, 13)]
    assert texts.listed(many, Words("en"))[1:] == ("`DB-1`: 2 more in `db/1.sql`",)
    many += [finding(path=f"db/{n}.sql", line=1) for n in range(2, 6)]
    assert texts.listed(many, Words("en"))[1:] == (
        "`DB-1`: 6 more in `db/1.sql` (2), `db/2.sql` (1), `db/3.sql` (1), and 2 more files",
    )
    assert texts.listed(many, Words("ja"))[1:] == (
        "`DB-1`：ほか 6 件（`db/1.sql` (2)、`db/2.sql` (1)、`db/3.sql` (1)、ほか 2 ファイル）",
    )


def test_counts_are_by_severity_and_accepted_ones_apart() -> None:
    findings = [
        finding(severity="should"),
        finding(),
        finding(accepted="x"),
        finding(severity="should"),
    ]
    assert texts.by_severity(findings, Words("en")) == "1 must, 2 should, 1 accepted"
    assert texts.by_severity(findings, Words("ja")) == "必須 1 件、推奨 2 件、承諾済み 1 件"


def test_only_findings_on_a_line_are_announced_as_marked() -> None:
    body = rendered("en", "f1", (), asked(flagged(DB, "f1", finding(line=0)))).comment
    assert "**Files changed**" not in body and "`db/1.sql` (removed)" in body


def run(*findings: Finding, language: str = "en", mode: str = "enforce") -> CheckRun:
    return answered_run((), *findings, language=language, mode=mode)


def answered_run(
    ledger: tuple[Entry, ...], *findings: Finding, language: str = "en", mode: str = "enforce"
) -> CheckRun:
    rules = policy(replace(DB, mode=mode), language=language)
    found = asked(flagged(rules.areas[0], "f1", *findings))
    made = decide(facts(rules), history(shown({"db": "f1"})), found, ledger, ()).marks.check_run
    assert made is not None
    return made


def annotations(*findings: Finding, language: str = "en") -> tuple[Annotation, ...]:
    return run(*findings, language=language).annotations


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (finding(severity="must"), "failure"),
        (finding(severity="should"), "warning"),
        (finding(severity="could"), "notice"),
        (finding(severity="must", accepted="empty table"), "notice"),
    ],
)
def test_a_findings_severity_is_its_level(found: Finding, level: str) -> None:
    (note,) = annotations(found)
    assert (note.path, note.line, note.level) == ("db/1.sql", 3, level)
    assert note.title == "DB-1 locks the table."


@pytest.mark.parametrize(
    ("found", "language", "message"),
    [
        (finding(), "en", "DB-1, must, question db-rollback"),
        (finding(), "ja", "DB-1（必須）、質問 db-rollback"),
        (
            finding(
                message=Text("It blocks writes on `x`. Build it e.g. at night.", "遅い。夜に。")
            ),
            "en",
            "Build it e.g. at night.\nDB-1, must, question db-rollback",
        ),
        (
            finding(message=Text("It blocks.", "書き込みが止まります。夜に。"), fix="CONCURRENTLY"),
            "ja",
            "夜に。\n修正例：CONCURRENTLY\nDB-1（必須）、質問 db-rollback",
        ),
        (
            finding(unsure=True),
            "en",
            "(The whole file could not be read; it may contain what makes this harmless.)\n"
            "DB-1, must, question db-rollback",
        ),
        (
            finding(ignore_rejected=True),
            "en",
            "(The line has `nfr:ignore`, but without the id DB-1 or a reason after it, "
            "so it has no effect here.)\n"
            "DB-1, must, question db-rollback",
        ),
        (
            finding(accepted="empty table"),
            "en",
            "DB-1, accepted: empty table, question db-rollback",
        ),
    ],
)
def test_an_annotation_says_what_to_do_and_names_hazard_severity_and_question(
    found: Finding, language: str, message: str
) -> None:
    (note,) = annotations(found, language=language)
    assert note.message == message


def test_a_line_has_one_annotation_of_its_highest_severity_that_holds_all() -> None:
    (note,) = annotations(
        finding("DB-1", accepted="empty table"),
        finding("DB-2", severity="could"),
        finding("DB-3", severity="should"),
    )
    assert note.level == "warning"
    assert note.title == "DB-3 locks the table."
    assert note.message.split("\n\n") == [
        "DB-3, should, question db-rollback",
        "DB-2 locks the table.\nDB-2, could, question db-rollback",
        "DB-1 locks the table.\nDB-1, accepted: empty table, question db-rollback",
    ]


def test_the_heaviest_come_first_then_paths_and_lines() -> None:
    notes = annotations(
        finding("DB-1", 1, "could"),
        finding("DB-2", 9, "must", path="db/2.sql"),
        finding("DB-2", 10, "must"),
        finding("DB-2", 9, "must"),
        finding("DB-3", 2, "must", accepted="x"),
        finding("DB-4", 5, "should"),
    )
    assert [(note.path, note.line) for note in notes] == [
        ("db/1.sql", 9),
        ("db/1.sql", 10),
        ("db/2.sql", 9),
        ("db/1.sql", 5),
        ("db/1.sql", 1),
        ("db/1.sql", 2),
    ]


def test_ten_of_a_hazard_are_annotated_open_ones_first() -> None:
    many = [finding(line=line, accepted="x" if line < 4 else "") for line in range(1, 13)]
    notes = annotations(*many, finding("DB-2", 99))
    assert [note.line for note in notes] == [4, 5, 6, 7, 8, 9, 10, 11, 12, 99, 1]


def test_a_file_that_is_gone_has_no_line_to_annotate() -> None:
    gone = run(finding(line=0))
    assert gone.annotations == ()
    assert "**must** `db/1.sql` (removed): DB-1 locks the table. (`DB-1`)" in gone.text


def test_an_area_that_is_only_observed_is_not_annotated() -> None:
    assert run(finding(), mode="observe").annotations == ()


def test_titles_and_messages_fit_githubs_limits() -> None:
    long = Text("x" * 5_000, "語" * 5_000)
    crowd = [finding(f"DB-{number}", message=long) for number in range(100)]
    (note,) = annotations(*crowd, language="ja")
    assert len(note.title) == MOST_TITLE
    assert MOST_MESSAGE - 3 < len(note.message.encode()) <= MOST_MESSAGE


hostile = st.text(min_size=1, max_size=60)


@given(reason=hostile, words=hostile)
def test_words_of_people_are_one_visible_line_of_an_annotation(reason: str, words: str) -> None:
    (note,) = annotations(finding(accepted=reason, message=Text(words, words)))
    lines = [note.title, *note.message.split("\n")]
    assert lines[-1].startswith("DB-1, accepted: ")
    assert lines[-1].endswith(", question db-rollback")
    assert len(lines) in (2, 3)  # with what stands behind the first sentence
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not [char for char in "".join(lines) if unicodedata.category(char) in bad]


def test_the_path_stays_the_one_that_github_knows() -> None:
    odd = "db/a\u202eb `c`.sql"
    assert [note.path for note in annotations(finding(path=odd))] == [odd]


def patched_run(there: CheckRun, desired: CheckRun) -> int:
    """The id of the run that is patched, 0 where a new one is made."""
    known = Written(check_run_id=9, annotated=there.annotated)
    (effect,) = plan(Marks(desired), Marks(there), known, {})
    assert isinstance(effect, PutCheckRun)
    return effect.run_id


def test_findings_that_come_go_or_move_lead_to_a_new_run() -> None:
    found = run(finding())
    assert patched_run(found, run()) == 0
    assert run().annotations == ()
    assert patched_run(run(), found) == 0
    assert patched_run(found, run(finding(line=4))) == 0
    assert patched_run(found, run(finding(accepted="empty table"))) == 0
    assert patched_run(found, run(finding(), language="ja")) == 0


def test_an_answer_patches_the_run_and_keeps_its_annotations() -> None:
    found = run(finding())
    answered = answered_run((entry(Verb.CHECK, "db-rollback"),), finding())
    assert answered != found
    assert patched_run(found, answered) == 9


def test_a_run_of_a_closed_pull_carries_no_findings_over() -> None:
    rules = policy(DB)
    there = run(finding())
    seen = facts(rules, observed=Marks(there), is_open=False)
    found = asked(flagged(DB, "f1", finding()))
    closed = decide(seen, history(shown({"db": "f1"})), found, (), ()).marks.check_run
    assert closed is not None
    assert (closed.conclusion, closed.annotations) == ("cancelled", ())
    assert patched_run(there, closed) == 0
