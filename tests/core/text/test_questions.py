from __future__ import annotations

from dataclasses import replace

from ghapp.core.areas import Item, Text
from ghapp.core.i18n import Words
from ghapp.core.ledger import Verb
from ghapp.core.scan.checklist import Checklist, Flagged
from ghapp.core.text.questions import wording
from tests.core.build import asked, entry, finding, flagged, item
from tests.core.text.scenes import DB, Scene, rendered


def test_a_question_that_is_raised_to_a_must_is_worded_as_one():
    asked = item("db-plan", "should")
    assert wording(asked, Words("en")).open.endswith(" · should")
    assert wording(replace(asked, severity="must"), Words("en")).open.endswith(" · must")


def test_each_language_has_words_of_its_own():
    asked = item("db-plan")
    for _ in range(2):
        assert wording(asked, Words("en")).question == "Is db-plan settled?"
        assert wording(asked, Words("ja")).question == "db-plan は済んでいますか？"


def test_a_question_with_cached_words_equals_one_without():
    asked, worded = item("db-plan"), item("db-plan")
    wording(worded, Words("en"))
    assert worded == asked
    assert hash(worded) == hash(asked)
    assert repr(worded) == repr(asked)


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
    assert "### NFR review: waiting for team `sre`" in made.comment


def test_the_comment_lists_few_findings_and_counts_the_rest() -> None:
    many = [finding(f"DB-{number}", number) for number in range(1, 9)]
    marks = rendered("en", "f1", (), asked(flagged(DB, "f1", *many)))
    assert "- and 3 more, in the check run" in marks.comment
    assert "`DB-5`" in marks.comment and "`DB-6`" not in marks.comment
    assert marks.check_run and "`DB-8`" in marks.check_run.text


def test_a_finding_whose_question_is_not_asked_is_listed_all_the_same() -> None:
    marks = rendered("en", "f1", (), asked(flagged(DB, "f1", finding(item="pay-once"))))
    assert marks.check_run and "\n- **must** `db/1.sql:3`: DB-1" in marks.check_run.text
    assert "- **must** `db/1.sql:3`: DB-1" in marks.comment


def test_an_item_without_a_reason_has_no_details() -> None:
    bare = Item("bare", "must", "cost", Text("How much?", "いくらですか？"))
    only = Flagged(DB, flagged(DB).hits, (), (bare,), "f1")
    assert "- `bare`" not in rendered("en", "f1", (), asked(only)).comment


def test_an_address_given_as_evidence_is_shown_whole() -> None:
    address = f"https://x.example/{'a' * 300}"
    said = entry(Verb.CHECK, "db-rollback", "ann", note=address)
    assert f"`{address}`" in Scene((said,)).comment()
