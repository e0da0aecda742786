from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Finding, Text
from ghapp.core.decide import decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import MOST_TITLE
from ghapp.core.marks import Annotation, CheckRun, Marks, PutCheckRun, Written, plan
from ghapp.core.text.findings import MOST_MESSAGE
from tests.core.build import area, asked, entry, facts, finding, flagged, history, policy, shown

DB = area("db")


def run(*findings: Finding, language: str = "en", mode: str = "enforce") -> CheckRun:
    return spoken((), *findings, language=language, mode=mode)


def spoken(
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
            "(The whole file could not be read; what makes this harmless may be in it.)\n"
            "DB-1, must, question db-rollback",
        ),
        (
            finding(unheard=True),
            "en",
            "(The line says `nfr:ignore`, but that needs the id DB-1 and a reason behind it, "
            "so it counts for nothing here.)\n"
            "DB-1, must, question db-rollback",
        ),
        (
            finding(accepted="empty table"),
            "en",
            "DB-1, accepted: empty table, question db-rollback",
        ),
    ],
)
def test_a_message_says_what_to_do_doubt_reason_and_question(
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
def test_what_people_wrote_is_one_visible_line_of_a_message(reason: str, words: str) -> None:
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


def written(there: CheckRun, desired: CheckRun) -> int:
    """The id of the run that is patched, 0 where a new one is made."""
    known = Written(check_run_id=9, annotated=there.annotated)
    (effect,) = plan(Marks(desired), Marks(there), known, {})
    assert isinstance(effect, PutCheckRun)
    return effect.run_id


def test_findings_that_come_go_or_move_lead_to_a_new_run() -> None:
    found = run(finding())
    assert written(found, run()) == 0
    assert run().annotations == ()
    assert written(run(), found) == 0
    assert written(found, run(finding(line=4))) == 0
    assert written(found, run(finding(accepted="empty table"))) == 0
    assert written(found, run(finding(), language="ja")) == 0


def test_an_answer_patches_the_run_and_keeps_its_annotations() -> None:
    found = run(finding())
    answered = spoken((entry(Verb.CHECK, "db-rollback"),), finding())
    assert answered != found
    assert written(found, answered) == 9


def test_a_run_of_a_closed_pull_carries_no_findings_over() -> None:
    rules = policy(DB)
    there = run(finding())
    seen = facts(rules, observed=Marks(there), is_open=False)
    found = asked(flagged(DB, "f1", finding()))
    closed = decide(seen, history(shown({"db": "f1"})), found, (), ()).marks.check_run
    assert closed is not None
    assert (closed.conclusion, closed.annotations) == ("cancelled", ())
    assert written(there, closed) == 0
