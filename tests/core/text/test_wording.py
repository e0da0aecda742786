from dataclasses import replace

from ghapp.core.i18n import Words
from ghapp.core.text.questions import wording
from tests.core.build import item


def test_a_question_that_is_raised_to_a_must_is_worded_as_one():
    asked = item("db-plan", "should")
    assert "**should**" in wording(asked, Words("en")).open
    assert "**must**" in wording(replace(asked, severity="must"), Words("en")).open


def test_each_language_has_words_of_its_own():
    asked = item("db-plan")
    for _ in range(2):
        assert wording(asked, Words("en")).question == "Is db-plan settled?"
        assert wording(asked, Words("ja")).question == "db-plan は済んでいますか？"


def test_what_is_remembered_makes_no_question_another_one():
    asked, worded = item("db-plan"), item("db-plan")
    wording(worded, Words("en"))
    assert worded == asked
    assert hash(worded) == hash(asked)
    assert repr(worded) == repr(asked)
