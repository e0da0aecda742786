from __future__ import annotations

import string

import pytest

from ghapp.core.i18n import LANGUAGES, say, table


def _placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_say_the_same_things() -> None:
    assert set(table("en")) == set(table("ja"))


@pytest.mark.parametrize("key", sorted(table("en")))
def test_both_languages_name_the_same_values(key: str) -> None:
    english, japanese = (table(language)[key] for language in LANGUAGES)
    assert english and japanese
    assert _placeholders(english) == _placeholders(japanese)


def test_values_are_put_in_as_they_are() -> None:
    assert say("en", "title_waiting_author", areas="{x}") == "Waiting for the author: {x}"
